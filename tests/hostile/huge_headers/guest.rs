//! Answers whose head has no end: one long field, many fields, many answers in advance.

use tollgate_test_guests::http;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    for path in ["/large-headers", "/many-headers", "/early-hints"] {
        http::say(report, path, &http::get(&granted, path));
    }
}
