//! Run-time grants: what an operator allowed, denied or set to ask while the host runs.
//!
//! Plain data; the store keeps them and counts their uses. No verb that makes one is reachable by a
//! model.

use crate::capability::Capability;
use crate::decision::Reason;
use serde::{Deserialize, Serialize};

/// What a rule or grant says of the effects that it matches. Deny wins over ask, ask over allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleEffect {
    /// They may happen.
    Allow,
    /// They may not, whatever else is granted.
    Deny,
    /// An operator decides each one.
    Ask,
}

impl RuleEffect {
    /// `allow`, `deny` or `ask`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Ask => "ask",
        }
    }
}

/// How far a run-time grant reaches.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One use, wherever it comes first. The only grant that answers a rule which asks: it is what an
    /// approval makes.
    Once,
    /// This session.
    Session(String),
    /// Sessions of this project.
    Project(String),
    /// Every session.
    Always,
}

/// A grant made at run time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeGrant {
    /// Its id, unique in the store.
    pub id: String,
    /// The plugin's name.
    pub plugin: String,
    /// The component's digest, where the grant is for that one alone.
    pub plugin_digest: Option<String>,
    /// What.
    pub capability: Capability,
    /// Allow, deny or ask.
    pub effect: RuleEffect,
    /// How far.
    pub scope: Scope,
    /// Who made it: the operator's subject.
    pub who: String,
    /// Why, in the operator's words.
    pub why: Option<String>,
    /// When, microseconds since the Unix epoch.
    pub created_us: i64,
    /// From when on it is void, microseconds since the Unix epoch.
    pub expires_us: Option<i64>,
    /// How often it may be used; one for [`Scope::Once`] where nothing is said.
    pub uses_max: Option<u32>,
    /// What it allowed may be performed again where nobody saw how it ended.
    pub retryable: bool,
    /// How often it was used.
    pub uses: u32,
    /// When it was revoked, microseconds since the Unix epoch.
    pub revoked_us: Option<i64>,
}

impl RuntimeGrant {
    /// A grant to a plugin for every session and every component of that name, without an end.
    pub fn allow(id: impl Into<String>, plugin: impl Into<String>, capability: Capability) -> Self {
        Self {
            id: id.into(),
            plugin: plugin.into(),
            plugin_digest: None,
            capability,
            effect: RuleEffect::Allow,
            scope: Scope::Always,
            who: String::new(),
            why: None,
            created_us: 0,
            expires_us: None,
            uses_max: None,
            retryable: false,
            uses: 0,
            revoked_us: None,
        }
    }

    /// The most uses, where they are bounded.
    pub fn uses_bound(&self) -> Option<u32> {
        match self.scope {
            Scope::Once => Some(self.uses_max.unwrap_or(1)),
            _ => self.uses_max,
        }
    }

    /// Why the grant is void at `now_us`, if it is.
    pub fn void(&self, now_us: i64) -> Option<Reason> {
        if self.revoked_us.is_some() {
            Some(Reason::Revoked)
        } else if self.uses_bound().is_some_and(|max| self.uses >= max) {
            Some(Reason::UsesExhausted)
        } else if self.expires_us.is_some_and(|at| at <= now_us) {
            Some(Reason::Expired)
        } else {
            None
        }
    }

    /// Whether the grant reaches this session.
    pub fn reaches(&self, session: &str, project: Option<&str>) -> bool {
        match &self.scope {
            Scope::Once | Scope::Always => true,
            Scope::Session(id) => id == session,
            Scope::Project(id) => Some(id.as_str()) == project,
        }
    }
}
