//! Asks for a credential to be sent to others than its audience.

use tollgate_test_guests::http::{self, Ask};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    let name = format!("{}:{}", scene.private_name, scene.canary_port);
    let local = format!("localhost:{}", scene.port);
    let canary = format!("127.0.0.1:{}", scene.canary_port);
    http::all(
        report,
        [
            ("the audience", Ask::get(&granted, "/vault/headers")),
            ("another name of it", Ask::get(&local, "/vault/headers")),
            ("another port", Ask::get(&canary, "/vault/headers")),
            (
                "over plain HTTP to another host",
                Ask::get(&name, "/vault/headers"),
            ),
            (
                "a credential that is not defined",
                Ask::get(&granted, "/other/headers"),
            ),
            (
                "a credential that is not there",
                Ask::get(&granted, "/gone/headers"),
            ),
        ],
    );
}
