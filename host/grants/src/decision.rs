//! Decisions, and the stable labels of reasons.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Names a grant: the store's id of a run-time grant, or `LAYER:PLUGIN:N` for the N-th rule of a
/// plugin in a policy file. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantId(Arc<str>);

impl GrantId {
    /// Takes an id as it is.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The word of [`crate::Authority::decide`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// May be performed.
    Allowed(Allowed),
    /// Refused.
    Denied(Denial),
    /// An operator shall say.
    Asked(Asked),
}

impl Decision {
    /// Whether the effect may be performed.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }

    /// The denial, if it is one.
    pub fn denial(&self) -> Option<&Denial> {
        match self {
            Self::Denied(denial) => Some(denial),
            Self::Allowed(_) | Self::Asked(_) => None,
        }
    }
}

/// An effect that may be performed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// By which grant.
    pub grant: GrantId,
    /// The credential that the host adds to the request.
    pub credential: Option<String>,
    /// Whether the grant has a number of uses: then [`crate::AuthoritySource::consume_use`] must say
    /// true before the effect is performed.
    pub counted: bool,
}

/// An effect that an operator shall decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// By which rule. What an approval grants is [`crate::Authority::capability_for`] the effect.
    pub grant: GrantId,
}

/// An effect that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Why.
    pub reason: Reason,
    /// The grant that came nearest.
    pub nearest: Option<Nearest>,
    /// The exact command, quoted for a shell, after which this same effect passes. `None` where no
    /// grant can make it pass, or where the operator must first think.
    pub command: Option<String>,
}

impl Denial {
    /// A denial with nothing but its reason; for those that the gate finds by itself.
    pub fn because(reason: Reason) -> Self {
        Self {
            reason,
            nearest: None,
            command: None,
        }
    }
}

/// The grant that came nearest to allowing an effect, or the rule that refused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// Which.
    pub grant: GrantId,
    /// Its capability.
    pub capability: String,
    /// What it lacked; printable, bounded.
    pub why: String,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $label:literal),* $(,)?) => {
        /// Why an effect was refused. Labels are stable: records and scripts hold them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable label.
            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)*
                }
            }
        }
    };
}

reasons! {
    /// No grant matches.
    NoGrant = "no_grant",
    /// The component did not declare the need; no grant can help.
    UndeclaredNeed = "undeclared_need",
    /// A rule denies it, whatever is granted.
    DeniedByRule = "denied_by_rule",
    /// The grant's `except` leaves the path out, or the path is one that runs on the host later.
    Excluded = "excluded",
    /// The mount is granted with less access.
    AccessTooLow = "access_too_low",
    /// The grant's time is over.
    Expired = "expired",
    /// The grant's uses are spent.
    UsesExhausted = "uses_exhausted",
    /// It asks, and nobody is there to answer.
    AskUnattended = "ask_unattended",
    /// The path is in no mount.
    OutsideMounts = "outside_mounts",
    /// The name leads to an address that no grant names.
    AddressForbidden = "address_forbidden",
    /// The URL could be read in two ways.
    UrlAmbiguous = "url_ambiguous",
    /// A device, FIFO or socket.
    NotAFileOrDirectory = "not_a_file_or_directory",
    /// The file has more names than the one that was checked.
    HardLink = "hard_link",
    /// Tollgate's own store, keys or cache; no grant opens them.
    Protected = "protected",
    /// The gate does not do this.
    Unsupported = "unsupported",
    /// A bound of the call was reached.
    LimitReached = "limit_reached",
    /// As much was added below the mount as `limits.disk_files` lets a session add.
    QuotaReached = "quota_reached",
    /// The ledger cannot be written.
    LedgerUnavailable = "ledger_unavailable",
    /// The grant was revoked.
    Revoked = "revoked",
    /// The grant's credential is not defined or cannot be read, or must not go there.
    CredentialUnavailable = "credential_unavailable",
    /// The policy or the grants cannot be read.
    PolicyUnreadable = "policy_unreadable",
}

impl Reason {
    /// The reason of a label.
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|r| r.label() == label)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_of_the_records() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_label(reason.label()), Some(*reason));
            let json = serde_json::to_string(reason).unwrap();
            assert_eq!(json, format!("\"{}\"", reason.label()));
        }
    }
}
