//! What an operator is told: the capability of an effect, the command, the nearest miss.

use super::Authority;
use super::judge::{Compiled, Verdict};
use crate::capability::Capability;
use crate::decision::{Allowed, Asked, Decision, Denial, Nearest, Reason};
use crate::effect::Effect;
use crate::names::is_name;
use crate::words::shell_quote;

/// The most bytes of a command. One that would be longer is not offered, since it must not be cut.
const COMMAND_BYTES_MAX: usize = 2048;

impl Authority {
    /// The smallest capability that covers an effect, where one can: what a command would grant, and
    /// what an approval grants for one use.
    pub fn capability_for(&self, effect: &Effect<'_>) -> Option<Capability> {
        match *effect {
            Effect::Fs {
                op,
                guest_mount,
                path,
            } => self.file_capability(guest_mount, path, op.required()),
            Effect::FsOutside { .. } => None,
            Effect::Http { method, url } => self.request_capability(method, url),
            Effect::HttpAddress { url, address } => Self::address_capability(url, address),
            Effect::Socket {
                proto,
                direction,
                target,
            } => Self::socket_capability(proto, direction, target),
            Effect::Env { name } => Self::env_capability(name),
            Effect::Kv { namespace, .. } => Self::kv_capability(namespace),
            Effect::Dns { name } => Self::dns_capability(name),
        }
    }

    /// The denial of an effect that asks where nobody can answer. It has no command: what a rule sets to
    /// ask, only an approval or a change of that rule gives.
    pub fn unattended(&self, asked: &Asked) -> Denial {
        let rules = self.fs.iter().map(|r| (&r.id, &r.text));
        let rules = rules.chain(self.http.iter().map(|r| (&r.id, &r.text)));
        let rules = rules.chain(self.sockets.iter().map(|r| (&r.id, &r.text)));
        let rules = rules.chain(self.env.iter().map(|r| (&r.id, &r.text)));
        let rules = rules.chain(self.kv.iter().map(|r| (&r.id, &r.text)));
        let mut rules = rules.chain(self.dns.iter().map(|r| (&r.id, &r.text)));
        Denial {
            reason: Reason::AskUnattended,
            nearest: rules
                .find(|(id, _)| **id == asked.grant)
                .map(|(id, text)| Nearest {
                    grant: id.clone(),
                    capability: text.clone(),
                    why: "it asks, and nobody is there to answer".to_owned(),
                }),
            command: None,
        }
    }

    /// The command that grants `capability` to this plugin, quoted for a shell.
    pub(super) fn command(&self, capability: Option<Capability>) -> Option<String> {
        let capability = capability.filter(|c| is_name(&self.plugin) && c.grantable().is_ok())?;
        let command = format!(
            "tollgate grant add {} {}",
            shell_quote(&self.plugin),
            shell_quote(&capability.to_string())
        );
        (command.len() <= COMMAND_BYTES_MAX).then_some(command)
    }

    /// Turns a verdict into a decision; `again` is what to grant where a rule is void, `nothing`
    /// explains where no rule matched.
    pub(super) fn settle<C>(
        &self,
        verdict: Verdict<'_, C>,
        credential: impl FnOnce(&C) -> Option<&str>,
        again: impl FnOnce(&C) -> Option<Capability>,
        nothing: impl FnOnce() -> Denial,
    ) -> Decision {
        match verdict {
            Verdict::Allowed(rule) => Decision::Allowed(Allowed {
                grant: rule.id.clone(),
                credential: credential(&rule.capability).map(str::to_owned),
                counted: rule.counted,
            }),
            Verdict::Asked(rule) => Decision::Asked(Asked {
                grant: rule.id.clone(),
            }),
            Verdict::Denied(rule) => Decision::Denied(Denial {
                reason: Reason::DeniedByRule,
                nearest: Some(rule.near("this rule denies it, and deny wins")),
                command: None,
            }),
            Verdict::Undeclared(rule) => Decision::Denied(Denial {
                reason: Reason::UndeclaredNeed,
                nearest: rule.map(|r| {
                    r.near("granted, but the component did not declare that it needs this")
                }),
                command: None,
            }),
            Verdict::Void(rule, reason) => Decision::Denied(Denial {
                reason,
                nearest: Some(rule.near(rule.void_words())),
                command: self.command(again(&rule.capability)),
            }),
            Verdict::Nothing => Decision::Denied(nothing()),
        }
    }

    /// A denial for which a grant of `capability` would help.
    pub(super) fn missing(
        &self,
        nearest: Option<Nearest>,
        capability: Option<Capability>,
    ) -> Denial {
        Denial {
            reason: Reason::NoGrant,
            nearest,
            command: self.command(capability),
        }
    }
}

impl<C> Compiled<C> {
    /// Why the rule is void, for people.
    pub(super) fn void_words(&self) -> &str {
        self.void
            .as_ref()
            .map_or("its time is over", |(_, why)| why)
    }

    /// This rule as the nearest miss.
    pub(super) fn near(&self, why: impl Into<String>) -> Nearest {
        Nearest {
            grant: self.id.clone(),
            capability: self.text.clone(),
            why: why.into(),
        }
    }
}

/// The rule with the highest score above zero, the first of equals.
pub(super) fn nearest_by<'a, C>(
    rules: impl Iterator<Item = &'a Compiled<C>>,
    score: impl Fn(&C) -> u32,
) -> Option<&'a Compiled<C>> {
    let mut best: Option<(&Compiled<C>, u32)> = None;
    for rule in rules {
        let points = score(&rule.capability);
        if points > best.map_or(0, |(_, most)| most) {
            best = Some((rule, points));
        }
    }
    best.map(|(rule, _)| rule)
}
