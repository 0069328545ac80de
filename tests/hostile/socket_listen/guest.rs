//! Waits for others: on addresses that are granted, and on those that are not.

use std::net::TcpListener;
use tollgate_test_guests::{Report, Scene, sockets};

fn attempt(scene: &Scene, report: &mut Report) {
    report.step("everywhere", TcpListener::bind("0.0.0.0:0"));
    report.step("everywhere, IPv6", TcpListener::bind("[::]:0"));
    report.step(
        "a port of its own choice",
        TcpListener::bind("127.0.0.1:8080"),
    );
    // Without a bind the system would choose, for all addresses.
    let unbound = sockets::unbound();
    report.step("unbound", unbound.and_then(|socket| socket.start_listen()));
    let granted = report.step("granted", TcpListener::bind("127.0.0.1:0"));
    if let Some(listener) = granted {
        report.step("not to wait", listener.set_nonblocking(true));
        report.step("nobody came", listener.accept());
    }
    report.step("a taken port", TcpListener::bind(("127.0.0.1", scene.port)));
}

tollgate_test_guests::guest!(attempt);
