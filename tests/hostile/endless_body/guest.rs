//! Takes an answer without an end, and none of it at all.

use tollgate_test_guests::http;
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    let answer = http::get(&granted, "/endless");
    if let Ok(answer) = answer {
        report.say(format!("{} bytes, {:?}", answer.count, answer.broken));
    }
}
