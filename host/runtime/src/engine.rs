//! How guests are compiled and where their memories come from.
//!
//! Instances come from a pool that is reserved once; where the address space for it is not to be had, they are allocated
//! one by one: slower, and otherwise the same.

use crate::config::{RuntimeConfig, RuntimeError};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

/// Most core modules in one component: those of interpreted languages are linked from a dozen or more.
const CORE_INSTANCES: u32 = 32;
const MEMORIES: u32 = 4;
const TABLES: u32 = 8;
/// Most elements of one table; an interpreter's function table has some ten thousand.
const TABLE_ELEMENTS: usize = 100_000;
/// Bytes of a memory or table that stay mapped between two guests of a slot.
const KEEP_RESIDENT: usize = 2 << 20;
/// Host frames run on the guest's stack too.
const HOST_STACK_KIB: u64 = 1024;

/// The engine, and whether its instances are pooled.
pub(crate) fn make(config: &RuntimeConfig) -> Result<Engine, RuntimeError> {
    let mut settings = settings(config);
    settings.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config.slots)));
    match Engine::new(&settings) {
        Ok(engine) => Ok(engine),
        Err(error) => {
            tracing::warn!(slots = config.slots, reason = %error, "no pool of instances: allocating them one by one");
            settings.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            Engine::new(&settings).map_err(|error| RuntimeError::Engine(format!("{error:#}")))
        }
    }
}

fn settings(config: &RuntimeConfig) -> Config {
    let stack = |kib: u64| usize::try_from(kib << 10).unwrap_or(usize::MAX);
    let mut settings = Config::new();
    settings
        .epoch_interruption(true)
        .max_wasm_stack(stack(config.stack_kib))
        .async_stack_size(stack(config.stack_kib + HOST_STACK_KIB))
        .cranelift_opt_level(OptLevel::Speed)
        // Nobody asks for native backtraces of guests, and registering frames costs at each load.
        .native_unwind_info(false)
        .generate_address_map(false)
        .wasm_backtrace_max_frames(None)
        // The same input gives the same answer on every machine.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // What no guest language needs yet is not compiled: less to trust.
        .wasm_tail_call(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .shared_memory(false);
    settings
}

fn pool(slots: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_stacks(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES))
        .total_memories(slots.saturating_mul(MEMORIES))
        .total_tables(slots.saturating_mul(TABLES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .table_elements(TABLE_ELEMENTS)
        // All that a 32-bit memory can be: the real limit is each gate's own, kept by the limiter. Only addresses are
        // reserved, and with fewer of them every access would need a check.
        .max_memory_size(1 << 32)
        // What a small gate touches stays mapped and is wiped in place; only what lies beyond is given back to the system
        // and faulted in again. Where the kernel can tell which pages were touched, only those are wiped.
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT)
        .pagemap_scan(Enabled::Auto)
        .max_unused_warm_slots(slots);
    pool
}
