//! Sets the fields that belong to the connection, and those by which servers are told who asks.

use tollgate_test_guests::http::{self, Ask};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    for (name, value) in [
        ("host", "vault.example"),
        ("Host", "vault.example"),
        (":authority", "vault.example"),
        ("connection", "x-own, keep-alive"),
        ("keep-alive", "timeout=1000"),
        ("transfer-encoding", "chunked"),
        ("content-length", "5"),
        ("te", "trailers"),
        ("te", "gzip"),
        ("trailer", "x-later"),
        ("upgrade", "websocket"),
        ("proxy-authorization", "Basic eDp5"),
        ("proxy-connection", "keep-alive"),
        ("expect", "100-continue"),
        ("x-own", "stays"),
    ] {
        let headers = [(name, value)];
        let ask = Ask {
            headers: &headers,
            ..Ask::get(&granted, "/public/headers")
        };
        http::say(report, &format!("{name}: {value}"), &ask.send());
    }
    let all = [
        ("connection", "x-own"),
        ("x-own", "named by connection"),
        ("transfer-encoding", "chunked"),
        ("content-length", "4"),
        ("upgrade", "h2c"),
    ];
    let ask = Ask {
        headers: &all,
        ..Ask::get(&granted, "/public/headers")
    };
    http::all(report, [("all at once", ask)]);
}
