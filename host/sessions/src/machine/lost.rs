//! What was lost: an owner that is gone, and effects whose end nobody saw.

use super::decide::{interrupt, resume, stopped};
use super::{LostEffect, OwnerLoss, Resolving};
use crate::event::Event;
use crate::state::State;
use crate::status::{FaultReason, Hosting, InterruptReason, Kind, Resolution, RunStatus, Status};

/// How often another host may go on with an autonomous run.
pub const TAKEOVERS_MAX: u32 = 3;

/// Why a run goes on whose effect may be performed again without anybody being asked.
pub(super) const BY_A_GRANT: &str = "retryable";

/// What follows when the owner is gone; none if the session needs none as it stands.
pub(super) fn owner_lost(state: &State, loss: &OwnerLoss) -> Option<Vec<Event>> {
    let autonomous = state.identity.mode.kind == Kind::Autonomous;
    let background = state.identity.mode.hosting == Hosting::Background;
    let told = loss.effects.iter().all(|lost| lost.again);
    let unknown = !told || !state.unresolved.is_empty();
    let reason = if loss.endpoint {
        FaultReason::StaleEndpoint
    } else {
        FaultReason::StalePid
    };
    let fault = || Event::Faulted {
        reason,
        detail: Some(loss.note.clone()),
    };
    let interrupted = interrupt(state, InterruptReason::HostLost);
    let takeovers = state
        .run
        .as_ref()
        .map(|run| (run.run.clone(), run.takeovers));

    let mut resumed = false;
    let mut events = Vec::new();
    match (state.status, takeovers) {
        (Status::Stopping, _) => events.push(stopped(state)),
        // A one-shot in a terminal died with it; only a background host's work is taken over.
        (Status::Running, Some((run, taken)))
            if autonomous && background && taken < TAKEOVERS_MAX =>
        {
            events.push(Event::RunTaken { run });
            resumed = told && !loss.effects.is_empty();
        }
        (Status::Running, _) => {
            events.extend(interrupted);
            events.extend((background && !unknown).then(fault));
            events.extend((autonomous && !background && !unknown).then_some(Event::Archived {}));
        }
        (Status::Starting, _) if !background => {}
        (Status::Starting | Status::Unbound, _) if background => events.push(fault()),
        (Status::Idle | Status::Blocked, _) if background => {
            events.extend(interrupted);
            events.extend((!unknown).then(fault));
        }
        _ if loss.effects.is_empty() => return None,
        _ => {}
    }
    let lost = Event::OwnerLost {
        fence: loss.fence,
        note: loss.note.clone(),
    };
    events.insert(0, lost);
    events.extend(lost_effects(&loss.effects));
    if resumed {
        events.extend(resume(state, BY_A_GRANT));
    }
    Some(events)
}

/// An autonomous session has no second prompt: once its last effect is told, it has ended, unless
/// something of its run shall be made again.
pub(super) fn ends_when_resolved(state: &State, word: &Resolving) -> bool {
    let autonomous = state.identity.mode.kind == Kind::Autonomous;
    autonomous && state.status == Status::Blocked && !continues(state, word)
}

/// Whether the last run has something to be made again once this word is heard.
fn continues(state: &State, word: &Resolving) -> bool {
    let Some(last) = &state.last_run else {
        return false;
    };
    let mut run = last.run.clone();
    if let Some(call) = &word.call {
        run.hear(call, word.resolution);
    }
    let again = word.resolution == Resolution::Retry
        || run.open_calls.values().any(|call| run.may_repeat(call));
    last.status == RunStatus::Interrupted && again
}

/// What a session learns of effects whose end nobody saw.
pub(super) fn lost_effects(effects: &[LostEffect]) -> Vec<Event> {
    let mut events = Vec::new();
    if !effects.is_empty() {
        let receipts = effects.iter().map(|lost| lost.receipt.clone());
        events.push(Event::EffectsIndeterminate {
            receipts: receipts.collect(),
        });
    }
    let again = effects.iter().filter(|lost| lost.again);
    events.extend(again.map(|lost| Event::EffectResolved {
        receipt: lost.receipt.clone(),
        resolution: Resolution::Retry,
        call: Some(lost.call.clone()),
    }));
    events
}
