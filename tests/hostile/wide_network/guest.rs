//! A grant of all addresses is one of the public ones: the private ones stay closed to HTTP.

use tollgate_test_guests::http::{self, Ask};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let port = scene.canary_port;
    let name = format!("{}:{port}", scene.private_name);
    let local = format!("localhost:{port}");
    http::all(
        report,
        [
            ("by a name", Ask::get(&name, "/canary")),
            (
                "by its address",
                Ask::get("169.254.169.254", "/latest/meta-data/"),
            ),
            ("localhost", Ask::get(&local, "/canary")),
        ],
    );
}
