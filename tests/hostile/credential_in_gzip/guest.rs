//! A server packs what it answers to a request with a credential: no echo could be found in it.

use tollgate_test_guests::http::{self, Ask};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    http::all(
        report,
        [
            ("packed", Ask::get(&granted, "/vault/zip")),
            (
                "asked for",
                Ask {
                    headers: &[("accept-encoding", "gzip, br")],
                    ..Ask::get(&granted, "/vault/zip")
                },
            ),
        ],
    );
}
