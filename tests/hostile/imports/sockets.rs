//! Sockets and lookups that are under way.

use super::{streams, told, tried};
use std::net::{Ipv4Addr, SocketAddr};
use tollgate_test_guests::Report;
use tollgate_test_guests::sockets::{address, bind, bind_udp, unbound, unbound_udp};
use tollgate_test_guests::wasi::io::streams::{InputStream, OutputStream};
use tollgate_test_guests::wasi::sockets::instance_network::instance_network;
use tollgate_test_guests::wasi::sockets::ip_name_lookup::{
    ResolveAddressStream, resolve_addresses,
};
use tollgate_test_guests::wasi::sockets::network::{ErrorCode, IpAddressFamily};
use tollgate_test_guests::wasi::sockets::tcp::{ShutdownType, TcpSocket};
use tollgate_test_guests::wasi::sockets::tcp_create_socket::create_tcp_socket;
use tollgate_test_guests::wasi::sockets::udp::{
    IncomingDatagramStream, OutgoingDatagramStream, UdpSocket,
};
use tollgate_test_guests::wasi::sockets::udp_create_socket::create_udp_socket;

/// A second, in nanoseconds.
const SECOND_NS: u64 = 1_000_000_000;
/// Bytes of a buffer that every kernel grants.
const BUFFER_BYTES: u64 = 16 * 1024;

/// An address of this machine that nothing else uses, with a port that the kernel chooses.
fn own() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(127, 0, 0, 3), 0))
}

/// Both ends of a connection. Streams go before their sockets do.
struct Connected {
    input: InputStream,
    output: OutputStream,
    client: TcpSocket,
    _server: ((InputStream, OutputStream), TcpSocket),
}

/// What is under way.
pub(super) struct Opened {
    binding: Option<TcpSocket>,
    listening: Option<TcpSocket>,
    connecting: Option<TcpSocket>,
    _listener: Option<TcpSocket>,
    connected: Option<Connected>,
    binding_udp: Option<UdpSocket>,
    datagrams: Option<(IncomingDatagramStream, OutgoingDatagramStream)>,
    udp: Option<UdpSocket>,
    lookup: Option<ResolveAddressStream>,
}

impl Opened {
    pub(super) fn open() -> Self {
        let listener = listener().ok();
        let at = listener.as_ref().and_then(|one| one.local_address().ok());
        let udp = bind_udp(own()).ok();
        Self {
            binding: begun(unbound(), |socket| {
                socket.start_bind(&instance_network(), address(own()))
            }),
            listening: begun(bind(own()).or_else(|_| unbound()), TcpSocket::start_listen),
            connecting: begun(unbound(), |socket| match at {
                Some(at) => socket.start_connect(&instance_network(), at),
                None => Ok(()),
            }),
            connected: listener.as_ref().and_then(|one| connect(one).ok()),
            _listener: listener,
            binding_udp: begun(unbound_udp(), |socket| {
                socket.start_bind(&instance_network(), address(own()))
            }),
            datagrams: udp.as_ref().and_then(to_itself),
            udp: udp.or_else(|| unbound_udp().ok()),
            lookup: resolve_addresses(&instance_network(), "localhost").ok(),
        }
    }

    pub(super) fn attempt(self, report: &mut Report) {
        tried(
            report,
            "tcp-create-socket.create-tcp-socket",
            Some(()),
            |()| create_tcp_socket(IpAddressFamily::Ipv4),
        );
        tried(
            report,
            "udp-create-socket.create-udp-socket",
            Some(()),
            |()| create_udp_socket(IpAddressFamily::Ipv4),
        );
        attempt_begun(report, &self);
        let lone = unbound().ok();
        let client = self.connected.as_ref().map(|both| &both.client);
        attempt_tcp(report, client.or(lone.as_ref()));
        let both = self.connected.as_ref();
        streams::attempt(
            report,
            "tcp.use",
            both.map(|both| &both.input),
            both.map(|both| &both.output),
        );
        tried(
            report,
            "tcp-socket.shutdown",
            client.or(lone.as_ref()),
            |socket| socket.shutdown(ShutdownType::Both),
        );
        attempt_udp(report, self.udp.as_ref());
        attempt_datagrams(report, self.datagrams.as_ref());
        attempt_lookup(report, self.lookup.as_ref());
    }
}

/// Streams of datagrams from a socket to itself.
fn to_itself(udp: &UdpSocket) -> Option<(IncomingDatagramStream, OutgoingDatagramStream)> {
    udp.stream(Some(udp.local_address().ok()?)).ok()
}

/// A socket with which something has been begun, whether or not it was allowed.
fn begun<S>(
    socket: Result<S, ErrorCode>,
    begin: impl FnOnce(&S) -> Result<(), ErrorCode>,
) -> Option<S> {
    let socket = socket.ok()?;
    // What was refused has not begun; its other half is asked all the same.
    begin(&socket).unwrap_or_default();
    Some(socket)
}

fn listener() -> Result<TcpSocket, ErrorCode> {
    let listener = bind(own())?;
    listener.start_listen()?;
    listener.finish_listen()?;
    Ok(listener)
}

/// Connects to our own listener and sends a little from its side.
fn connect(listener: &TcpSocket) -> Result<Connected, ErrorCode> {
    let client = unbound()?;
    client.start_connect(&instance_network(), listener.local_address()?)?;
    let (input, output) = loop {
        client.subscribe().block();
        match client.finish_connect() {
            Ok(streams) => break streams,
            Err(ErrorCode::WouldBlock) => {}
            Err(code) => return Err(code),
        }
    };
    let server = loop {
        match listener.accept() {
            Ok(server) => break server,
            Err(ErrorCode::WouldBlock) => listener.subscribe().block(),
            Err(code) => return Err(code),
        }
    };
    let (socket, from, to) = server;
    drop(to.blocking_write_and_flush(b"a greeting"));
    input.subscribe().block();
    Ok(Connected {
        input,
        output,
        client,
        _server: ((from, to), socket),
    })
}

fn attempt_begun(report: &mut Report, opened: &Opened) {
    tried(
        report,
        "tcp-socket.finish-bind",
        opened.binding.as_ref(),
        TcpSocket::finish_bind,
    );
    tried(
        report,
        "tcp-socket.finish-listen",
        opened.listening.as_ref(),
        TcpSocket::finish_listen,
    );
    tried(
        report,
        "tcp-socket.finish-connect",
        opened.connecting.as_ref(),
        |socket| loop {
            match socket.finish_connect() {
                Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
                other => return other.map(drop),
            }
        },
    );
    tried(
        report,
        "udp-socket.finish-bind",
        opened.binding_udp.as_ref(),
        UdpSocket::finish_bind,
    );
}

fn attempt_tcp(report: &mut Report, socket: Option<&TcpSocket>) {
    tried(
        report,
        "tcp-socket.local-address",
        socket,
        TcpSocket::local_address,
    );
    tried(
        report,
        "tcp-socket.remote-address",
        socket,
        TcpSocket::remote_address,
    );
    told(
        report,
        "tcp-socket.is-listening",
        socket,
        TcpSocket::is_listening,
    );
    told(
        report,
        "tcp-socket.address-family",
        socket,
        TcpSocket::address_family,
    );
    tried(
        report,
        "tcp-socket.set-listen-backlog-size",
        socket,
        |socket| socket.set_listen_backlog_size(4),
    );
    attempt_keep_alive(report, socket);
    tried(report, "tcp-socket.hop-limit", socket, TcpSocket::hop_limit);
    tried(report, "tcp-socket.set-hop-limit", socket, |socket| {
        socket.set_hop_limit(9)
    });
    tried(
        report,
        "tcp-socket.receive-buffer-size",
        socket,
        TcpSocket::receive_buffer_size,
    );
    tried(
        report,
        "tcp-socket.set-receive-buffer-size",
        socket,
        |socket| socket.set_receive_buffer_size(BUFFER_BYTES),
    );
    tried(
        report,
        "tcp-socket.send-buffer-size",
        socket,
        TcpSocket::send_buffer_size,
    );
    tried(
        report,
        "tcp-socket.set-send-buffer-size",
        socket,
        |socket| socket.set_send_buffer_size(BUFFER_BYTES),
    );
    told(report, "tcp-socket.subscribe", socket, |socket| {
        drop(socket.subscribe());
    });
}

fn attempt_keep_alive(report: &mut Report, socket: Option<&TcpSocket>) {
    tried(
        report,
        "tcp-socket.keep-alive-enabled",
        socket,
        TcpSocket::keep_alive_enabled,
    );
    tried(
        report,
        "tcp-socket.set-keep-alive-enabled",
        socket,
        |socket| socket.set_keep_alive_enabled(true),
    );
    tried(
        report,
        "tcp-socket.keep-alive-idle-time",
        socket,
        TcpSocket::keep_alive_idle_time,
    );
    tried(
        report,
        "tcp-socket.set-keep-alive-idle-time",
        socket,
        |socket| socket.set_keep_alive_idle_time(SECOND_NS),
    );
    tried(
        report,
        "tcp-socket.keep-alive-interval",
        socket,
        TcpSocket::keep_alive_interval,
    );
    tried(
        report,
        "tcp-socket.set-keep-alive-interval",
        socket,
        |socket| socket.set_keep_alive_interval(SECOND_NS),
    );
    tried(
        report,
        "tcp-socket.keep-alive-count",
        socket,
        TcpSocket::keep_alive_count,
    );
    tried(
        report,
        "tcp-socket.set-keep-alive-count",
        socket,
        |socket| socket.set_keep_alive_count(3),
    );
}

fn attempt_udp(report: &mut Report, socket: Option<&UdpSocket>) {
    tried(
        report,
        "udp-socket.local-address",
        socket,
        UdpSocket::local_address,
    );
    tried(
        report,
        "udp-socket.remote-address",
        socket,
        UdpSocket::remote_address,
    );
    told(
        report,
        "udp-socket.address-family",
        socket,
        UdpSocket::address_family,
    );
    tried(
        report,
        "udp-socket.unicast-hop-limit",
        socket,
        UdpSocket::unicast_hop_limit,
    );
    tried(
        report,
        "udp-socket.set-unicast-hop-limit",
        socket,
        |socket| socket.set_unicast_hop_limit(9),
    );
    tried(
        report,
        "udp-socket.receive-buffer-size",
        socket,
        UdpSocket::receive_buffer_size,
    );
    tried(
        report,
        "udp-socket.set-receive-buffer-size",
        socket,
        |socket| socket.set_receive_buffer_size(BUFFER_BYTES),
    );
    tried(
        report,
        "udp-socket.send-buffer-size",
        socket,
        UdpSocket::send_buffer_size,
    );
    tried(
        report,
        "udp-socket.set-send-buffer-size",
        socket,
        |socket| socket.set_send_buffer_size(BUFFER_BYTES),
    );
    told(report, "udp-socket.subscribe", socket, |socket| {
        drop(socket.subscribe());
    });
}

fn attempt_datagrams(
    report: &mut Report,
    streams: Option<&(IncomingDatagramStream, OutgoingDatagramStream)>,
) {
    let (incoming, outgoing) = streams
        .map(|(incoming, outgoing)| (incoming, outgoing))
        .unzip();
    tried(
        report,
        "incoming-datagram-stream.receive udp.use",
        incoming,
        |incoming| incoming.receive(1),
    );
    told(
        report,
        "incoming-datagram-stream.subscribe",
        incoming,
        |incoming| drop(incoming.subscribe()),
    );
    tried(
        report,
        "outgoing-datagram-stream.check-send udp.use",
        outgoing,
        OutgoingDatagramStream::check_send,
    );
    told(
        report,
        "outgoing-datagram-stream.subscribe",
        outgoing,
        |outgoing| drop(outgoing.subscribe()),
    );
}

fn attempt_lookup(report: &mut Report, lookup: Option<&ResolveAddressStream>) {
    tried(
        report,
        "resolve-address-stream.resolve-next-address",
        lookup,
        |lookup| loop {
            match lookup.resolve_next_address() {
                Err(ErrorCode::WouldBlock) => lookup.subscribe().block(),
                other => return other,
            }
        },
    );
    told(
        report,
        "resolve-address-stream.subscribe",
        lookup,
        |lookup| drop(lookup.subscribe()),
    );
}
