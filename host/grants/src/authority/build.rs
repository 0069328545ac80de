//! Building an authority from policy files and run-time grants.

use super::judge::Compiled;
use super::{Authority, Mount, RefusedGrant};
use crate::capability::Capability;
use crate::decision::{GrantId, Reason};
use crate::fs::{FsAccess, FsCapability};
use crate::need::Needs;
use crate::policy::{self, CallLimits, CredentialSource, Layer, Limits, PluginPolicy, PolicyFile};
use crate::runtime::{RuleEffect, RuntimeGrant, Scope};
use crate::source::{AuthorityError, MountConflict};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What an [`Authority`] is built from.
#[derive(Debug, Clone)]
pub struct AuthorityInput<'a> {
    /// The plugin's name.
    pub plugin: &'a str,
    /// The digest of its component, `sha256:…`.
    pub plugin_digest: &'a str,
    /// The session that it works for.
    pub session: &'a str,
    /// The session's project.
    pub project: Option<&'a str>,
    /// What the component declared.
    pub needs: Needs,
    /// Policy files, in any order; a project's only if it is trusted.
    pub layers: &'a [PolicyFile],
    /// Run-time grants, of this plugin or of others.
    pub runtime: &'a [RuntimeGrant],
    /// The generation at which the grants were read.
    pub generation: u64,
    /// Now, microseconds since the Unix epoch.
    pub now_us: i64,
    /// Limits where the policy states none.
    pub defaults: CallLimits,
}

impl<'a> AuthorityInput<'a> {
    /// An input with no grants, no needs, and everything else empty.
    pub fn new(plugin: &'a str) -> Self {
        Self {
            plugin,
            plugin_digest: "",
            session: "",
            project: None,
            needs: Needs::Declared(Vec::new()),
            layers: &[],
            runtime: &[],
            generation: 0,
            now_us: 0,
            defaults: CallLimits::default(),
        }
    }
}

/// A rule or grant before it is sorted by kind.
struct Draft {
    id: GrantId,
    effect: RuleEffect,
    layer: Option<Layer>,
    /// The directory within which a project's mounts stay.
    root: Option<PathBuf>,
    answers: bool,
    counted: bool,
    retryable: bool,
    void: Option<(Reason, String)>,
    expires_us: Option<i64>,
}

impl Draft {
    fn compiled<C>(self, text: String, capability: C) -> Compiled<C> {
        Compiled {
            id: self.id,
            effect: self.effect,
            layer: self.layer,
            answers: self.answers,
            counted: self.counted,
            retryable: self.retryable,
            text,
            capability,
            void: self.void,
            expires_us: self.expires_us,
        }
    }
}

impl Authority {
    /// Joins declared needs, policy files and run-time grants.
    ///
    /// # Errors
    /// Where two policy files mount different directories of the host at one guest path. A run-time
    /// grant that conflicts is left out and listed by [`Authority::refused`].
    pub fn new(input: AuthorityInput<'_>) -> Result<Self, AuthorityError> {
        let mut layers: Vec<&PolicyFile> = input.layers.iter().collect();
        layers.sort_by_key(|file| file.origin.layer);
        let mut authority = Self {
            plugin: input.plugin.to_owned(),
            plugin_digest: input.plugin_digest.to_owned(),
            generation: input.generation,
            policy_digest: policy::digest(input.layers),
            needs: input.needs.clone(),
            fs: Vec::new(),
            http: Vec::new(),
            sockets: Vec::new(),
            env: Vec::new(),
            kv: Vec::new(),
            dns: Vec::new(),
            mounts: Vec::new(),
            undeclared_mounts: Vec::new(),
            credentials: BTreeMap::new(),
            secret_variables: BTreeMap::new(),
            limits: limits(&layers, input.plugin, input.defaults),
            config: BTreeMap::new(),
            refused: Vec::new(),
        };
        for file in &layers {
            authority.take_credentials(file);
            if let Some(policy) = file.plugins.get(input.plugin) {
                authority.take_file(file, policy, &input)?;
            }
        }
        authority.take_runtime(&input);
        authority.bound_mounts();
        Ok(authority)
    }

    fn take_credentials(&mut self, file: &PolicyFile) {
        if file.origin.layer == Layer::Project {
            return;
        }
        for (name, rule) in &file.credentials {
            self.credentials
                .entry(name.clone())
                .or_insert_with(|| rule.clone());
            if let CredentialSource::Env(variable) = &rule.source {
                self.secret_variables.insert(variable.clone(), name.clone());
            }
        }
    }

    fn take_file(
        &mut self,
        file: &PolicyFile,
        policy: &PluginPolicy,
        input: &AuthorityInput<'_>,
    ) -> Result<(), AuthorityError> {
        let layer = file.origin.layer;
        let other_component = policy
            .digest
            .as_ref()
            .filter(|pinned| *pinned != input.plugin_digest)
            .map(|pinned| {
                (
                    Reason::NoGrant,
                    format!("it is for the component {pinned}, and this one is another"),
                )
            });
        for (key, value) in &policy.config {
            self.config
                .entry(key.clone())
                .or_insert_with(|| value.clone());
        }
        for (i, rule) in policy.grants.iter().enumerate() {
            let draft = Draft {
                id: GrantId::new(format!("{layer}:{}:{}", input.plugin, i + 1)),
                effect: rule.effect,
                layer: Some(layer),
                root: (layer == Layer::Project).then(|| file.origin.base_dir.clone()),
                answers: false,
                counted: false,
                retryable: rule.retryable,
                // A rule that denies holds for every component.
                void: other_component
                    .clone()
                    .filter(|_| rule.effect != RuleEffect::Deny),
                expires_us: None,
            };
            if let Some((fs, mount)) = self.conflicting(&draft, &rule.capability) {
                return Err(AuthorityError::MountConflict(Box::new(MountConflict {
                    plugin: input.plugin.to_owned(),
                    guest: mount.guest.clone(),
                    first_grant: mount.grant.clone(),
                    first: mount.host.display().to_string(),
                    second_grant: draft.id,
                    second: fs.host.to_string(),
                })));
            }
            self.take(draft, rule.capability.clone());
        }
        Ok(())
    }

    fn take_runtime(&mut self, input: &AuthorityInput<'_>) {
        let mut grants: Vec<&RuntimeGrant> = input
            .runtime
            .iter()
            .filter(|g| g.plugin == input.plugin && g.reaches(input.session, input.project))
            .collect();
        grants.sort_by(|a, b| (a.created_us, &a.id).cmp(&(b.created_us, &b.id)));
        for grant in grants {
            let draft = Draft {
                id: GrantId::new(grant.id.as_str()),
                effect: grant.effect,
                layer: None,
                root: None,
                answers: grant.scope == Scope::Once,
                counted: grant.uses_bound().is_some(),
                retryable: grant.retryable,
                void: void(grant, input),
                expires_us: grant.expires_us,
            };
            match self.unusable(&draft, &grant.capability) {
                Some(reason) => self.refused.push(RefusedGrant {
                    grant: draft.id,
                    reason,
                }),
                None => self.take(draft, grant.capability.clone()),
            }
        }
    }

    /// Why a run-time grant cannot be taken at all.
    fn unusable(&self, draft: &Draft, capability: &Capability) -> Option<String> {
        let checked = match draft.effect {
            RuleEffect::Deny => capability.deniable(),
            RuleEffect::Allow | RuleEffect::Ask => capability.grantable(),
        };
        if let Err(fault) = checked {
            return Some(fault.to_string());
        }
        if let Capability::Fs(fs) = capability
            && fs.host.dir().is_some_and(|dir| !dir.starts_with('/'))
        {
            return Some(format!("host path {} is not absolute", fs.host));
        }
        self.conflicting(draft, capability)
            .map(|(fs, mount)| mount_conflict(fs, mount))
    }

    /// The mount at the same guest path with another directory of the host.
    fn conflicting<'m, 'c>(
        &'m self,
        draft: &Draft,
        capability: &'c Capability,
    ) -> Option<(&'c FsCapability, &'m Mount)> {
        let Capability::Fs(fs) = capability else {
            return None;
        };
        if draft.effect == RuleEffect::Deny || draft.void.is_some() {
            return None;
        }
        let mount = self
            .mounts
            .iter()
            .find(|m| fs.guest.dir() == Some(m.guest.as_str()))?;
        (fs.host.dir() != mount.host.to_str()).then_some((fs, mount))
    }

    /// Why a capability could not be granted beside what is there, if so. For whoever adds a grant.
    pub fn conflict(&self, capability: &Capability) -> Option<String> {
        let Capability::Fs(fs) = capability else {
            return None;
        };
        let mount = self
            .mounts
            .iter()
            .chain(&self.undeclared_mounts)
            .find(|m| fs.guest.dir() == Some(m.guest.as_str()))?;
        (fs.host.dir() != mount.host.to_str()).then(|| mount_conflict(fs, mount))
    }

    fn take(&mut self, draft: Draft, capability: Capability) {
        let text = capability.to_string();
        match capability {
            Capability::Fs(c) => {
                self.take_mount(&draft, &c);
                self.fs.push(draft.compiled(text, c));
            }
            Capability::Http(c) => self.http.push(draft.compiled(text, c)),
            Capability::Socket(c) => self.sockets.push(draft.compiled(text, c)),
            Capability::Env(c) => self.env.push(draft.compiled(text, c)),
            Capability::Kv(c) => self.kv.push(draft.compiled(text, c)),
            Capability::Dns(c) => self.dns.push(draft.compiled(text, c)),
        }
    }

    /// Grants on one guest and host path unite into one mount.
    fn take_mount(&mut self, draft: &Draft, fs: &FsCapability) {
        let (Some(host), Some(guest)) = (fs.host.dir(), fs.guest.dir()) else {
            return;
        };
        if draft.effect == RuleEffect::Deny || draft.void.is_some() {
            return;
        }
        match self.mounts.iter_mut().find(|m| m.guest == guest) {
            Some(mount) => {
                mount.access = mount.access.max(fs.access);
                mount.has_except |= !fs.except.is_empty();
                if draft.root.is_none() {
                    mount.confined_to = None;
                }
            }
            None => self.mounts.push(Mount {
                guest: guest.to_owned(),
                host: host.into(),
                access: fs.access,
                has_except: !fs.except.is_empty(),
                confined_to: draft.root.clone(),
                grant: draft.id.clone(),
            }),
        }
    }

    /// Bounds mounts by the declared needs, and marks those in which a rule denies something.
    fn bound_mounts(&mut self) {
        for mut mount in std::mem::take(&mut self.mounts) {
            let host = mount.host.to_string_lossy().into_owned();
            mount.has_except |= self.fs.iter().any(|r| {
                r.effect == RuleEffect::Deny
                    && r.capability
                        .host
                        .dir()
                        .is_none_or(|dir| overlaps(dir, &host))
            });
            match self.declared_access(&mount.guest, &host) {
                Some((access, has_except)) => {
                    mount.access = mount.access.min(access);
                    mount.has_except |= has_except;
                    self.mounts.push(mount);
                }
                None => self.undeclared_mounts.push(mount),
            }
        }
    }

    /// The widest access that a declared need has in a mount, and whether one leaves something out.
    pub(super) fn declared_access(&self, guest: &str, host: &str) -> Option<(FsAccess, bool)> {
        let Needs::Declared(needs) = &self.needs else {
            return Some((FsAccess::Full, false));
        };
        let fs = needs.iter().filter_map(|need| match need.capability() {
            Capability::Fs(fs) => Some(fs),
            _ => None,
        });
        fs.filter(|fs| {
            fs.guest.dir().is_none_or(|dir| overlaps(dir, guest))
                && fs.host.dir().is_none_or(|dir| overlaps(dir, host))
        })
        .map(|fs| (fs.access, !fs.except.is_empty()))
        .reduce(|a, b| (a.0.max(b.0), a.1 || b.1))
    }
}

fn mount_conflict(fs: &FsCapability, mount: &Mount) -> String {
    format!(
        "{} is already at the guest path {} (grant {}); choose another guest path for {}",
        mount.host.display(),
        mount.guest,
        mount.grant,
        fs.host
    )
}

/// Whether one directory lies in the other, or both are the same.
fn overlaps(a: &str, b: &str) -> bool {
    let (a, b) = (std::path::Path::new(a), std::path::Path::new(b));
    a.starts_with(b) || b.starts_with(a)
}

fn void(grant: &RuntimeGrant, input: &AuthorityInput<'_>) -> Option<(Reason, String)> {
    let words = match grant.void(input.now_us) {
        Some(reason @ Reason::Revoked) => return Some((reason, "it was revoked".to_owned())),
        Some(reason @ Reason::UsesExhausted) if grant.effect != RuleEffect::Deny => {
            (reason, "its uses are spent".to_owned())
        }
        Some(reason @ Reason::Expired) => return Some((reason, "its time is over".to_owned())),
        _ => {
            let pinned = grant.plugin_digest.as_deref()?;
            // A grant that denies holds for every component.
            if pinned == input.plugin_digest || grant.effect == RuleEffect::Deny {
                return None;
            }
            (
                Reason::NoGrant,
                format!("it is for the component {pinned}, and this one is another"),
            )
        }
    };
    Some(words)
}

/// The tightest limits of all layers, over the tightest defaults, over our own.
fn limits(layers: &[&PolicyFile], plugin: &str, ours: CallLimits) -> CallLimits {
    let mut own = Limits::default();
    let mut defaults = Limits::default();
    for file in layers {
        defaults = defaults.tightest(&file.default_limits);
        if let Some(policy) = file.plugins.get(plugin) {
            own = own.tightest(&policy.limits);
        }
    }
    ours.with(&defaults).with(&own)
}
