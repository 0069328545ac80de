//! May add, and tries to change, replace and delete what was there before.

use tollgate_test_guests::files::{self, open_to_write};
use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::wasi::filesystem::types::OpenFlags;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    paths::all(
        report,
        "/data",
        [
            (Op::Read, "note.txt"),
            (Op::Write, "note.txt"),
            (Op::Truncate, "note.txt"),
            (Op::Create, "note.txt"),
            (Op::CreateNew, "note.txt"),
            (Op::Touch, "note.txt"),
            (Op::Unlink, "note.txt"),
            (Op::Rmdir, "sub"),
            (Op::Rename("moved.txt"), "note.txt"),
            (Op::Link("second.txt"), "note.txt"),
            (Op::CreateNew, "new.txt"),
            (Op::Write, "new.txt"),
            (Op::Rename("note.txt"), "new.txt"),
            (Op::Link("note.txt"), "new.txt"),
            (Op::Symlink("note.txt"), "sub/inner.txt"),
            (Op::Unlink, "new.txt"),
            (Op::Write, "link-inside"),
            (Op::Create, "sub/own.txt"),
            (Op::Mkdir, "own"),
            (Op::Rmdir, "own"),
        ],
    );
    files::within(report, "/data", |data, report| {
        let own = report.step(
            "create an own file",
            open_to_write(data, "own.txt", OpenFlags::CREATE),
        );
        if let Some(file) = own {
            report.step("write to it", file.write(b"own", 0));
            report.step("write to it again", file.write(b"OWN", 0));
            report.step("cut it", file.set_size(1));
        }
    });
}
