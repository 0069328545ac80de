//! Leaves behind what the operator's next `git commit` or editor would run.

use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    paths::all(
        report,
        "/data",
        [
            (Op::Create, ".git/hooks/pre-commit"),
            (Op::Write, ".git/config"),
            (Op::Unlink, ".git/config"),
            (Op::Rename(".git/hooks/pre-commit"), "note.txt"),
            (Op::Rename(".git/config"), "note.txt"),
            (Op::Link(".git/hooks/pre-commit"), "note.txt"),
            (Op::Link("plain"), ".git/config"),
            (Op::Symlink("../../note.txt"), ".git/hooks/pre-commit"),
            (Op::Create, "to-hooks/pre-commit"),
            (Op::Rename("hooks"), ".git/hooks"),
            (Op::Rename("git"), ".git"),
            (Op::Create, ".vscode/tasks.json"),
            (Op::Touch, ".git/config"),
            (Op::Create, "sub/.git"),
            (Op::Symlink("../sub"), "sub/.git"),
            // A directory of another name, furnished, and then renamed.
            (Op::Mkdir, "made"),
            (Op::Mkdir, "made/hooks"),
            (Op::Create, "made/hooks/pre-commit"),
            (Op::Rename("sub/.git"), "made"),
            // What git itself writes all the time, and what nobody runs.
            (Op::Read, ".git/config"),
            (Op::Create, ".git/HEAD"),
        ],
    );
}
