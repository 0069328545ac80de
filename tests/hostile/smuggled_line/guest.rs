//! Puts a second request or a second field into a name, a value, a path, a host, a method.

use tollgate_test_guests::http::Method;
use tollgate_test_guests::http::{self, Ask};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    let line = "GET /canary HTTP/1.1";
    for (name, value) in [
        ("x-a", "b\r\nx-smuggled: yes"),
        ("x-a", "b\nx-smuggled: yes"),
        ("x-a", "b\0c"),
        ("x-a", "b\rc"),
        ("x-a\r\nx-smuggled", "yes"),
        ("x a", "b"),
        ("x-a:", "b"),
        ("", "b"),
        ("x-\u{e9}", "b"),
        ("x-a", "\u{202e}b"),
    ] {
        let headers = [(name, value)];
        let ask = Ask {
            headers: &headers,
            ..Ask::get(&granted, "/public/page")
        };
        http::say(report, &format!("{name:?}: {value:?}"), &ask.send());
    }
    for path in [
        format!("/public/page HTTP/1.1\r\nx: y\r\n\r\n{line}"),
        "/public/page\nx: y".into(),
        "/public/page\r".into(),
    ] {
        http::say(
            report,
            &format!("path {path:?}"),
            &http::get(&granted, &path),
        );
    }
    for end in ["\r\nx: y", "/canary", "?x", "#x", " x", "\\x"] {
        let authority = format!("{granted}{end}");
        http::say(
            report,
            &format!("authority and {end:?}"),
            &http::get(&authority, "/public/page"),
        );
    }
    let method = Method::Other(format!(
        "GET /public/page HTTP/1.1\r\nx: y\r\n\r\n{line}\r\n"
    ));
    let ask = Ask {
        method,
        ..Ask::get(&granted, "/public/page")
    };
    http::say(report, "method", &ask.send());
    let body = format!("0\r\n\r\n{line}\r\nhost: x\r\n\r\n");
    let ask = Ask {
        method: Method::Post,
        body: Some(body.as_bytes()),
        headers: &[("transfer-encoding", "chunked"), ("content-length", "0")],
        ..Ask::get(&granted, "/upload")
    };
    http::say(report, "a body that goes on as a request", &ask.send());
}
