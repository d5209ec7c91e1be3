//! One call of a gate, from a free slot to the drop of its store, on the guests' own threads.

use crate::contract::v0_1::{Answer, Question};
use crate::gate::Gate;
use crate::guest::{Given, GuestState};
use crate::outcome;
use crate::ticker::Ticker;
use portcullis_core::gate::Fault;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use wasmtime::component::InstancePre;
use wasmtime::{Engine, Store, UpdateDeadline};

/// Most bytes that a guest may hand to the host in one call, beside what its answer may have: a few hundred bytes of text
/// can be pointed at a million times.
const HANDED_OVER: usize = 16 << 20;

/// What all runs share.
pub(crate) struct Slots {
    engine: Engine,
    ticker: Ticker,
    /// As many permits as the pool has places.
    free: Arc<Semaphore>,
    stack_kib: u64,
}

/// Why a guest has no answer.
pub(crate) struct Failed {
    pub(crate) error: wasmtime::Error,
    /// It had returned: what failed is taking its answer over.
    pub(crate) returned: bool,
}

impl From<wasmtime::Error> for Failed {
    fn from(error: wasmtime::Error) -> Self {
        Self { error, returned: false }
    }
}

/// How a run ended.
pub(crate) struct Run {
    pub(crate) answer: Result<Answer, Fault>,
    pub(crate) duration: Duration,
}

impl Slots {
    pub(crate) fn new(engine: Engine, ticker: Ticker, slots: u32, stack_kib: u64) -> Self {
        Self { engine, ticker, free: Arc::new(Semaphore::new(slots as usize)), stack_kib }
    }

    /// Waits for a slot, and no longer than the gate may take.
    pub(crate) async fn take(&self, patience: Duration) -> Result<OwnedSemaphorePermit, Fault> {
        let free = Arc::clone(&self.free);
        match Arc::clone(&free).try_acquire_owned() {
            Ok(permit) => Ok(permit),
            Err(_) => match timeout(patience, free.acquire_owned()).await {
                Ok(Ok(permit)) => Ok(permit),
                Ok(Err(_)) | Err(_) => Err(Fault::PoolExhausted),
            },
        }
    }

    /// Runs one call in a slot.
    pub(crate) async fn run(
        &self,
        slot: OwnedSemaphorePermit,
        gate: &Gate,
        linked: &InstancePre<GuestState>,
        question: &Question,
        given: Given,
    ) -> Run {
        let ledger = Arc::clone(&given.ledger);
        let ticking = self.ticker.hold();
        ledger.begin();
        // The store lives and dies in this future, so a guest cut off by the clock is gone before anything is reported.
        let guest = ledger.metered(self.call(gate, linked, question, given));
        let answer = match timeout(ledger.wall(), guest).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(failed)) => Err(outcome::fault(&ledger, &failed, self.stack_kib)),
            Err(_) => {
                ledger.end_by_wall();
                Err(ledger.fault().unwrap_or(Fault::PoolExhausted))
            }
        };
        drop(ticking);
        let duration = ledger.elapsed();
        drop(slot);
        Run { answer, duration }
    }

    async fn call(
        &self,
        gate: &Gate,
        linked: &InstancePre<GuestState>,
        question: &Question,
        given: Given,
    ) -> Result<Answer, Failed> {
        let output_kib = usize::try_from(given.ledger.limits().output_kib).unwrap_or(usize::MAX);
        let mut store = Store::try_new(&self.engine, GuestState::new(given))?;
        store.limiter(|state| state.limiter());
        store.set_hostcall_fuel(output_kib.saturating_mul(2 << 10).saturating_add(HANDED_OVER));
        store.epoch_deadline_callback(|context| {
            context.data().ledger().tick()?;
            // Others may go on: a guest that computes holds its thread for one tick at a time.
            Ok(UpdateDeadline::Yield(1))
        });
        store.set_epoch_deadline(1);
        let instance = linked.instantiate_async(&mut store).await?;
        match gate.exports.ask(&mut store, &instance, question).await {
            Ok(answer) => Ok(answer),
            Err(error) => {
                let known = store.data().ledger().fault().is_some();
                let returned = !known && gate.exports.has_returned(&mut store, &instance).await;
                Err(Failed { error, returned })
            }
        }
    }
}
