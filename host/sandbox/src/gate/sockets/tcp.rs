//! `wasi:sockets/tcp`, function by function: what names an address is begun and ended in the socket's own
//! record, the rest is wasmtime-wasi's.

use super::socket::{Doing, Socket};
use super::stream::{Connection, Incoming, Outgoing};
use super::{BACKLOG_MAX, BUFFER_BYTES_MAX, wildcard, wish};
use crate::gate::view::Gate;
use std::net::SocketAddr;
use std::sync::Arc;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network,
};
use wasmtime_wasi::p2::bindings::sockets::tcp::{self, HostTcpSocket, ShutdownType, TcpSocket};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket;
use wasmtime_wasi::p2::pipe::{ClosedInputStream, ClosedOutputStream};
use wasmtime_wasi::p2::{SocketError, SocketResult};
use wasmtime_wasi::sockets::WasiSocketsCtxView;
use wasmtime_wasi_io::poll::DynPollable;
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream};

type Fd = Resource<TcpSocket>;

impl Gate<'_> {
    /// The record of a socket, or of the stream of one.
    pub(super) fn socket(&self, rep: u32) -> SocketResult<Arc<Socket>> {
        let known = self.state.sockets.get(rep);
        known.ok_or_else(|| {
            SocketError::trap(wasmtime::format_err!("a socket that the gate did not mint"))
        })
    }

    fn tcp_address(&mut self, rep: u32) -> Option<SocketAddr> {
        let local = self
            .minted_sockets()
            .local_address(Resource::<TcpSocket>::new_borrow(rep));
        local.ok().map(SocketAddr::from)
    }

    /// Puts both streams of a connection under its grant.
    fn under(
        &mut self,
        connection: Connection,
        input: &Resource<DynInputStream>,
        output: &Resource<DynOutputStream>,
    ) -> SocketResult<()> {
        let slot = self.state.table.get_mut(input)?;
        let inner = std::mem::replace(slot, Box::new(ClosedInputStream));
        *slot = Box::new(Incoming {
            inner,
            connection: connection.clone(),
        });
        let slot = self.state.table.get_mut(output)?;
        let inner = std::mem::replace(slot, Box::new(ClosedOutputStream));
        *slot = Box::new(Outgoing { inner, connection });
        Ok(())
    }
}

impl tcp_create_socket::Host for Gate<'_> {
    /// Inert: a socket that was never bound or connected reaches nobody.
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Fd> {
        let socket = self
            .state
            .sockets
            .create(&self.state.scope, wildcard(family))
            .ok_or(ErrorCode::NewSocketLimit)?;
        let fd = WasiSocketsCtxView {
            ctx: &mut socket.context(),
            table: &mut self.state.table,
        }
        .create_tcp_socket(family)?;
        self.state.sockets.insert(fd.rep(), socket);
        Ok(fd)
    }
}

impl tcp::Host for Gate<'_> {}

impl HostTcpSocket for Gate<'_> {
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
                let local = self.tcp_address(rep);
                socket.bound_to(permit, wish::TCP_BIND, address, local);
                Ok(())
            }
            Err(error) => Err(tried.failed(&socket.scope, wish::TCP_BIND, address, error)),
        }
    }

    fn finish_bind(&mut self, this: Fd) -> SocketResult<()> {
        self.minted_sockets().finish_bind(this)
    }

    fn start_connect(
        &mut self,
        this: Fd,
        network: Resource<Network>,
        remote_address: IpSocketAddress,
    ) -> SocketResult<()> {
        let socket = self.socket(this.rep())?;
        let address = SocketAddr::from(remote_address);
        let began = socket.begin(Doing::Connect(address));
        let result = self
            .minted_sockets()
            .start_connect(this, network, remote_address);
        // What was begun is decided when somebody first asks how far it is.
        result.map_err(|error| {
            let tried = socket.end(began);
            tried.failed(&socket.scope, wish::TCP_CONNECT, address, error)
        })
    }

    fn finish_connect(
        &mut self,
        this: Fd,
    ) -> SocketResult<(Resource<DynInputStream>, Resource<DynOutputStream>)> {
        let socket = self.socket(this.rep())?;
        match self.minted_sockets().finish_connect(this) {
            Ok((input, output)) => {
                let (peer, mut tried) = socket.ended();
                let permit = tried.permit.take().ok_or_else(without_permit)?;
                let peer = peer.ok_or_else(without_permit)?;
                let connection = socket.connection(permit, wish::TCP_CONNECT, peer, peer);
                self.under(connection, &input, &output)?;
                Ok((input, output))
            }
            Err(error) => match error.downcast_ref() {
                None | Some(ErrorCode::WouldBlock | ErrorCode::NotInProgress) => Err(error),
                Some(_) => match socket.ended() {
                    (Some(peer), tried) => {
                        Err(tried.failed(&socket.scope, wish::TCP_CONNECT, peer, error))
                    }
                    (None, _) => Err(error),
                },
            },
        }
    }

    async fn start_listen(&mut self, this: Fd) -> SocketResult<()> {
        let (socket, rep) = (self.socket(this.rep())?, this.rep());
        let address = socket.bound();
        let began = socket.begin(Doing::Listen);
        let result = self.minted_sockets().start_listen(this).await;
        let mut tried = socket.end(began);
        match result {
            Ok(()) => {
                let permit = tried.permit.take().ok_or_else(without_permit)?;
                let local = self.tcp_address(rep);
                socket.opened(permit, local);
                Ok(())
            }
            Err(error) => Err(tried.failed(&socket.scope, wish::TCP_LISTEN, address, error)),
        }
    }

    fn finish_listen(&mut self, this: Fd) -> SocketResult<()> {
        self.minted_sockets().finish_listen(this)
    }

    fn accept(
        &mut self,
        this: Fd,
    ) -> SocketResult<(Fd, Resource<DynInputStream>, Resource<DynOutputStream>)> {
        let socket = self.socket(this.rep())?;
        let (fd, input, output) = self.minted_sockets().accept(this)?;
        let client = socket.client().ok_or_else(without_permit)?;
        let (bound, peer) = (socket.bound(), client.peer);
        let accepted = self.state.sockets.client(&socket, client.room);
        let connection = accepted.connection(client.permit, wish::TCP_ACCEPT, bound, peer);
        self.state.sockets.insert(fd.rep(), accepted);
        self.under(connection, &input, &output)?;
        Ok((fd, input, output))
    }

    fn set_listen_backlog_size(&mut self, this: Fd, value: u64) -> SocketResult<()> {
        self.minted_sockets()
            .set_listen_backlog_size(this, value.min(BACKLOG_MAX))
    }

    fn set_receive_buffer_size(&mut self, this: Fd, value: u64) -> SocketResult<()> {
        self.minted_sockets()
            .set_receive_buffer_size(this, value.min(BUFFER_BYTES_MAX))
    }

    fn set_send_buffer_size(&mut self, this: Fd, value: u64) -> SocketResult<()> {
        self.minted_sockets()
            .set_send_buffer_size(this, value.min(BUFFER_BYTES_MAX))
    }

    fn local_address(&mut self, this: Fd) -> SocketResult<IpSocketAddress> {
        self.minted_sockets().local_address(this)
    }

    fn remote_address(&mut self, this: Fd) -> SocketResult<IpSocketAddress> {
        self.minted_sockets().remote_address(this)
    }

    fn is_listening(&mut self, this: Fd) -> wasmtime::Result<bool> {
        self.minted_sockets().is_listening(this)
    }

    fn address_family(&mut self, this: Fd) -> wasmtime::Result<IpAddressFamily> {
        HostTcpSocket::address_family(&mut self.minted_sockets(), this)
    }

    fn keep_alive_enabled(&mut self, this: Fd) -> SocketResult<bool> {
        self.minted_sockets().keep_alive_enabled(this)
    }

    fn set_keep_alive_enabled(&mut self, this: Fd, value: bool) -> SocketResult<()> {
        self.minted_sockets().set_keep_alive_enabled(this, value)
    }

    fn keep_alive_idle_time(&mut self, this: Fd) -> SocketResult<u64> {
        self.minted_sockets().keep_alive_idle_time(this)
    }

    fn set_keep_alive_idle_time(&mut self, this: Fd, value: u64) -> SocketResult<()> {
        self.minted_sockets().set_keep_alive_idle_time(this, value)
    }

    fn keep_alive_interval(&mut self, this: Fd) -> SocketResult<u64> {
        self.minted_sockets().keep_alive_interval(this)
    }

    fn set_keep_alive_interval(&mut self, this: Fd, value: u64) -> SocketResult<()> {
        self.minted_sockets().set_keep_alive_interval(this, value)
    }

    fn keep_alive_count(&mut self, this: Fd) -> SocketResult<u32> {
        self.minted_sockets().keep_alive_count(this)
    }

    fn set_keep_alive_count(&mut self, this: Fd, value: u32) -> SocketResult<()> {
        self.minted_sockets().set_keep_alive_count(this, value)
    }

    fn hop_limit(&mut self, this: Fd) -> SocketResult<u8> {
        self.minted_sockets().hop_limit(this)
    }

    fn set_hop_limit(&mut self, this: Fd, value: u8) -> SocketResult<()> {
        self.minted_sockets().set_hop_limit(this, value)
    }

    fn receive_buffer_size(&mut self, this: Fd) -> SocketResult<u64> {
        HostTcpSocket::receive_buffer_size(&mut self.minted_sockets(), this)
    }

    fn send_buffer_size(&mut self, this: Fd) -> SocketResult<u64> {
        HostTcpSocket::send_buffer_size(&mut self.minted_sockets(), this)
    }

    fn subscribe(&mut self, this: Fd) -> wasmtime::Result<Resource<DynPollable>> {
        HostTcpSocket::subscribe(&mut self.minted_sockets(), this)
    }

    fn shutdown(&mut self, this: Fd, shutdown_type: ShutdownType) -> SocketResult<()> {
        self.minted_sockets().shutdown(this, shutdown_type)
    }

    fn drop(&mut self, this: Fd) -> wasmtime::Result<()> {
        let rep = this.rep();
        HostTcpSocket::drop(&mut self.minted_sockets(), this)?;
        self.state.sockets.close(rep);
        Ok(())
    }
}

/// Wasmtime says that it was done, and nobody has permitted it.
pub(super) fn without_permit() -> SocketError {
    SocketError::trap(wasmtime::format_err!("a socket was used without a permit"))
}
