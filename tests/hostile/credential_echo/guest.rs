//! Has the credential sent back: in a body, a header, byte by byte, in the page of a failure.

use tollgate_test_guests::http;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    for path in ["/vault/headers", "/vault/failure", "/vault/split", "/echo"] {
        let answer = http::get(&granted, path);
        http::say(report, path, &answer);
        let fields = answer.map(|answer| answer.headers).unwrap_or_default();
        for (name, value) in fields {
            report.say(format!("{name}: {}", String::from_utf8_lossy(&value)));
        }
    }
}
