//! The session as a pure machine: `(state, event) → state`, `(state, command) → events or refusal`.
//!
//! No I/O, no time, no randomness: ids and times come in with commands and events. The driver does
//! the rest. An illegal command is a [`Refusal`] and leaves nothing behind.
//!
//! Invariants ([`crate::state::invariant`], checked before every append and after every load):
//! - `running` ⇔ one open run that is not parked.
//! - `blocked` ⇔ a parked run or an unresolved effect.
//! - No run opens, and nothing is idle or at rest, while an effect is unresolved.

mod apply;
mod command;
mod decide;
mod lost;
mod refusal;

#[cfg(test)]
mod tests;

pub use apply::{Corrupt, apply};
pub use command::{Command, LostEffect, OwnerLoss, Rebinding, Resolving};
pub use decide::{Decision, decide};
pub use lost::TAKEOVERS_MAX;
pub use refusal::Refusal;

use crate::state::State;
use crate::status::Status;

/// Why a session stands where it stands, in labels; none where the status says it all.
pub fn status_reason(state: &State) -> Option<String> {
    match state.status {
        Status::Unbound => Some(format!("missing: {}", state.missing.join(", "))),
        Status::Blocked => {
            let parked = state.run.as_ref().and_then(|run| run.parked);
            match parked {
                Some(reason) if state.unresolved.is_empty() => Some(reason.label().to_owned()),
                _ => Some("indeterminate".to_owned()),
            }
        }
        Status::Failed => state.recovery.as_ref().map(|r| r.reason.label().to_owned()),
        Status::Idle => state.last_run.as_ref().and_then(|last| {
            let reason = last.reason.as_deref()?;
            Some(format!("{}: {reason}", last.status))
        }),
        _ => None,
    }
}
