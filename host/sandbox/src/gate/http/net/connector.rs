//! From a target to a connection: resolve once, check every address, connect to exactly those.
//!
//! Invariant: the only `TcpStream::connect` of the gate is here, and its argument passed the check.

use super::error::{NetError, NetErrorKind};
use super::request::{Host, Scheme, Target};
use super::resolver::Resolver;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

/// Addresses of one name that are looked at.
const ADDRESSES_MAX: usize = 16;

/// Head start of one attempt over the next (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A stream that HTTP can be spoken on.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection that stands.
pub(crate) struct Connected {
    pub(crate) io: Box<dyn Io>,
    pub(crate) peer: SocketAddr,
    pub(crate) http2: bool,
}

/// What a check says of one address.
pub(crate) type Check<'a> = &'a (dyn Fn(IpAddr) -> Result<(), NetError> + Send + Sync);

/// With what a connection is made.
pub(crate) struct How<'a> {
    pub(crate) resolver: &'a dyn Resolver,
    pub(crate) tls: &'a Arc<ClientConfig>,
    /// Under which receipt.
    pub(crate) receipt: &'a str,
}

/// Connects; everything within `deadline`.
pub(crate) async fn connect(
    target: &Target,
    how: How<'_>,
    check: Check<'_>,
    deadline: Instant,
) -> Result<Connected, NetError> {
    let How {
        resolver,
        tls,
        receipt,
    } = how;
    let found = addresses(target, resolver, deadline).await?;
    let allowed = checked(target, found, check)?;
    let late = |_| {
        let text = format!("{target} could not be connected to in time");
        NetError::new(NetErrorKind::ConnectionTimeout, text)
    };
    let stream = timeout_at(deadline, race(target, allowed, receipt))
        .await
        .map_err(late)??;
    let peer = stream
        .peer_addr()
        .map_err(|error| connect_error(target, &error))?;
    check(peer.ip())?;
    // Requests are small and wait for an answer. Where it cannot be set, they are only slower.
    let _ = stream.set_nodelay(true);
    match target.scheme {
        Scheme::Http => Ok(Connected {
            io: Box::new(stream),
            peer,
            http2: false,
        }),
        Scheme::Https => timeout_at(deadline, handshake(target, stream, peer, tls))
            .await
            .map_err(late)?,
    }
}

async fn addresses(
    target: &Target,
    resolver: &dyn Resolver,
    deadline: Instant,
) -> Result<Vec<IpAddr>, NetError> {
    let name = match &target.host {
        Host::Ip(address) => return Ok(vec![*address]),
        Host::Name(name) => name,
    };
    let unknown = || {
        let text = format!("the name of {target} could not be resolved");
        NetError::new(NetErrorKind::DnsError, text)
    };
    let mut found = timeout_at(deadline, resolver.resolve(name))
        .await
        .map_err(|_| {
            let text = format!("the name of {target} was not resolved in time");
            NetError::new(NetErrorKind::DnsTimeout, text)
        })?
        .map_err(|_| unknown())?;
    found.truncate(ADDRESSES_MAX);
    if found.is_empty() {
        Err(unknown())
    } else {
        Ok(found)
    }
}

/// The addresses that passed; if none did, the first refusal.
fn checked(
    target: &Target,
    found: Vec<IpAddr>,
    check: Check<'_>,
) -> Result<Vec<SocketAddr>, NetError> {
    let mut refusal = None;
    let mut allowed = Vec::with_capacity(found.len());
    for address in &found {
        match check(*address) {
            Ok(()) => allowed.push(SocketAddr::new(*address, target.port)),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    match refusal {
        Some(refusal) if allowed.is_empty() => Err(match refusal.kind() {
            NetErrorKind::DestinationIpProhibited { refusal, .. } => {
                NetError::address_forbidden(target, found, refusal.clone())
            }
            _ => refusal,
        }),
        _ => Ok(interleave(allowed)),
    }
}

/// Families in turn, beginning with the resolver's first choice (RFC 8305 §4).
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return mixed;
        }
        mixed.extend(pair.into_iter().flatten());
    }
}

/// The first connection that stands; the others are given up.
async fn race(
    target: &Target,
    addresses: Vec<SocketAddr>,
    receipt: &str,
) -> Result<TcpStream, NetError> {
    let mut attempts: JoinSet<io::Result<TcpStream>> = JoinSet::new();
    let mut waiting = addresses.into_iter();
    let mut failure = None;
    loop {
        let next = waiting.next();
        if let Some(address) = next {
            let receipt = receipt.to_owned();
            attempts.spawn(async move {
                // The first poll of what follows makes the system call, on this thread.
                tollgate_contract::mark("perform", &receipt);
                TcpStream::connect(address).await
            });
        }
        let last = waiting.len() == 0;
        tokio::select! {
            biased;
            ended = attempts.join_next() => match ended {
                Some(Ok(Ok(stream))) => return Ok(stream),
                Some(Ok(Err(error))) => {
                    failure = failure.or(Some(connect_error(target, &error)));
                }
                // An attempt of ours is never cancelled while it is waited for.
                Some(Err(_)) => {}
                None if last => {
                    return Err(failure.unwrap_or_else(|| unavailable(target)));
                }
                None => {}
            },
            () = tokio::time::sleep(ATTEMPT_DELAY), if !last => {}
        }
    }
}

fn unavailable(target: &Target) -> NetError {
    let text = format!("{target} cannot be reached");
    NetError::new(NetErrorKind::DestinationUnavailable, text)
}

fn connect_error(target: &Target, error: &io::Error) -> NetError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => NetError::new(
            NetErrorKind::ConnectionRefused,
            format!("{target} refused the connection"),
        ),
        io::ErrorKind::TimedOut => NetError::new(
            NetErrorKind::ConnectionTimeout,
            format!("{target} could not be connected to in time"),
        ),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => NetError::new(
            NetErrorKind::DestinationIpUnroutable,
            format!("there is no route to {target}"),
        ),
        _ => unavailable(target),
    }
}

async fn handshake(
    target: &Target,
    stream: TcpStream,
    peer: SocketAddr,
    tls: &Arc<ClientConfig>,
) -> Result<Connected, NetError> {
    let name = match &target.host {
        Host::Ip(address) => ServerName::IpAddress((*address).into()),
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| {
            let text = format!("the name of {target} cannot be used with TLS");
            NetError::new(NetErrorKind::HttpRequestUriInvalid, text)
        })?,
    };
    let connected = TlsConnector::from(Arc::clone(tls))
        .connect(name, stream)
        .await;
    let stream = connected.map_err(|error| tls_error(target, &error))?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Connected {
        io: Box::new(stream),
        peer,
        http2,
    })
}

/// What went wrong below HTTP, if it was TLS. The certificate's own words stay out.
pub(crate) fn tls_cause(target: &Target, error: &io::Error) -> Option<NetError> {
    let cause = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match cause {
        rustls::Error::InvalidCertificate(reason) => NetError::new(
            NetErrorKind::TlsCertificateError,
            format!(
                "the certificate of {target} was not accepted: {}",
                certificate_fault(reason)
            ),
        ),
        rustls::Error::NoCertificatesPresented => NetError::new(
            NetErrorKind::TlsCertificateError,
            format!("{target} showed no certificate"),
        ),
        rustls::Error::AlertReceived(alert) => NetError::new(
            NetErrorKind::TlsAlertReceived {
                alert_id: Some(u8::from(*alert)),
            },
            format!("{target} ended TLS with alert {}", u8::from(*alert)),
        ),
        _ => NetError::new(
            NetErrorKind::TlsProtocolError,
            format!("TLS with {target} failed; is it a plain http port?"),
        ),
    })
}

fn tls_error(target: &Target, error: &io::Error) -> NetError {
    tls_cause(target, error).unwrap_or_else(|| {
        NetError::new(
            NetErrorKind::ConnectionTerminated,
            format!("{target} ended the connection during the TLS handshake"),
        )
    })
}

fn certificate_fault(reason: &CertificateError) -> &'static str {
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet"
        }
        CertificateError::Revoked => "it was revoked",
        CertificateError::UnknownIssuer => {
            "its issuer is unknown; add the issuer's certificate to the trusted roots if it is yours"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it was issued for another name"
        }
        _ => "it is not valid",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target {
            scheme: Scheme::Https,
            host: Host::Name("a.example".into()),
            port: 443,
        }
    }

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn refused_addresses_are_dropped() {
        let check = |address: IpAddr| {
            if address.is_loopback() {
                Err(NetError::address_forbidden(
                    &target(),
                    vec![address],
                    "loopback".into(),
                ))
            } else {
                Ok(())
            }
        };
        let allowed = checked(&target(), ips(&["127.0.0.1", "192.0.2.1", "::1"]), &check).unwrap();
        assert_eq!(allowed, ["192.0.2.1:443".parse().unwrap()]);

        let error = checked(&target(), ips(&["127.0.0.1", "::1"]), &check).unwrap_err();
        let NetErrorKind::DestinationIpProhibited { addresses, refusal } = error.kind() else {
            panic!("{error}");
        };
        assert_eq!(addresses, &ips(&["127.0.0.1", "::1"]));
        assert_eq!(refusal, "loopback");
        assert_eq!(
            error.to_string(),
            "a.example:443 resolves only to addresses that may not be reached (127.0.0.1, ::1): loopback"
        );
    }

    #[test]
    fn families_take_turns() {
        let mixed = interleave(
            ips(&["::2", "::3", "192.0.2.1", "192.0.2.2", "192.0.2.3"])
                .into_iter()
                .map(|ip| SocketAddr::new(ip, 1))
                .collect(),
        );
        let order: Vec<String> = mixed
            .iter()
            .map(|address| address.ip().to_string())
            .collect();
        assert_eq!(order, ["::2", "192.0.2.1", "::3", "192.0.2.2", "192.0.2.3"]);
    }
}
