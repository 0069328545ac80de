//! Names that are none, names that mean a directory, and names that are too long.

use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::{Report, Scene};

/// `NAME_MAX` and `PATH_MAX` of Linux.
const NAME_BYTES_MAX: usize = 255;
const PATH_BYTES_MAX: usize = 4096;

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    let mut names: Vec<String> = [
        "",
        ".",
        "./",
        "note.txt/",
        "note.txt/.",
        "sub//inner.txt",
        "./note.txt",
    ]
    .map(str::to_owned)
    .into();
    names.push("note.txt\0.png".into());
    names.push("x".repeat(NAME_BYTES_MAX));
    names.push("x".repeat(NAME_BYTES_MAX + 1));
    names.push("x/".repeat(PATH_BYTES_MAX / 2 - 1) + "x");
    names.push("x".repeat(PATH_BYTES_MAX * 16));
    for name in &names {
        paths::all(
            report,
            "/data",
            [Op::Read, Op::CreateNew, Op::Mkdir].map(|op| (op, name)),
        );
    }
    paths::all(
        report,
        "/data",
        [
            (Op::Unlink, "."),
            (Op::Rmdir, "."),
            (Op::Rmdir, ""),
            (Op::Rename("sub/."), "note.txt"),
            (Op::Rename(""), "note.txt"),
            (Op::Link("a\0b"), "note.txt"),
            (Op::Symlink(""), "empty-link"),
            (Op::Symlink("a\0b"), "nul-link"),
        ],
    );
}
