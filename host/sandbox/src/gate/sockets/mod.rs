//! Sockets and name lookup, under grants by address, port and direction, and by name.
//!
//! Sockets themselves are wasmtime-wasi's, made by the gate with a check of their own
//! ([`socket::Socket`]): wasmtime asks it before every bind, listen, accept, connect and datagram, and it is
//! where permits are taken. Making a socket is inert, so that a refusal names the address.
//!
//! Name lookup is ours ([`lookup`]).
//!
//! Invariants:
//! - no system call names an address before the receipt of its strict effect is durable;
//! - a socket whose grant is gone is not used: neither its streams nor its datagrams;
//! - when the call ends every socket is closed, and so is the receipt of everything that it had open;
//! - where recorded exchanges stand in for the network there are neither sockets nor lookups.

mod lasting;
mod lookup;
mod room;
mod socket;
mod stream;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;
mod wish;

pub(super) use lookup::link as link_lookup;
pub(crate) use room::HostRooms;

use super::scope::CallScope;
use super::view::{self, Gate, HasGate, gate};
use crate::state::State;
use room::{Room, Rooms};
use socket::Socket;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::SocketError;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily, Network};
use wasmtime_wasi::p2::bindings::sockets::{
    instance_network, network, tcp as tcp_bindings, tcp_create_socket, udp as udp_bindings,
    udp_create_socket,
};
use wasmtime_wasi::sockets::WasiSockets;

/// Bytes that the system keeps for one direction of one socket, as far as a guest may ask for more.
const BUFFER_BYTES_MAX: u64 = 1024 * 1024;
/// Clients that may wait to be let in.
const BACKLOG_MAX: u64 = 128;

/// The sockets of one call, by the handles of its table.
#[derive(Default)]
pub(crate) struct Sockets {
    rooms: Arc<Rooms>,
    known: BTreeMap<u32, Arc<Socket>>,
}

impl Sockets {
    /// A new socket, where there is room for one.
    fn create(&self, scope: &Arc<CallScope>, wildcard: SocketAddr) -> Option<Arc<Socket>> {
        let room = self.rooms.take(&scope.host.sockets)?;
        Some(self.seated(scope, wildcard, room))
    }

    /// The socket of a client that was let in.
    fn client(&self, listener: &Socket, room: Room) -> Arc<Socket> {
        self.seated(&listener.scope, listener.bound(), room)
    }

    fn seated(&self, scope: &Arc<CallScope>, wildcard: SocketAddr, room: Room) -> Arc<Socket> {
        Socket::new(Arc::clone(scope), wildcard, Arc::clone(&self.rooms), room)
    }

    fn get(&self, rep: u32) -> Option<Arc<Socket>> {
        self.known.get(&rep).cloned()
    }

    fn insert(&mut self, rep: u32, socket: Arc<Socket>) {
        self.known.insert(rep, socket);
    }

    /// The handle of a stream of datagrams is gone.
    fn forget(&mut self, rep: u32) {
        self.known.remove(&rep);
    }

    /// The handle of a socket is gone.
    fn close(&mut self, rep: u32) {
        if let Some(socket) = self.known.remove(&rep) {
            socket.close();
        }
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        for socket in self.known.values() {
            socket.close();
        }
    }
}

/// The address of a socket that is not bound.
fn wildcard(family: IpAddressFamily) -> SocketAddr {
    match family {
        IpAddressFamily::Ipv4 => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        IpAddressFamily::Ipv6 => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    }
}

impl network::Host for Gate<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        self.minted_sockets().convert_error_code(error)
    }

    fn network_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        self.minted_sockets().network_error_code(error)
    }
}

impl network::HostNetwork for Gate<'_> {
    fn drop(&mut self, this: Resource<Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.minted_sockets(), this)
    }
}

pub(super) fn link_network(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    network::add_to_linker::<State, HasGate>(linker, &Default::default(), gate)
}

pub(super) fn link_instance_network(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    instance_network::add_to_linker::<State, WasiSockets>(linker, view::network)
}

pub(super) fn link_tcp_create(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    tcp_create_socket::add_to_linker::<State, HasGate>(linker, gate)
}

pub(super) fn link_udp_create(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    udp_create_socket::add_to_linker::<State, HasGate>(linker, gate)
}

pub(super) fn link_tcp(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    tcp_bindings::add_to_linker::<State, HasGate>(linker, gate)
}

pub(super) fn link_udp(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    udp_bindings::add_to_linker::<State, HasGate>(linker, gate)
}
