//! Leaves a granted query by separators, encoded and plain.

use tollgate_test_guests::http;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    for path in [
        "/search?q=word",
        "/search?q=",
        "/search?q=a%20b",
        "/search?q=a+b",
        "/search?q=a%26admin=1",
        "/search?q=a&admin=1",
        "/search?q=a;admin=1",
        "/search?q=a#b",
        "/search?q=a?b",
        "/search?q=a%00",
        "/search?q=a b",
        "/search?q=a/../canary",
        "/search?Q=word",
        "/search?",
        "/search",
        "/search?admin=1&q=a",
    ] {
        http::say(report, path, &http::get(&granted, path));
    }
}
