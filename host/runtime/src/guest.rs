//! What one running guest has of the host: the data of its store.
//!
//! Absent on purpose: files, environment, arguments, sockets, standard input. Their WASI interfaces are linked, because
//! many languages import them whether they use them or not, and answer that there is nothing.

use crate::acts::Acts;
use crate::ledger::Ledger;
use crate::limiter::Limiter;
use crate::outbound::{Hooks, Outbound};
use crate::printed::Printed;
use crate::reads::{BlobStream, Reads};
use crate::still::{SeededRandom, StillClock};
use portcullis_core::digest::Digest;
use portcullis_core::time::UnixMillis;
use std::sync::Arc;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Most things (streams, pollables, blobs, requests) that a guest may hold at once.
const MAX_RESOURCES: usize = 1024;
/// Most random bytes in one call.
const MAX_RANDOM: u64 = 64 << 10;

/// Open objects of the repository.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Blobs {
    /// Digest of their names: the record says by it which question a piece belongs to.
    pub(crate) names: Digest,
    pub(crate) stream: Box<dyn BlobStream>,
}

/// What a guest is given.
pub(crate) struct Given {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) reads: Arc<dyn Reads>,
    pub(crate) acts: Option<Arc<dyn Acts>>,
    pub(crate) outbound: Option<Arc<dyn Outbound>>,
    /// Hosts granted by name.
    pub(crate) network: Arc<[String]>,
    pub(crate) at: UnixMillis,
    pub(crate) seed: [u8; 32],
    pub(crate) memory_mib: u64,
}

/// The data of a guest's store.
pub(crate) struct GuestState {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    table: ResourceTable,
    limiter: Limiter,
    ledger: Arc<Ledger>,
    reads: Arc<dyn Reads>,
    acts: Option<Arc<dyn Acts>>,
}

impl GuestState {
    pub(crate) fn new(given: Given) -> Self {
        let Given { ledger, reads, acts, outbound, network, at, seed, memory_mib } = given;
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        Self {
            wasi: wasi(&ledger, at, seed),
            http: WasiHttpCtx::new(),
            hooks: Hooks::new(network, outbound, Arc::clone(&ledger)),
            table,
            limiter: Limiter::new(Arc::clone(&ledger), memory_mib),
            ledger,
            reads,
            acts,
        }
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn ledger_handle(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    pub(crate) fn reads(&self) -> Arc<dyn Reads> {
        Arc::clone(&self.reads)
    }

    pub(crate) fn hooks(&self) -> &Hooks {
        &self.hooks
    }

    pub(crate) fn acts(&self) -> Option<Arc<dyn Acts>> {
        self.acts.clone()
    }

    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    pub(crate) fn limiter(&mut self) -> &mut Limiter {
        &mut self.limiter
    }
}

fn wasi(ledger: &Arc<Ledger>, at: UnixMillis, seed: [u8; 32]) -> WasiCtx {
    // Three streams of chance that share no bytes.
    let [secure, insecure, hashes] = [0_u8, 1, 2].map(|stream| {
        let mut seed = seed;
        seed[0] ^= stream;
        seed
    });
    let [.., high, low] = hashes.as_chunks::<8>().0 else { unreachable!("32 bytes are four times eight") };
    let hashes = u128::from(u64::from_le_bytes(*high)) << 64 | u128::from(u64::from_le_bytes(*low));
    WasiCtx::builder()
        .stdout(Printed(Arc::clone(ledger)))
        .stderr(Printed(Arc::clone(ledger)))
        .wall_clock(StillClock(at))
        .monotonic_clock(StillClock(at))
        .secure_random(SeededRandom::new(secure))
        .insecure_random(SeededRandom::new(insecure))
        .insecure_random_seed(hashes)
        .max_random_size(MAX_RANDOM)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build()
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for GuestState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}
