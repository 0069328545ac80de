//! Reads this process's memory and environment, where the operator has granted `/proc`, and beneath `/`.

use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::{Report, Scene};

const PATHS: [&str; 10] = [
    "self",
    "self/environ",
    "self/mem",
    "self/maps",
    "self/root/etc/passwd",
    "self/fd/0",
    "self/cwd",
    "thread-self/environ",
    "1/environ",
    "sys/kernel/hostname",
];

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    paths::all(report, "/proc", [(Op::List, ".")]);
    for path in PATHS {
        paths::all(report, "/proc", [(Op::Read, path)]);
        paths::all(report, "/all", [(Op::Read, format!("proc/{path}"))]);
    }
    let ops = [Op::Write, Op::Stat, Op::Readlink, Op::List];
    paths::all(report, "/all", ops.map(|op| (op, "proc/1/oom_score_adj")));
}
