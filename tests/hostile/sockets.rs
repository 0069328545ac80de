//! Short forms of the raw socket imports: addresses are handed over as they are, and an answer is waited for.

use crate::wasi::sockets::instance_network::instance_network;
use crate::wasi::sockets::ip_name_lookup::resolve_addresses;
use crate::wasi::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use crate::wasi::sockets::tcp::TcpSocket;
use crate::wasi::sockets::tcp_create_socket::create_tcp_socket;
use crate::wasi::sockets::udp::{OutgoingDatagram, OutgoingDatagramStream, UdpSocket};
use crate::wasi::sockets::udp_create_socket::create_udp_socket;
use std::net::SocketAddr;

/// An address in the form of the interface.
#[must_use]
pub fn address(address: SocketAddr) -> IpSocketAddress {
    match address {
        SocketAddr::V4(v4) => IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port: v4.port(),
            address: v4.ip().octets().into(),
        }),
        SocketAddr::V6(v6) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port: v6.port(),
            flow_info: v6.flowinfo(),
            address: v6.ip().segments().into(),
            scope_id: v6.scope_id(),
        }),
    }
}

fn family(address: SocketAddr) -> IpAddressFamily {
    match address {
        SocketAddr::V4(_) => IpAddressFamily::Ipv4,
        SocketAddr::V6(_) => IpAddressFamily::Ipv6,
    }
}

/// Connects over TCP.
///
/// # Errors
/// The error of the interface.
pub fn connect(to: SocketAddr) -> Result<TcpSocket, ErrorCode> {
    let socket = create_tcp_socket(family(to))?;
    socket.start_connect(&instance_network(), address(to))?;
    loop {
        socket.subscribe().block();
        match socket.finish_connect() {
            Ok(_streams) => return Ok(socket),
            Err(ErrorCode::WouldBlock) => {}
            Err(code) => return Err(code),
        }
    }
}

/// A TCP socket that is bound.
///
/// # Errors
/// The error of the interface.
pub fn bind(at: SocketAddr) -> Result<TcpSocket, ErrorCode> {
    let socket = create_tcp_socket(family(at))?;
    socket.start_bind(&instance_network(), address(at))?;
    socket.finish_bind()?;
    Ok(socket)
}

/// A UDP socket that is bound.
///
/// # Errors
/// The error of the interface.
pub fn bind_udp(at: SocketAddr) -> Result<UdpSocket, ErrorCode> {
    let socket = create_udp_socket(family(at))?;
    socket.start_bind(&instance_network(), address(at))?;
    socket.finish_bind()?;
    Ok(socket)
}

/// Sends one datagram.
///
/// # Errors
/// The error of the interface.
pub fn send(stream: &OutgoingDatagramStream, to: Option<SocketAddr>) -> Result<u64, ErrorCode> {
    stream.check_send()?;
    stream.send(&[OutgoingDatagram {
        data: b"secret".to_vec(),
        remote_address: to.map(address),
    }])
}

/// Looks a name up.
///
/// # Errors
/// The error of the interface.
pub fn look_up(name: &str) -> Result<Vec<IpAddress>, ErrorCode> {
    let stream = resolve_addresses(&instance_network(), name)?;
    let mut addresses = Vec::new();
    loop {
        match stream.resolve_next_address() {
            Ok(Some(address)) => addresses.push(address),
            Ok(None) => return Ok(addresses),
            Err(ErrorCode::WouldBlock) => stream.subscribe().block(),
            Err(code) => return Err(code),
        }
    }
}

/// A TCP socket that is not bound.
///
/// # Errors
/// The error of the interface.
pub fn unbound() -> Result<TcpSocket, ErrorCode> {
    create_tcp_socket(IpAddressFamily::Ipv4)
}

/// A UDP socket that is not bound.
///
/// # Errors
/// The error of the interface.
pub fn unbound_udp() -> Result<UdpSocket, ErrorCode> {
    create_udp_socket(IpAddressFamily::Ipv4)
}
