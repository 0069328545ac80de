//! The network half of the HTTP gate: one request out, one response back.
//!
//! What was decided elsewhere is carried out here and nowhere else. The target arrives already parsed
//! and matched; it is sent as it is, byte for byte.
//!
//! Invariants:
//! - a socket is only ever connected to an address that passed the request's own address check, and a
//!   pooled connection is checked again before a request is written to it;
//! - no redirect is followed, no proxy is read from the environment, no request is sent twice, and no
//!   connection is shared between two [`PoolKey`]s or two targets;
//! - a credential is written only to TLS or to a loopback peer, and no type of this module can print it;
//! - everything that comes in is bounded: headers, body, trailers, silence and total time;
//! - no error text holds a path, a query, a header value or a body.
//!
//! It does not decide, does not write receipts, knows nothing of wasmtime and never reads the policy.
//! The [`FixtureSet`] replaces the socket and nothing else; a [`Recorder`] writes down what a real one gave.

mod client;
mod connector;
mod counting;
mod credential;
mod error;
mod exchange;
mod fixture;
mod headers;
mod limits;
mod pool;
mod redact;
mod request;
mod resolver;
mod tls;
mod transport;
mod upload;

#[cfg(test)]
mod tests;

pub use client::{CONNECTIONS_MAX, Client, ClientOptions};
pub use counting::{BodyReport, CountingBody, Ended};
pub use credential::{CredentialError, Injection};
pub use error::{NetError, NetErrorKind};
pub use fixture::{FIXTURE_VERSION, FixtureError, FixtureSet, RecordError, Recorder};
pub use pool::{IDLE_PER_ROUTE_MAX, IDLE_SECONDS_MAX, POOL_KEYS_MAX};
pub use redact::{REPLACEMENT, Redactor};
pub use request::{
    AddressCheck, BodyError, Host, Inbound, InboundBody, Limits, OutboundRequest, PoolKey,
    RequestBody, Scheme, Tally, Timeouts,
};
pub use resolver::{Resolver, Resolving, SystemResolver};
pub use tls::{TlsRoots, TlsRootsError};
pub use transport::Transport;
