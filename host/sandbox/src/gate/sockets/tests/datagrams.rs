//! UDP: bind, connect, send, receive.

use super::*;
use wasmtime_wasi::p2::bindings::sockets::udp::{
    HostIncomingDatagramStream, HostOutgoingDatagramStream, HostUdpSocket, IncomingDatagramStream,
    OutgoingDatagram, OutgoingDatagramStream, UdpSocket,
};
use wasmtime_wasi::p2::bindings::sockets::udp_create_socket::Host as _;

/// A socket of a call, bound to loopback, with its streams.
struct Bound {
    socket: Resource<UdpSocket>,
    incoming: Resource<IncomingDatagramStream>,
    outgoing: Resource<OutgoingDatagramStream>,
}

impl Call {
    async fn udp(&mut self) -> Result<Resource<UdpSocket>, ErrorCode> {
        let network = self.network();
        let socket = code(self.gate().create_udp_socket(IpAddressFamily::Ipv4).await)?;
        let this = || Resource::new_borrow(socket.rep());
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        code(HostUdpSocket::start_bind(&mut self.gate(), this(), network, local.into()).await)?;
        code(HostUdpSocket::finish_bind(&mut self.gate(), this()))?;
        Ok(socket)
    }

    async fn bound(&mut self, connect: Option<SocketAddr>) -> Result<Bound, ErrorCode> {
        let socket = self.udp().await?;
        let this = Resource::new_borrow(socket.rep());
        let connect = connect.map(Into::into);
        let (incoming, outgoing) = code(self.gate().stream(this, connect).await)?;
        Ok(Bound {
            socket,
            incoming,
            outgoing,
        })
    }

    fn send(&mut self, bound: &Bound, to: &[Option<SocketAddr>]) -> Result<u64, ErrorCode> {
        let this = || Resource::new_borrow(bound.outgoing.rep());
        code(self.gate().check_send(this()))?;
        let datagrams = to.iter().map(|to| OutgoingDatagram {
            data: b"data".to_vec(),
            remote_address: to.map(Into::into),
        });
        let datagrams = datagrams.collect();
        code(HostOutgoingDatagramStream::send(
            &mut self.gate(),
            this(),
            datagrams,
        ))
    }

    async fn receive(&mut self, bound: &Bound) -> Result<Vec<u8>, ErrorCode> {
        loop {
            let this = Resource::new_borrow(bound.incoming.rep());
            let got = code(HostIncomingDatagramStream::receive(
                &mut self.gate(),
                this,
                1,
            ))?;
            match got.into_iter().next() {
                Some(datagram) => return Ok(datagram.data),
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }
}

fn far() -> (std::net::UdpSocket, SocketAddr) {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

const BIND: &str = "udp bind 127.0.0.1:0";

#[tokio::test(flavor = "multi_thread")]
async fn a_spray_reaches_who_is_granted_and_leaves_one_receipt_for_each() {
    let (granted, to) = far();
    let (other, not_to) = far();
    other.set_nonblocking(true).unwrap();
    let mut call = Call::new(&[BIND, &format!("udp connect {to}")]);
    let bound = call.bound(None).await.unwrap();
    for _ in 0..3 {
        assert_eq!(call.send(&bound, &[Some(to)]), Ok(1));
        assert_eq!(granted.recv(&mut [0; 8]).unwrap(), 4);
    }
    // A list ends before the peer that nobody has decided on; then that one is the answer.
    assert_eq!(call.send(&bound, &[Some(to), Some(not_to)]), Ok(1));
    let denied = Err(ErrorCode::AccessDenied);
    assert_eq!(call.send(&bound, &[Some(not_to), Some(to)]), denied);
    assert!(other.recv(&mut [0; 8]).is_err());
    let (said, outcomes) = call.ended().await;
    assert_eq!(
        said,
        [
            "udp.bind Intended",
            "Settled ok",
            "udp.send Intended",
            "Settled ok",
            "udp.send Denied no_grant",
            "Closed ok",
            "Closed ok"
        ]
    );
    let sent = outcomes.iter().find(|o| o.bytes == Some((0, 16)));
    assert!(sent.is_some(), "{outcomes:?}");
    assert_eq!(outcomes[1].address, Some(to.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connected_socket_sends_and_hears_under_the_receipt_of_connecting() {
    let (granted, to) = far();
    let mut call = Call::new(&[BIND, &format!("udp connect {to}")]);
    let bound = call.bound(Some(to)).await.unwrap();
    assert_eq!(call.send(&bound, &[None, Some(to)]), Ok(2));
    let (_, from) = granted.recv_from(&mut [0; 8]).unwrap();
    granted.send_to(b"answer", from).unwrap();
    assert_eq!(call.receive(&bound).await.unwrap(), b"answer");
    let this = Resource::new_borrow(bound.socket.rep());
    assert!(code(HostUdpSocket::remote_address(&mut call.gate(), this)).is_ok());
    let (said, outcomes) = call.ended().await;
    assert_eq!(
        said[..4],
        [
            "udp.bind Intended",
            "Settled ok",
            "udp.connect Intended",
            "Settled ok"
        ]
    );
    assert_eq!(said.len(), 6);
    let counted = outcomes.iter().find(|o| o.bytes == Some((6, 8)));
    assert!(counted.is_some(), "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_granted_is_neither_bound_nor_connected() {
    let (_, to) = far();
    let mut call = Call::new(&[&format!("udp connect {to}")]);
    assert_eq!(call.udp().await.err(), Some(ErrorCode::AccessDenied));
    assert_eq!(call.ended().await.0, ["udp.bind Denied no_grant"]);
    let mut call = Call::new(&[BIND]);
    let denied = call.bound(Some(to)).await.err();
    assert_eq!(denied, Some(ErrorCode::AccessDenied));
    let (said, _) = call.ended().await;
    assert_eq!(
        said,
        [
            "udp.bind Intended",
            "Settled ok",
            "udp.connect Denied no_grant",
            "Closed ok"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_peer_is_sent_nothing_and_a_revoked_socket_hears_nothing() {
    let (granted, to) = far();
    let connect = format!("udp connect {to}");
    let mut call = Call::new(&[BIND, &connect]);
    let bound = call.bound(None).await.unwrap();
    assert_eq!(call.send(&bound, &[Some(to)]), Ok(1));
    let (_, from) = granted.recv_from(&mut [0; 8]).unwrap();
    call.world.grants.set(2, &[BIND], &[]);
    for _ in 0..3 {
        assert_eq!(call.send(&bound, &[Some(to)]), Err(ErrorCode::AccessDenied));
    }
    granted.send_to(b"still here", from).unwrap();
    assert_eq!(call.receive(&bound).await.unwrap(), b"still here");
    call.world.grants.set(3, &["env X"], &[]);
    granted.send_to(b"secret", from).unwrap();
    for _ in 0..3 {
        let denied = call.receive(&bound).await.err();
        assert_eq!(denied, Some(ErrorCode::AccessDenied));
    }
    let (said, _) = call.ended().await;
    let used = said.iter().filter(|line| *line == "udp.use Denied");
    assert_eq!(used.count(), 2, "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_ledger_nothing_is_sent() {
    let (granted, to) = far();
    granted.set_nonblocking(true).unwrap();
    let mut call = Call::new(&[BIND, &format!("udp connect {to}")]);
    let bound = call.bound(None).await.unwrap();
    *call.world.ledger.disk.lock().unwrap() = Disk::Fails;
    let denied = Err(ErrorCode::AccessDenied);
    assert_eq!(call.send(&bound, &[Some(to)]), denied);
    assert_eq!(call.send(&bound, &[Some(to)]), denied);
    assert!(granted.recv(&mut [0; 8]).is_err());
    let (said, _) = call.ended().await;
    assert_eq!(
        said[2..5],
        [
            "udp.send Intended",
            "Settled cancelled",
            "udp.send Denied ledger_unavailable"
        ]
    );
}
