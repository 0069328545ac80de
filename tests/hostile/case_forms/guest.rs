//! Excluded and protected names in other letters.

use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    paths::all(
        report,
        "/data",
        [
            (Op::Read, "SECRET.ENV"),
            (Op::Read, "Secret.env"),
            (Op::Read, "NOTE.TXT"),
            (Op::Read, "KEYS/private.pem"),
            (Op::Create, "NEW.ENV"),
            (Op::Mkdir, ".GIT"),
            (Op::Mkdir, ".GIT/Hooks"),
            (Op::Create, ".GIT/HOOKS"),
            (Op::Create, ".Git"),
            (Op::Create, ".GIT/CONFIG"),
            (Op::Symlink("sub"), ".gIT"),
            (Op::Mkdir, ".VSCode"),
            (Op::Create, ".VSCode/Tasks.JSON"),
            (Op::Rename(".VSCode/TASKS.json"), "note.txt"),
            (Op::Link(".VSCode/launch.JSON"), "note.txt"),
            (Op::Mkdir, ".Idea"),
            (Op::Mkdir, ".Idea/RunConfigurations"),
        ],
    );
}
