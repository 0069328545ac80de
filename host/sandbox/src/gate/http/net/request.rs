//! What goes in and what comes out: the request as it was matched, its bounds, and the response.

use super::credential::Injection;
use super::error::NetError;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, Version};
use http_body_util::combinators::UnsyncBoxBody;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The bytes that a guest sends. Streamed; never held as a whole but for fixtures.
pub type RequestBody = UnsyncBoxBody<Bytes, BodyError>;

/// The bytes that come back: bounded, counted, and with the credential's echoes replaced.
pub type InboundBody = UnsyncBoxBody<Bytes, NetError>;

/// Says for one address whether this request may reach it; `Err` holds the reason, for people.
/// Asked before every connect and again before a pooled connection is used, so it must be quick.
pub type AddressCheck = Arc<dyn Fn(IpAddr) -> Result<(), String> + Send + Sync>;

/// The guest's body failed before its end. Says nothing of why: the words would be the guest's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request's body was given up by its writer")]
pub struct BodyError;

/// `http` or `https`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// As written in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port when none is written.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The host of a URL: a name to be resolved, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// Lower case, ASCII, no trailing dot.
    Name(String),
    /// A literal.
    Ip(IpAddr),
}

impl fmt::Display for Host {
    /// As written in a URL: IPv6 in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Where a request goes. Two requests share a connection only if theirs are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) scheme: Scheme,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

impl Target {
    /// The value of `Host` and `:authority`: the port only where it is not the scheme's own.
    pub(crate) fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Target {
    /// `host:port`, for error texts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Who may share a connection with whom: requests of equal keys only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PoolKey {
    /// The plugin's name.
    pub plugin: String,
    /// The session.
    pub session: String,
    /// The policy's digest.
    pub policy: String,
    /// The credential's name, never its value.
    pub credential: Option<String>,
}

/// How long each part may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name lookup, connect and TLS handshake together.
    pub connect: Duration,
    /// From the first byte out to the response's head.
    pub first_byte: Duration,
    /// Silence within the response's body, counted only while somebody waits for it.
    pub between_bytes: Duration,
    /// The whole exchange, to the body's end.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(300),
            between_bytes: Duration::from_secs(120),
            total: Duration::from_secs(1800),
        }
    }
}

/// How much each part may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Fields of the request.
    pub request_headers_max: usize,
    /// Names, values and four bytes for each field's punctuation.
    pub request_header_bytes_max: u32,
    /// The request's body.
    pub request_body_bytes_max: u64,
    /// As for the request. More than 256 KiB is never read, whatever is set here.
    pub response_header_bytes_max: u32,
    /// The response's body, as it arrives.
    pub response_body_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_headers_max: 100,
            request_header_bytes_max: 64 * 1024,
            request_body_bytes_max: 64 * 1024 * 1024,
            response_header_bytes_max: 64 * 1024,
            response_body_bytes_max: 64 * 1024 * 1024,
        }
    }
}

/// Bytes of one exchange so far. The caller keeps a clone and may read it at any time, also after a
/// failure.
#[derive(Debug, Default)]
pub struct Tally {
    out: AtomicU64,
    into: AtomicU64,
    redactions: AtomicU64,
}

impl Tally {
    /// Body bytes that were handed to the connection.
    pub fn bytes_out(&self) -> u64 {
        self.out.load(Ordering::Relaxed)
    }

    /// Body bytes that arrived, before redaction.
    pub fn bytes_in(&self) -> u64 {
        self.into.load(Ordering::Relaxed)
    }

    /// Echoes of the credential that were replaced.
    pub fn redactions(&self) -> u64 {
        self.redactions.load(Ordering::Relaxed)
    }

    pub(crate) fn add_out(&self, bytes: usize) {
        self.out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_in(&self, bytes: usize) {
        self.into.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_redactions(&self, count: u64) {
        self.redactions.fetch_add(count, Ordering::Relaxed);
    }
}

/// One request, as it was decided. Has no `Debug`: it may hold a credential and a guest's data.
pub struct OutboundRequest {
    /// Any but `CONNECT` and `TRACE`.
    pub method: Method,
    /// The scheme that was matched.
    pub scheme: Scheme,
    /// The host that was matched.
    pub host: Host,
    /// The port that was matched.
    pub port: u16,
    /// Path and query exactly as matched; refused if it cannot be sent so.
    pub path_and_query: String,
    /// The guest's headers. The gate's own are stripped from them.
    pub headers: HeaderMap,
    /// The guest's body.
    pub body: RequestBody,
    /// How long.
    pub timeouts: Timeouts,
    /// How much.
    pub limits: Limits,
    /// Who shares connections.
    pub pool_key: PoolKey,
    /// The credential to add.
    pub credential: Option<Injection>,
    /// Which addresses may be reached.
    pub address_check: AddressCheck,
    /// Where bytes are counted.
    pub tally: Arc<Tally>,
    /// The receipt under which it is performed.
    pub receipt: String,
}

/// The answer.
pub struct Inbound {
    /// The status. Redirects arrive as they are.
    pub status: StatusCode,
    /// Without hop-by-hop fields; without `content-length` where redaction may change it.
    pub headers: HeaderMap,
    /// The body.
    pub body: InboundBody,
    /// The peer of the very connection that was used; none with fixtures.
    pub peer: Option<SocketAddr>,
    /// Whether the connection had served an earlier request.
    pub reused: bool,
    /// The protocol that was spoken.
    pub http_version: Version,
    /// Fields of the guest that were not sent.
    pub stripped: Vec<HeaderName>,
}

impl fmt::Debug for Inbound {
    /// Status and route only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("status", &self.status)
            .field("peer", &self.peer)
            .field("reused", &self.reused)
            .field("http_version", &self.http_version)
            .finish_non_exhaustive()
    }
}
