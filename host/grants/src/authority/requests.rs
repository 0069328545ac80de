//! Deciding requests, and the addresses to which their hosts resolve.

use super::Authority;
use super::explain::nearest_by;
use super::judge::{Compiled, Verdict, flat, judge};
use crate::addresses::forbidden_range;
use crate::capability::Capability;
use crate::decision::{Allowed, Decision, Denial, Nearest, Reason};
use crate::fault::excerpt;
use crate::host::Host;
use crate::http::{HttpCapability, MethodPattern};
use crate::pattern::{PortPattern, UrlPattern};
use crate::runtime::RuleEffect;
use crate::socket::{Direction, Protocol, SocketCapability, SocketHost};
use crate::url::RequestUrl;
use std::net::{IpAddr, SocketAddr};

/// Whether a rule is about a URL: byte for byte where it allows, and with `%XX` decoded where it
/// restricts, since the server will read it so.
fn about(rule: &Compiled<HttpCapability>, url: &RequestUrl) -> bool {
    match rule.effect {
        RuleEffect::Allow => rule.capability.url.matches(url),
        RuleEffect::Deny | RuleEffect::Ask => rule.capability.url.matches_decoded(url),
    }
}

impl Authority {
    pub(super) fn decide_request(&self, method: &str, url: &RequestUrl, now_us: i64) -> Decision {
        let declared = self.declares(|need| match need {
            Capability::Http(http) => http.method.matches(method) && http.url.matches(url),
            _ => false,
        });
        let verdict = judge(
            &self.http,
            now_us,
            declared,
            |rule| rule.capability.method.matches(method) && about(rule, url),
            |http| u8::from(http.credential.is_some()),
        );
        if let Verdict::Allowed(rule) = &verdict
            && let Some(why) = self.credential_missing(&rule.capability, url)
        {
            return Decision::Denied(Denial {
                reason: Reason::CredentialUnavailable,
                nearest: Some(rule.near(why)),
                command: None,
            });
        }
        self.settle(
            verdict,
            |http| http.credential.as_deref(),
            |void| {
                request(
                    method,
                    url,
                    void.credential
                        .clone()
                        .filter(|name| self.may_carry(name, url)),
                )
            },
            || self.explain_request(method, url, now_us),
        )
    }

    /// Why the credential that a rule names cannot be added to a request, if so.
    fn credential_missing(&self, rule: &HttpCapability, url: &RequestUrl) -> Option<String> {
        let name = rule.credential.as_ref()?;
        if self.credential(name).is_none() {
            return Some(format!(
                "credential `{name}` is not defined in the managed or the user's tollgate.toml"
            ));
        }
        (!HttpCapability::may_carry_credential(url))
            .then(|| format!("credential `{name}` is never sent over plain http"))
    }

    fn may_carry(&self, name: &str, url: &RequestUrl) -> bool {
        self.credential(name).is_some() && HttpCapability::may_carry_credential(url)
    }

    fn explain_request(&self, method: &str, url: &RequestUrl, now_us: i64) -> Denial {
        let rule = nearest_by(self.http.iter().filter(|r| r.gives(now_us)), |http| {
            score(http, method, url)
        });
        self.missing(
            rule.map(|r| near(r, method, url)),
            self.request_capability(method, url),
        )
    }

    /// Exactly this request, with the credential that a grant gives to the same audience.
    pub(super) fn request_capability(&self, method: &str, url: &RequestUrl) -> Option<Capability> {
        let same = self.http.iter().filter(|r| {
            r.effect != RuleEffect::Deny
                && r.void.is_none()
                && r.capability.url.audience_matches(url)
        });
        let credential = nearest_by(same, |http| match &http.credential {
            Some(name) if self.may_carry(name, url) => score(http, method, url),
            _ => 0,
        })
        .and_then(|rule| rule.capability.credential.clone());
        request(method, url, credential)
    }

    /// Decides an address to which the host of `url` resolved. The request itself was decided before.
    pub(super) fn decide_address(
        &self,
        url: &RequestUrl,
        address: IpAddr,
        now_us: i64,
    ) -> Decision {
        let peer = SocketAddr::new(address, url.port());
        let tcp = judge(
            &self.sockets,
            now_us,
            true,
            |rule| is_tcp_connect(&rule.capability) && covers(rule, peer),
            flat,
        );
        if let Verdict::Denied(_) = tcp {
            return self.settle(
                tcp,
                |_| None,
                |_| None,
                || Denial::because(Reason::DeniedByRule),
            );
        }
        let declared =
            self.declares(|need| matches!(need, Capability::Http(http) if http.url.matches(url)));
        // Which method was decided with the request; here the rule's host matters.
        let request = judge(
            &self.http,
            now_us,
            declared,
            |rule| rule.effect != RuleEffect::Deny && about(rule, url),
            |http| u8::from(names(http, address)),
        );
        // A grant whose last use is this very request, or an ask that was answered, is in order.
        let (Verdict::Allowed(rule)
        | Verdict::Asked(rule)
        | Verdict::Void(rule, Reason::UsesExhausted)) = request
        else {
            return self.settle(request, |_| None, |_| None, || self.missing(None, None));
        };
        let Some(range) = forbidden_range(address).filter(|_| !names(&rule.capability, address))
        else {
            return Decision::Allowed(Allowed {
                grant: rule.id.clone(),
                credential: None,
                counted: false,
            });
        };
        self.settle(
            tcp,
            |_| None,
            |_| Self::address_capability(url, address),
            || Denial {
                reason: Reason::AddressForbidden,
                nearest: Some(rule.near(format!(
                    "{} leads to {address}, which is {range}",
                    excerpt(&url.host().to_string())
                ))),
                command: self.command(Self::address_capability(url, address)),
            },
        )
    }

    /// `tcp connect ADDRESS:PORT`.
    pub(super) fn address_capability(url: &RequestUrl, address: IpAddr) -> Option<Capability> {
        Self::socket_capability_at(
            Protocol::Tcp,
            Direction::Connect,
            SocketAddr::new(address, url.port()),
        )
    }

    /// A capability for exactly one address and port.
    pub(super) fn socket_capability_at(
        protocol: Protocol,
        direction: Direction,
        address: SocketAddr,
    ) -> Option<Capability> {
        if address.port() == 0 && direction == Direction::Connect {
            return None;
        }
        let host = match address.ip().to_canonical() {
            IpAddr::V4(ip) => Host::V4(ip),
            IpAddr::V6(ip) => Host::V6(ip),
        };
        Some(Capability::Socket(SocketCapability {
            protocol,
            direction,
            host: SocketHost::Host(host),
            port: PortPattern::Exact(address.port()),
        }))
    }
}

/// Whether a rule is about an address: a denial is about all that it means.
pub(super) fn covers(rule: &Compiled<SocketCapability>, address: SocketAddr) -> bool {
    match rule.effect {
        RuleEffect::Deny => rule.capability.matches(address),
        RuleEffect::Allow | RuleEffect::Ask => rule.capability.allows(address),
    }
}

fn is_tcp_connect(socket: &SocketCapability) -> bool {
    socket.protocol == Protocol::Tcp && socket.direction == Direction::Connect
}

/// Whether a rule names an address literally, by an exact host.
fn names(rule: &HttpCapability, address: IpAddr) -> bool {
    rule.url
        .parts()
        .and_then(|p| p.exact_host())
        .is_some_and(|host| host.names(address))
}

fn request(method: &str, url: &RequestUrl, credential: Option<String>) -> Option<Capability> {
    let MethodPattern::Exact(method) = MethodPattern::parse(method).ok()? else {
        return None;
    };
    Some(Capability::Http(HttpCapability {
        method: MethodPattern::Exact(method),
        url: UrlPattern::exactly(url)?,
        credential,
    }))
}

/// How near a rule comes to a request: the host counts most.
fn score(rule: &HttpCapability, method: &str, url: &RequestUrl) -> u32 {
    let Some(parts) = rule.url.parts() else {
        return 1;
    };
    let mut points = 1;
    for (matches, weight) in [
        (parts.host().matches(url.host()), 16),
        (parts.port().matches(url.port()), 2),
        (parts.scheme() == url.scheme(), 2),
        (rule.method.matches(method), 4),
        (parts.path_matches(url), 8),
    ] {
        if matches {
            points += weight;
        }
    }
    points
}

/// A rule as the nearest miss, with every part that did not match.
fn near(rule: &Compiled<HttpCapability>, method: &str, url: &RequestUrl) -> Nearest {
    let mut misses = Vec::new();
    let http = &rule.capability;
    if let Some(parts) = http.url.parts() {
        if parts.scheme() != url.scheme() {
            misses.push(format!("scheme {} is not {}", url.scheme(), parts.scheme()));
        }
        if !parts.host().matches(url.host()) {
            misses.push(format!(
                "host {} is not {}",
                excerpt(&url.host().to_string()),
                parts.host()
            ));
        }
        if !parts.port().matches(url.port()) {
            misses.push(format!("port {} is not {}", url.port(), parts.port()));
        }
        if !parts.path_matches(url) {
            misses.push(format!(
                "path {} does not match {}",
                excerpt(url.path()),
                parts.path()
            ));
        }
    }
    if !http.method.matches(method) {
        misses.push(format!("method {} is not {}", excerpt(method), http.method));
    }
    if misses.is_empty() {
        misses.push("the query does not match".to_owned());
    }
    rule.near(misses.join(", "))
}
