//! Answers with more than a call may put out.

use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    report.say("x".repeat(5 * 1024 * 1024));
}
