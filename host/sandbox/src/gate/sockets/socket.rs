//! One socket: what its guest is doing with it, what it was allowed, and the check that wasmtime asks
//! before every system call that names an address.
//!
//! Every socket has a check of its own, so that the check knows whose address it is asked about. It allows
//! nothing that the guest has not just asked for: a wish is decided there, in a task of the gate's, and the
//! permit stays here until the outcome is known.
//!
//! Invariants:
//! - the check allows an address only under a permit that it takes for exactly this address and use, or
//!   under one that is held and still granted; a bind that `connect` does by itself, only to the wildcard
//!   address and only while that connect waits for its own decision;
//! - once the socket is closed the check allows nothing, and every permit and trace of it is gone.

use super::lasting::Lasting;
use super::room::{Room, Rooms};
use super::stream::Connection;
use super::wish::{self, Wish};
use crate::gate::permit::{Permit, Refused, Trace};
use crate::gate::record;
use crate::gate::scope::CallScope;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollgate_grants::Reason;
use tollgate_receipts::{Outcome, OutcomeResult};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p2::SocketError;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSocketsCtx};

/// What the guest has asked wasmtime for and has no answer to yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Nothing,
    Bind(SocketAddr),
    Listen,
    Connect(SocketAddr),
}

/// Something under way.
pub(super) struct Pending {
    doing: Doing,
    /// Whether the check was asked about it.
    asked: bool,
    /// The permit that the check took for it.
    pub(super) permit: Option<Permit>,
}

impl Pending {
    const NONE: Self = Self {
        doing: Doing::Nothing,
        asked: false,
        permit: None,
    };

    /// Writes what came of something that failed; the error that the guest sees.
    pub(super) fn failed(
        self,
        scope: &Arc<CallScope>,
        wish: Wish,
        address: SocketAddr,
        error: SocketError,
    ) -> SocketError {
        match (self.permit, error.downcast_ref()) {
            (Some(permit), Some(code)) => {
                permit.settle(record::failed(code.name()));
                error
            }
            // The check was asked and refused, or the guest did what no guest may do.
            (None, _) if self.asked => error,
            (Some(_), None) => error,
            (None, _) => wish.missed(scope, address, error),
        }
    }
}

/// A peer to which datagrams are sent.
pub(super) struct Peer {
    pub(super) lasting: Arc<Lasting>,
    sent: Sent,
}

enum Sent {
    /// Nothing has been sent yet.
    Nothing(Permit),
    Something(Arc<Trace>),
}

/// A client that was let in and not yet taken.
pub(super) struct Client {
    pub(super) permit: Permit,
    pub(super) peer: SocketAddr,
    pub(super) room: Room,
}

struct Books {
    closed: bool,
    /// Given back when the socket is closed, whatever wasmtime still holds of it.
    room: Option<Room>,
    pending: Pending,
    /// The address that was bound, as it was asked for.
    bound: Option<SocketAddr>,
    /// Under which datagrams are received.
    receives: Option<(Arc<Lasting>, Arc<Trace>)>,
    /// The peer of a UDP socket that is connected.
    connected: Option<(SocketAddr, Connection)>,
    peers: BTreeMap<SocketAddr, Peer>,
    client: Option<Client>,
    traces: Vec<Arc<Trace>>,
}

/// A socket of a call.
pub(crate) struct Socket {
    pub(super) scope: Arc<CallScope>,
    wildcard: SocketAddr,
    rooms: Arc<Rooms>,
    books: Mutex<Books>,
}

impl Socket {
    pub(super) fn new(
        scope: Arc<CallScope>,
        wildcard: SocketAddr,
        rooms: Arc<Rooms>,
        room: Room,
    ) -> Arc<Self> {
        Arc::new(Self {
            scope,
            wildcard,
            rooms,
            books: Mutex::new(Books {
                closed: false,
                room: Some(room),
                pending: Pending::NONE,
                bound: None,
                receives: None,
                connected: None,
                peers: BTreeMap::new(),
                client: None,
                traces: Vec::new(),
            }),
        })
    }

    /// What wasmtime makes the socket of: its own check.
    pub(super) fn context(self: &Arc<Self>) -> WasiSocketsCtx {
        let checked = Arc::clone(self);
        let mut wasi = WasiCtxBuilder::new()
            .allow_tcp(true)
            .allow_udp(true)
            .allow_ip_name_lookup(false)
            .socket_addr_check(move |address, usage| checked.check(address, usage))
            .build();
        wasi.sockets().clone()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what the guest asks for next; false while something else is under way, whose permit may come
    /// any moment. Wasmtime refuses the second by itself.
    pub(super) fn begin(&self, doing: Doing) -> bool {
        let mut books = self.books();
        let begins = books.pending.doing == Doing::Nothing;
        if begins {
            books.pending.doing = doing;
        }
        begins
    }

    /// Gives what [`Socket::begin`] began, if it did.
    pub(super) fn end(&self, began: bool) -> Pending {
        if began {
            std::mem::replace(&mut self.books().pending, Pending::NONE)
        } else {
            Pending::NONE
        }
    }

    /// Ends what is under way, and its peer.
    pub(super) fn ended(&self) -> (Option<SocketAddr>, Pending) {
        let ended = self.end(true);
        match ended.doing {
            Doing::Connect(peer) => (Some(peer), ended),
            _ => (None, ended),
        }
    }

    /// The answer to wasmtime's question whether an address may be used.
    fn check(
        self: &Arc<Self>,
        address: SocketAddr,
        usage: SocketAddrUse,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + Sync>> {
        let (wish, named) = match self.judge(address, usage) {
            Verdict::Now(answer) => return Box::pin(std::future::ready(answer)),
            Verdict::Decide(wish, named) => (wish, named),
        };
        let (socket, guard) = (Arc::clone(self), self.scope.own_task());
        let task = self.scope.host.io.spawn(async move {
            let permit = wish.permit(&socket.scope, named).await;
            let receipt = permit.as_ref().ok().map(|one| one.receipt().to_owned());
            let admitted = socket.admit(permit);
            drop(guard);
            receipt.filter(|_| admitted)
        });
        Box::pin(async move {
            let Ok(Some(receipt)) = task.await else {
                return false;
            };
            // Wasmtime makes the system call next, on this thread.
            tollgate_contract::mark("perform", &receipt);
            true
        })
    }

    fn judge(self: &Arc<Self>, address: SocketAddr, usage: SocketAddrUse) -> Verdict {
        use SocketAddrUse as Use;
        let mut books = self.books();
        if books.closed {
            return Verdict::Now(false);
        }
        let decided = match (usage, books.pending.doing) {
            (Use::TcpBind | Use::UdpBind, Doing::Connect(_)) => {
                return Verdict::Now(address == self.wildcard);
            }
            (Use::TcpBind, Doing::Bind(wanted)) if wanted == address => {
                Verdict::Decide(wish::TCP_BIND, address)
            }
            (Use::UdpBind, Doing::Bind(wanted)) if wanted == address => {
                Verdict::Decide(wish::UDP_BIND, address)
            }
            // Asked with the port that the system chose; granted is what was asked for.
            (Use::TcpListen, Doing::Listen) => match books.bound {
                Some(bound) => Verdict::Decide(wish::TCP_LISTEN, bound),
                None => return Verdict::Now(false),
            },
            (Use::TcpConnect, Doing::Connect(peer)) if peer == address => {
                Verdict::Decide(wish::TCP_CONNECT, address)
            }
            (Use::UdpSend, Doing::Connect(peer)) if peer == address => {
                Verdict::Decide(wish::UDP_CONNECT, address)
            }
            (Use::UdpReceive, Doing::Connect(peer)) => {
                return Verdict::Now(peer == address && books.pending.permit.is_some());
            }
            (Use::UdpReceive, _) => {
                let receives = books.receives.as_ref();
                return Verdict::Now(receives.is_some_and(|(lasting, _)| lasting.holds()));
            }
            (Use::UdpSend, _) => return Verdict::Now(books.reach(address) == Reach::Open),
            (Use::TcpAccept, _) => {
                let bound = books.bound;
                drop(books);
                return Verdict::Now(bound.is_some_and(|bound| self.let_in(bound, address)));
            }
            _ => return Verdict::Now(false),
        };
        books.pending.asked = true;
        decided
    }

    /// Keeps the permit until the outcome is known.
    fn admit(&self, permit: Result<Permit, Refused>) -> bool {
        let Ok(permit) = permit else {
            return false;
        };
        let mut books = self.books();
        if books.closed {
            drop(books);
            permit.cancel("not performed: the socket was closed meanwhile");
            return false;
        }
        books.pending.permit = Some(permit);
        true
    }

    /// Decides on a client that has reached the address that was bound.
    fn let_in(&self, bound: SocketAddr, peer: SocketAddr) -> bool {
        let target = bound.to_string();
        let effects = [wish::TCP_ACCEPT.effect(&target)];
        let attempt = wish::TCP_ACCEPT.attempt(&target, &effects);
        let Some(room) = self.rooms.take(&self.scope.host.sockets) else {
            self.scope.refuse_now(&attempt, Reason::LimitReached);
            return false;
        };
        let Ok(permit) = self.scope.permit_buffered(&attempt) else {
            return false;
        };
        self.books().client = Some(Client { permit, peer, room });
        true
    }

    /// The address that was bound, as it was asked for; the wildcard address where none was.
    pub(super) fn bound(&self) -> SocketAddr {
        self.books().bound.unwrap_or(self.wildcard)
    }

    /// Notes that something was performed that lasts as long as the socket.
    pub(super) fn opened(&self, permit: Permit, address: Option<SocketAddr>) -> Arc<Trace> {
        let trace = permit.open(Outcome {
            address: address.map(|address| address.to_string()),
            ..record::ok()
        });
        self.books().traces.push(Arc::clone(&trace));
        trace
    }

    /// Notes that `asked_for` was bound; as what is in `local`.
    pub(super) fn bound_to(
        &self,
        permit: Permit,
        wish: Wish,
        asked_for: SocketAddr,
        local: Option<SocketAddr>,
    ) {
        let basis = permit.basis().clone();
        let lasting = Lasting::new(Arc::clone(&self.scope), wish, asked_for, basis);
        let trace = self.opened(permit, local);
        let mut books = self.books();
        books.bound = Some(asked_for);
        books.receives = Some((lasting, trace));
    }

    /// Notes that a connection with `peer` was made, under a grant of what `named` is.
    pub(super) fn connection(
        &self,
        permit: Permit,
        wish: Wish,
        named: SocketAddr,
        peer: SocketAddr,
    ) -> Connection {
        let basis = permit.basis().clone();
        Connection {
            lasting: Lasting::new(Arc::clone(&self.scope), wish, named, basis),
            trace: self.opened(permit, Some(peer)),
        }
    }

    /// The client that waits to be taken.
    pub(super) fn client(&self) -> Option<Client> {
        self.books().client.take()
    }

    /// Says which peer a UDP socket is connected to from now on.
    pub(super) fn connect_datagrams(&self, connected: Option<(SocketAddr, Connection)>) {
        let mut books = self.books();
        let before = std::mem::replace(&mut books.connected, connected);
        if let Some((_, before)) = &before {
            books.traces.retain(|t| !Arc::ptr_eq(t, &before.trace));
        }
        drop(books);
        drop(before);
    }

    /// The peer that a UDP socket is connected to.
    pub(super) fn datagram_peer(&self) -> Option<SocketAddr> {
        self.books().connected.as_ref().map(|(peer, _)| *peer)
    }

    /// Whether what a UDP socket has open is still granted.
    pub(super) fn datagrams_hold(&self) -> bool {
        let books = self.books();
        let bound = books.receives.as_ref().is_none_or(|(l, _)| l.holds());
        let connected = books.connected.as_ref();
        bound && connected.is_none_or(|(_, c)| c.lasting.holds())
    }

    /// Whether datagrams may be sent to a peer.
    pub(super) fn reach(&self, peer: SocketAddr) -> Reach {
        self.books().reach(peer)
    }

    /// Notes that datagrams may be sent to a peer.
    pub(super) fn may_send(&self, peer: SocketAddr, permit: Permit) {
        let basis = permit.basis().clone();
        let lasting = Lasting::new(Arc::clone(&self.scope), wish::UDP_SEND, peer, basis);
        let sent = Sent::Nothing(permit);
        self.books().peers.insert(peer, Peer { lasting, sent });
    }

    /// Counts a datagram that was handed to the system.
    pub(super) fn sent(&self, peer: SocketAddr, bytes: usize) {
        let mut guard = self.books();
        let books = &mut *guard;
        let trace = match &books.connected {
            Some((connected, connection)) if *connected == peer => Arc::clone(&connection.trace),
            _ => {
                let Some(Peer { lasting, sent }) = books.peers.remove(&peer) else {
                    return;
                };
                let trace = match sent {
                    Sent::Something(trace) => trace,
                    Sent::Nothing(permit) => permit.open(Outcome {
                        address: Some(peer.to_string()),
                        ..record::ok()
                    }),
                };
                let sent = Sent::Something(Arc::clone(&trace));
                books.peers.insert(peer, Peer { lasting, sent });
                trace
            }
        };
        trace.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Notes that the system did not take a datagram. A peer to which nothing was ever sent is forgotten.
    pub(super) fn not_sent(&self, peer: SocketAddr, code: ErrorCode) {
        let why = || Some(format!("not sent: {}", code.name()));
        let mut guard = self.books();
        let books = &mut *guard;
        if let Some((connected, connection)) = &books.connected
            && *connected == peer
        {
            return connection.trace.end(OutcomeResult::Failed, why());
        }
        match books.peers.remove(&peer) {
            Some(Peer {
                sent: Sent::Nothing(permit),
                ..
            }) => permit.settle(record::failed(code.name())),
            Some(known) => {
                if let Sent::Something(trace) = &known.sent {
                    trace.end(OutcomeResult::Failed, why());
                }
                books.peers.insert(peer, known);
            }
            None => {}
        }
    }

    /// Counts what a UDP socket received.
    pub(super) fn received(&self, bytes: usize) {
        let books = self.books();
        let trace = match (&books.connected, &books.receives) {
            (Some((_, connection)), _) => &connection.trace,
            (None, Some((_, trace))) => trace,
            (None, None) => return,
        };
        trace.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Ends it all: whatever wasmtime still holds of the socket may do nothing more.
    pub(super) fn close(&self) {
        let mut books = self.books();
        books.closed = true;
        let pending = std::mem::replace(&mut books.pending, Pending::NONE);
        let client = books.client.take();
        let peers = std::mem::take(&mut books.peers);
        let open = (
            std::mem::take(&mut books.traces),
            books.receives.take(),
            books.connected.take(),
            books.room.take(),
        );
        drop(books);
        if let Some(permit) = pending.permit {
            permit.cancel("the socket was closed first; the connection may have been made");
        }
        if let Some(client) = client {
            client.permit.cancel("the plugin did not take the client");
        }
        for peer in peers.into_values() {
            if let Sent::Nothing(permit) = peer.sent {
                permit.cancel("not sent");
            }
        }
        drop(open);
    }
}

/// Whether a peer may be reached by datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nobody has decided.
    Unknown,
    Open,
    /// It could be, and the grant is gone.
    Revoked,
}

impl Books {
    fn reach(&self, peer: SocketAddr) -> Reach {
        let lasting = match &self.connected {
            Some((connected, connection)) if *connected == peer => Some(&connection.lasting),
            _ => self.peers.get(&peer).map(|peer| &peer.lasting),
        };
        match lasting {
            None => Reach::Unknown,
            Some(lasting) if lasting.holds() => Reach::Open,
            Some(_) => Reach::Revoked,
        }
    }
}

enum Verdict {
    Now(bool),
    /// To be decided, on the address that the record names.
    Decide(Wish, SocketAddr),
}
