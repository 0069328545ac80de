//! Connects, listens and sends without HTTP.

use std::net::{TcpListener, TcpStream, UdpSocket};
use tollgate_test_guests::wasi::sockets::network::IpAddressFamily;
use tollgate_test_guests::wasi::sockets::tcp_create_socket::create_tcp_socket;
use tollgate_test_guests::wasi::sockets::udp_create_socket::create_udp_socket;
use tollgate_test_guests::{Report, Scene};

fn attempt(scene: &Scene, report: &mut Report) {
    report.step("TCP over IPv4", create_tcp_socket(IpAddressFamily::Ipv4));
    report.step("TCP over IPv6", create_tcp_socket(IpAddressFamily::Ipv6));
    report.step("UDP over IPv4", create_udp_socket(IpAddressFamily::Ipv4));
    report.step("UDP over IPv6", create_udp_socket(IpAddressFamily::Ipv6));
    let canary = ("127.0.0.1", scene.canary_port);
    report.step("connect through the libc", TcpStream::connect(canary));
    report.step("listen through the libc", TcpListener::bind("127.0.0.1:0"));
    report.step("bind UDP through the libc", UdpSocket::bind("127.0.0.1:0"));
}

tollgate_test_guests::guest!(attempt);
