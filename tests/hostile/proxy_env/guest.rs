//! The environment of the host names a proxy; no request goes there.

use tollgate_test_guests::http::{self, Ask};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    http::all(
        report,
        [
            ("granted", Ask::get(&granted, "/public/page")),
            ("not granted", Ask::get("proxied.example", "/")),
        ],
    );
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        report.say(format!("{name}: {:?}", std::env::var(name).ok()));
    }
}
