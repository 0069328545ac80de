//! URLs that a server could read as others than the gate: spellings, fragments, invisible characters.

use tollgate_test_guests::http::{self, Ask};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    let port = scene.port;
    for host in [
        "127.0.0.1",
        "LOCALHOST",
        "localhost.",
        "l\u{f6}calhost",
        "xn--lcalhost-n4a",
        "local%68ost",
        "local host",
        "localhost\t",
        "[127.0.0.1]",
        "127.0.0.1%00",
        "",
    ] {
        let authority = format!("{host}:{port}");
        http::say(
            report,
            &format!("host {host:?}"),
            &http::get(&authority, "/public/page"),
        );
    }
    for authority in [
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:99999",
        "127.0.0.1:080",
    ] {
        http::say(
            report,
            &format!("authority {authority:?}"),
            &http::get(authority, "/public/page"),
        );
    }
    for path in [
        "/public/page#/canary",
        "/public/page#",
        "public/page",
        "",
        "*",
        "/public/page%00.html",
        "/public/%",
        "/public/%zz",
        "/public/page;v=1",
        "/public/\u{fc}",
        "/public/\u{202e}egap",
        "/public/a b",
        "/public/a\tb",
        "/public/%2Fpage",
        "/public/./page",
        "/public/page/.",
        "/public/%70age",
        "//127.0.0.1/public/page",
        "http://127.0.0.1/public/page",
    ] {
        http::say(
            report,
            &format!("path {path:?}"),
            &http::get(&granted, path),
        );
    }
    http::all(report, [("all of it", Ask::get(&granted, "/public/page"))]);
}
