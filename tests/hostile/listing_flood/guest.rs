//! Lists a directory that has more entries than a listing gives.

use tollgate_test_guests::files;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    files::within(report, "/crowd", |crowd, report| {
        let Some(entries) = report.step("list", crowd.read_directory()) else {
            return;
        };
        let mut count = 0_usize;
        let end = loop {
            match entries.read_directory_entry() {
                Ok(Some(_)) => count += 1,
                Ok(None) => break "the end",
                Err(error) => break error.name(),
            }
        };
        report.say(format!("{count} entries, then {end}"));
    });
}
