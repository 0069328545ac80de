//! Follows a redirect from a granted host to one that is not.

use tollgate_test_guests::{Report, Scene, http};

fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);
    let Some(answer) = http::attempt(report, &granted, "/redirect") else {
        return;
    };
    let Some(location) = answer.location else {
        return report.say("no location");
    };
    let target = location.trim_start_matches("http://");
    let (authority, path) = target.split_once('/').unwrap_or((target, ""));
    http::attempt(report, authority, &format!("/{path}"));
}

tollgate_test_guests::guest!(attempt);
