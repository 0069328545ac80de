//! Asks again and again for what was denied, and then for what is granted.

use tollgate_test_guests::files;
use tollgate_test_guests::{Report, Scene};

/// As often as a model without patience.
const TIMES: usize = 900;

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    files::within(report, "/data", |data, report| {
        let mut refused = [0_usize; 2];
        for _ in 0..TIMES {
            refused[0] += usize::from(data.create_directory_at("../outside/made").is_err());
            refused[1] += usize::from(files::open(data, "../outside/canary.txt").is_err());
        }
        report.say(format!("refused: {refused:?}"));
        report.step("what is granted", data.create_directory_at("made"));
    });
}
