//! `(state, event) → state`.

use crate::event::{Event, EventRecord, Identity, RunEnd, RunSeed, RunTerms};
use crate::state::{DENIED_MAX, EndedRun, NOTES_MAX, Recovery, Run, State, TOOLS_MAX};
use crate::status::{
    BlockReason, FaultReason, Hosting, Resolution, RunStatus, Status, ToolOutcome,
};

/// An event that cannot follow the events before it: the log is damaged, or newer than this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "event {seq} ({event}) cannot follow status {status}: the log is damaged, show it with `tollgate agent events`"
)]
pub struct Corrupt {
    /// The event's place.
    pub seq: u64,
    /// The event's name.
    pub event: &'static str,
    /// The status before it.
    pub status: Status,
}

/// Folds one event in. On error the state is half changed and must be dropped.
pub fn apply(state: &mut State, seq: u64, record: &EventRecord) -> Result<(), Corrupt> {
    let before = state.status;
    let legal = seq > state.seq && step(state, record);
    if !legal {
        return Err(Corrupt {
            seq,
            event: record.event.name(),
            status: before,
        });
    }
    state.seq = seq;
    state.updated_us = record.time_us;
    Ok(())
}

fn step(state: &mut State, record: &EventRecord) -> bool {
    let time_us = record.time_us;
    match &record.event {
        Event::Launched { identity } => launched(state, identity, time_us),
        Event::Bound { provider_name, .. } => {
            named(state, provider_name.as_ref());
            bound(state)
        }
        Event::Unbound { missing } => unbound(state, missing),
        Event::Rebound { .. } => rebound(state, &record.event),
        Event::PromptReceived { seed, terms, .. } => {
            let legal = (state.status == Status::Idle || state.status.is_resting())
                && open_run(state, seed, false, time_us);
            keep_terms(state, terms.as_ref());
            legal
        }
        Event::MessageQueued { .. } => {
            state.inbox = state.inbox.saturating_add(1);
            takes_messages(state.status)
        }
        Event::InboxDelivered { seed, .. } => {
            state.inbox = 0;
            state.status == Status::Idle && open_run(state, seed, false, time_us)
        }
        Event::ProbeStarted { seed } => {
            recovered(state, time_us);
            state.status.is_recoverable() && open_run(state, seed, true, time_us)
        }
        Event::RunResumed { run, .. } => resumed(state, run, time_us),
        Event::RunTaken { run } => on_run(state, run, |run| {
            run.takeovers = run.takeovers.saturating_add(1);
        }),
        Event::ProviderStarted { .. }
        | Event::ProviderCompleted { .. }
        | Event::ProviderFailed { .. }
        | Event::LeftOut { .. }
        | Event::ToolStarted { .. }
        | Event::ToolCompleted { .. } => journal(state, &record.event),
        Event::RunCompleted { end } => {
            state.status == Status::Running
                && close(state, end, RunStatus::Completed, None, time_us)
        }
        Event::RunInterrupted { end, reason } => {
            let reason = Some(reason.label());
            close(state, end, RunStatus::Interrupted, reason, time_us)
        }
        Event::RunFailed { end, reason } => {
            state.status == Status::Running
                && close(state, end, RunStatus::Failed, Some(reason.label()), time_us)
        }
        Event::RunCancelled { end, .. } => close(state, end, RunStatus::Cancelled, None, time_us),
        Event::RunBlocked { end, reason } => blocked(state, end, *reason),
        Event::EffectsIndeterminate { receipts } => indeterminate(state, receipts),
        Event::EffectResolved {
            receipt,
            resolution,
            call,
        } => resolved(state, receipt, *resolution, call.as_deref()),
        Event::Faulted { reason, detail } => faulted(state, *reason, detail.clone(), time_us),
        Event::OwnerLost { note, .. } => owner_lost(state, note),
        Event::Recovered {} => {
            recovered(state, time_us);
            state.status.is_recoverable() && settle(state)
        }
        Event::Rested { status } => rested(state, *status),
        Event::Woken {} => state.status.is_resting() && settle(state),
        Event::Reset {} => {
            state.generation = state.generation.saturating_add(1);
            state.status == Status::Idle
        }
        Event::Exited { .. } => stoppable(state.status),
        Event::Stopping { .. } => {
            let legal = stoppable(state.status) && state.run.is_none();
            state.status = Status::Stopping;
            legal
        }
        Event::Stopped { .. } => goto(state, &[Status::Stopping], Status::Stopped),
        Event::Restarted { .. } => {
            recovered(state, time_us);
            let legal = state.status == Status::Stopped || state.status.is_recoverable();
            state.status = Status::Starting;
            legal
        }
        Event::Archived {} => {
            let legal = archivable(state.status);
            state.status = Status::Archived;
            legal
        }
        Event::Removed { identity, .. } => {
            let legal = removable(state.status) || state.status == Status::Absent;
            state.identity = identity.clone();
            state.status = Status::Removed;
            legal
        }
    }
}

/// Active but stopping, or resting.
pub(super) fn stoppable(status: Status) -> bool {
    (status.is_active() && status != Status::Stopping) || status.is_resting()
}

/// Whether a message may be left for later.
pub(super) fn takes_messages(status: Status) -> bool {
    stoppable(status) || status.is_recoverable()
}

/// Whether it may be ended for good.
pub(super) fn archivable(status: Status) -> bool {
    matches!(status, Status::Idle | Status::Stopped)
        || status.is_resting()
        || status.is_recoverable()
}

/// Whether it may be deleted.
pub(super) fn removable(status: Status) -> bool {
    matches!(status, Status::Stopped | Status::Archived) || status.is_recoverable()
}

fn goto(state: &mut State, from: &[Status], to: Status) -> bool {
    let legal = from.contains(&state.status);
    state.status = to;
    legal
}

/// Where a session without an open run comes to rest: idle, unless an effect is unresolved.
fn settle(state: &mut State) -> bool {
    state.status = if state.unresolved.is_empty() {
        Status::Idle
    } else {
        Status::Blocked
    };
    true
}

fn launched(state: &mut State, identity: &Identity, time_us: i64) -> bool {
    state.identity = identity.clone();
    state.created_us = time_us;
    goto(state, &[Status::Absent], Status::Starting)
}

fn bound(state: &mut State) -> bool {
    state.missing.clear();
    matches!(state.status, Status::Starting | Status::Unbound) && settle(state)
}

/// The adapter says its name; another name is another adapter.
fn named(state: &mut State, name: Option<&String>) {
    if state.adapter.is_some() && state.adapter.as_ref() != name {
        state.adapter_changed = true;
        state.left_out_told = false;
    }
    state.adapter = name.cloned();
}

fn rebound(state: &mut State, event: &Event) -> bool {
    let Event::Rebound {
        from_provider,
        from_model,
        provider,
        model,
        auth_profile,
        provider_name,
        ..
    } = event
    else {
        return false;
    };
    let identity = &mut state.identity;
    let legal = identity.provider == *from_provider && identity.model == *from_model;
    if identity.provider != *provider {
        state.adapter_changed = true;
        state.left_out_told = false;
    }
    if identity.provider != *provider || identity.model != *model {
        identity.purpose = None;
    }
    identity.provider.clone_from(provider);
    identity.model.clone_from(model);
    identity.auth_profile.clone_from(auth_profile);
    named(state, provider_name.as_ref());
    let status = state.status;
    legal && (status == Status::Idle || status.is_resting() || status.is_recoverable())
}

fn unbound(state: &mut State, missing: &[String]) -> bool {
    state.missing = missing.to_vec();
    goto(state, &[Status::Starting], Status::Unbound)
}

fn open_run(state: &mut State, seed: &RunSeed, probe: bool, time_us: i64) -> bool {
    let legal = state.run.is_none() && state.unresolved.is_empty();
    state.links.runs.push(&seed.run);
    state.links.tasks.push(&seed.task);
    state.run = Some(Run {
        run: seed.run.clone(),
        task: seed.task.clone(),
        probe,
        started_us: time_us,
        ..Run::default()
    });
    state.status = Status::Running;
    legal
}

fn keep_terms(state: &mut State, terms: Option<&RunTerms>) {
    if let Some(run) = &mut state.run {
        run.terms = terms.cloned();
    }
}

fn resumed(state: &mut State, run: &str, time_us: i64) -> bool {
    let from = state.status;
    if let Some(open) = &mut state.run {
        let legal = from == Status::Blocked && open.run == run && state.unresolved.is_empty();
        open.parked = None;
        state.status = Status::Running;
        return legal;
    }
    recovered(state, time_us);
    let Some(ended) = state.last_run.take() else {
        return false;
    };
    let legal = (from == Status::Idle || from.is_recoverable())
        && ended.run.run == run
        && ended.status == RunStatus::Interrupted
        && state.unresolved.is_empty();
    state.run = Some(ended.run);
    state.status = Status::Running;
    legal
}

fn on_run(state: &mut State, id: &str, change: impl FnOnce(&mut Run)) -> bool {
    match &mut state.run {
        Some(run) if run.run == id && state.status == Status::Running => {
            change(run);
            true
        }
        _ => false,
    }
}

fn journal(state: &mut State, event: &Event) -> bool {
    match event {
        Event::ProviderStarted {
            run,
            reserved_tokens,
            reserved_cost,
            ..
        } => on_run(state, run, |run| {
            lose_tokens(run);
            run.reserved_tokens = *reserved_tokens;
            run.reserved_cost.clone_from(reserved_cost);
        }),
        Event::ProviderCompleted { run, receipt, .. } => {
            state.links.receipts.push(&receipt.id);
            link_environment(state, &receipt.environment_receipts);
            if let Some(cost) = &receipt.cost {
                state.cost.add(cost);
            }
            on_run(state, run, |run| {
                run.turns = run.turns.saturating_add(1);
                run.usage = run.usage.plus(receipt.usage);
                run.reserved_tokens = 0;
                run.reserved_cost = None;
                if let Some(cost) = &receipt.cost {
                    run.cost.add(cost);
                }
                run.receipts.push(&receipt.id);
            })
        }
        Event::ProviderFailed {
            run,
            environment_receipts,
            lost_tokens,
            lost_cost,
            ..
        } => {
            link_environment(state, environment_receipts);
            on_run(state, run, |run| {
                run.reserved_tokens = 0;
                run.reserved_cost = None;
                run.lost_tokens = run.lost_tokens.saturating_add(*lost_tokens);
                if let Some(cost) = lost_cost {
                    run.lost_cost.add(cost);
                }
            })
        }
        Event::LeftOut { run, .. } => {
            state.left_out_told = true;
            on_run(state, run, |_| {})
        }
        Event::ToolStarted {
            run,
            call,
            tool_use,
            reserved_effects,
            ..
        } => on_run(state, run, |run| {
            lose_effects(run);
            run.reserved_effects = *reserved_effects;
            run.call_over(tool_use);
            run.open_calls.insert(tool_use.clone(), call.clone());
        }),
        Event::ToolCompleted {
            environment_receipts,
            ..
        } => {
            link_environment(state, environment_receipts);
            tool_completed(state, event)
        }
        _ => false,
    }
}

/// A reservation still open belongs to a call that never came back.
fn lose_tokens(run: &mut Run) {
    run.lost_tokens = run.lost_tokens.saturating_add(run.reserved_tokens);
    run.reserved_tokens = 0;
    if let Some(cost) = run.reserved_cost.take() {
        run.lost_cost.add(&cost);
    }
}

/// A reservation still open belongs to a call whose end nobody saw.
fn lose_effects(run: &mut Run) {
    run.effects = run.effects_spent();
    run.reserved_effects = 0;
}

fn link_environment(state: &mut State, receipts: &[String]) {
    for receipt in receipts {
        state.links.environment_receipts.push(receipt);
        if let Some(run) = &mut state.run {
            run.environment_receipts.push(receipt);
        }
    }
}

fn tool_completed(state: &mut State, event: &Event) -> bool {
    let Event::ToolCompleted {
        run,
        call,
        tool_use,
        plugin,
        tool,
        arguments,
        outcome,
        denial,
        effects,
        ..
    } = event
    else {
        return false;
    };
    on_run(state, run, |run| {
        run.call_over(tool_use);
        if *outcome == ToolOutcome::Interrupted {
            lose_effects(run);
        } else if call.is_some() {
            run.effects = run.effects.saturating_add(*effects);
            run.reserved_effects = 0;
        }
        let name = format!("{plugin}/{tool}");
        if run.tools.len() < TOOLS_MAX || run.tools.contains_key(&name) {
            let count = run.tools.entry(name).or_default();
            count.calls = count.calls.saturating_add(1);
            if *outcome != ToolOutcome::Ok {
                count.not_ok = count.not_ok.saturating_add(1);
            }
        }
        match outcome {
            ToolOutcome::Trapped => {
                let traps = run.traps.entry(plugin.clone()).or_default();
                *traps = traps.saturating_add(1);
            }
            // No call was made, so it says nothing about the component.
            ToolOutcome::DeniedAgain | ToolOutcome::NotStarted | ToolOutcome::Interrupted => {}
            _ => {
                run.traps.remove(plugin);
            }
        }
        if *outcome == ToolOutcome::Denied && run.denied.len() < DENIED_MAX {
            let label = denial.clone().unwrap_or_default();
            run.denied.insert(arguments.clone(), label);
        }
    })
}

fn close(
    state: &mut State,
    end: &RunEnd,
    status: RunStatus,
    reason: Option<&str>,
    time_us: i64,
) -> bool {
    let Some(mut run) = state.run.take() else {
        return false;
    };
    let legal = run.run == end.run && matches!(state.status, Status::Running | Status::Blocked);
    if let Some(handoff) = &end.handoff {
        state.links.handoffs.push(handoff);
    }
    run.parked = None;
    lose_tokens(&mut run);
    lose_effects(&mut run);
    let probe = run.probe;
    let ended = EndedRun {
        run,
        status,
        reason: reason.map(str::to_owned),
        ended_us: time_us,
        handoff: end.handoff.clone(),
    };
    // A probe has no work to continue: what it replaced stays the last run.
    if !probe || state.last_run.is_none() {
        state.last_run = Some(ended);
    }
    settle(state) && legal
}

fn blocked(state: &mut State, end: &RunEnd, reason: BlockReason) -> bool {
    let legal = on_run(state, &end.run, |run| run.parked = Some(reason));
    if let Some(handoff) = &end.handoff {
        state.links.handoffs.push(handoff);
    }
    state.status = Status::Blocked;
    legal
}

fn indeterminate(state: &mut State, receipts: &[String]) -> bool {
    let legal = !receipts.is_empty() && !matches!(state.status, Status::Absent | Status::Removed);
    state.unresolved.extend(receipts.iter().cloned());
    match state.status {
        Status::Running => {
            if let Some(run) = &mut state.run {
                run.parked = Some(BlockReason::Indeterminate);
            }
            state.status = Status::Blocked;
        }
        Status::Idle | Status::Dormant | Status::Suspended => state.status = Status::Blocked,
        _ => {}
    }
    legal
}

fn resolved(state: &mut State, receipt: &str, word: Resolution, call: Option<&str>) -> bool {
    let legal = state.unresolved.remove(receipt);
    let last = state.last_run.as_mut().map(|last| &mut last.run);
    if let (Some(run), Some(call)) = (state.run.as_mut().or(last), call) {
        run.hear(call, word);
    }
    if state.status == Status::Blocked && state.run.is_none() {
        settle(state);
    }
    legal
}

fn faulted(state: &mut State, reason: FaultReason, detail: Option<String>, time_us: i64) -> bool {
    let legal = takes_messages(state.status) && state.run.is_none();
    state.recovery = Some(Recovery {
        reason,
        detected_us: time_us,
        action: reason.advice().to_owned(),
        provider: state.identity.provider.clone(),
        model: state.identity.model.clone(),
        project: state.identity.project.clone(),
        detail,
        recovered_us: None,
    });
    state.status = reason.status();
    legal
}

fn recovered(state: &mut State, time_us: i64) {
    if let Some(recovery) = &mut state.recovery {
        recovery.recovered_us.get_or_insert(time_us);
    }
}

fn owner_lost(state: &mut State, note: &str) -> bool {
    state.notes.push_back(note.to_owned());
    while state.notes.len() > NOTES_MAX {
        state.notes.pop_front();
    }
    let foreground = state.identity.mode.hosting == Hosting::Foreground;
    if state.status == Status::Starting && foreground {
        return settle(state);
    }
    !matches!(state.status, Status::Absent | Status::Removed)
}

fn rested(state: &mut State, to: Status) -> bool {
    let legal = match to {
        Status::Dormant => state.status == Status::Idle,
        Status::Suspended => matches!(state.status, Status::Idle | Status::Dormant),
        _ => false,
    };
    state.status = to;
    legal
}
