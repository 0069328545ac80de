//! Takes an answer that comes byte by byte, for longer than the call may last.

use tollgate_test_guests::http::{self, Ask};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    http::all(report, [("drip", Ask::get(&granted, "/drip"))]);
}
