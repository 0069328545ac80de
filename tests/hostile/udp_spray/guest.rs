//! Sends a secret to fifty peers, of which one is granted.

use std::net::{SocketAddr, UdpSocket};
use tollgate_test_guests::{Report, Scene, sockets};

const PEERS: u16 = 50;

fn attempt(scene: &Scene, report: &mut Report) {
    let granted = SocketAddr::from(([127, 0, 0, 1], scene.port));
    let Some(socket) = report.step("bind", UdpSocket::bind("127.0.0.1:0")) else {
        return;
    };
    let (mut sent, mut denied) = (0, 0);
    for last in 1..=PEERS {
        let mut count = |to: SocketAddr| match socket.send_to(b"secret", to) {
            Ok(_) => sent += 1,
            Err(_) => denied += 1,
        };
        count(granted);
        count(SocketAddr::from(([127, 0, 0, 1], last)));
    }
    report.say(format!("sent {sent}, denied {denied}"));
    report.step("connect", socket.connect(("127.0.0.1", scene.canary_port)));
    drop(socket);
    let at = SocketAddr::from(([127, 0, 0, 1], 0));
    let Some(socket) = report.step("bind another", sockets::bind_udp(at)) else {
        return;
    };
    let connected = socket.stream(Some(sockets::address(granted)));
    if let Some((_incoming, outgoing)) = report.step("connect to the granted", connected) {
        report.step(
            "send to whom it is connected",
            sockets::send(&outgoing, None),
        );
        let other = SocketAddr::from(([127, 0, 0, 1], 1));
        report.step("send past it", sockets::send(&outgoing, Some(other)));
    }
}

tollgate_test_guests::guest!(attempt);
