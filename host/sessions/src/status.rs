//! The closed sets of words: statuses, modes, reasons. Each has one stable label, used in events,
//! records and the command line.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $label:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $label)] $variant,)+
        }

        impl $name {
            /// Every word of the set, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable label.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.label())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($label => Ok(Self::$variant),)+
                    other => Err(UnknownWord {
                        word: other.chars().take(UnknownWord::SHOWN_MAX).collect(),
                        known: &[$($label),+],
                    }),
                }
            }
        }
    };
}

/// A word that is not in its set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not known; use one of {}", known.join(", "))]
pub struct UnknownWord {
    word: String,
    known: &'static [&'static str],
}

impl UnknownWord {
    /// The most characters of the unknown word that the error repeats.
    const SHOWN_MAX: usize = 64;
}

words! {
    /// Where a session stands.
    Status {
        /// It does not exist yet.
        Absent = "absent",
        /// Launched; what it needs is being checked.
        Starting = "starting",
        /// Launched, but something that it needs is missing.
        Unbound = "unbound",
        /// Ready for a prompt.
        Idle = "idle",
        /// A run is open and a live owner works on it.
        Running = "running",
        /// A parked run or an unresolved effect waits for somebody.
        Blocked = "blocked",
        /// On its way to `stopped`.
        Stopping = "stopping",
        /// At rest, warm.
        Dormant = "dormant",
        /// At rest, cold.
        Suspended = "suspended",
        /// Its owner or its endpoint is gone.
        Failed = "failed",
        /// The provider refused the credential.
        AuthExpired = "auth_expired",
        /// The provider could not be reached, retries included.
        ProviderUnavailable = "provider_unavailable",
        /// The sandbox or the provider component is broken.
        SandboxFailed = "sandbox_failed",
        /// Ended; can be restarted.
        Stopped = "stopped",
        /// Ended for good; can be inspected.
        Archived = "archived",
        /// Deleted; only the tombstone is left.
        Removed = "removed",
    }
}

impl Status {
    /// A run or a prompt is near: starting, unbound, idle, running, blocked, stopping.
    pub const fn is_active(self) -> bool {
        matches!(
            self,
            Self::Starting
                | Self::Unbound
                | Self::Idle
                | Self::Running
                | Self::Blocked
                | Self::Stopping
        )
    }

    /// Dormant or suspended.
    pub const fn is_resting(self) -> bool {
        matches!(self, Self::Dormant | Self::Suspended)
    }

    /// An operator can bring it back with `recover` or `restart`.
    pub const fn is_recoverable(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::AuthExpired | Self::ProviderUnavailable | Self::SandboxFailed
        )
    }
}

words! {
    /// Who drives the session.
    Kind {
        /// A person prompts it again and again.
        Interactive = "interactive",
        /// A program or an event gave it one prompt.
        Autonomous = "autonomous",
    }
}

words! {
    /// Which process hosts it.
    Hosting {
        /// The process of the command that prompts.
        Foreground = "foreground",
        /// A process of its own.
        Background = "background",
    }
}

/// The two axes of `--mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mode {
    /// Who drives it.
    pub kind: Kind,
    /// Which process hosts it.
    pub hosting: Hosting,
}

impl Default for Mode {
    fn default() -> Self {
        Self {
            kind: Kind::Interactive,
            hosting: Hosting::Foreground,
        }
    }
}

/// Reads `interactive`, `autonomous`, `foreground`, `background`, or one of each joined by a comma or
/// a plus.
impl std::str::FromStr for Mode {
    type Err = ModeError;
    fn from_str(text: &str) -> Result<Self, ModeError> {
        let mut mode = Self::default();
        let (mut kinds, mut hostings) = (0, 0);
        for word in text.split([',', '+']) {
            if let Ok(kind) = word.parse() {
                mode.kind = kind;
                kinds += 1;
            } else if let Ok(hosting) = word.parse() {
                mode.hosting = hosting;
                hostings += 1;
            } else {
                return Err(ModeError);
            }
        }
        if kinds > 1 || hostings > 1 {
            return Err(ModeError);
        }
        Ok(mode)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.kind, self.hosting)
    }
}

/// A mode that was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the mode is interactive or autonomous, foreground or background, or one of each joined by a comma"
)]
pub struct ModeError;

words! {
    /// Why a run waits in `blocked`.
    BlockReason {
        /// An operator shall allow or deny.
        Approval = "approval",
        /// An effect may or may not have happened.
        Indeterminate = "indeterminate",
        /// The gate refused, and the operator had asked to stop then.
        Denied = "denied",
        /// The ledger cannot be written.
        LedgerUnavailable = "ledger_unavailable",
    }
}

words! {
    /// Why a run ended before its work was done, so that it can be continued.
    InterruptReason {
        /// `--max-iterations` turns were taken.
        MaxIterations = "max_iterations",
        /// The next provider call did not fit `--provider-token-budget`.
        TokenBudget = "token_budget",
        /// The next provider call did not fit the budget in money, or its price is not known.
        MoneyBudget = "money_budget",
        /// `--effect-budget` left nothing for the next tool call.
        EffectBudget = "effect_budget",
        /// The provider cut its answer at its own output limit.
        OutputLimit = "output_limit",
        /// Its host died.
        HostLost = "host_lost",
        /// The provider refused the credential.
        AuthExpired = "auth_expired",
        /// The provider could not be reached.
        ProviderUnavailable = "provider_unavailable",
        /// The sandbox or the provider component is broken.
        SandboxFailed = "sandbox_failed",
        /// An operator moved the session to a recoverable state.
        Recovered = "recovered",
    }
}

words! {
    /// Why a run failed, so that continuing it would fail again.
    FailReason {
        /// The gate refused the provider's own request.
        Denied = "denied",
        /// The provider refused the request as it was built.
        InvalidRequest = "invalid_request",
        /// The conversation does not fit the model.
        ContextTooLong = "context_too_long",
        /// The provider or the model refused to answer.
        Refused = "refused",
    }
}

words! {
    /// How a run stands.
    RunStatus {
        /// Open, being worked on.
        Running = "running",
        /// The model was done.
        Completed = "completed",
        /// Stopped before it was done; can be continued.
        Interrupted = "interrupted",
        /// Open, parked.
        Blocked = "blocked",
        /// Ended without an answer.
        Failed = "failed",
        /// Ended by an operator.
        Cancelled = "cancelled",
    }
}

words! {
    /// What brought a session to a recoverable status.
    FaultReason {
        /// The provider refused the credential.
        AuthExpired = "auth_expired",
        /// The provider could not be reached, retries included.
        ProviderUnavailable = "provider_unavailable",
        /// The sandbox or the provider component is broken.
        SandboxFailed = "sandbox_failed",
        /// The owning process is gone.
        StalePid = "stale_pid",
        /// The endpoint has no process behind it.
        StaleEndpoint = "stale_endpoint",
        /// Anything else that an operator saw.
        Failed = "failed",
    }
}

impl FaultReason {
    /// The status that it leads to.
    pub const fn status(self) -> Status {
        match self {
            Self::AuthExpired => Status::AuthExpired,
            Self::ProviderUnavailable => Status::ProviderUnavailable,
            Self::SandboxFailed => Status::SandboxFailed,
            Self::StalePid | Self::StaleEndpoint | Self::Failed => Status::Failed,
        }
    }

    /// What an operator is advised to do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::AuthExpired => "renew the credential, then restart",
            Self::ProviderUnavailable => "wait until the provider answers, then restart",
            Self::SandboxFailed => "check the plugin with `tollgate plugin show`, then restart",
            Self::StalePid | Self::StaleEndpoint => "restart",
            Self::Failed => "look at the events, then restart",
        }
    }
}

words! {
    /// How a tool call came back.
    ToolOutcome {
        /// With an answer.
        Ok = "ok",
        /// With an answer that is an error.
        Error = "error",
        /// The gate refused an effect of it, and it failed.
        Denied = "denied",
        /// The same call was denied before in this run, and was not made again.
        DeniedAgain = "denied_again",
        /// The component trapped.
        Trapped = "trapped",
        /// The component hit a limit.
        Limit = "limit",
        /// The component was refused before it ran, or there is no such plugin or tool.
        Refused = "refused",
        /// It was begun and its end was not seen; it is not made again.
        Interrupted = "interrupted",
        /// It was asked for and never begun.
        NotStarted = "not_started",
    }
}

words! {
    /// What happens when the gate refuses an effect that a run needs.
    OnDenied {
        /// The model is told, and may choose another way.
        Tell = "continue",
        /// The run blocks.
        Block = "block",
    }
}

words! {
    /// What an operator says of an effect whose outcome nobody saw.
    Resolution {
        /// It was performed.
        Done = "done",
        /// It was not performed.
        NotDone = "not_done",
        /// It may be performed again, whether it was performed or not.
        Retry = "retry",
        /// Nobody can say; the session shall go on.
        Unknown = "unknown",
    }
}

impl Resolution {
    /// The word in what the ledger keeps: `WORD, says WHO: WHY`.
    pub fn heard(detail: &str) -> Option<Self> {
        let (word, _) = detail.split_once(',')?;
        word.parse().ok()
    }

    /// Whether what the ledger keeps says that the effect was not performed, or may be again.
    pub fn repeats(detail: &str) -> bool {
        matches!(Self::heard(detail), Some(Self::NotDone | Self::Retry))
    }
}

words! {
    /// Which verb ended the session.
    StopCause {
        /// `agent stop`.
        Stop = "stop",
        /// An exit word as a prompt.
        ExitWord = "exit_word",
        /// `agent signoff`.
        Signoff = "signoff",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip_and_strangers_are_named() {
        for status in Status::ALL {
            assert_eq!(status.label().parse::<Status>().unwrap(), *status);
            let json = serde_json::to_string(status).unwrap();
            assert_eq!(json, format!("{:?}", status.label()));
        }
        let error = "asleep".parse::<Status>().unwrap_err().to_string();
        assert!(
            error.contains("\"asleep\"") && error.contains("dormant"),
            "{error}"
        );
    }

    #[test]
    fn a_mode_has_two_axes() {
        let mode: Mode = "autonomous,background".parse().unwrap();
        assert_eq!(
            (mode.kind, mode.hosting),
            (Kind::Autonomous, Hosting::Background)
        );
        assert_eq!(
            "background".parse::<Mode>().unwrap().kind,
            Kind::Interactive
        );
        for bad in [
            "",
            "daemon",
            "autonomous,interactive",
            "foreground,background",
        ] {
            assert!(bad.parse::<Mode>().is_err(), "{bad:?}");
        }
    }
}
