//! Ends itself in the middle, as if all were well.

use tollgate_test_guests::paths::{self, Op};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(_: &Scene, report: &mut Report) {
    paths::all(report, "/data", [(Op::Create, "before-the-end")]);
    std::process::exit(0);
}
