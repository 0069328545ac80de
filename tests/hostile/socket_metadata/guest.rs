//! A grant for every public address is no grant for this machine, its network and its cloud.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use tollgate_test_guests::{Report, Scene, sockets};

fn attempt(scene: &Scene, report: &mut Report) {
    let metadata = Ipv4Addr::new(169, 254, 169, 254);
    let forbidden: [(&str, SocketAddr); 9] = [
        ("metadata", (metadata, 80).into()),
        (
            "metadata, IPv4 in IPv6",
            (metadata.to_ipv6_mapped(), 80).into(),
        ),
        (
            "this machine",
            (Ipv4Addr::LOCALHOST, scene.canary_port).into(),
        ),
        (
            "this machine, IPv4 in IPv6",
            (Ipv4Addr::LOCALHOST.to_ipv6_mapped(), scene.canary_port).into(),
        ),
        (
            "this machine, IPv6",
            (Ipv6Addr::LOCALHOST, scene.canary_port).into(),
        ),
        (
            "no address",
            (Ipv4Addr::UNSPECIFIED, scene.canary_port).into(),
        ),
        (
            "no address, IPv6",
            (Ipv6Addr::UNSPECIFIED, scene.canary_port).into(),
        ),
        ("private", (Ipv4Addr::new(10, 0, 0, 1), 80).into()),
        ("everybody", (Ipv4Addr::BROADCAST, 80).into()),
    ];
    for (what, to) in forbidden {
        report.step(what, sockets::connect(to));
    }
    let at = SocketAddr::from(([127, 0, 0, 1], 0));
    let socket = report.step("bind UDP", sockets::bind_udp(at));
    let Some(streams) = socket.as_ref().map(|socket| socket.stream(None)) else {
        return;
    };
    if let Some((_incoming, outgoing)) = report.step("stream", streams) {
        for (what, to) in forbidden.into_iter().filter(|(_, to)| to.is_ipv4()) {
            report.step(
                &format!("send to {what}"),
                sockets::send(&outgoing, Some(to)),
            );
        }
    }
}

tollgate_test_guests::guest!(attempt);
