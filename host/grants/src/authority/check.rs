//! Questions that an operator asks of an authority, outside any effect.

use super::Authority;
use crate::capability::Capability;
use crate::decision::{Decision, Denial, GrantId, Reason};
use crate::fs::{FsAccess, FsOp};
use crate::host::HostPattern;
use crate::http::MethodPattern;
use crate::names::NamePattern;
use crate::need::Needs;
use crate::pattern::PortPattern;
use crate::runtime::RuleEffect;
use crate::socket::SocketHost;
use crate::url::RequestUrl;
use std::net::SocketAddr;

impl Authority {
    /// Whether the plugin can do what `capability` names, for `grant check`. `None` where it names more
    /// than one target: then there is no one answer. Of a mount, the directory itself is asked about.
    pub fn can(&self, capability: &Capability, now_us: i64) -> Option<Decision> {
        match capability {
            Capability::Fs(fs) => {
                let (guest, host) = (fs.guest.dir()?, fs.host.dir()?);
                let mounted = self.mounts.iter().find(|m| m.guest == guest);
                if mounted.is_some_and(|m| m.host.to_str() != Some(host)) {
                    return Some(Decision::Denied(Denial::because(Reason::NoGrant)));
                }
                let op = match fs.access {
                    FsAccess::Read => FsOp::List,
                    FsAccess::Create => FsOp::CreateDir,
                    FsAccess::Write => FsOp::SetTimes,
                    FsAccess::Full => FsOp::Delete,
                };
                Some(self.decide_file(op, guest, "", now_us))
            }
            Capability::Http(http) => {
                let parts = http.url.parts()?;
                let (MethodPattern::Exact(method), PortPattern::Exact(port)) =
                    (&http.method, parts.port())
                else {
                    return None;
                };
                if parts.path().contains('*') {
                    return None;
                }
                let text = format!(
                    "{}://{}:{port}{}",
                    parts.scheme(),
                    parts.exact_host()?,
                    parts.path()
                );
                let url = RequestUrl::parse_str(&text).ok()?;
                Some(self.decide_request(method, &url, now_us))
            }
            Capability::Socket(socket) => {
                let (SocketHost::Host(host), PortPattern::Exact(port)) =
                    (&socket.host, socket.port)
                else {
                    return None;
                };
                let target = SocketAddr::new(host.address()?, port).to_string();
                Some(self.decide_socket(socket.protocol, socket.direction, &target, now_us))
            }
            Capability::Env(env) => Some(self.decide_env(exact(&env.name)?, now_us)),
            Capability::Kv(kv) => Some(self.decide_kv(exact(&kv.namespace)?, now_us)),
            Capability::Dns(dns) => match &dns.name {
                HostPattern::Exact(host) => Some(self.decide_dns(&host.to_string(), now_us)),
                _ => None,
            },
        }
    }

    /// Grants for which no declared need plainly asks, with their capability. A warning, not an error:
    /// patterns are compared by kind and exact parts only.
    pub fn unasked(&self) -> Vec<(GrantId, String)> {
        let Needs::Declared(needs) = &self.needs else {
            return Vec::new();
        };
        let needs: Vec<&Capability> = needs.iter().map(|n| n.capability()).collect();
        let mut out = Vec::new();
        macro_rules! unasked {
            ($rules:expr, $kind:ident, |$grant:ident, $need:ident| $asks:expr) => {
                for rule in $rules.iter().filter(|r| r.effect != RuleEffect::Deny) {
                    let $grant = &rule.capability;
                    if !needs.iter().any(|n| matches!(n, Capability::$kind($need) if $asks)) {
                        out.push((rule.id.clone(), rule.text.clone()));
                    }
                }
            };
        }
        for rule in self.fs.iter().filter(|r| r.effect != RuleEffect::Deny) {
            let (guest, host) = (rule.capability.guest.dir(), rule.capability.host.dir());
            if let (Some(guest), Some(host)) = (guest, host)
                && self.declared_access(guest, host).is_none()
            {
                out.push((rule.id.clone(), rule.text.clone()));
            }
        }
        unasked!(self.http, Http, |grant, need| match (
            grant.url.parts().and_then(|p| p.exact_host()),
            need.url.parts()
        ) {
            (Some(host), Some(parts)) => parts.host().matches(host),
            _ => true,
        });
        unasked!(self.sockets, Socket, |grant, need| grant.protocol
            == need.protocol
            && grant.direction == need.direction);
        unasked!(self.env, Env, |grant, need| grant.name == need.name
            || need.name == NamePattern::Any);
        unasked!(self.kv, Kv, |grant, need| grant.namespace == need.namespace
            || need.namespace == NamePattern::Any);
        unasked!(self.dns, Dns, |grant, need| match &grant.name {
            HostPattern::Exact(host) => need.name.matches(host),
            _ => true,
        });
        out
    }
}

fn exact(name: &NamePattern) -> Option<&str> {
    match name {
        NamePattern::Exact(name) => Some(name),
        NamePattern::Any => None,
    }
}
