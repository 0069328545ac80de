//! A granted address with other methods: those that change, tunnel, echo, and those that are none.

use tollgate_test_guests::http::Method;
use tollgate_test_guests::http::{self, Ask};
use tollgate_test_guests::{Report, Scene};

pub(crate) fn attempt(scene: &Scene, report: &mut Report) {
    let granted = format!("127.0.0.1:{}", scene.port);

    let with = |method: Method| Ask {
        method,
        ..Ask::get(&granted, "/public/headers")
    };
    let other = |method: &str| with(Method::Other(method.to_owned()));
    http::all(
        report,
        [
            ("GET", with(Method::Get)),
            ("HEAD", with(Method::Head)),
            ("POST", with(Method::Post)),
            ("DELETE", with(Method::Delete)),
            ("OPTIONS", with(Method::Options)),
            ("CONNECT", with(Method::Connect)),
            ("TRACE", with(Method::Trace)),
            ("other GET", other("GET")),
            ("get", other("get")),
            ("other CONNECT", other("CONNECT")),
            ("connect", other("connect")),
            ("TRACK", other("TRACK")),
            ("PURGE", other("PURGE")),
            ("nothing", other("")),
            ("with a space", other("GET /canary")),
            ("with a line", other("GET\r\nx: y")),
            ("long", other(&"X".repeat(5_000))),
        ],
    );
    let overridden = Ask {
        headers: &[("x-http-method-override", "DELETE")],
        ..Ask::get(&granted, "/public/page")
    };
    http::all(report, [("overridden", overridden)]);
}
