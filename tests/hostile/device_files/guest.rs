//! Devices and a socket: opened, looked at, changed.

use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    for name in ["null", "zero", "random", "tty", "ptmx"] {
        let ops = [Op::Read, Op::Write, Op::Truncate, Op::Stat, Op::Touch];
        paths::all(report, "/devices", ops.map(|op| (op, name)));
    }
    let ops = [
        Op::Read,
        Op::Write,
        Op::Create,
        Op::Truncate,
        Op::Stat,
        Op::Hash,
        Op::Touch,
    ];
    paths::all(report, "/data", ops.map(|op| (op, "socket")));
    let ops = [Op::Link("second"), Op::Rename("moved"), Op::Unlink];
    paths::all(report, "/data", ops.map(|op| (op, "socket")));
}
