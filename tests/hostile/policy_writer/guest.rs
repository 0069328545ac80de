//! Writes what decides about it: the policy of the project that it may change, and the one of the home.

use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    let own = [
        (Op::CreateNew, "tollgate.toml"),
        (Op::Mkdir, "tollgate.toml"),
        (Op::Symlink("harmless.toml"), "tollgate.toml"),
        (Op::Create, "harmless.toml"),
        (Op::Rename("tollgate.toml"), "harmless.toml"),
        (Op::Link("tollgate.toml"), "harmless.toml"),
        (Op::Create, "TOLLGATE.TOML"),
        (Op::Create, "to-home/tollgate.toml"),
        (Op::Write, "to-policy"),
        (Op::Truncate, "to-policy"),
        (Op::Symlink("tollgate.toml"), "way"),
        (Op::Create, "way"),
        (Op::Unlink, "harmless.toml"),
        (Op::Unlink, "TOLLGATE.TOML"),
        (Op::Unlink, "way"),
    ];
    paths::all(report, "/project", own);
    for name in [
        "home/config/tollgate.toml",
        "home/config/new.toml",
        "work/tollgate.toml",
    ] {
        let ops = [Op::Create, Op::Write, Op::Unlink, Op::Mkdir];
        paths::all(report, "/all", ops.map(|op| (op, name)));
    }
}
