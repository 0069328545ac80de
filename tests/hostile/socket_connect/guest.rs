//! Connects, listens and sends without HTTP: what is granted goes its way, and nothing else.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use tollgate_test_guests::wasi::sockets::network::IpAddressFamily;
use tollgate_test_guests::wasi::sockets::tcp_create_socket::create_tcp_socket;
use tollgate_test_guests::wasi::sockets::udp_create_socket::create_udp_socket;
use tollgate_test_guests::{Report, Scene};

fn attempt(scene: &Scene, report: &mut Report) {
    // Nobody is reached by this.
    report.step("TCP over IPv4", create_tcp_socket(IpAddressFamily::Ipv4));
    report.step("TCP over IPv6", create_tcp_socket(IpAddressFamily::Ipv6));
    report.step("UDP over IPv4", create_udp_socket(IpAddressFamily::Ipv4));
    report.step("UDP over IPv6", create_udp_socket(IpAddressFamily::Ipv6));
    let granted = TcpStream::connect(("127.0.0.1", scene.port));
    if let Some(mut stream) = report.step("connect", granted) {
        let request = b"GET /public/page HTTP/1.1\r\n\r\n";
        report.step("write", stream.write_all(request));
        let mut answer = [0; 64];
        let read = stream.read(&mut answer);
        let read = read.map(|bytes| answer.get(9..15.min(bytes)).unwrap_or_default().to_vec());
        if let Some(status) = report.step("read", read) {
            report.say(String::from_utf8_lossy(&status).into_owned());
        }
    }
    let canary = ("127.0.0.1", scene.canary_port);
    report.step("connect elsewhere", TcpStream::connect(canary));
    report.step("listen", TcpListener::bind("127.0.0.1:0"));
    let bound = report.step("bind UDP", UdpSocket::bind("127.0.0.1:0"));
    if let Some(socket) = bound {
        report.step("send", socket.send_to(b"secret", canary));
    }
    report.step("bind UDP anywhere", UdpSocket::bind("0.0.0.0:0"));
}

tollgate_test_guests::guest!(attempt);
