//! Hosts of URLs and names, and patterns of them.
//!
//! A host has one spelling here: lower-case ASCII names (RFC 1123 section 2.1, with `_`), dotted-quad
//! IPv4, IPv6. Every other spelling of the same host is an error and not a second way in.

use crate::fault::{Fault, excerpt};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most bytes of a host name (RFC 1035 section 2.3.4).
pub const HOST_BYTES_MAX: usize = 253;
/// The most bytes of one label of a host name (RFC 1035 section 2.3.4).
pub const LABEL_BYTES_MAX: usize = 63;

/// A host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A name in lower-case ASCII.
    Name(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

/// A host that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// No host.
    #[error("the host is empty; write a name or an address")]
    Empty,
    /// A letter in upper case.
    #[error("host `{0}` has upper-case letters; write it in lower case")]
    UpperCase(String),
    /// A character outside ASCII.
    #[error("host `{0}` is not ASCII; write its punycode form (`xn--…`)")]
    NotAscii(String),
    /// A dot at the end.
    #[error("host `{0}` ends in a dot; leave the dot out")]
    TrailingDot(String),
    /// A number that some programs take for an IPv4 address.
    #[error("host `{0}` is an odd spelling of an address; write it as four decimal numbers")]
    OddAddress(String),
    /// Not an IPv6 address in brackets.
    #[error("`{0}` is not an IPv6 address; write it in brackets, without a zone")]
    NotIpv6(String),
    /// A label that no host can have.
    #[error(
        "`{0}` is not a host name; use labels of 1 to {LABEL_BYTES_MAX} of a-z 0-9 - _, at most {HOST_BYTES_MAX} bytes"
    )]
    NotAName(String),
}

impl Host {
    /// Reads a host in its one spelling; IPv6 in brackets.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if text.is_empty() {
            return Err(HostError::Empty);
        }
        if let Some(open) = text.strip_prefix('[') {
            return open
                .strip_suffix(']')
                .and_then(|inner| inner.parse().ok())
                .map(Self::V6)
                .ok_or_else(|| HostError::NotIpv6(excerpt(text)));
        }
        if !text.is_ascii() {
            return Err(HostError::NotAscii(excerpt(text)));
        }
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(HostError::UpperCase(excerpt(text)));
        }
        if text.ends_with('.') {
            return Err(HostError::TrailingDot(excerpt(text)));
        }
        if text.len() > HOST_BYTES_MAX || !text.split('.').all(is_label) {
            return Err(HostError::NotAName(excerpt(text)));
        }
        if text.rsplit('.').next().is_some_and(is_number) {
            // Rust reads exactly four decimal numbers without leading zeros.
            return text
                .parse()
                .map(Self::V4)
                .map_err(|_| HostError::OddAddress(excerpt(text)));
        }
        Ok(Self::Name(text.to_owned()))
    }

    /// The address, if the host is one.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(ip) => Some((*ip).into()),
            Self::V6(ip) => Some((*ip).into()),
        }
    }

    /// Whether the host literally names `address`: it is that address, or it is `localhost` and the
    /// address is a loopback address.
    pub fn names(&self, address: IpAddr) -> bool {
        match self {
            Self::Name(name) => name == "localhost" && address.to_canonical().is_loopback(),
            Self::V4(_) | Self::V6(_) => self
                .address()
                .is_some_and(|own| own.to_canonical() == address.to_canonical()),
        }
    }

    /// Whether the host can only be this machine itself.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost",
            Self::V4(ip) => ip.is_loopback(),
            Self::V6(ip) => IpAddr::from(*ip).to_canonical().is_loopback(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(ip) => ip.fmt(f),
            Self::V6(ip) => write!(f, "[{ip}]"),
        }
    }
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

/// Whether a last label makes other URL readers take the host for an IPv4 address (WHATWG URL, "ends in
/// a number").
fn is_number(label: &str) -> bool {
    label.bytes().all(|b| b.is_ascii_digit())
        || label
            .strip_prefix("0x")
            .is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// A pattern of hosts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// `*`: any host. Only where the grammar says so, and never in a grant.
    Any,
    /// Exactly this host.
    Exact(Host),
    /// `*.suffix`: one label and the suffix.
    OneLabel(String),
    /// `**.suffix`: one label or more and the suffix; never the suffix alone.
    AnyDepth(String),
}

impl HostPattern {
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let suffix = text
            .strip_prefix("**.")
            .map(|s| (s, true))
            .or_else(|| text.strip_prefix("*.").map(|s| (s, false)));
        let host = suffix.map_or(text, |(s, _)| s);
        if host.contains('*') {
            return Err(Fault::new(
                format!("`*` in an odd place in host `{}`", excerpt(text)),
                "write `*.example.com` for one label, `**.example.com` for any depth",
            ));
        }
        let exact = Host::parse(host)
            .map_err(|e| Fault::new(e.to_string(), "hosts are matched exactly as written"))?;
        match (suffix, exact) {
            (None, host) => Ok(Self::Exact(host)),
            (Some((_, true)), Host::Name(name)) => Ok(Self::AnyDepth(name)),
            (Some((_, false)), Host::Name(name)) => Ok(Self::OneLabel(name)),
            (Some(_), _) => Err(Fault::new(
                format!(
                    "`{}` can never match: an address has no subdomains",
                    excerpt(text)
                ),
                "write the address alone",
            )),
        }
    }

    /// Whether `host` is one of those meant.
    pub fn matches(&self, host: &Host) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(own) => own == host,
            Self::OneLabel(suffix) => prefix(host, suffix).is_some_and(|p| !p.contains('.')),
            Self::AnyDepth(suffix) => prefix(host, suffix).is_some(),
        }
    }
}

/// What stands before `.suffix` in a name.
fn prefix<'h>(host: &'h Host, suffix: &str) -> Option<&'h str> {
    match host {
        Host::Name(name) => name
            .strip_suffix(suffix)?
            .strip_suffix('.')
            .filter(|p| !p.is_empty()),
        Host::V4(_) | Host::V6(_) => None,
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(host) => host.fmt(f),
            Self::OneLabel(suffix) => write!(f, "*.{suffix}"),
            Self::AnyDepth(suffix) => write!(f, "**.{suffix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_spelling() {
        for bad in [
            "",
            "API.openai.com",
            "api.openai.com.",
            "bücher.de",
            "0x7f.1",
            "127.1",
            "017700000001",
            "2130706433",
            "0177.0.0.1",
            "1.2.3",
            "1.2.3.4.5",
            "example.0x1",
            "a..b",
            "-a.com",
            "a-.com",
            "a b",
            "a%2eb",
            "[::1",
            "[fe80::1%25eth0]",
            "::1",
            "a\\b",
            "a@b",
            "0x",
        ] {
            assert!(Host::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            Host::parse("127.0.0.1").unwrap(),
            Host::V4(Ipv4Addr::LOCALHOST)
        );
        assert_eq!(Host::parse("[0:0::1]").unwrap().to_string(), "[::1]");
        assert!(Host::parse("xn--bcher-kva.de").is_ok());
        assert!(Host::parse("_acme.4chan.org").is_ok());
    }

    #[test]
    fn wildcards_count_labels() {
        let m = |p: &str, h: &str| {
            HostPattern::parse(p)
                .unwrap()
                .matches(&Host::parse(h).unwrap())
        };
        assert!(m("*.example.com", "a.example.com"));
        assert!(!m("*.example.com", "example.com"));
        assert!(!m("*.example.com", "a.b.example.com"));
        assert!(m("**.example.com", "a.b.example.com"));
        assert!(!m("**.example.com", "example.com"));
        assert!(!m("**.example.com", "evilexample.com"));
        for bad in ["*", "a.*.com", "*a.com", "**", "*.1.2.3.4", "*.[::1]"] {
            assert!(HostPattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_localhost_and_literals_name_an_address() {
        let names = |h: &str, ip: &str| Host::parse(h).unwrap().names(ip.parse().unwrap());
        assert!(names("localhost", "127.0.0.1") && names("localhost", "::1"));
        assert!(names("10.0.0.1", "10.0.0.1") && names("10.0.0.1", "::ffff:10.0.0.1"));
        assert!(!names("10.0.0.1", "10.0.0.2"));
        assert!(!names("a.localhost", "127.0.0.1"));
    }
}
