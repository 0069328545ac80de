//! May change, and tries to delete: by name, by renaming away, by renaming over.

use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    paths::all(
        report,
        "/data",
        [
            (Op::Unlink, "note.txt"),
            (Op::Rmdir, "sub"),
            (Op::Unlink, "link-inside"),
            (Op::Rename("moved.txt"), "note.txt"),
            (Op::Rename("moved"), "sub"),
            (Op::CreateNew, "new.txt"),
            (Op::Rename("note.txt"), "new.txt"),
            (Op::Rename("elsewhere.txt"), "new.txt"),
            (Op::Unlink, "new.txt"),
            (Op::Mkdir, "made"),
            (Op::Rmdir, "made"),
            (Op::Write, "note.txt"),
            (Op::Truncate, "note.txt"),
            (Op::Touch, "note.txt"),
        ],
    );
}
