//! Follows a redirect from the credential's audience to another granted address.

use tollgate_test_guests::http::{self, Ask};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    let Some(answer) = http::attempt(report, &granted, "/vault/redirect") else {
        return;
    };
    let path = answer.location.unwrap_or_default();
    http::all(
        report,
        [
            ("by hand", Ask::get(&granted, &path)),
            ("by a dot", Ask::get(&granted, "/vault/../public/headers")),
        ],
    );
}
