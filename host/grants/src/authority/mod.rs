//! What one plugin may do, and the one function that decides.
//!
//! Invariants:
//! - Nothing is allowed that no grant allows, that no declared need covers, or that any rule denies.
//! - Deny wins over ask, ask over allow, whatever their layers; only a grant for one use, which is what
//!   an approval makes, answers an ask. Within one file an `fs` rule that asks does not ask for what
//!   another rule of that file allows with less access on the same mount.
//! - A command in a denial, run verbatim, makes the same effect pass.
//! - Pure: no I/O, no clock; the caller says when it is.

mod build;
mod check;
mod explain;
mod files;
mod judge;
mod others;
mod requests;
#[cfg(test)]
mod tests;

pub use build::AuthorityInput;

use crate::capability::Capability;
use crate::decision::{Decision, GrantId};
use crate::effect::Effect;
use crate::fs::{FsAccess, FsCapability};
use crate::http::HttpCapability;
use crate::names::{DnsCapability, EnvCapability, KvCapability, NamePattern};
use crate::need::Needs;
use crate::policy::{CallLimits, CredentialRule};
use crate::socket::SocketCapability;
use judge::Compiled;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What one plugin may do in one session: declared needs ∩ grants, at one generation of grants. An
/// immutable snapshot.
#[derive(Debug, Clone)]
pub struct Authority {
    plugin: String,
    plugin_digest: String,
    generation: u64,
    policy_digest: String,
    needs: Needs,
    fs: Vec<Compiled<FsCapability>>,
    http: Vec<Compiled<HttpCapability>>,
    sockets: Vec<Compiled<SocketCapability>>,
    env: Vec<Compiled<EnvCapability>>,
    kv: Vec<Compiled<KvCapability>>,
    dns: Vec<Compiled<DnsCapability>>,
    mounts: Vec<Mount>,
    /// Granted, but in no declared need.
    undeclared_mounts: Vec<Mount>,
    credentials: BTreeMap<String, CredentialRule>,
    /// Variables of the environment that hold secrets, with the credential's name.
    secret_variables: BTreeMap<String, String>,
    limits: CallLimits,
    config: BTreeMap<String, String>,
    refused: Vec<RefusedGrant>,
}

/// A directory of the host at a directory of the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The guest's directory; absolute.
    pub guest: String,
    /// The host's directory; absolute, resolved by name.
    pub host: PathBuf,
    /// The widest access of any grant, within the declared needs. Each operation is decided by itself.
    pub access: FsAccess,
    /// Whether any rule leaves something in it out: then a file with several names must not be opened
    /// by one of them.
    pub has_except: bool,
    /// The directory within which the opened `host` must really lie (after symbolic links), where only
    /// a project's file grants the mount.
    pub confined_to: Option<PathBuf>,
    /// The first grant of the mount.
    pub grant: GrantId,
}

/// A run-time grant that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedGrant {
    /// Which.
    pub grant: GrantId,
    /// Why, for people.
    pub reason: String,
}

impl Authority {
    /// Decides one effect at `now_us`, microseconds since the Unix epoch. Microseconds, no I/O.
    pub fn decide(&self, effect: &Effect<'_>, now_us: i64) -> Decision {
        match *effect {
            Effect::Fs {
                op,
                guest_mount,
                path,
            } => self.decide_file(op, guest_mount, path, now_us),
            Effect::FsOutside { op, path } => self.decide_outside(op, path, now_us),
            Effect::Http { method, url } => self.decide_request(method, url, now_us),
            Effect::HttpAddress { url, address } => self.decide_address(url, address, now_us),
            Effect::Socket {
                proto,
                direction,
                target,
            } => self.decide_socket(proto, direction, target, now_us),
            Effect::Env { name } => self.decide_env(name, now_us),
            Effect::Kv { namespace, .. } => self.decide_kv(namespace, now_us),
            Effect::Dns { name } => self.decide_dns(name, now_us),
        }
    }

    /// The directories to show to the component.
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// The variables that rules give, each once, whatever their time. Each must still be decided.
    pub fn environment(&self) -> Vec<(String, GrantId)> {
        let mut names = BTreeMap::new();
        for rule in self
            .env
            .iter()
            .filter(|r| r.effect != crate::RuleEffect::Deny)
        {
            if let NamePattern::Exact(name) = &rule.capability.name {
                names.entry(name.clone()).or_insert_with(|| rule.id.clone());
            }
        }
        names.into_iter().collect()
    }

    /// Whether a grant allows at `now_us`, and says that what it allowed may be performed again where
    /// nobody saw how it ended.
    pub fn retryable(&self, grant: &str, now_us: i64) -> bool {
        fn any<C>(rules: &[Compiled<C>], grant: &str, now_us: i64) -> bool {
            let mut named = rules.iter().filter(|rule| rule.id.as_str() == grant);
            named.any(|rule| rule.retryable && rule.gives(now_us))
        }
        any(&self.fs, grant, now_us)
            || any(&self.http, grant, now_us)
            || any(&self.sockets, grant, now_us)
            || any(&self.env, grant, now_us)
            || any(&self.kv, grant, now_us)
            || any(&self.dns, grant, now_us)
    }

    /// The generation of grants of which this is a snapshot.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The digest of the policy files, `sha256:…`.
    pub fn policy_digest(&self) -> &str {
        &self.policy_digest
    }

    /// The plugin's name.
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// The digest of the plugin's component.
    pub fn plugin_digest(&self) -> &str {
        &self.plugin_digest
    }

    /// Where a credential is and goes. The managed file's definition comes before the user's.
    pub fn credential(&self, name: &str) -> Option<&CredentialRule> {
        self.credentials.get(name)
    }

    /// Limits of one call.
    pub fn limits(&self) -> &CallLimits {
        &self.limits
    }

    /// Texts that the component may read, by key.
    pub fn config(&self) -> &BTreeMap<String, String> {
        &self.config
    }

    /// Run-time grants that could not be taken, with the reason.
    pub fn refused(&self) -> &[RefusedGrant] {
        &self.refused
    }

    /// Whether a declared need satisfies `covers`.
    fn declares(&self, covers: impl Fn(&Capability) -> bool) -> bool {
        match &self.needs {
            Needs::Any => true,
            Needs::Declared(needs) => needs.iter().any(|need| covers(need.capability())),
        }
    }
}
