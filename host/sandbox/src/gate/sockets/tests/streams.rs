//! TCP: connect, bind, listen, accept.

use super::*;
use crate::gate::sockets::room::SOCKETS_MAX;
use bytes::Bytes;
use std::io::{Read as _, Write as _};
use wasmtime_wasi_io::streams::StreamError;

fn grant(to: SocketAddr) -> String {
    format!("tcp connect {to}")
}

/// Reads what comes first.
async fn read(call: &mut Call, input: &Resource<DynInputStream>) -> Result<Bytes, StreamError> {
    let stream = call.state.table.get_mut(input).unwrap();
    stream.blocking_read(64).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_connection_is_counted_and_closed_with_the_call() {
    let (listener, to) = peer();
    let mut call = Call::new(&[&grant(to)]);
    let (input, output) = call.connect(to).await.unwrap();
    let (mut far, from) = listener.accept().unwrap();
    let stream = call.state.table.get_mut(&output).unwrap();
    stream
        .blocking_write_and_flush(Bytes::from_static(b"hello"))
        .await
        .unwrap();
    let mut heard = [0; 5];
    far.read_exact(&mut heard).unwrap();
    far.write_all(b"you too").unwrap();
    assert_eq!((&heard[..], from.ip()), (&b"hello"[..], to.ip()));
    assert_eq!(read(&mut call, &input).await.unwrap(), "you too");
    let (said, outcomes) = call.ended().await;
    assert_eq!(said, ["tcp.connect Intended", "Settled ok", "Closed ok"]);
    assert_eq!(outcomes[0].address, Some(to.to_string()));
    assert_eq!(outcomes[1].bytes, Some((7, 5)));
    // The socket is closed: the far end reads its end.
    assert_eq!(far.read(&mut heard).unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_granted_is_denied_and_nobody_is_reached() {
    let (listener, to) = peer();
    listener.set_nonblocking(true).unwrap();
    let wide = "tcp connect 0.0.0.0/0:*";
    for grants in [
        &[][..],
        &["tcp connect 127.0.0.1:1"],
        &["tcp bind 127.0.0.1:0"],
        &[wide],
    ] {
        let mut call = Call::new(grants);
        assert_eq!(call.connect(to).await.err(), Some(ErrorCode::AccessDenied));
        let (said, _) = call.ended().await;
        assert_eq!(said, ["tcp.connect Denied no_grant"], "{grants:?}");
    }
    assert!(listener.accept().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_system_refuses_settles_as_failed() {
    let (listener, to) = peer();
    drop(listener);
    let mut call = Call::new(&[&grant(to)]);
    let refused = call.connect(to).await.err();
    assert_eq!(refused, Some(ErrorCode::ConnectionRefused));
    let (said, outcomes) = call.ended().await;
    assert_eq!(said, ["tcp.connect Intended", "Settled failed"]);
    assert_eq!(outcomes[0].error.as_deref(), Some("connection-refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wasmtime_refuses_by_itself_leaves_a_receipt_all_the_same() {
    let nobody = SocketAddr::from(([0, 0, 0, 0], 80));
    let mut call = Call::new(&[]);
    assert_eq!(
        call.connect(nobody).await.err(),
        Some(ErrorCode::AccessDenied)
    );
    assert_eq!(call.ended().await.0, ["tcp.connect Denied no_grant"]);
    let mut call = Call::new(&["tcp connect 0.0.0.0:80"]);
    assert_eq!(
        call.connect(nobody).await.err(),
        Some(ErrorCode::InvalidArgument)
    );
    let (said, _) = call.ended().await;
    assert_eq!(said, ["tcp.connect Intended", "Settled failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_while_its_intent_is_written_is_not_connected() {
    let (listener, to) = peer();
    listener.set_nonblocking(true).unwrap();
    let mut call = Call::new(&[&grant(to)]);
    *call.world.ledger.disk.lock().unwrap() = Disk::Stalls;
    let socket = call.connecting(to).unwrap();
    for _ in 0..20 {
        let this = Resource::new_borrow(socket.rep());
        let waits = code(call.gate().finish_connect(this)).err();
        assert_eq!(waits, Some(ErrorCode::WouldBlock));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(
        listener.accept().is_err(),
        "connected before the intent was durable"
    );
    call.world.grants.set(2, &["env X"], &[]);
    *call.world.ledger.disk.lock().unwrap() = Disk::Writes;
    let denied = call.connected(&socket).await.err();
    assert_eq!(denied, Some(ErrorCode::AccessDenied));
    assert!(listener.accept().is_err());
    let (said, _) = call.ended().await;
    assert_eq!(said, ["tcp.connect Intended", "Settled cancelled"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_ledger_nothing_is_connected_or_bound() {
    let (listener, to) = peer();
    listener.set_nonblocking(true).unwrap();
    let mut call = Call::new(&[&grant(to), "tcp bind 127.0.0.1:0"]);
    *call.world.ledger.disk.lock().unwrap() = Disk::Fails;
    assert_eq!(call.connect(to).await.err(), Some(ErrorCode::AccessDenied));
    let (network, socket) = (call.network(), call.tcp());
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let bound = code(call.gate().start_bind(socket, network, local.into()).await);
    assert_eq!(bound, Err(ErrorCode::AccessDenied));
    assert!(listener.accept().is_err());
    let (said, _) = call.ended().await;
    assert_eq!(
        said,
        [
            "tcp.connect Intended",
            "Settled cancelled",
            "tcp.bind Denied ledger_unavailable"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_connection_is_used_no_more_and_says_so_once() {
    let (listener, to) = peer();
    let mut call = Call::new(&[&grant(to)]);
    let (input, output) = call.connect(to).await.unwrap();
    let (mut far, _) = listener.accept().unwrap();
    far.write_all(b"secret").unwrap();
    call.world.grants.set(2, &["env X"], &[]);
    for _ in 0..3 {
        let read = read(&mut call, &input).await;
        assert!(matches!(read, Err(StreamError::LastOperationFailed(_))));
        let stream = call.state.table.get_mut(&output).unwrap();
        assert!(stream.check_write().is_err());
    }
    let (said, outcomes) = call.ended().await;
    assert_eq!(
        said,
        [
            "tcp.connect Intended",
            "Settled ok",
            "tcp.use Denied",
            "Closed failed"
        ]
    );
    assert_eq!(outcomes[1].bytes, Some((0, 0)));
    let why = outcomes[1].detail.as_deref();
    assert_eq!(why, Some("the grant was revoked meanwhile"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_wish_leaves_the_first_its_permit() {
    let (_listener, to) = peer();
    let mut call = Call::new(&[&grant(to), "tcp bind 127.0.0.1:0"]);
    let socket = call.connecting(to).unwrap();
    let this = || Resource::new_borrow(socket.rep());
    *call.world.ledger.disk.lock().unwrap() = Disk::Stalls;
    let waits = code(call.gate().finish_connect(this())).err();
    assert_eq!(waits, Some(ErrorCode::WouldBlock));
    // Its permit comes while nobody asks how far it is.
    *call.world.ledger.disk.lock().unwrap() = Disk::Writes;
    let busy = Some(ErrorCode::ConcurrencyConflict);
    for _ in 0..10 {
        let network = call.network();
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let bound = code(call.gate().start_bind(this(), network, local.into()).await);
        assert_eq!(bound.err(), busy);
    }
    let network = call.network();
    let again = code(call.gate().start_connect(this(), network, to.into()));
    assert_eq!(again.err(), busy);
    call.connected(&socket).await.unwrap();
    let (said, _) = call.ended().await;
    let count = |line: &str| said.iter().filter(|said| *said == line).count();
    assert_eq!(count("Settled failed"), 11, "{said:?}");
    assert_eq!(
        (count("Settled ok"), count("Closed ok")),
        (1, 1),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_given_up_leaves_no_open_intent() {
    let to: SocketAddr = NOWHERE.parse().unwrap();
    let mut call = Call::new(&[&grant(to)]);
    let socket = call.connecting(to).unwrap();
    while call.written() == 0 {
        let this = Resource::new_borrow(socket.rep());
        let _ = code(call.gate().finish_connect(this));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (said, _) = call.ended().await;
    assert_eq!(said[0], "tcp.connect Intended");
    assert_eq!(said.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bind_listen_and_accept_are_effects_of_the_address_that_was_asked_for() {
    let mut call = Call::new(&["tcp bind 127.0.0.1:0"]);
    let (network, socket) = (call.network(), call.tcp());
    let this = || Resource::new_borrow(socket.rep());
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    code(call.gate().start_bind(this(), network, local.into()).await).unwrap();
    code(call.gate().finish_bind(this())).unwrap();
    code(call.gate().start_listen(this()).await).unwrap();
    code(call.gate().finish_listen(this())).unwrap();
    let at = SocketAddr::from(code(call.gate().local_address(this())).unwrap());
    let mut far = std::net::TcpStream::connect(at).unwrap();
    far.write_all(b"hello").unwrap();
    let (client, input, _output) = loop {
        match code(call.gate().accept(this())) {
            Err(ErrorCode::WouldBlock) => tokio::time::sleep(Duration::from_millis(1)).await,
            other => break other.unwrap(),
        }
    };
    let from = SocketAddr::from(code(call.gate().remote_address(client)).unwrap());
    assert_eq!(from, far.local_addr().unwrap());
    assert_eq!(read(&mut call, &input).await.unwrap(), "hello");
    // Another client comes after the grant is gone: it is turned away.
    call.world.grants.set(2, &["env X"], &[]);
    let mut late = std::net::TcpStream::connect(at).unwrap();
    late.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    for _ in 0..20 {
        let waits = code(call.gate().accept(this())).err();
        assert_eq!(waits, Some(ErrorCode::WouldBlock));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let turned_away = late.read(&mut [0; 1]).map_err(|error| error.kind());
    assert!(matches!(
        turned_away,
        Ok(0) | Err(std::io::ErrorKind::ConnectionReset)
    ));
    let (said, outcomes) = call.ended().await;
    assert_eq!(
        said[..4],
        [
            "tcp.bind Intended",
            "Settled ok",
            "tcp.listen Intended",
            "Settled ok"
        ]
    );
    assert_eq!(outcomes[0].address, Some(at.to_string()));
    assert!(
        said.contains(&"tcp.accept Settled ok".to_owned()),
        "{said:?}"
    );
    assert!(said.contains(&"tcp.accept Denied".to_owned()), "{said:?}");
    let let_in = outcomes.iter().find(|o| o.bytes == Some((5, 0)));
    assert!(let_in.is_some(), "{outcomes:?}");
    let closed = outcomes.iter().filter(|o| o.stage == Stage::Closed);
    assert_eq!(closed.count(), 3, "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn binding_without_a_grant_is_denied_and_a_wildcard_is_no_exception() {
    let mut call = Call::new(&["tcp connect 127.0.0.1:1", "tcp bind 127.0.0.1:0"]);
    let (network, socket) = (call.network(), call.tcp());
    for (ip, port) in [([0, 0, 0, 0], 0), ([127, 0, 0, 1], 8080)] {
        let (this, network) = (
            Resource::new_borrow(socket.rep()),
            Resource::new_borrow(network.rep()),
        );
        let local = SocketAddr::from((ip, port));
        let bound = code(call.gate().start_bind(this, network, local.into()).await);
        assert_eq!(bound, Err(ErrorCode::AccessDenied));
    }
    // Listening binds by itself elsewhere; here it needs a bind first.
    let this = Resource::new_borrow(socket.rep());
    let listens = code(call.gate().start_listen(this).await);
    assert_eq!(listens, Err(ErrorCode::AccessDenied));
    let (said, _) = call.ended().await;
    assert_eq!(
        said,
        [
            "tcp.bind Denied no_grant",
            "tcp.bind Denied no_grant",
            "tcp.listen Denied no_grant"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_has_so_many_sockets_and_gets_room_back() {
    let mut call = Call::new(&[]);
    let mut open: Vec<_> = (0..SOCKETS_MAX).map(|_| call.tcp()).collect();
    let more = code(call.gate().create_tcp_socket(IpAddressFamily::Ipv4)).err();
    assert_eq!(more, Some(ErrorCode::NewSocketLimit));
    let one = open.pop().unwrap();
    HostTcpSocket::drop(&mut call.gate(), one).unwrap();
    call.tcp();
    assert!(call.ended().await.0.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_exchanges_have_no_sockets() {
    let (listener, to) = peer();
    listener.set_nonblocking(true).unwrap();
    for (grants, reason) in [(&[grant(to)][..], "unsupported"), (&[], "no_grant")] {
        let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
        let mut call = Call::of(World::new(&grants));
        assert_eq!(call.connect(to).await.err(), Some(ErrorCode::AccessDenied));
        assert_eq!(
            call.ended().await.0,
            [format!("tcp.connect Denied {reason}")]
        );
    }
    assert!(listener.accept().is_err());
}
