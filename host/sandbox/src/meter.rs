//! The meter of one call: memory and tables together, and processor time.
//!
//! Invariant: the bound holds for the sum over all memories and tables of the call, not for each.

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

/// The meter.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    bytes_max: usize,
    bytes: usize,
    pub(crate) bytes_peak: usize,
    cpu_ticks: u64,
    cpu_ticks_max: u64,
    /// Set when growth was refused: a guest that traps afterwards ran out of memory.
    pub(crate) refused_growth: bool,
}

impl Meter {
    pub(crate) fn new(bytes_max: u64, cpu: std::time::Duration) -> Self {
        let ticks = cpu.as_millis() / crate::clock::TICK.as_millis().max(1);
        Self {
            bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
            bytes: 0,
            bytes_peak: 0,
            cpu_ticks: 0,
            cpu_ticks_max: u64::try_from(ticks).unwrap_or(u64::MAX).max(1),
            refused_growth: false,
        }
    }

    /// Counts one tick of guest time.
    pub(crate) fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        self.cpu_ticks += 1;
        if self.cpu_ticks > self.cpu_ticks_max {
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
        let mut meter = Meter::new(100, std::time::Duration::from_millis(30));
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert!(!meter.memory_growing(0, 60, None).unwrap());
        assert!(meter.memory_growing(0, 40, None).unwrap());
        assert!(!meter.table_growing(0, 1, None).unwrap());
        assert_eq!(meter.bytes_peak, 100);
        assert!(meter.refused_growth);
    }

    #[test]
    fn processor_time_ends() {
        let mut meter = Meter::new(0, std::time::Duration::from_millis(30));
        assert!((0..3).all(|_| meter.tick().is_ok()));
        let error = meter.tick().err().unwrap();
        assert_eq!(error.downcast_ref(), Some(&LimitTrap(Hit::Cpu)));
    }
}
