//! Deciding sockets, variables of the environment, the key-value store and name lookups.

use super::Authority;
use super::explain::nearest_by;
use super::judge::{flat, judge};
use super::requests;
use crate::capability::Capability;
use crate::decision::{Decision, Denial, Nearest, Reason};
use crate::fault::excerpt;
use crate::host::{Host, HostPattern};
use crate::names::{DnsCapability, EnvCapability, KvCapability, NamePattern};
use crate::socket::{Direction, Protocol, SocketCapability};
use std::net::SocketAddr;

impl Authority {
    pub(super) fn decide_socket(
        &self,
        protocol: Protocol,
        direction: Direction,
        target: &str,
        now_us: i64,
    ) -> Decision {
        let Ok(address) = target.parse::<SocketAddr>() else {
            return Decision::Denied(Denial::because(Reason::NoGrant));
        };
        let same = |c: &SocketCapability| c.protocol == protocol && c.direction == direction;
        let covers = |c: &SocketCapability| same(c) && c.matches(address);
        let declared = self.declares(|need| matches!(need, Capability::Socket(c) if covers(c)));
        let verdict = judge(
            &self.sockets,
            now_us,
            declared,
            |rule| same(&rule.capability) && requests::covers(rule, address),
            flat,
        );
        self.settle(
            verdict,
            |_| None,
            |_| Self::socket_capability_at(protocol, direction, address),
            || {
                let rules = self
                    .sockets
                    .iter()
                    .filter(|r| r.gives(now_us) && same(&r.capability));
                let nearest = nearest_by(rules, |c| {
                    1 + u32::from(c.port.matches(address.port()))
                        + 2 * u32::from(
                            c.matches(SocketAddr::new(address.ip(), any_port(c, address))),
                        )
                });
                self.missing(
                    nearest.map(|r| r.near(format!("{address} is not what it names"))),
                    Self::socket_capability_at(protocol, direction, address),
                )
            },
        )
    }

    pub(super) fn socket_capability(
        protocol: Protocol,
        direction: Direction,
        target: &str,
    ) -> Option<Capability> {
        Self::socket_capability_at(protocol, direction, target.parse().ok()?)
    }

    pub(super) fn decide_env(&self, name: &str, now_us: i64) -> Decision {
        if let Some(credential) = self.secret_variables.get(name) {
            let rule = self
                .env
                .iter()
                .find(|r| r.gives(now_us) && r.capability.name.matches(name));
            return Decision::Denied(Denial {
                reason: Reason::Excluded,
                nearest: rule.map(|r| r.near(format!("the variable is the source of credential `{credential}`; a secret is never delivered"))),
                command: None,
            });
        }
        let declared =
            self.declares(|need| matches!(need, Capability::Env(c) if c.name.matches(name)));
        let verdict = judge(
            &self.env,
            now_us,
            declared,
            |r| r.capability.name.matches(name),
            flat,
        );
        self.settle(
            verdict,
            |_| None,
            |_| Self::env_capability(name),
            || {
                let rule = self
                    .env
                    .iter()
                    .find(|r| r.gives(now_us) && differs_in_case(&r.capability.name, name));
                self.missing(rule.map(|r| r.near(CASE)), Self::env_capability(name))
            },
        )
    }

    pub(super) fn env_capability(name: &str) -> Option<Capability> {
        Some(Capability::Env(EnvCapability {
            name: exact(name, "variable's name")?,
        }))
    }

    pub(super) fn decide_kv(&self, namespace: &str, now_us: i64) -> Decision {
        let declared = self
            .declares(|need| matches!(need, Capability::Kv(c) if c.namespace.matches(namespace)));
        let verdict = judge(
            &self.kv,
            now_us,
            declared,
            |r| r.capability.namespace.matches(namespace),
            flat,
        );
        self.settle(
            verdict,
            |_| None,
            |_| Self::kv_capability(namespace),
            || {
                let rule = self.kv.iter().find(|r| {
                    r.gives(now_us) && differs_in_case(&r.capability.namespace, namespace)
                });
                self.missing(rule.map(|r| r.near(CASE)), Self::kv_capability(namespace))
            },
        )
    }

    pub(super) fn kv_capability(namespace: &str) -> Option<Capability> {
        Some(Capability::Kv(KvCapability {
            namespace: exact(namespace, "namespace")?,
        }))
    }

    pub(super) fn decide_dns(&self, name: &str, now_us: i64) -> Decision {
        let host = match Host::parse(name) {
            Ok(host) => host,
            Err(_) => return Decision::Denied(Denial::because(Reason::NoGrant)),
        };
        let declared =
            self.declares(|need| matches!(need, Capability::Dns(c) if c.name.matches(&host)));
        let verdict = judge(
            &self.dns,
            now_us,
            declared,
            |r| r.capability.name.matches(&host),
            flat,
        );
        self.settle(
            verdict,
            |_| None,
            |_| Self::dns_capability(name),
            || self.missing(self.nearest_dns(&host, now_us), Self::dns_capability(name)),
        )
    }

    fn nearest_dns(&self, host: &Host, now_us: i64) -> Option<Nearest> {
        let text = host.to_string();
        let rule = nearest_by(self.dns.iter().filter(|r| r.gives(now_us)), |c| {
            let own = match &c.name {
                HostPattern::Exact(own) => own.to_string(),
                HostPattern::OneLabel(suffix) | HostPattern::AnyDepth(suffix) => suffix.clone(),
                HostPattern::Any => return 0,
            };
            let shared = own
                .rsplit('.')
                .zip(text.rsplit('.'))
                .take_while(|(a, b)| a == b);
            u32::try_from(shared.count()).unwrap_or(0)
        })?;
        Some(rule.near(format!(
            "{} is not {}",
            excerpt(&text),
            rule.capability.name
        )))
    }

    pub(super) fn dns_capability(name: &str) -> Option<Capability> {
        Some(Capability::Dns(DnsCapability {
            name: HostPattern::Exact(Host::parse(name).ok()?),
        }))
    }
}

const CASE: &str = "names differ where the case of letters does";

/// A port that `rule` accepts, to ask about its host alone.
fn any_port(rule: &SocketCapability, address: SocketAddr) -> u16 {
    match rule.port {
        crate::PortPattern::Exact(port) => port,
        crate::PortPattern::Any => address.port(),
    }
}

fn exact(name: &str, what: &str) -> Option<NamePattern> {
    match NamePattern::parse(name, what) {
        Ok(exact @ NamePattern::Exact(_)) => Some(exact),
        _ => None,
    }
}

fn differs_in_case(pattern: &NamePattern, name: &str) -> bool {
    matches!(pattern, NamePattern::Exact(own) if own.eq_ignore_ascii_case(name))
}
