//! Where instances live: slots of a pool, made once, wiped and used again.
//!
//! Nothing survives from one call to the next: a slot's memory and tables are reset before they are used again, and
//! globals are written anew. The test `no_byte_survives_into_the_next_call` holds that.

use wasmtime::{Enabled, Engine, PoolingAllocationConfig};

use crate::engine;

/// Instances at once, in the whole host. Address space only: 4 GiB each, of 128 TiB.
pub(crate) const MAX_INSTANCES: u32 = 1000;
/// Calls at once of one plugin. A plugin whose calls hang must leave room for the others.
pub(crate) const MAX_CALLS_OF_A_PLUGIN: usize = 256;
/// Core modules in one component: a Rust plugin has four; one with an interpreter inside has up to 40.
pub(crate) const MAX_CORE_INSTANCES: u32 = 64;
/// Memories in one component: one for each language linked together.
pub(crate) const MAX_MEMORIES: u32 = 8;
/// Tables in one component: two for each memory, and room.
pub(crate) const MAX_TABLES: u32 = 32;
/// Elements of one table; a large plugin has 5,000 functions.
const MAX_TABLE_ELEMENTS: usize = 20_000;
/// Tables in one core module.
const MAX_TABLES_PER_MODULE: u32 = 4;
/// Memory of a slot that stays with the process when the slot is idle. With it a fresh instance needs no page fault and
/// no system call; a call of a Rust plugin touches less.
const MEMORY_KEPT: usize = 512 << 10;
/// The same, of a table.
const TABLE_KEPT: usize = 64 << 10;
/// Idle slots that are kept warm for one plugin while another wants a slot.
const WARM_SLOTS: u32 = 16;

/// The host's engine.
pub(crate) fn engine() -> wasmtime::Result<Engine> {
    let mut config = engine::config();
    config.allocation_strategy(pool());
    Engine::new(&config)
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(MAX_INSTANCES)
        .total_core_instances(MAX_INSTANCES * 4)
        .total_memories(MAX_INSTANCES)
        .total_tables(MAX_INSTANCES * 2)
        .total_stacks(MAX_INSTANCES)
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(MAX_MEMORIES)
        .max_tables_per_component(MAX_TABLES)
        .max_tables_per_module(MAX_TABLES_PER_MODULE)
        .table_elements(MAX_TABLE_ELEMENTS)
        .linear_memory_keep_resident(MEMORY_KEPT)
        .table_keep_resident(TABLE_KEPT)
        .max_unused_warm_slots(WARM_SLOTS)
        // Linux 6.7 and newer can tell which pages were touched, so only those are wiped.
        .pagemap_scan(Enabled::Auto);
    pool
}
