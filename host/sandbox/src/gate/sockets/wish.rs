//! What a guest may wish of a socket: import, kind, class, and what must be granted for it.

use crate::gate::decision::Attempt;
use crate::gate::http::net::Transport;
use crate::gate::kinds::{self, EffectKind};
use crate::gate::permit::{Permit, Refused};
use crate::gate::record;
use crate::gate::scope::{CallScope, may_block};
use std::net::SocketAddr;
use std::sync::Arc;
use tollgate_grants::{Direction, Effect, Protocol, Reason};
use wasmtime_wasi::p2::SocketError;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

/// A kind of effect on an address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) import: &'static str,
    pub(super) kind: EffectKind,
    pub(super) protocol: Protocol,
    pub(super) direction: Direction,
}

pub(super) const TCP_CONNECT: Wish = Wish {
    import: "wasi:sockets/tcp.tcp-socket.start-connect",
    kind: kinds::TCP_CONNECT,
    protocol: Protocol::Tcp,
    direction: Direction::Connect,
};
pub(super) const TCP_BIND: Wish = Wish {
    import: "wasi:sockets/tcp.tcp-socket.start-bind",
    kind: kinds::TCP_BIND,
    protocol: Protocol::Tcp,
    direction: Direction::Bind,
};
/// Named by the address that was bound, as it was asked for.
pub(super) const TCP_LISTEN: Wish = Wish {
    import: "wasi:sockets/tcp.tcp-socket.start-listen",
    kind: kinds::TCP_LISTEN,
    protocol: Protocol::Tcp,
    direction: Direction::Bind,
};
/// Named by the address that was bound, as it was asked for; the peer is in the outcome. The grammar has
/// no peer for `bind`: whoever reaches a granted address may be let in.
pub(super) const TCP_ACCEPT: Wish = Wish {
    import: "wasi:sockets/tcp.tcp-socket.accept",
    kind: kinds::TCP_ACCEPT,
    protocol: Protocol::Tcp,
    direction: Direction::Bind,
};
pub(super) const UDP_BIND: Wish = Wish {
    import: "wasi:sockets/udp.udp-socket.start-bind",
    kind: kinds::UDP_BIND,
    protocol: Protocol::Udp,
    direction: Direction::Bind,
};
pub(super) const UDP_CONNECT: Wish = Wish {
    import: "wasi:sockets/udp.udp-socket.stream",
    kind: kinds::UDP_CONNECT,
    protocol: Protocol::Udp,
    direction: Direction::Connect,
};
pub(super) const UDP_SEND: Wish = Wish {
    import: "wasi:sockets/udp.outgoing-datagram-stream.send",
    kind: kinds::UDP_SEND,
    protocol: Protocol::Udp,
    direction: Direction::Connect,
};

impl Wish {
    /// What must be granted.
    pub(super) fn effect(self, target: &str) -> Effect<'_> {
        Effect::Socket {
            proto: self.protocol,
            direction: self.direction,
            target,
        }
    }

    pub(super) fn attempt<'a>(self, target: &str, effects: &'a [Effect<'a>]) -> Attempt<'a> {
        Attempt {
            import: self.import,
            kind: self.kind,
            target: target.to_owned(),
            whole: None,
            effects,
        }
    }

    /// Decides. A strict wish that is granted is on record when this returns.
    pub(super) async fn permit(
        self,
        scope: &Arc<CallScope>,
        address: SocketAddr,
    ) -> Result<Permit, Refused> {
        let target = address.to_string();
        let effects = [self.effect(&target)];
        let attempt = self.attempt(&target, &effects);
        if only_recorded(scope, &attempt) {
            return Err(scope.refuse_for(&attempt, Reason::Unsupported).await);
        }
        scope.permit(&attempt).await
    }

    /// [`Wish::permit`] on the guest's own thread, which waits for no more than a commit of the ledger.
    pub(super) fn permit_here(
        self,
        scope: &Arc<CallScope>,
        address: SocketAddr,
    ) -> Result<Permit, Refused> {
        let target = address.to_string();
        let effects = [self.effect(&target)];
        let attempt = self.attempt(&target, &effects);
        let decide = || {
            if only_recorded(scope, &attempt) {
                return Err(scope.refuse_here(&attempt, Reason::Unsupported));
            }
            scope.permit_here(&attempt)
        };
        if may_block() {
            scope.in_place(decide)
        } else {
            decide()
        }
    }

    /// The receipt of an attempt that failed before it was decided, such as a connection to port 0; the
    /// error that the guest sees.
    pub(super) fn missed(
        self,
        scope: &Arc<CallScope>,
        address: SocketAddr,
        error: SocketError,
    ) -> SocketError {
        let Some(code) = error.downcast_ref() else {
            return error;
        };
        match self.permit_here(scope, address) {
            Ok(permit) => {
                permit.settle(record::failed(code.name()));
                error
            }
            Err(Refused) => ErrorCode::AccessDenied.into(),
        }
    }
}

/// Whether the attempt is granted and cannot be made, because recorded exchanges stand in for the
/// network. What is denied anyway is denied for its own reason.
pub(super) fn only_recorded(scope: &CallScope, attempt: &Attempt<'_>) -> bool {
    matches!(scope.host.transport, Transport::Fixture(_)) && scope.would_allow(attempt.effects)
}
