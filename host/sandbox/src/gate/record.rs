//! Builds the records that the gate writes.

use super::decision::{Allowed, Attempt};
use super::scope::CallScope;
use crate::gate::kinds::TargetForm;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tollgate_contract::SessionId;
use tollgate_receipts::{
    Action, Decided, EffectRecord, Outcome, OutcomeResult, Plugin, ReadItem, Record, State, Target,
    Transport, Verdict,
};

/// Who calls.
pub(crate) struct Caller {
    pub(crate) session: String,
    pub(crate) run: Option<String>,
    pub(crate) call: String,
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) fence: Option<(SessionId, u64)>,
    /// Whether the plugin is a provider adapter.
    pub(crate) provider: bool,
    /// Whether the call is made without any grant.
    pub(crate) bare: bool,
}

/// Now, in microseconds since the Unix epoch.
pub(crate) fn now_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_micros()).ok())
        .unwrap_or(0)
}

/// Microseconds since `started`.
pub(crate) fn elapsed_us(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// A new receipt id.
pub(crate) fn receipt_id() -> String {
    tollgate_receipts::receipt_id()
}

/// The target of an attempt, redacted.
pub(crate) fn target(scope: &CallScope, attempt: &Attempt<'_>) -> Target {
    let key = scope.key();
    match &attempt.whole {
        Some(whole) => Target::redacted(&attempt.target, whole, key),
        None => Target::new(&attempt.target, key),
    }
}

/// The decision of a denial.
pub(crate) fn denied(denial: &tollgate_grants::Denial) -> Decided {
    Decided {
        verdict: Verdict::Denied,
        grant: None,
        reason: Some(denial.reason.label().to_owned()),
        nearest: denial
            .nearest
            .as_ref()
            .map(|near| format!("{}: {} ({})", near.grant, near.capability, near.why)),
        command: denial.command.clone(),
    }
}

fn action(scope: &CallScope, attempt: &Attempt<'_>, verdict: Verdict) -> Action {
    if verdict == Verdict::Denied {
        Action::Denial
    } else if attempt.kind.target == TargetForm::Variable {
        Action::EnvironmentDecision
    } else if scope.caller.provider {
        Action::ProviderAction
    } else {
        Action::SandboxAction
    }
}

/// The entry of one effect.
pub(crate) fn effect(
    scope: &CallScope,
    attempt: &Attempt<'_>,
    receipt: &str,
    state: State,
    decision: Decided,
    context: &Allowed,
) -> Record {
    Record::Effect(Box::new(EffectRecord {
        receipt: receipt.to_owned(),
        state,
        time_us: now_us(),
        run: scope.caller.run.clone(),
        call: scope.caller.call.clone(),
        plugin: Arc::clone(&scope.caller.plugin),
        import: attempt.import.into(),
        kind: attempt.kind.name.into(),
        class: attempt.kind.class,
        action: action(scope, attempt, decision.verdict),
        target: target(scope, attempt),
        decision,
        policy: context.policy.clone(),
        generation: context.basis.generation,
        transport: transport(scope, attempt),
        budget_left: context.budget_left,
        outcome: None,
    }))
}

fn transport(scope: &CallScope, attempt: &Attempt<'_>) -> Transport {
    if attempt.kind.target == TargetForm::Url && scope.host.transport.label() == "fixture" {
        Transport::Fixture
    } else {
        Transport::Live
    }
}

/// The item of one buffered effect.
pub(crate) fn item(
    scope: &CallScope,
    attempt: &Attempt<'_>,
    receipt: &str,
    state: State,
    decision: Decided,
) -> ReadItem {
    ReadItem {
        receipt: receipt.to_owned(),
        state,
        time_us: now_us(),
        import: attempt.import.into(),
        kind: attempt.kind.name.into(),
        action: action(scope, attempt, decision.verdict),
        target: target(scope, attempt),
        decision,
        outcome: None,
    }
}

/// An outcome: performed.
pub(crate) fn ok() -> Outcome {
    outcome(OutcomeResult::Ok, None, None)
}

/// An outcome: failed with an error that was observed.
pub(crate) fn failed(error: &str) -> Outcome {
    outcome(OutcomeResult::Failed, Some(error), None)
}

/// An outcome: given up.
pub(crate) fn cancelled(detail: &str) -> Outcome {
    outcome(OutcomeResult::Cancelled, None, Some(detail))
}

fn outcome(result: OutcomeResult, error: Option<&str>, detail: Option<&str>) -> Outcome {
    Outcome {
        result,
        error: error.map(str::to_owned),
        status: None,
        bytes_in: None,
        bytes_out: None,
        duration_us: 0,
        address: None,
        detail: detail.map(str::to_owned),
    }
}

/// A generous estimate of the bytes of an entry, for the bound on evidence.
pub(crate) fn estimate_bytes(record: &Record) -> u64 {
    let bytes = match record {
        Record::Effect(effect) => 700 + effect.target.text.len(),
        Record::ReadSet(set) => set
            .items
            .iter()
            .fold(400, |sum, item| sum + 420 + item.target.text.len()),
        Record::Outcome(_) => 350,
        Record::Call(_) | Record::Collapsed(_) | Record::Change(_) => 600,
    };
    bytes as u64
}
