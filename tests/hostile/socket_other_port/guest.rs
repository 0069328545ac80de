//! Goes from one granted address to its neighbours: another port, another address, another protocol,
//! another spelling.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use tollgate_test_guests::{Report, Scene, sockets};

fn attempt(scene: &Scene, report: &mut Report) {
    let here = SocketAddr::from(([127, 0, 0, 1], scene.port));
    report.step("granted", sockets::connect(here));
    let other_port = SocketAddr::from(([127, 0, 0, 1], scene.canary_port));
    report.step("other port", sockets::connect(other_port));
    let other_address = SocketAddr::from(([127, 0, 0, 2], scene.port));
    report.step("other address", sockets::connect(other_address));
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, scene.port));
    report.step("over IPv6", sockets::connect(v6));
    let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
    let granted = SocketAddr::from((mapped, scene.port));
    report.step("IPv4 in IPv6", sockets::connect(granted));
    let other = SocketAddr::from((mapped, scene.canary_port));
    report.step("IPv4 in IPv6, other port", sockets::connect(other));
    report.step(
        "port 0",
        sockets::connect(SocketAddr::from(([127, 0, 0, 1], 0))),
    );
    report.step("bound", sockets::bind(here));
    report.step(
        "over UDP",
        sockets::bind_udp(SocketAddr::from(([127, 0, 0, 1], 0))),
    );
}

tollgate_test_guests::guest!(attempt);
