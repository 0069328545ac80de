//! Reaches a name that the grant excludes by a hard link: one of its own making, and one that lies
//! there.

use tollgate_test_guests::files::{self, open_to_write, read};
use tollgate_test_guests::wasi::filesystem::types::{OpenFlags, PathFlags};
use tollgate_test_guests::{Report, Scene};

fn attempt(_: &Scene, report: &mut Report) {
    files::within(report, "/data", |data, report| {
        let none = PathFlags::empty();
        report.step(
            "link it to a plain name",
            data.link_at(none, "secret.env", data, "plain.txt"),
        );
        report.step("read the plain name", read(data, "plain.txt"));
        report.step("read its second name", read(data, "second-name.txt"));
        report.step(
            "write its second name",
            open_to_write(data, "second-name.txt", OpenFlags::TRUNCATE),
        );
        report.step(
            "rename its second name",
            data.rename_at("second-name.txt", data, "third-name.txt"),
        );
        report.step(
            "link a plain file",
            data.link_at(none, "note.txt", data, "twin.txt"),
        );
    });
}

tollgate_test_guests::guest!(attempt);
