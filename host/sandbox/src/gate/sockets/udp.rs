//! `wasi:sockets/udp`, function by function.
//!
//! A peer is decided on once for each socket, before the first datagram to it; what follows is counted. A
//! list of datagrams ends before the next peer that nobody has decided on, so that a refusal is the answer
//! to the datagram that it is about.

use super::socket::{Doing, Reach};
use super::tcp::without_permit;
use super::{BUFFER_BYTES_MAX, wildcard, wish};
use crate::gate::permit::Refused;
use crate::gate::view::Gate;
use std::net::SocketAddr;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::SocketResult;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network,
};
use wasmtime_wasi::p2::bindings::sockets::udp::{
    self, HostIncomingDatagramStream, HostOutgoingDatagramStream, HostUdpSocket, IncomingDatagram,
    IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream, UdpSocket,
};
use wasmtime_wasi::p2::bindings::sockets::udp_create_socket;
use wasmtime_wasi::sockets::WasiSocketsCtxView;
use wasmtime_wasi_io::poll::DynPollable;

type Fd = Resource<UdpSocket>;
type Streams = (
    Resource<IncomingDatagramStream>,
    Resource<OutgoingDatagramStream>,
);

impl udp_create_socket::Host for Gate<'_> {
    /// Inert: a socket that was never bound reaches nobody.
    async fn create_udp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Fd> {
        let socket = self
            .state
            .sockets
            .create(&self.state.scope, wildcard(family))
            .ok_or(ErrorCode::NewSocketLimit)?;
        let mut view = WasiSocketsCtxView {
            ctx: &mut socket.context(),
            table: &mut self.state.table,
        };
        let fd = udp_create_socket::Host::create_udp_socket(&mut view, family).await?;
        self.state.sockets.insert(fd.rep(), socket);
        Ok(fd)
    }
}

impl udp::Host for Gate<'_> {}

impl HostUdpSocket for Gate<'_> {
    async fn start_bind(
        &mut self,
        this: Fd,
        network: Resource<Network>,
        local_address: IpSocketAddress,
    ) -> SocketResult<()> {
        let (socket, rep) = (self.socket(this.rep())?, this.rep());
        let address = SocketAddr::from(local_address);
        let began = socket.begin(Doing::Bind(address));
        let mut minted = self.minted_sockets();
        let result = minted.start_bind(this, network, local_address).await;
        let mut tried = socket.end(began);
        match result {
            Ok(()) => {
                let permit = tried.permit.take().ok_or_else(without_permit)?;
                let mut minted = self.minted_sockets();
                let local = minted.local_address(Resource::<UdpSocket>::new_borrow(rep));
                let local = local.ok().map(SocketAddr::from);
                socket.bound_to(permit, wish::UDP_BIND, address, local);
                Ok(())
            }
            Err(error) => Err(tried.failed(&socket.scope, wish::UDP_BIND, address, error)),
        }
    }

    fn finish_bind(&mut self, this: Fd) -> SocketResult<()> {
        HostUdpSocket::finish_bind(&mut self.minted_sockets(), this)
    }

    async fn stream(
        &mut self,
        this: Fd,
        remote_address: Option<IpSocketAddress>,
    ) -> SocketResult<Streams> {
        let socket = self.socket(this.rep())?;
        let peer = remote_address.map(SocketAddr::from);
        let began = socket.begin(peer.map_or(Doing::Nothing, Doing::Connect));
        let result = self.minted_sockets().stream(this, remote_address).await;
        let mut tried = socket.end(began);
        let streams = match (result, peer) {
            (Ok(streams), Some(peer)) => {
                let permit = tried.permit.take().ok_or_else(without_permit)?;
                let connection = socket.connection(permit, wish::UDP_CONNECT, peer, peer);
                socket.connect_datagrams(Some((peer, connection)));
                streams
            }
            (Ok(streams), None) => {
                socket.connect_datagrams(None);
                streams
            }
            (Err(error), Some(peer)) => {
                return Err(tried.failed(&socket.scope, wish::UDP_CONNECT, peer, error));
            }
            (Err(error), None) => return Err(error),
        };
        let sockets = &mut self.state.sockets;
        sockets.insert(streams.0.rep(), socket.clone());
        sockets.insert(streams.1.rep(), socket);
        Ok(streams)
    }

    fn set_receive_buffer_size(&mut self, this: Fd, value: u64) -> SocketResult<()> {
        let value = value.min(BUFFER_BYTES_MAX);
        HostUdpSocket::set_receive_buffer_size(&mut self.minted_sockets(), this, value)
    }

    fn set_send_buffer_size(&mut self, this: Fd, value: u64) -> SocketResult<()> {
        let value = value.min(BUFFER_BYTES_MAX);
        HostUdpSocket::set_send_buffer_size(&mut self.minted_sockets(), this, value)
    }

    fn local_address(&mut self, this: Fd) -> SocketResult<IpSocketAddress> {
        HostUdpSocket::local_address(&mut self.minted_sockets(), this)
    }

    fn remote_address(&mut self, this: Fd) -> SocketResult<IpSocketAddress> {
        HostUdpSocket::remote_address(&mut self.minted_sockets(), this)
    }

    fn address_family(&mut self, this: Fd) -> wasmtime::Result<IpAddressFamily> {
        HostUdpSocket::address_family(&mut self.minted_sockets(), this)
    }

    fn unicast_hop_limit(&mut self, this: Fd) -> SocketResult<u8> {
        self.minted_sockets().unicast_hop_limit(this)
    }

    fn set_unicast_hop_limit(&mut self, this: Fd, value: u8) -> SocketResult<()> {
        self.minted_sockets().set_unicast_hop_limit(this, value)
    }

    fn receive_buffer_size(&mut self, this: Fd) -> SocketResult<u64> {
        HostUdpSocket::receive_buffer_size(&mut self.minted_sockets(), this)
    }

    fn send_buffer_size(&mut self, this: Fd) -> SocketResult<u64> {
        HostUdpSocket::send_buffer_size(&mut self.minted_sockets(), this)
    }

    fn subscribe(&mut self, this: Fd) -> wasmtime::Result<Resource<DynPollable>> {
        HostUdpSocket::subscribe(&mut self.minted_sockets(), this)
    }

    fn drop(&mut self, this: Fd) -> wasmtime::Result<()> {
        let rep = this.rep();
        HostUdpSocket::drop(&mut self.minted_sockets(), this)?;
        self.state.sockets.close(rep);
        Ok(())
    }
}

impl HostIncomingDatagramStream for Gate<'_> {
    fn receive(
        &mut self,
        this: Resource<IncomingDatagramStream>,
        max_results: u64,
    ) -> SocketResult<Vec<IncomingDatagram>> {
        let socket = self.socket(this.rep())?;
        if !socket.datagrams_hold() {
            return Err(ErrorCode::AccessDenied.into());
        }
        let datagrams = self.minted_sockets().receive(this, max_results)?;
        socket.received(datagrams.iter().map(|datagram| datagram.data.len()).sum());
        Ok(datagrams)
    }

    fn subscribe(
        &mut self,
        this: Resource<IncomingDatagramStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        HostIncomingDatagramStream::subscribe(&mut self.minted_sockets(), this)
    }

    fn drop(&mut self, this: Resource<IncomingDatagramStream>) -> wasmtime::Result<()> {
        self.state.sockets.forget(this.rep());
        HostIncomingDatagramStream::drop(&mut self.minted_sockets(), this)
    }
}

impl HostOutgoingDatagramStream for Gate<'_> {
    fn check_send(&mut self, this: Resource<OutgoingDatagramStream>) -> SocketResult<u64> {
        if !self.socket(this.rep())?.datagrams_hold() {
            return Err(ErrorCode::AccessDenied.into());
        }
        self.minted_sockets().check_send(this)
    }

    fn send(
        &mut self,
        this: Resource<OutgoingDatagramStream>,
        mut datagrams: Vec<OutgoingDatagram>,
    ) -> SocketResult<u64> {
        let socket = self.socket(this.rep())?;
        let connected = socket.datagram_peer();
        let peer_of = |datagram: &OutgoingDatagram| {
            let named = datagram.remote_address.map(SocketAddr::from);
            named.or(connected)
        };
        let Some(first) = datagrams.first().and_then(peer_of) else {
            // Nothing to send, or nobody to send it to.
            return self.minted_sockets().send(this, datagrams);
        };
        match socket.reach(first) {
            Reach::Open => {}
            Reach::Revoked => return Err(ErrorCode::AccessDenied.into()),
            Reach::Unknown => match wish::UDP_SEND.permit_here(&socket.scope, first) {
                Ok(permit) => socket.may_send(first, permit),
                Err(Refused) => return Err(ErrorCode::AccessDenied.into()),
            },
        }
        let open = |datagram: &OutgoingDatagram| {
            peer_of(datagram).is_some_and(|peer| socket.reach(peer) == Reach::Open)
        };
        let open = datagrams
            .iter()
            .take_while(|datagram| open(datagram))
            .count();
        datagrams.truncate(open);
        let sizes: Vec<(SocketAddr, usize)> = datagrams
            .iter()
            .filter_map(|datagram| Some((peer_of(datagram)?, datagram.data.len())))
            .collect();
        let result = self.minted_sockets().send(this, datagrams);
        match &result {
            Ok(count) => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                for (peer, bytes) in sizes.into_iter().take(count) {
                    socket.sent(peer, bytes);
                }
            }
            Err(error) => {
                if let Some(code) = error.downcast_ref() {
                    socket.not_sent(first, *code);
                }
            }
        }
        result
    }

    fn subscribe(
        &mut self,
        this: Resource<OutgoingDatagramStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        HostOutgoingDatagramStream::subscribe(&mut self.minted_sockets(), this)
    }

    async fn drop(&mut self, this: Resource<OutgoingDatagramStream>) -> wasmtime::Result<()> {
        self.state.sockets.forget(this.rep());
        HostOutgoingDatagramStream::drop(&mut self.minted_sockets(), this).await
    }
}
