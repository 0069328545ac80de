//! Waits for what is ready already, for ever: always in the host, never idle.

use tollgate_test_guests::wasi::clocks::monotonic_clock::subscribe_duration;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    let ready = subscribe_duration(0);
    for _ in 0..u64::MAX {
        ready.block();
    }
    report.say("the end of counting");
}
