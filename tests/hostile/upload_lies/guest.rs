//! Uploads with lengths that are not true, and more than may be sent.

use tollgate_test_guests::http::Method;
use tollgate_test_guests::http::{self, Ask};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    let post = |headers, body| Ask {
        method: Method::Post,
        headers,
        body: Some(body),
        ..Ask::get(&granted, "/upload")
    };
    let large = vec![b'x'; 70_000];
    http::all(
        report,
        [
            ("as it is", post(&[("content-length", "4")], &b"four"[..])),
            (
                "shorter than it says",
                post(&[("content-length", "9")], b"four"),
            ),
            (
                "longer than it says",
                post(&[("content-length", "2")], b"four"),
            ),
            ("no number", post(&[("content-length", "four")], b"four")),
            ("a sign", post(&[("content-length", "+4")], b"four")),
            (
                "two lengths",
                post(&[("content-length", "4"), ("content-length", "5")], b"four"),
            ),
            (
                "too much to say",
                post(&[("content-length", "99999999999")], b"four"),
            ),
            ("too much to send", post(&[], &large)),
            (
                "chunked and a length",
                post(
                    &[("transfer-encoding", "chunked"), ("content-length", "2")],
                    b"four",
                ),
            ),
        ],
    );
}
