//! Admission: a call waits here until the pool has room for everything its component will ask for.
//!
//! Without it a component of three kilobytes that asks for hundreds of core instances takes the pool
//! away from everybody. The wait is fair: first come, first served.

use crate::engine::{CORE_INSTANCES_MAX, LIVE_CALLS_MAX, MEMORIES_MAX, TABLES_MAX};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

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

/// Calls that may wait for room.
pub(crate) const WAITING_CALLS_MAX: usize = 1024;

/// The gate to the pool.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    room: Arc<Semaphore>,
    /// As many permits as further calls may wait.
    seats: Arc<Semaphore>,
}

/// A place in the pool; given back when dropped.
#[derive(Debug)]
pub(crate) struct Admitted(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// Why a call was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    /// Too many wait already.
    Full,
    /// The host is shutting down.
    Closed,
}

impl Admission {
    pub(crate) fn new() -> Self {
        Self::of(LIVE_CALLS_MAX as usize, WAITING_CALLS_MAX)
    }

    fn of(room: usize, seats: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(room)),
            seats: Arc::new(Semaphore::new(seats)),
        }
    }

    /// Waits for room, unless too many wait already.
    pub(crate) async fn admit(&self, weight: Weight) -> Result<Admitted, NotAdmitted> {
        let shares = weight.shares();
        match Arc::clone(&self.room).try_acquire_many_owned(shares) {
            Ok(permit) => return Ok(Admitted(permit)),
            Err(TryAcquireError::Closed) => return Err(NotAdmitted::Closed),
            Err(TryAcquireError::NoPermits) => {}
        }
        let Ok(_seat) = self.seats.try_acquire() else {
            return Err(NotAdmitted::Full);
        };
        let permit = Arc::clone(&self.room).acquire_many_owned(shares).await;
        permit.map(Admitted).map_err(|_| NotAdmitted::Closed)
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

    #[tokio::test]
    async fn a_queue_is_bounded_and_whoever_leaves_it_gives_the_seat_back() {
        const ONE: Weight = Weight {
            core_instances: 1,
            memories: 1,
            tables: 1,
        };
        let admission = Admission::of(1, 1);
        let first = admission.admit(ONE).await.unwrap();
        {
            let mut second = std::pin::pin!(admission.admit(ONE));
            assert!(futures::poll!(second.as_mut()).is_pending());
            let third = admission.admit(ONE).await;
            assert_eq!(third.unwrap_err(), NotAdmitted::Full);
        }
        let mut fourth = std::pin::pin!(admission.admit(ONE));
        assert!(futures::poll!(fourth.as_mut()).is_pending());
        drop(first);
        fourth.await.unwrap();
    }
}
