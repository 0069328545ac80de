//! The one engine configuration.
//!
//! Invariant: the compile child and every host process build their engine here, so that an artifact
//! compiled by one loads in the other and nothing else ever does.

use sha2::{Digest as _, Sha256};
use std::hash::{Hash, Hasher};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// The most bytes that one linear memory may have: the size of a pool slot.
pub const MEMORY_SLOT_BYTES_MAX: usize = tollgate_grants::policy::MEMORY_SLOT_BYTES_MAX as usize;
/// Core instances that all live calls may hold together.
pub(crate) const CORE_INSTANCES_MAX: u32 = 2048;
/// Core instances that one component may hold.
pub const CORE_INSTANCES_PER_COMPONENT_MAX: u32 = 64;
/// Linear memories that all live calls may hold together.
pub(crate) const MEMORIES_MAX: u32 = 512;
/// Linear memories that one component may hold.
pub(crate) const MEMORIES_PER_COMPONENT_MAX: u32 = 8;
/// Tables that all live calls may hold together.
pub(crate) const TABLES_MAX: u32 = 2048;
/// Tables that one component may hold.
pub(crate) const TABLES_PER_COMPONENT_MAX: u32 = 32;
/// Elements that one table may hold.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 65_536;
/// Calls that may be live at once: one component instance and one stack each.
pub const LIVE_CALLS_MAX: u32 = 256;
/// Bytes of a memory slot that stay resident between calls, so that a small guest pays no page fault
/// for memory it touched last time.
const KEEP_RESIDENT_BYTES: usize = 1 << 20;
/// Bytes of WebAssembly stack for one call.
const WASM_STACK_BYTES_MAX: usize = 512 * 1024;

/// How large a pool to reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pool {
    /// For running calls.
    Full,
    /// For compiling only: the smallest that is legal. Pool sizes do not change compiled code.
    CompileOnly,
}

/// Builds the engine.
pub(crate) fn build(pool: Pool) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES_MAX)
        .generate_address_map(true)
        .memory_init_cow(true);
    let scale = |full: u32| match pool {
        Pool::Full => full,
        Pool::CompileOnly => full.min(64),
    };
    let mut slots = PoolingAllocationConfig::default();
    slots
        .total_component_instances(scale(LIVE_CALLS_MAX))
        .total_core_instances(scale(CORE_INSTANCES_MAX))
        .total_memories(scale(MEMORIES_MAX))
        .total_tables(scale(TABLES_MAX))
        .total_stacks(scale(LIVE_CALLS_MAX))
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT_MAX)
        .max_memories_per_component(MEMORIES_PER_COMPONENT_MAX)
        .max_tables_per_component(TABLES_PER_COMPONENT_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_memory_size(MEMORY_SLOT_BYTES_MAX)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        // What a call has not written need not be cleared; the kernel knows it (Linux 6.7 and later).
        .pagemap_scan(wasmtime::Enabled::Auto);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(slots));
    Engine::new(&config)
}

/// Names the engine configuration; part of an artifact's file name.
pub(crate) fn key(engine: &Engine) -> String {
    let mut hasher = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let mut key = hex::encode(hasher.0.finalize());
    key.truncate(16);
    key
}

struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest
            .iter()
            .take(8)
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_of_the_compile_engine_loads_in_the_running_engine() {
        let compile = build(Pool::CompileOnly).unwrap();
        let run = build(Pool::Full).unwrap();
        assert_eq!(key(&compile), key(&run));
    }
}
