//! What an evaluation costs: through the runtime with every limit on, in bare wasmtime, and as a process.
//!
//! `cargo bench --profile dev -p portcullis-runtime` prints a table. The kinds take turns, so that a busy machine slows all
//! of them alike; each does the same: a gate that passes at once.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and a broken one may stop")]
#![allow(clippy::disallowed_methods, reason = "starting a process is one of the things measured")]

#[path = "../tests/it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests")]
mod support;

use portcullis_core::gate::Limits;
use portcullis_runtime::{Runtime, RuntimeConfig};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{FakeReads, actor, doing, judgement, plugin, subject};
use wasmtime::component::{Component, InstancePre, Linker, ResourceTable};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

mod bare {
    #![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from wit/")]
    wasmtime::component::bindgen!({
        world: "portcullis:gate/actor",
        path: ["../../wit/read", "../../wit/act", "../../wit/gate"],
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

const ROUNDS: usize = 2_000;
const PROCESSES: usize = 200;
const PASS: &str = r#"{"do":"pass"}"#;

/// The store of the bare baseline: WASI and nothing else.
struct Bare {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Bare {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// A linked component without limits, for this way of allocating.
fn bare(strategy: InstanceAllocationStrategy, bytes: &[u8]) -> (Engine, InstancePre<Bare>) {
    let mut config = Config::new();
    config.allocation_strategy(strategy);
    let engine = Engine::new(&config).unwrap();
    let component = Component::from_binary(&engine, bytes).unwrap();
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
    linker.define_unknown_imports_as_traps(&component).unwrap();
    let pre = linker.instantiate_pre(&component).unwrap();
    (engine, pre)
}

async fn bare_call((engine, pre): &(Engine, InstancePre<Bare>)) {
    let mut store = Store::new(engine, Bare { wasi: WasiCtx::builder().build(), table: ResourceTable::new() });
    let instance = pre.instantiate_async(&mut store).await.unwrap();
    let exports = bare::exports::portcullis::gate::evaluation::GuestIndices::new(pre).unwrap();
    let guest = exports.load(&mut store, &instance).unwrap();
    let asked = subject();
    let asked = bare::portcullis::gate::types::Subject {
        repository: asked.repository,
        work_item: asked.work_item.as_str().to_owned(),
        from_stage: asked.from.as_str().to_owned(),
        to_stage: asked.to.as_str().to_owned(),
        branch: asked.branch,
        head: asked.head.into(),
        target: asked.target,
        target_head: asked.target_head.into(),
        pull_request: asked.pull_request,
    };
    guest.call_evaluate(&mut store, &asked, PASS).await.unwrap().unwrap();
}

#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn add(&mut self, since: Instant) {
        self.0.push(since.elapsed());
    }

    fn row(&mut self, name: &str) {
        self.0.sort_unstable();
        let at = |percent: usize| {
            let time = self.0[(self.0.len() - 1) * percent / 100].as_nanos() as f64 / 1_000.0;
            if time < 1_000.0 { format!("{time:.1} µs") } else { format!("{:.2} ms", time / 1_000.0) }
        };
        println!("| {name} | {} | {} | {} |", at(50), at(99), self.0.len());
    }
}

fn main() {
    let bytes = actor();
    let host = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new(RuntimeConfig::new(folder.path().join("warm"))).unwrap();
    let gate = host.block_on(runtime.load(&plugin(bytes), bytes)).unwrap();
    let on_demand = bare(InstanceAllocationStrategy::OnDemand, bytes);
    let pooling = bare(InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::default()), bytes);
    let other = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();

    let [mut ours, mut inside, mut demanded, mut pooled, mut hops, mut processes] =
        std::array::from_fn(|_| Times::default());
    host.block_on(async {
        let reads: Arc<FakeReads> = Arc::default();
        for round in 0..ROUNDS {
            let since = Instant::now();
            let report = runtime.evaluate(&gate, doing(PASS), Arc::clone(&reads) as _).await;
            ours.add(since);
            inside.0.push(report.duration);
            assert_eq!(judgement(&report).summary, "nothing to say");

            let since = Instant::now();
            bare_call(&on_demand).await;
            demanded.add(since);

            let since = Instant::now();
            bare_call(&pooling).await;
            pooled.add(since);

            let since = Instant::now();
            other.spawn(async {}).await.unwrap();
            hops.add(since);

            if round % (ROUNDS / PROCESSES) == 0 {
                let since = Instant::now();
                let output = Command::new("/bin/echo").arg("pass").output().unwrap();
                processes.add(since);
                assert_eq!(output.stdout, b"pass\n");
            }
        }
    });

    let [mut cached, mut compiled] = std::array::from_fn(|_| Times::default());
    for _ in 0..100 {
        runtime.forget(&plugin(bytes));
        let since = Instant::now();
        host.block_on(runtime.load_cached(&plugin(bytes))).unwrap();
        cached.add(since);
    }
    for round in 0..7 {
        let cold = Runtime::new(RuntimeConfig::new(folder.path().join(round.to_string()))).unwrap();
        let since = Instant::now();
        host.block_on(cold.load(&plugin(bytes), bytes)).unwrap();
        compiled.add(since);
    }

    let limits = Limits::default();
    println!(
        "A gate of {} KiB that passes at once; limits {} ms of processor, {} MiB.",
        bytes.len() >> 10,
        limits.cpu_ms,
        limits.memory_mib
    );
    println!("Load average: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    println!("\n| what | p50 | p99 | times |\n|---|---|---|---|");
    ours.row("Runtime::evaluate, all limits on");
    inside.row("… of which on the guest's thread");
    demanded.row("bare wasmtime, on demand, no limits");
    pooled.row("bare wasmtime, pooling, no limits");
    hops.row("an empty task on another thread and back");
    processes.row("a process that prints its verdict");
    cached.row("load from the compiled artifact");
    compiled.row("load from the component");
}
