//! Percentiles.

use std::time::Duration;

/// Times of one side of a benchmark.
#[derive(Debug, Default, Clone)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The times of another round of the same side.
    pub(crate) fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The time below which `share` of the runs lie, in microseconds.
    pub(crate) fn percentile_us(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort();
        let last = sorted.len().saturating_sub(1);
        let index = ((last as f64) * share).round() as usize;
        sorted
            .get(index.min(last))
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
    }
}
