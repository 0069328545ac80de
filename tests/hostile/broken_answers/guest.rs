//! Answers that are cut, that contradict themselves, that are none: no part passes for a whole.

use tollgate_test_guests::http;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    for path in [
        "/cut",
        "/cut-chunk",
        "/two-lengths",
        "/two-framings",
        "/garbage",
        "/switch",
        "/more-than-asked",
        "/public/page",
    ] {
        http::say(report, path, &http::get(&granted, path));
    }
}
