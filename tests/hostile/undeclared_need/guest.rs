//! Does what the operator granted, and the component never declared that it needs.

use std::net::ToSocketAddrs;
use tollgate_test_guests::wasi::keyvalue::store;
use tollgate_test_guests::{Report, Scene, http};

fn attempt(scene: &Scene, report: &mut Report) {
    report.step("read", std::fs::read("/data/note.txt"));
    report.step("write", std::fs::write("/data/new.txt", "new"));
    report.say(format!(
        "environment: {:?}",
        std::env::var("HOSTILE_PLAIN").ok()
    ));
    let opened = store::open("notes").map_err(|error| format!("{error:?}"));
    report.step("open a namespace", opened);
    http::attempt(report, &format!("127.0.0.1:{}", scene.port), "/public/page");
    report.step("look up", ("localhost", 80).to_socket_addrs());
    let granted = ("127.0.0.1", scene.port);
    report.step("connect", std::net::TcpStream::connect(granted));
}

tollgate_test_guests::guest!(attempt);
