//! Effects: one attempt of a component to touch the world, as the gate presents it for a decision.

use crate::fs::FsOp;
use crate::socket::{Direction, Protocol};
use crate::url::RequestUrl;
use std::net::IpAddr;

/// One attempt. Targets are as the host will use them, never as the guest spelled them.
#[derive(Debug, Clone, Copy)]
pub enum Effect<'a> {
    /// An operation on a path in a mount.
    Fs {
        /// The operation.
        op: FsOp,
        /// The mount's directory in the guest.
        guest_mount: &'a str,
        /// Relative to the mount, as the kernel resolved it; empty for the mount itself.
        path: &'a str,
    },
    /// An operation on a path outside every mount.
    FsOutside {
        /// The operation.
        op: FsOp,
        /// The guest's absolute path.
        path: &'a str,
    },
    /// A request, before anything is resolved or sent.
    Http {
        /// The method.
        method: &'a str,
        /// The URL that will be sent.
        url: &'a RequestUrl,
    },
    /// An address to which the host of an allowed request resolved.
    ///
    /// Allowed where it is public; where the URL's host names it literally (the address itself, or
    /// `localhost` for loopback) and the grant names that host exactly; or where a `tcp connect` grant
    /// names it.
    HttpAddress {
        /// The URL of the request.
        url: &'a RequestUrl,
        /// The address.
        address: IpAddr,
    },
    /// A socket.
    Socket {
        /// TCP or UDP.
        proto: Protocol,
        /// Connect or bind.
        direction: Direction,
        /// `ADDRESS:PORT`, IPv6 in brackets.
        target: &'a str,
    },
    /// Delivery of one variable of the environment.
    Env {
        /// Its name.
        name: &'a str,
    },
    /// An operation on the key-value store.
    Kv {
        /// The namespace.
        namespace: &'a str,
        /// Whether it writes; one grant covers both.
        write: bool,
    },
    /// A name lookup.
    Dns {
        /// The name, lower case, without a dot at the end.
        name: &'a str,
    },
}
