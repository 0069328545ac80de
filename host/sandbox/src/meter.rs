//! The meter of one call: memory and tables together, and processor time.
//!
//! Processor time is the time during which the call's future is polled: a guest that computes gives the
//! thread back at every tick, and one that waits is not polled.
//!
//! Invariant: the bound holds for the sum over all memories and tables of the call, not for each.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use wasmtime::{ResourceLimiter, UpdateDeadline};

/// Bytes that one table element is counted at.
const TABLE_ELEMENT_BYTES: usize = 16;

/// Which limit a call has hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hit {
    Cpu,
    Output,
}

/// The trap that a limit raises; found again in the error chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped at a limit")]
pub(crate) struct LimitTrap(pub(crate) Hit);

/// How long a call has run on a thread. Clones tell the same time.
#[derive(Debug, Clone)]
pub(crate) struct Running(Arc<Times>);

thread_local! {
    /// Whether this thread polls a call. Calls are not polled within each other.
    static POLLS: Cell<bool> = const { Cell::new(false) };
}

#[derive(Debug)]
struct Times {
    born: Instant,
    /// Of the polls that have ended.
    ran_ns: AtomicU64,
    /// When the poll of now began.
    since_ns: AtomicU64,
}

impl Running {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Times {
            born: Instant::now(),
            ran_ns: AtomicU64::new(0),
            since_ns: AtomicU64::new(0),
        }))
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.0.born.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Runs one poll of the call.
    pub(crate) fn during<T>(&self, poll: impl FnOnce() -> T) -> T {
        self.0.since_ns.store(self.now_ns(), Ordering::Relaxed);
        POLLS.set(true);
        let result = poll();
        POLLS.set(false);
        self.0.ran_ns.store(self.ran_ns(), Ordering::Relaxed);
        result
    }

    /// Does work of the host's. Within a poll of the call its time is not the guest's; a task of the
    /// gate's has no part in the guest's time.
    pub(crate) fn outside<T>(&self, work: impl FnOnce() -> T) -> T {
        if !POLLS.get() {
            return work();
        }
        self.0.ran_ns.store(self.ran_ns(), Ordering::Relaxed);
        let result = work();
        self.0.since_ns.store(self.now_ns(), Ordering::Relaxed);
        result
    }

    /// Asked within a poll.
    fn ran_ns(&self) -> u64 {
        let since = self.0.since_ns.load(Ordering::Relaxed);
        let before = self.0.ran_ns.load(Ordering::Relaxed);
        before.saturating_add(self.now_ns().saturating_sub(since))
    }
}

/// The meter.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    bytes_max: usize,
    bytes: usize,
    pub(crate) bytes_peak: usize,
    running: Running,
    cpu_max: Duration,
    /// Set when growth was refused: a guest that traps afterwards ran out of memory.
    pub(crate) refused_growth: bool,
}

impl Meter {
    pub(crate) fn new(bytes_max: u64, cpu_max: Duration, running: Running) -> Self {
        Self {
            bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
            bytes: 0,
            bytes_peak: 0,
            running,
            cpu_max,
            refused_growth: false,
        }
    }

    /// Looks at the time, at each tick that meets the guest.
    pub(crate) fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        if Duration::from_nanos(self.running.ran_ns()) > self.cpu_max {
            return Err(wasmtime::Error::new(LimitTrap(Hit::Cpu)));
        }
        Ok(UpdateDeadline::Yield(1))
    }

    fn grow(&mut self, from: usize, to: usize) -> bool {
        let after = self.bytes.saturating_add(to.saturating_sub(from));
        if after > self.bytes_max {
            self.refused_growth = true;
            return false;
        }
        self.bytes = after;
        self.bytes_peak = self.bytes_peak.max(after);
        true
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(
            current.saturating_mul(TABLE_ELEMENT_BYTES),
            desired.saturating_mul(TABLE_ELEMENT_BYTES),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_on_the_sum() {
        let mut meter = Meter::new(100, Duration::from_millis(30), Running::new());
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert!(!meter.memory_growing(0, 60, None).unwrap());
        assert!(meter.memory_growing(0, 40, None).unwrap());
        assert!(!meter.table_growing(0, 1, None).unwrap());
        assert_eq!(meter.bytes_peak, 100);
        assert!(meter.refused_growth);
    }

    #[test]
    fn processor_time_ends_and_waiting_is_none() {
        let running = Running::new();
        let most = Duration::from_millis(30);
        let mut meter = Meter::new(0, most, running.clone());
        for _ in 0..4 {
            assert!(running.during(|| meter.tick()).is_ok());
            std::thread::sleep(most / 2);
        }
        let error = running.during(|| {
            std::thread::sleep(most * 2);
            meter.tick().err().unwrap()
        });
        assert_eq!(error.downcast_ref(), Some(&LimitTrap(Hit::Cpu)));
    }

    #[test]
    fn the_host_s_work_is_not_the_guest_s_time() {
        let running = Running::new();
        let most = Duration::from_millis(30);
        let mut meter = Meter::new(0, most, running.clone());
        let ticked = running.during(|| {
            running.outside(|| std::thread::sleep(most * 2));
            meter.tick()
        });
        assert!(ticked.is_ok());
        // A task of the gate's, while the guest waits for it.
        std::thread::sleep(most * 2);
        running.outside(|| std::thread::sleep(most));
        assert!(running.during(|| meter.tick()).is_ok());
    }
}
