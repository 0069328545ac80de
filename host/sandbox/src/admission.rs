//! Admission: a call waits here until the pool has room for everything its component will ask for.
//!
//! Without it a component of three kilobytes that asks for hundreds of core instances takes the pool
//! away from everybody. The wait is fair: first come, first served.

use crate::engine::{CORE_INSTANCES_MAX, LIVE_CALLS_MAX, MEMORIES_MAX, TABLES_MAX};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What one instance of a component takes from the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weight {
    pub(crate) core_instances: u32,
    pub(crate) memories: u32,
    pub(crate) tables: u32,
}

impl Weight {
    /// Shares of the pool, each share one live call's fair part of every resource.
    fn shares(self) -> u32 {
        let share = |asked: u32, total: u32| asked.div_ceil((total / LIVE_CALLS_MAX).max(1));
        share(self.core_instances, CORE_INSTANCES_MAX)
            .max(share(self.memories, MEMORIES_MAX))
            .max(share(self.tables, TABLES_MAX))
            .clamp(1, LIVE_CALLS_MAX)
    }
}

/// The gate to the pool.
#[derive(Debug, Clone)]
pub(crate) struct Admission(Arc<Semaphore>);

/// A place in the pool; given back when dropped.
#[derive(Debug)]
pub(crate) struct Admitted(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Admission {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LIVE_CALLS_MAX as usize)))
    }

    /// Waits for room. None when the host is shutting down.
    pub(crate) async fn admit(&self, weight: Weight) -> Option<Admitted> {
        Arc::clone(&self.0)
            .acquire_many_owned(weight.shares())
            .await
            .ok()
            .map(Admitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heavy_component_takes_many_shares_and_none_more_than_the_pool() {
        let weight = |core_instances, memories, tables| Weight {
            core_instances,
            memories,
            tables,
        };
        assert_eq!(weight(3, 1, 1).shares(), 1);
        assert_eq!(weight(64, 1, 1).shares(), 8);
        assert_eq!(weight(1, 8, 1).shares(), 4);
        assert_eq!(weight(u32::MAX, 1, 1).shares(), LIVE_CALLS_MAX);
    }
}
