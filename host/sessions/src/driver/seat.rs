//! A session under this process's lease: the one place from which events are appended.

use super::{Driver, DriverError};
use crate::event::{Event, EventRecord, note};
use crate::machine::{Command, Decision, apply, decide};
use crate::ports::{Append, Checkpoint, NewEvent, Remove, Removed, TranscriptEntry};
use crate::state::{STATE_SCHEMA, State, invariant};
use crate::status::Status;
use serde::{Deserialize, Serialize};
use tollgate_contract::{SessionId, stop_point};
use tollgate_receipts::ChangeRecord;
use uuid::Uuid;

/// A checkpoint is written at least every so many events.
const CHECKPOINT_EVENTS: u64 = 64;

/// A fold with its schema, as a checkpoint stores it.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredState<S> {
    /// [`STATE_SCHEMA`].
    pub(super) schema: String,
    /// The fold.
    pub(super) state: S,
}

/// A session that this process may change. Dropping it lets the lease go.
pub(super) struct Seat<'d> {
    pub(super) driver: &'d Driver,
    pub(super) session: SessionId,
    pub(super) state: State,
    pub(super) fence: u64,
    checkpoint_seq: u64,
}

/// Events that are legal together, and where they lead.
struct Plan {
    records: Vec<EventRecord>,
    state: State,
}

impl<'d> Seat<'d> {
    pub(super) fn new(driver: &'d Driver, session: SessionId, state: State, fence: u64) -> Self {
        let checkpoint_seq = state.seq;
        Self {
            driver,
            session,
            state,
            fence,
            checkpoint_seq,
        }
    }

    /// Decides the commands one after the other and appends what follows in one transaction, with
    /// transcript entries. Nothing is written if one of them is refused.
    pub(super) fn write(
        &mut self,
        commands: &[Command],
        transcript: Vec<TranscriptEntry>,
    ) -> Result<(), DriverError> {
        let plan = self.plan(commands)?;
        let seq = self.state.seq.saturating_add(1);
        let checkpoint = self.checkpoint(&plan.state);
        let change = change(&plan.records, self.session.as_str());
        let mut events = Vec::with_capacity(plan.records.len());
        for record in &plan.records {
            events.push(self.encode(record)?);
        }
        self.driver.store.append(Append {
            session: self.session.clone(),
            fence: self.fence,
            seq,
            events,
            transcript,
            change,
            checkpoint: checkpoint.clone(),
        })?;
        if checkpoint.is_some() {
            self.checkpoint_seq = plan.state.seq;
        }
        self.state = plan.state;
        Ok(())
    }

    /// Deletes the session but for its tombstone.
    pub(super) fn remove(&mut self) -> Result<Removed, DriverError> {
        let plan = self.plan(&[Command::Remove])?;
        let Some(record) = plan.records.first() else {
            return Err(self.defect("no tombstone"));
        };
        let tombstone = self.encode(record)?;
        let change = change(&plan.records, self.session.as_str())
            .ok_or_else(|| self.defect("a removal without a change"))?;
        let removed = self.driver.store.remove(Remove {
            session: self.session.clone(),
            fence: self.fence,
            seq: self.state.seq.saturating_add(1),
            tombstone,
            change,
        })?;
        self.state = plan.state;
        Ok(removed)
    }

    fn plan(&self, commands: &[Command]) -> Result<Plan, DriverError> {
        let mut state = self.state.clone();
        let mut records = Vec::new();
        for command in commands {
            let Decision::Events(events) = decide(&state, command)? else {
                return Err(self.defect("a command that waits was written"));
            };
            for event in events {
                let record = record(self.driver, &self.session, event);
                let seq = state.seq.saturating_add(1);
                apply(&mut state, seq, &record).map_err(|why| self.defect(&why.to_string()))?;
                records.push(record);
            }
        }
        invariant(&state).map_err(|what| self.defect(what))?;
        Ok(Plan { records, state })
    }

    fn encode(&self, record: &EventRecord) -> Result<NewEvent, DriverError> {
        encode(record).map_err(|why| self.defect(&why))
    }

    fn checkpoint(&self, next: &State) -> Option<Checkpoint> {
        let old = next.seq.saturating_sub(self.checkpoint_seq) >= CHECKPOINT_EVENTS;
        let rests = next.status != Status::Running;
        if !(old || rests) {
            return None;
        }
        let stored = StoredState {
            schema: STATE_SCHEMA.to_owned(),
            state: next,
        };
        // A checkpoint only saves time: one that cannot be written is left out.
        let json = serde_json::to_string(&stored).ok()?;
        Some(Checkpoint {
            seq: next.seq,
            json,
        })
    }

    pub(super) fn defect(&self, what: &str) -> DriverError {
        DriverError::Defect {
            session: self.session.clone(),
            what: what.to_owned(),
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        stop_point("before_lease_release");
        // If the store cannot be written the lease runs out by itself.
        let _ = self.driver.store.lease_release(&self.session, self.fence);
        stop_point("after_lease_release");
    }
}

/// An event in its envelope.
pub(super) fn record(driver: &Driver, session: &SessionId, event: Event) -> EventRecord {
    EventRecord {
        schema: event.schema().to_owned(),
        id: Uuid::now_v7().to_string(),
        session: session.to_string(),
        time_us: driver.clock.now_us(),
        who: driver.operator.subject.clone(),
        event,
    }
}

/// An event as the store takes it.
pub(super) fn encode(record: &EventRecord) -> Result<NewEvent, String> {
    Ok(NewEvent {
        id: record.id.clone(),
        time_us: record.time_us,
        kind: record.event.name().to_owned(),
        json: serde_json::to_string(record).map_err(|error| error.to_string())?,
    })
}

/// What the ledger is told of these events: the first that changes the session, and the names of all.
/// Steps inside a run are not changes; their effects have entries of their own.
pub(super) fn change(records: &[EventRecord], session: &str) -> Option<ChangeRecord> {
    let (record, what) = records
        .iter()
        .find_map(|record| Some((record, change_name(&record.event)?)))?;
    let names: Vec<&str> = records.iter().map(|record| record.event.name()).collect();
    Some(ChangeRecord {
        time_us: record.time_us,
        who: record.who.clone(),
        what: what.to_owned(),
        object: session.to_owned(),
        detail: note(&names.join(" ")),
    })
}

fn change_name(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::ProviderStarted { .. }
        | Event::ProviderCompleted { .. }
        | Event::ProviderFailed { .. }
        | Event::LeftOut { .. }
        | Event::ToolStarted { .. }
        | Event::ToolCompleted { .. } => return None,
        Event::Launched { .. } => "session.launch",
        Event::Bound { .. } => "session.bind",
        Event::Rebound { .. } => "session.rebind",
        Event::Unbound { .. } => "session.unbound",
        Event::PromptReceived { .. } | Event::InboxDelivered { .. } => "session.prompt",
        Event::MessageQueued { .. } => "session.send",
        Event::RunResumed { .. } | Event::RunTaken { .. } | Event::ProbeStarted { .. } => {
            "session.resume"
        }
        Event::RunCompleted { .. } => "session.run_completed",
        Event::RunInterrupted { .. } => "session.run_interrupted",
        Event::RunBlocked { .. } => "session.run_blocked",
        Event::RunFailed { .. } => "session.run_failed",
        Event::RunCancelled { .. } => "session.run_cancelled",
        Event::EffectsIndeterminate { .. } => "session.indeterminate",
        Event::EffectResolved { .. } => "session.resolve",
        Event::Faulted { .. } => "session.fault",
        Event::OwnerLost { .. } => "session.owner_lost",
        Event::Recovered {} => "session.recover",
        Event::Rested { .. } => "session.rest",
        Event::Woken {} => "session.wake",
        Event::Reset {} => "session.reset",
        Event::Exited { .. } => "session.exit",
        Event::Stopping { .. } => "session.stop",
        Event::Stopped { .. } => "session.stopped",
        Event::Restarted { .. } => "session.restart",
        Event::Archived {} => "session.archive",
        Event::Removed { .. } => "session.rm",
    })
}
