//! The WebAssembly engine, set up once for the whole process.
//!
//! Instances come from a pool of slots that are reserved at start and reused, which makes one cost tens of microseconds. A tick
//! every 10 ms lets a guest that computes without a pause step aside for others; nothing counts instructions.

use crate::config::{ComponentLimits, size};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

/// How long a guest computes before others get a turn. Shorter costs more switches; longer is felt by whoever shares the core.
const TICK: Duration = Duration::from_millis(10);

/// Core modules and memories that one component may bring: its own code, adapters, and a few composed dependencies.
const MODULES_PER_COMPONENT: u32 = 16;

/// Bytes of bookkeeping that one instance may need; wasmtime's default of 1 MiB suits components of several MiB.
const INSTANCE_BYTES: usize = 1024 * 1024;

/// The engine, and the thread that ticks for it.
pub(super) struct Ticking {
    engine: Engine,
    stop: Arc<AtomicBool>,
}

impl Ticking {
    /// The engine for these components.
    pub(super) fn start<'a>(components: impl Iterator<Item = &'a ComponentLimits>) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config(components))?;
        let stop = Arc::new(AtomicBool::new(false));
        let (ticked, stopped) = (engine.weak(), Arc::clone(&stop));
        // A plain thread, because it has to tick while every thread of the runtime is busy with guests.
        std::thread::Builder::new().name("ticks".to_owned()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                let Some(engine) = ticked.upgrade() else { return };
                engine.increment_epoch();
            }
        })?;
        Ok(Self { engine, stop })
    }

    /// The engine itself.
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn config<'a>(components: impl Iterator<Item = &'a ComponentLimits>) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .wasm_memory64(false)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(components)));
    config
}

fn pool<'a>(components: impl Iterator<Item = &'a ComponentLimits>) -> PoolingAllocationConfig {
    let (mut instances, mut memory, mut elements) = (0, 0, 0);
    for limits in components {
        instances += limits.instances_max;
        memory = memory.max(limits.memory_bytes_max);
        elements = elements.max(limits.table_elements_max);
    }
    // Twice, since one generation is drained while the next one serves; and one that is being checked. They are addresses, not memory.
    let instances = u32::try_from(2 * instances + 1).unwrap_or(u32::MAX);
    let modules = instances.saturating_mul(4);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(modules)
        .total_memories(instances.saturating_mul(2))
        .total_tables(modules)
        .total_stacks(instances.saturating_mul(2))
        .max_core_instances_per_component(MODULES_PER_COMPONENT)
        .max_memories_per_component(MODULES_PER_COMPONENT)
        .max_tables_per_component(MODULES_PER_COMPONENT)
        .max_component_instance_size(INSTANCE_BYTES)
        .max_core_instance_size(INSTANCE_BYTES)
        .max_memory_size(size(memory))
        .table_elements(size(elements));
    pool
}
