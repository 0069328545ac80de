//! A granted host with other schemes, and with none.

use tollgate_test_guests::http::Scheme;
use tollgate_test_guests::http::{self, Ask};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    let with = |scheme: Option<Scheme>| Ask {
        scheme,
        ..Ask::get(&granted, "/public/page")
    };
    let other = |scheme: &str| with(Some(Scheme::Other(scheme.to_owned())));
    http::all(
        report,
        [
            ("https", with(Some(Scheme::Https))),
            ("none", with(None)),
            ("other http", other("http")),
            ("HTTP", other("HTTP")),
            ("ftp", other("ftp")),
            ("file", other("file")),
            ("ws", other("ws")),
            ("http+unix", other("http+unix")),
            ("h2c", other("h2c")),
        ],
    );
}
