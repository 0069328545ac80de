//! `(state, command) → events, wait, or refusal`: the whole table.

use super::apply::{archivable, removable, stoppable, takes_messages};
use super::lost::{BY_A_GRANT, ends_when_resolved, lost_effects, owner_lost};
use super::{Command, Rebinding, Refusal};
use crate::event::{Event, RunEnd, RunSeed};
use crate::state::{Run, State};
use crate::status::{BlockReason, FaultReason, InterruptReason, Kind, RunStatus, Status};

/// What follows from a legal command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// These events, in one append; not empty.
    Events(Vec<Event>),
    /// Nothing now: ask again when the session is bound.
    Wait,
}

type Decided = Result<Decision, Box<Refusal>>;

/// Decides a command. Pure: an illegal command is a refusal and nothing else.
pub fn decide(state: &State, command: &Command) -> Decided {
    let say = Say {
        state,
        command: command.name(),
    };
    if state.status == Status::Absent && !matches!(command, Command::Launch(_)) {
        return say.no("a session is launched first", Some("tollgate agent launch"));
    }
    if state.status == Status::Removed {
        return say.no("a removed id is never used again", None);
    }
    match command {
        Command::Launch(identity) if state.status == Status::Absent => one(Event::Launched {
            identity: (**identity).clone(),
        }),
        Command::Launch(_) => say.no(
            "ids are not used twice",
            Some("tollgate agent prompt ID TEXT"),
        ),
        Command::Bind { .. } => bind(state, command, &say),
        Command::Rebind(to) => rebind(state, to, &say),
        Command::Prompt { .. } | Command::Exit(_) | Command::Send(_) | Command::Deliver(_) => {
            prompt(state, command, &say)
        }
        Command::Journal(_)
        | Command::Complete(_)
        | Command::Interrupt(..)
        | Command::Block(..)
        | Command::Fail(..) => of_the_run(state, command, &say),
        Command::Unblock(_) | Command::Resolve(..) | Command::Cancel { .. } | Command::Continue => {
            unpark(state, command, &say)
        }
        Command::Fault { .. }
        | Command::Recover { .. }
        | Command::RecoverResume
        | Command::RecoverReconnect(_) => recovery(state, command, &say),
        Command::OwnerLost(loss) => match owner_lost(state, loss) {
            Some(events) => many(events),
            None => say.no("it needs no owner as it stands", None),
        },
        Command::Indeterminate(effects) if !effects.is_empty() => {
            let mut events = lost_effects(effects);
            if state.status == Status::Running && effects.iter().all(|lost| lost.again) {
                events.extend(resume(state, BY_A_GRANT));
            }
            many(events)
        }
        Command::Indeterminate(_) => say.no("no effect is open", None),
        Command::Rest(_) | Command::Wake(_) | Command::Reset => rest(state, command, &say),
        Command::Stop { .. }
        | Command::Finish
        | Command::Restart { .. }
        | Command::Archive
        | Command::Remove => ending(state, command, &say),
    }
}

struct Say<'a> {
    state: &'a State,
    command: &'static str,
}

impl Say<'_> {
    fn no(&self, rule: &'static str, verb: Option<&str>) -> Decided {
        Err(Box::new(Refusal::new(self.state, self.command, rule, verb)))
    }

    /// The refusal that every status gives a command that does not belong there.
    fn elsewhere(&self, rule: &'static str) -> Decided {
        self.no(rule, verb_that_helps(self.state))
    }
}

/// The one verb that brings a session to where it can work again, if there is one.
fn verb_that_helps(state: &State) -> Option<&'static str> {
    match state.status {
        Status::Unbound => Some("tollgate agent status ID"),
        Status::Running => Some("tollgate agent stop ID"),
        Status::Blocked if !state.unresolved.is_empty() => Some("tollgate receipt resolve RECEIPT"),
        Status::Blocked if waits_for_the_ledger(state) => Some("tollgate agent continue ID"),
        Status::Blocked => Some("tollgate agent stop ID"),
        Status::Stopped => Some("tollgate agent restart ID"),
        status if status.is_recoverable() => Some("tollgate agent restart ID"),
        _ => None,
    }
}

fn waits_for_the_ledger(state: &State) -> bool {
    let run = state.run.as_ref();
    run.is_some_and(|run| run.parked == Some(BlockReason::LedgerUnavailable))
}

fn one(event: Event) -> Decided {
    Ok(Decision::Events(vec![event]))
}

fn many(events: Vec<Event>) -> Decided {
    Ok(Decision::Events(events))
}

fn bind(state: &State, command: &Command, say: &Say<'_>) -> Decided {
    let Command::Bind {
        missing,
        provider_name,
        format,
    } = command
    else {
        return say.no("it is no bind", None);
    };
    match (state.status, missing.is_empty()) {
        (Status::Starting | Status::Unbound, true) => one(Event::Bound {
            provider_name: provider_name.clone(),
            format: format.clone(),
        }),
        (Status::Starting, false) => one(Event::Unbound {
            missing: missing.clone(),
        }),
        (Status::Unbound, false) => {
            say.no("what it needs is still missing", verb_that_helps(state))
        }
        _ => say.no("only a starting or unbound session is bound", None),
    }
}

/// A session that works on nothing takes another provider; one that never came to its first is launched anew.
fn rebind(state: &State, to: &Rebinding, say: &Say<'_>) -> Decided {
    let status = state.status;
    if !(status == Status::Idle || status.is_resting() || status.is_recoverable()) {
        return say.elsewhere("only an idle, resting or recoverable session changes its provider");
    }
    one(Event::Rebound {
        from_provider: state.identity.provider.clone(),
        from_model: state.identity.model.clone(),
        provider: to.provider.clone(),
        model: to.model.clone(),
        auth_profile: to.auth_profile.clone(),
        provider_name: to.provider_name.clone(),
        format: to.format.clone(),
    })
}

fn prompt(state: &State, command: &Command, say: &Say<'_>) -> Decided {
    let ready = state.status == Status::Idle || state.status.is_resting();
    match command {
        Command::Prompt {
            seed,
            prompt,
            terms,
            ..
        } if ready => one(Event::PromptReceived {
            seed: seed.clone(),
            prompt: prompt.clone(),
            provider: state.identity.provider.clone(),
            model: state.identity.model.clone(),
            policy: state.identity.policy.clone(),
            terms: Some(terms.clone()),
        }),
        Command::Prompt { no_wait: false, .. } if state.status == Status::Unbound => {
            Ok(Decision::Wait)
        }
        Command::Prompt { .. } => match state.status {
            Status::Running => say.no(
                "one run is open at a time",
                Some("tollgate agent status ID"),
            ),
            Status::Blocked if !state.unresolved.is_empty() => say.no(
                "no run opens while an effect is unresolved",
                verb_that_helps(state),
            ),
            Status::Blocked => say.no("one run is open at a time", verb_that_helps(state)),
            _ => say.elsewhere("a prompt needs an idle or resting session"),
        },
        Command::Exit(prompt) if stoppable(state.status) => {
            let mut events = vec![Event::Exited {
                prompt: prompt.clone(),
            }];
            events.extend(cancel(state, None));
            events.push(Event::Stopping {
                cause: crate::status::StopCause::ExitWord,
                reason: None,
            });
            many(events)
        }
        Command::Exit(_) => say.elsewhere("only an active or resting session is stopped"),
        Command::Send(prompt) if takes_messages(state.status) => one(Event::MessageQueued {
            prompt: prompt.clone(),
        }),
        Command::Send(_) => say.elsewhere("an ended session takes no messages"),
        Command::Deliver(seed) if state.status == Status::Idle && state.inbox > 0 => {
            one(Event::InboxDelivered {
                seed: seed.clone(),
                messages: state.inbox,
            })
        }
        _ => say.no(
            "messages are delivered to an idle session that has some",
            None,
        ),
    }
}

/// The end of the open run in numbers, for commands that come from outside it.
fn end_of(run: &Run) -> RunEnd {
    RunEnd {
        run: run.run.clone(),
        turns: run.turns,
        usage: run.usage,
        handoff: None,
    }
}

fn cancel(state: &State, reason: Option<String>) -> Option<Event> {
    let run = state.run.as_ref()?;
    Some(Event::RunCancelled {
        end: end_of(run),
        reason,
    })
}

pub(super) fn interrupt(state: &State, reason: InterruptReason) -> Option<Event> {
    let run = state.run.as_ref()?;
    Some(Event::RunInterrupted {
        end: end_of(run),
        reason,
    })
}

fn of_the_run(state: &State, command: &Command, say: &Say<'_>) -> Decided {
    if state.status != Status::Running {
        return say.elsewhere("no run is open and running");
    }
    let archive = state.identity.mode.kind == Kind::Autonomous;
    let ended = |event| {
        let mut events = vec![event];
        if archive {
            events.push(Event::Archived {});
        }
        many(events)
    };
    match command {
        Command::Journal(event) if is_journal(event) => one(event.clone()),
        Command::Complete(end) => ended(Event::RunCompleted { end: end.clone() }),
        Command::Interrupt(end, reason) => ended(Event::RunInterrupted {
            end: end.clone(),
            reason: *reason,
        }),
        Command::Fail(end, reason) => ended(Event::RunFailed {
            end: end.clone(),
            reason: *reason,
        }),
        Command::Block(end, reason) => one(Event::RunBlocked {
            end: end.clone(),
            reason: *reason,
        }),
        _ => say.no("only steps of providers and tools are journaled", None),
    }
}

fn is_journal(event: &Event) -> bool {
    matches!(
        event,
        Event::ProviderStarted { .. }
            | Event::ProviderCompleted { .. }
            | Event::ProviderFailed { .. }
            | Event::LeftOut { .. }
            | Event::ToolStarted { .. }
            | Event::ToolCompleted { .. }
    )
}

fn unpark(state: &State, command: &Command, say: &Say<'_>) -> Decided {
    let parked = state.run.as_ref().and_then(|run| run.parked);
    match command {
        Command::Unblock(reason) if state.unresolved.is_empty() && parked == Some(*reason) => {
            // A denial that blocked a run and an unknown effect are not undone by waiting.
            match reason {
                BlockReason::Approval => many(resume(state, "approval")),
                BlockReason::LedgerUnavailable => many(resume(state, "ledger_back")),
                BlockReason::Denied | BlockReason::Indeterminate => {
                    say.elsewhere("a run blocked for this reason does not go on by itself")
                }
            }
        }
        Command::Unblock(_) => say.elsewhere("no run is parked for that reason"),
        Command::Resolve(word) if state.unresolved.contains(&word.receipt) => {
            let mut events = vec![Event::EffectResolved {
                receipt: word.receipt.clone(),
                resolution: word.resolution,
                call: word.call.clone(),
            }];
            let last = state.unresolved.len() == 1;
            if last && parked == Some(BlockReason::Indeterminate) {
                events.extend(resume(state, "resolve"));
            } else if last && state.run.is_none() && ends_when_resolved(state, word) {
                events.push(Event::Archived {});
            }
            many(events)
        }
        Command::Resolve(..) => say.no(
            "no effect with that receipt is unresolved",
            Some("tollgate agent status ID"),
        ),
        Command::Cancel { reason, end } => match (&state.run, end) {
            (None, _) => say.elsewhere("no run is open"),
            (Some(_), Some(end)) => one(Event::RunCancelled {
                end: end.clone(),
                reason: reason.clone(),
            }),
            (Some(run), None) => one(Event::RunCancelled {
                end: end_of(run),
                reason: reason.clone(),
            }),
        },
        Command::Continue if state.status == Status::Idle => match interrupted_run(state) {
            Some(run) => one(Event::RunResumed {
                run,
                cause: "continue".into(),
            }),
            None => say.no(
                "its last run was not interrupted",
                Some("tollgate agent prompt ID TEXT"),
            ),
        },
        _ => say.elsewhere("only an idle session whose last run was interrupted is continued"),
    }
}

pub(super) fn resume(state: &State, cause: &str) -> Vec<Event> {
    state
        .run
        .iter()
        .map(|run| Event::RunResumed {
            run: run.run.clone(),
            cause: cause.to_owned(),
        })
        .collect()
}

fn interrupted_run(state: &State) -> Option<String> {
    let last = state.last_run.as_ref()?;
    (last.status == RunStatus::Interrupted).then(|| last.run.run.clone())
}

fn recovery(state: &State, command: &Command, say: &Say<'_>) -> Decided {
    match command {
        Command::Fault {
            reason,
            detail,
            end,
        } => {
            if !matches!(
                state.status,
                Status::Starting | Status::Unbound | Status::Running
            ) {
                return say
                    .elsewhere("the host finds faults only while starting, unbound or running");
            }
            let reason_of_run = interruption(*reason);
            let interrupted = match end {
                Some(end) => Some(Event::RunInterrupted {
                    end: end.clone(),
                    reason: reason_of_run,
                }),
                None => interrupt(state, reason_of_run),
            };
            many(then_fault(interrupted, *reason, detail.clone()))
        }
        Command::Recover { reason, detail } if takes_messages(state.status) => {
            let interrupted = interrupt(state, InterruptReason::Recovered);
            many(then_fault(interrupted, *reason, detail.clone()))
        }
        Command::Recover { .. } => {
            say.elsewhere("only an active, resting or recoverable session is moved")
        }
        Command::RecoverResume if state.status.is_recoverable() => one(Event::Recovered {}),
        Command::RecoverReconnect(seed) if state.status.is_recoverable() => {
            if !state.unresolved.is_empty() {
                return say.no(
                    "no run opens while an effect is unresolved",
                    Some("tollgate receipt resolve RECEIPT"),
                );
            }
            match interrupted_run(state) {
                Some(run) => one(Event::RunResumed {
                    run,
                    cause: "reconnect".into(),
                }),
                None => one(Event::ProbeStarted { seed: seed.clone() }),
            }
        }
        _ => say.elsewhere("only a recoverable session is brought back"),
    }
}

fn interruption(reason: FaultReason) -> InterruptReason {
    match reason {
        FaultReason::AuthExpired => InterruptReason::AuthExpired,
        FaultReason::ProviderUnavailable => InterruptReason::ProviderUnavailable,
        FaultReason::SandboxFailed => InterruptReason::SandboxFailed,
        FaultReason::StalePid | FaultReason::StaleEndpoint => InterruptReason::HostLost,
        FaultReason::Failed => InterruptReason::Recovered,
    }
}

fn then_fault(before: Option<Event>, reason: FaultReason, detail: Option<String>) -> Vec<Event> {
    before
        .into_iter()
        .chain([Event::Faulted { reason, detail }])
        .collect()
}

/// What an owner's death leaves. An effect that it had begun and not ended is the more urgent news: the
/// session waits in `blocked(indeterminate)` rather than in `failed` until an operator has told.
pub(super) fn stopped(state: &State) -> Event {
    Event::Stopped {
        runs: state.links.runs.total,
        handoff: state.links.handoffs.ids.back().cloned(),
    }
}

fn rest(state: &State, command: &Command, say: &Say<'_>) -> Decided {
    match (command, state.status) {
        (Command::Rest(Status::Dormant), Status::Idle)
        | (Command::Rest(Status::Suspended), Status::Idle | Status::Dormant) => {
            let status = match command {
                Command::Rest(Status::Dormant) => Status::Dormant,
                _ => Status::Suspended,
            };
            one(Event::Rested { status })
        }
        (Command::Rest(_), _) => say.elsewhere("only an idle session goes to rest"),
        (Command::Wake(seed), status) if status.is_resting() => {
            let mut events = vec![Event::Woken {}];
            events.extend(deliver(state, seed));
            many(events)
        }
        (Command::Wake(_), _) => say.elsewhere("only a resting session is woken"),
        (_, Status::Idle) => one(Event::Reset {}),
        _ => say.elsewhere("only an idle session is reset"),
    }
}

fn deliver(state: &State, seed: &RunSeed) -> Option<Event> {
    (state.inbox > 0).then(|| Event::InboxDelivered {
        seed: seed.clone(),
        messages: state.inbox,
    })
}

fn ending(state: &State, command: &Command, say: &Say<'_>) -> Decided {
    let status = state.status;
    match command {
        Command::Stop { cause, reason } => {
            let signoff = *cause == crate::status::StopCause::Signoff;
            if signoff && !(status == Status::Idle || status.is_resting()) {
                return say.elsewhere("only an idle or resting session signs off");
            }
            if !stoppable(status) {
                return say.elsewhere("only an active or resting session is stopped");
            }
            let mut events: Vec<Event> = cancel(state, reason.clone()).into_iter().collect();
            events.push(Event::Stopping {
                cause: *cause,
                reason: reason.clone(),
            });
            many(events)
        }
        Command::Finish if status == Status::Stopping => one(stopped(state)),
        Command::Finish => say.no("it is not being stopped", None),
        Command::Restart { reason } if status == Status::Stopped || status.is_recoverable() => {
            one(Event::Restarted {
                reason: reason.clone(),
            })
        }
        Command::Restart { .. } => {
            say.no("only a stopped or recoverable session is restarted", None)
        }
        Command::Archive if archivable(status) => one(Event::Archived {}),
        Command::Archive => say.elsewhere("a session in use is not archived"),
        Command::Remove if removable(status) => one(Event::Removed {
            identity: state.identity.clone(),
            events: state.seq,
        }),
        _ => say.no(
            "only a stopped, archived or recoverable session is deleted",
            Some("tollgate agent rm ID --force"),
        ),
    }
}
