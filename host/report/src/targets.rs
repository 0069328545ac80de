//! What the text of a target names, where its kind has a form that can be read again.
//!
//! A target that does not have the form of its kind, such as one that was cut, names nothing here.

use std::net::{IpAddr, SocketAddr};
use tollgate_receipts::Receipt;

/// Stands for what was cut or left out of a target.
const ELLIPSIS: char = '…';

/// The methods of RFC 9110 section 9 and of RFC 5789, which every format knows.
const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// An HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    /// The method as the plugin gave it.
    pub(crate) method: &'a str,
    /// The URL, without credentials and without the values of its query.
    pub(crate) url: &'a str,
    /// Its scheme.
    pub(crate) scheme: &'a str,
    /// Its host; an IPv6 address without brackets.
    pub(crate) host: &'a str,
    /// Its port, or the one of its scheme.
    pub(crate) port: Option<u16>,
    /// Its path.
    pub(crate) path: &'a str,
}

impl Request<'_> {
    /// Whether every format knows the method.
    pub(crate) fn is_common(&self) -> bool {
        METHODS.contains(&self.method)
    }
}

/// Whom an effect would reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer<'a> {
    /// Name of the host, if it was named.
    pub(crate) name: Option<&'a str>,
    /// Its address, if it is known.
    pub(crate) address: Option<IpAddr>,
    /// The port.
    pub(crate) port: Option<u16>,
}

/// The request of an effect of HTTP.
pub(crate) fn request(receipt: &Receipt) -> Option<Request<'_>> {
    if !matches!(receipt.kind.as_str(), "http.request" | "http.use") {
        return None;
    }
    let (method, url) = receipt.target.as_ref()?.text.split_once(' ')?;
    let (scheme, rest) = url.split_once("://")?;
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(at)?;
    let path = rest.split('?').next()?;
    if authority.contains(ELLIPSIS) || path.contains(ELLIPSIS) || url.contains(' ') {
        return None;
    }
    let (host, port) = host_and_port(authority)?;
    Some(Request {
        method,
        url,
        scheme,
        host,
        port: port.or(match scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        }),
        path,
    })
}

/// Whom the effect would reach; none for effects that reach nobody, or that others begin.
pub(crate) fn peer(receipt: &Receipt) -> Option<Peer<'_>> {
    let text = &receipt.target.as_ref()?.text;
    match receipt.kind.as_str() {
        "http.request" | "http.use" => {
            let request = request(receipt)?;
            let seen = connected(receipt).map(|(address, _)| address);
            Some(named(request.host, request.port, seen))
        }
        // `host:port at address`
        "http.connect" => {
            let (endpoint, address) = text.split_once(" at ")?;
            let (host, port) = host_and_port(endpoint)?;
            Some(named(host, port, Some(address.parse().ok()?)))
        }
        "tcp.connect" | "udp.connect" | "udp.send" => {
            let address: SocketAddr = text.parse().ok()?;
            Some(Peer {
                name: None,
                address: Some(address.ip()),
                port: Some(address.port()),
            })
        }
        _ => None,
    }
}

/// The peer of the connection that was made.
pub(crate) fn connected(receipt: &Receipt) -> Option<(IpAddr, Option<u16>)> {
    let outcomes = [&receipt.settled, &receipt.closed];
    let mut texts = outcomes
        .into_iter()
        .flatten()
        .filter_map(|o| o.outcome.address.as_deref());
    let text = texts.next()?;
    match text.parse::<SocketAddr>() {
        Ok(address) => Some((address.ip(), Some(address.port()))),
        Err(_) => Some((text.parse().ok()?, None)),
    }
}

/// Whether `text` is a name that a host may have (RFC 952, RFC 1123 section 2.1).
pub(crate) fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=63).contains(&label.len())
            && label.chars().all(inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

fn named(host: &str, port: Option<u16>, seen: Option<IpAddr>) -> Peer<'_> {
    match host.parse::<IpAddr>() {
        Ok(address) => Peer {
            name: None,
            address: Some(address),
            port,
        },
        Err(_) => Peer {
            name: Some(host),
            address: seen,
            port,
        },
    }
}

fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => match text.rsplit_once(':') {
            // More than one colon without brackets: an IPv6 address.
            Some((host, _)) if host.contains(':') => (text, None),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return None;
    }
    match port {
        Some(port) => Some((host, Some(port.parse().ok()?))),
        None => Some((host, None)),
    }
}
