//! Asks the clock for ever: a loop that is always in the host.

use std::time::Instant;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    let start = Instant::now();
    while start.elapsed().as_secs() < 3_600 {}
    report.say("an hour has passed");
}
