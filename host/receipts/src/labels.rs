//! The stable words of the record's enumerations, the same in entries, filters and tables.

use crate::{Action, Class, OutcomeResult, State, Transport, Verdict};

macro_rules! labels {
    ($($type:ident { $($variant:ident => $label:literal),+ $(,)? })+) => {$(
        impl $type {
            /// The word that stands for the value in entries.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label),+ }
            }
        }

        impl std::str::FromStr for $type {
            type Err = UnknownLabel;
            fn from_str(text: &str) -> Result<Self, UnknownLabel> {
                match text {
                    $($label => Ok(Self::$variant),)+
                    _ => Err(UnknownLabel { found: crate::clip(text, 64), known: &[$($label),+] }),
                }
            }
        }
    )+};
}

/// A word that stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not known: use one of {}", known.join(", "))]
pub struct UnknownLabel {
    found: String,
    known: &'static [&'static str],
}

labels! {
    State { Denied => "denied", Asked => "asked", Intended => "intended", Settled => "settled", Closed => "closed" }
    Class { Strict => "strict", Buffered => "buffered", Counted => "counted" }
    Action {
        EnvironmentDecision => "environment_decision", ProviderAction => "provider_action",
        SandboxAction => "sandbox_action", Denial => "denial",
    }
    Transport { Live => "live", Fixture => "fixture" }
    Verdict { Allowed => "allowed", Denied => "denied", Asked => "asked" }
    OutcomeResult {
        Ok => "ok", Failed => "failed", Cancelled => "cancelled",
        Indeterminate => "indeterminate", Resolved => "resolved",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_what_entries_say() {
        for verdict in [Verdict::Allowed, Verdict::Denied, Verdict::Asked] {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.label());
            assert_eq!(verdict.label().parse(), Ok(verdict));
        }
        for action in [
            Action::EnvironmentDecision,
            Action::ProviderAction,
            Action::SandboxAction,
            Action::Denial,
        ] {
            assert_eq!(serde_json::to_value(action).unwrap(), action.label());
        }
        for state in [
            State::Denied,
            State::Asked,
            State::Intended,
            State::Settled,
            State::Closed,
        ] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.label());
        }
        for result in [
            OutcomeResult::Ok,
            OutcomeResult::Indeterminate,
            OutcomeResult::Resolved,
        ] {
            assert_eq!(serde_json::to_value(result).unwrap(), result.label());
        }
        let error = "permitted".parse::<Verdict>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#""permitted" is not known: use one of allowed, denied, asked"#
        );
    }
}
