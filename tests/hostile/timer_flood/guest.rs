//! Sets timers for ever, none of which it waits for.

use tollgate_test_guests::wasi::clocks::monotonic_clock::subscribe_duration;
use tollgate_test_guests::{Report, Scene};

/// More than a call may hold.
const TIMES: usize = 10_000;
/// An hour.
const LONG_NS: u64 = 3_600_000_000_000;

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    let mut kept = Vec::new();
    while kept.len() < TIMES {
        kept.push(subscribe_duration(LONG_NS));
    }
    report.say(format!("{} timers", kept.len()));
}
