//! The capability `tcp|udp connect|bind HOST:PORT`.
//!
//! A socket is opened to an address, so a grant names an address (`1.2.3.4:443`, `[::1]:80`), a network
//! (`10.0.0.0/8:443`, `[fd00::/8]:*`) or `localhost`, which is every loopback address. A name would never
//! match and is refused in a grant. IPv4-mapped IPv6 addresses are the IPv4 address inside.

use crate::addresses::forbidden_range;
use crate::fault::{CapabilityError, Fault, excerpt};
use crate::host::Host;
use crate::pattern::PortPattern;
use crate::url::split_port;
use crate::words::Word;
use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// The word of the grammar.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Which end of a connection is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The peer.
    Connect,
    /// The own address.
    Bind,
}

impl Direction {
    /// The word of the grammar.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Bind => "bind",
        }
    }
}

/// The addresses of a socket rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SocketHost {
    /// `*`: any. In needs and in rules that deny, never in a grant.
    Any,
    /// A host.
    Host(Host),
    /// A network, written with its first address.
    Net(IpNet),
}

/// Sockets to or at an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SocketCapability {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Connect or bind.
    pub direction: Direction,
    /// The addresses.
    pub host: SocketHost,
    /// The ports; 0 only for `bind`, where it asks for a free one.
    pub port: PortPattern,
}

impl SocketCapability {
    pub(crate) fn parse(
        protocol: Protocol,
        words: &[Word],
        end: usize,
    ) -> Result<Self, CapabilityError> {
        let name = protocol.as_str();
        let usage = || {
            Fault::new(
                format!("`{name}` is not complete"),
                format!(
                    "write `{name} connect HOST:PORT` or `{name} bind HOST:PORT`, such as `{name} connect 192.0.2.1:443`"
                ),
            )
        };
        let [direction, target] = words else {
            return Err(usage().at(0..end));
        };
        let direction = match direction.text.as_str() {
            "connect" => Direction::Connect,
            "bind" => Direction::Bind,
            _ => return Err(usage().at(direction.at.clone())),
        };
        let (host, port) =
            parse_target(&target.text, direction).map_err(|f| f.at(target.at.clone()))?;
        Ok(Self {
            protocol,
            direction,
            host,
            port,
        })
    }

    /// Whether `address` is meant.
    pub fn matches(&self, address: SocketAddr) -> bool {
        if !self.port.matches(address.port()) {
            return false;
        }
        let ip = address.ip().to_canonical();
        match &self.host {
            SocketHost::Any => true,
            SocketHost::Host(host) => host.names(ip),
            SocketHost::Net(net) => net.contains(&ip),
        }
    }

    /// Whether a grant of it allows `address`: it is meant, and a network does not reach into a forbidden
    /// range that it was not written for. `0.0.0.0/0` is the public addresses.
    pub fn allows(&self, address: SocketAddr) -> bool {
        self.matches(address)
            && match (&self.host, forbidden_range(address.ip())) {
                (SocketHost::Net(net), Some(range)) => {
                    let is_within = |ip| forbidden_range(ip) == Some(range);
                    is_within(net.network()) && is_within(net.broadcast())
                }
                _ => true,
            }
    }

    pub(crate) fn grantable(&self) -> Result<(), Fault> {
        match &self.host {
            SocketHost::Any => Err(Fault::new(
                "`*` for a host is only for needs and rules that deny",
                "write an address or a network, such as `192.0.2.0/24:443`",
            )),
            other => other.matchable(),
        }
    }
}

impl SocketHost {
    /// A socket is opened to an address: only `localhost` is a name that can match.
    pub(crate) fn matchable(&self) -> Result<(), Fault> {
        match self {
            Self::Host(Host::Name(name)) if name != "localhost" => Err(Fault::new(
                format!("the name `{name}` can never match: a socket is opened to an address"),
                "write the address, a network or `localhost`; for web requests write `http METHOD URL`",
            )),
            _ => Ok(()),
        }
    }
}

fn parse_target(text: &str, direction: Direction) -> Result<(SocketHost, PortPattern), Fault> {
    let (host, port) = split_port(text);
    let port = match port {
        None => {
            return Err(Fault::new(
                format!("`{}` has no port", excerpt(text)),
                "write `HOST:443`, or `HOST:*` for any port",
            ));
        }
        Some("*") => PortPattern::Any,
        Some("0") if direction == Direction::Bind => PortPattern::Exact(0),
        Some(number) => PortPattern::Exact(crate::url::parse_port(number).ok_or_else(|| {
            Fault::new(
                format!("port `{}` is not a number from 1 to 65535", excerpt(number)),
                "write `:443`, or `:*` for any port",
            )
        })?),
    };
    Ok((parse_host(host)?, port))
}

fn parse_host(text: &str) -> Result<SocketHost, Fault> {
    if text == "*" {
        return Ok(SocketHost::Any);
    }
    if text.contains('/') {
        let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        let net: IpNet = inner.unwrap_or(text).parse().map_err(|_| {
            Fault::new(
                format!("`{}` is not a network", excerpt(text)),
                "write `10.0.0.0/8:443` or `[fd00::/8]:443`",
            )
        })?;
        if net != net.trunc() || inner.is_some() != net.addr().is_ipv6() {
            return Err(Fault::new(
                format!(
                    "network `{}` is not written with its first address",
                    excerpt(text)
                ),
                match net.trunc() {
                    IpNet::V4(net) => format!("write `{net}`"),
                    IpNet::V6(net) => format!("write `[{net}]`"),
                },
            ));
        }
        if let IpNet::V6(v6) = net
            && v6.addr().to_ipv4_mapped().is_some()
        {
            return Err(Fault::new(
                "a network of IPv4-mapped addresses can never match",
                "write the IPv4 network",
            ));
        }
        return Ok(SocketHost::Net(net));
    }
    if text.contains('*') {
        return Err(Fault::new(
            format!("`*` in an odd place in `{}`", excerpt(text)),
            "write a network such as `10.0.0.0/8:443`",
        ));
    }
    Host::parse(text)
        .map(|host| SocketHost::Host(canonical(host)))
        .map_err(|e| Fault::new(e.to_string(), "write `HOST:PORT`"))
}

/// An IPv4-mapped address as the IPv4 address inside.
fn canonical(host: Host) -> Host {
    match host.address().map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(ip)) => Host::V4(ip),
        _ => host,
    }
}

impl fmt::Display for SocketCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.protocol.as_str(), self.direction.as_str())?;
        match &self.host {
            SocketHost::Any => f.write_str("*")?,
            SocketHost::Host(host) => host.fmt(f)?,
            SocketHost::Net(IpNet::V4(net)) => net.fmt(f)?,
            SocketHost::Net(IpNet::V6(net)) => write!(f, "[{net}]")?,
        }
        write!(f, ":{}", self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Capability;

    fn socket(text: &str) -> SocketCapability {
        match text.parse().unwrap() {
            Capability::Socket(socket) => socket,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn addresses_and_networks_match() {
        let m = |p: &str, a: &str| socket(&format!("tcp connect {p}")).matches(a.parse().unwrap());
        assert!(m("10.0.0.1:443", "10.0.0.1:443"));
        assert!(m("10.0.0.1:443", "[::ffff:10.0.0.1]:443"));
        assert!(!m("10.0.0.1:443", "10.0.0.1:80"));
        assert!(m("10.0.0.0/8:*", "10.9.9.9:1"));
        assert!(m("[fd00::/8]:443", "[fd12::1]:443"));
        assert!(m("localhost:80", "127.0.0.9:80") && m("localhost:80", "[::1]:80"));
        assert!(!m("localhost:80", "10.0.0.1:80"));
    }

    #[test]
    fn a_network_allows_no_forbidden_range_that_it_was_not_written_for() {
        let a = |p: &str, a: &str| socket(&format!("tcp connect {p}")).allows(a.parse().unwrap());
        for wide in [
            "0.0.0.0/0:*",
            "0.0.0.0/1:*",
            "128.0.0.0/1:*",
            "10.0.0.0/7:*",
        ] {
            for forbidden in [
                "169.254.169.254:80",
                "127.0.0.1:80",
                "10.0.0.1:80",
                "0.0.0.0:80",
            ] {
                assert!(!a(wide, forbidden), "{wide} {forbidden}");
            }
        }
        assert!(a("0.0.0.0/0:*", "93.184.216.34:80") && a("[::/0]:*", "[2606:2800::1]:80"));
        assert!(!a("[::/0]:*", "[::1]:80") && !a("[::/0]:*", "[fd00::1]:80"));
        assert!(a("10.0.0.0/8:*", "10.9.9.9:1") && a("127.0.0.0/8:*", "127.0.0.1:1"));
        assert!(!a("169.254.0.0/16:*", "169.254.169.254:80"));
        assert!(a("169.254.169.254:80", "169.254.169.254:80"));
    }

    #[test]
    fn what_can_never_match_is_refused() {
        for bad in [
            "10.0.0.1",
            "10.0.0.1:0",
            "10.0.0.1/8:443",
            "fd00::/8:443",
            "1.2.*:80",
            "::1:80",
            "0x7f.1:80",
            ":80",
            "[::ffff:10.0.0.0/104]:80",
        ] {
            assert!(
                format!("tcp connect {bad}").parse::<Capability>().is_err(),
                "{bad}"
            );
        }
        assert!(socket("tcp connect example.com:443").grantable().is_err());
        assert_eq!(socket("udp bind 0.0.0.0:0").port, PortPattern::Exact(0));
    }
}
