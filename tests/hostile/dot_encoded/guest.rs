//! Leaves the granted path by dots and slashes in every encoding. What is encoded twice is sent as it is:
//! decoded once it is a name with percent signs, and stays beneath the granted path.

use tollgate_test_guests::{Report, Scene, http};

fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);
    for path in [
        "/public/page",
        "/public/../canary",
        "/public/%2e%2e/canary",
        "/public/%2E%2E/canary",
        "/public/.%2e/canary",
        "/public/..%2fcanary",
        "/public/%2e%2e%2fcanary",
        "/public/..%5ccanary",
        "/public/..\\canary",
        "/public//canary",
        "/public/%252e%252e/canary",
        "/publicity",
        "/canary",
    ] {
        http::attempt(report, &granted, path);
    }
    http::attempt(report, &format!("user:word@{granted}"), "/public/page");
    http::attempt(
        report,
        &format!("{granted}@127.0.0.1:{}", scene.canary_port),
        "/public/page",
    );
}

tollgate_test_guests::guest!(attempt);
