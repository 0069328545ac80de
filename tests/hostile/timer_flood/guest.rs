//! Sets timers for ever, none of which it waits for.

use tollgate_test_guests::wasi::clocks::monotonic_clock::subscribe_duration;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    let kept: Vec<_> = (0..usize::MAX)
        .map(|n| subscribe_duration(n as u64 + 1_000_000_000_000))
        .collect();
    report.say(format!("{} timers", kept.len()));
}
