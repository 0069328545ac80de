//! Waits in the host for ever.

use std::time::Duration;
use tollgate_test_guests::{Report, Scene};

fn attempt(_: &Scene, report: &mut Report) {
    std::thread::sleep(Duration::from_secs(365 * 24 * 3600));
    report.say("the wait has ended");
}

tollgate_test_guests::guest!(attempt);
