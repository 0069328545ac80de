//! Traps after it has changed something.

use tollgate_test_guests::files::{self, open_to_write};
use tollgate_test_guests::wasi::filesystem::types::OpenFlags;
use tollgate_test_guests::{Report, Scene};

fn attempt(_: &Scene, report: &mut Report) {
    files::within(report, "/data", |data, report| {
        report.step(
            "create",
            open_to_write(data, "before-the-trap", OpenFlags::CREATE),
        );
    });
    std::process::abort();
}

tollgate_test_guests::guest!(attempt);
