//! Time as the driver sees it, so that tests own it.

use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock. Waiting is tokio's, so that a test can pause it.
pub trait Clock: Send + Sync {
    /// Now, microseconds since the Unix epoch.
    fn now_us(&self) -> i64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_us(&self) -> i64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }
}
