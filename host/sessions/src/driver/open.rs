//! Opening a session: fold its log, take its lease, and settle what a lost owner left.

use super::seat::{Seat, StoredState};
use super::{Driver, DriverError};
use crate::event::{EventRecord, note};
use crate::machine::{Command, LostEffect, OwnerLoss, apply, decide};
use crate::ports::{FIRST_SEQ, Lease, Liveness, OpenIntent, SessionRow, StoreError};
use crate::state::{STATE_SCHEMA, State, invariant};
use crate::status::{Hosting, Kind, Resolution, Status};
use tollgate_contract::{SessionId, stop_point};
use tollgate_receipts::{
    Draft, Outcome, OutcomeRecord, OutcomeResult, Record, State as EntryState,
};

/// Events read at a time.
const PAGE_EVENTS: usize = 256;
/// Times that a lease may move under us before we say that the session is in use.
const TAKE_ATTEMPTS_MAX: u32 = 8;
/// Open effects settled at one opening. One call has at most 1,000, and one call is open at a time.
pub(super) const INTENTS_MAX: usize = 1_024;

/// Whose a session is at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody's, and nothing was left in the middle.
    Free,
    /// A living process's.
    Held,
    /// Its owner is gone.
    Lost {
        /// How that was found out.
        note: &'static str,
        /// The endpoint is what is gone.
        endpoint: bool,
    },
}

impl Driver {
    /// Folds a session as it is now, without taking it.
    pub(super) fn peek(&self, session: &SessionId) -> Result<(State, Lease), DriverError> {
        let row = self.store.row(session)?;
        let state = self.fold(&row)?;
        Ok((state, row.lease))
    }

    /// Folds a session's log, from its checkpoint if there is one that fits.
    pub(super) fn fold(&self, row: &SessionRow) -> Result<State, DriverError> {
        let session = &row.session;
        let mut state = row
            .checkpoint
            .as_ref()
            .and_then(|checkpoint| {
                let stored: StoredState<State> = serde_json::from_str(&checkpoint.json).ok()?;
                let fits = stored.schema == STATE_SCHEMA && stored.state.seq == checkpoint.seq;
                fits.then_some(stored.state)
            })
            .unwrap_or_default();
        loop {
            let from = state.seq.saturating_add(1).max(FIRST_SEQ);
            let events = self.store.load(session, from, PAGE_EVENTS)?;
            for stored in &events {
                let record = EventRecord::parse(stored.seq, &stored.json).map_err(|source| {
                    DriverError::Event {
                        session: session.clone(),
                        source,
                    }
                })?;
                apply(&mut state, stored.seq, &record).map_err(|source| DriverError::Corrupt {
                    session: session.clone(),
                    source,
                })?;
            }
            if events.len() < PAGE_EVENTS {
                break;
            }
        }
        invariant(&state).map_err(|what| DriverError::Defect {
            session: session.clone(),
            what: what.to_owned(),
        })?;
        Ok(state)
    }

    /// Whose the session is.
    pub(super) fn standing(&self, state: &State, lease: &Lease) -> Standing {
        let lost = |note| Standing::Lost {
            note,
            endpoint: false,
        };
        let Some(host) = &lease.host else {
            let identity = &state.identity;
            let served = identity.mode.hosting == Hosting::Background
                && identity.endpoint_url.is_some()
                && matches!(
                    state.status,
                    Status::Unbound | Status::Idle | Status::Blocked
                );
            return match state.status {
                Status::Starting | Status::Running | Status::Stopping => {
                    lost("its owner let go of it in the middle of work")
                }
                _ if served => Standing::Lost {
                    note: "no process serves its endpoint",
                    endpoint: true,
                },
                _ => Standing::Free,
            };
        };
        match self.store.liveness(host) {
            Liveness::Dead => lost("the process that owned it is gone"),
            _ if lease.until_us < self.clock.now_us() => {
                lost("the process that owned it has not renewed its lease")
            }
            _ => Standing::Held,
        }
    }

    /// Whether a lost owner's work is for another host to go on with, so that merely looking at the
    /// session must not take it.
    pub(super) fn waits_for_taker(state: &State) -> bool {
        let mode = state.identity.mode;
        state.status == Status::Running
            && mode.kind == Kind::Autonomous
            && mode.hosting == Hosting::Background
            && state
                .run
                .as_ref()
                .is_some_and(|run| run.takeovers < crate::machine::TAKEOVERS_MAX)
    }

    /// Takes a session that nobody else has, and settles what a lost owner left. None if a living
    /// process has it.
    pub(super) async fn open(&self, session: &SessionId) -> Result<Option<Seat<'_>>, DriverError> {
        for _ in 0..TAKE_ATTEMPTS_MAX {
            let (state, lease) = self.peek(session)?;
            if self.standing(&state, &lease) == Standing::Held {
                return Ok(None);
            }
            match self.take(session, &lease).await {
                Err(DriverError::Store(StoreError::LeaseMoved { .. })) => {}
                other => return other.map(Some),
            }
        }
        Err(DriverError::InUse {
            session: session.clone(),
        })
    }

    /// Takes a session whatever its lease says, as long as the lease is still `seen`.
    pub(super) async fn take(
        &self,
        session: &SessionId,
        seen: &Lease,
    ) -> Result<Seat<'_>, DriverError> {
        stop_point("before_lease");
        let lease = self.store.lease_take(seen, self.lease_until_us())?;
        stop_point("after_lease");
        // What was read before the lease was ours may be old. From here on nobody else appends.
        let state = self.fold(&self.store.row(session)?)?;
        let standing = match self.standing(&state, seen) {
            Standing::Held => Standing::Lost {
                note: "an operator took it from the process that owned it",
                endpoint: false,
            },
            other => other,
        };
        let mut seat = Seat::new(self, session.clone(), state, lease.fence);
        self.settle(&mut seat, standing, seen.fence).await?;
        Ok(seat)
    }

    /// Writes down what a lost owner left: first the ledger's word on its open effects, then the
    /// session's.
    async fn settle(
        &self,
        seat: &mut Seat<'_>,
        standing: Standing,
        fence: u64,
    ) -> Result<(), DriverError> {
        let open = self.store.open_intents(&seat.session, INTENTS_MAX)?;
        let mut effects = Vec::new();
        for intent in &open {
            if !seat.state.unresolved.contains(&intent.receipt) {
                effects.push(LostEffect {
                    receipt: intent.receipt.clone(),
                    call: intent.call.clone(),
                    again: self.repeats_by_a_grant(seat, intent)?,
                });
            }
        }
        self.mark_lost(seat, &open, &effects).await?;
        stop_point("before_settled");
        let command = match standing {
            Standing::Lost { note, endpoint } => Command::OwnerLost(OwnerLoss {
                fence,
                note: note.to_owned(),
                endpoint,
                effects,
            }),
            _ if effects.is_empty() => return Ok(()),
            _ => Command::Indeterminate(effects),
        };
        // An owner that died between two commands left nothing to settle.
        match decide(&seat.state, &command) {
            Ok(_) => seat.write(&[command], Vec::new()),
            Err(_) => Ok(()),
        }
    }

    /// Whether the operator has said beforehand that the effect may be performed again: with the grant
    /// that allowed it, as it is now.
    fn repeats_by_a_grant(
        &self,
        seat: &Seat<'_>,
        intent: &OpenIntent,
    ) -> Result<bool, DriverError> {
        let project = &seat.state.identity.project;
        let granted = intent.grant.as_ref().is_some_and(|grant| {
            let caller = &self.caller;
            caller.may_repeat(&seat.session, project, &intent.plugin, grant)
        });
        Ok(granted && self.repeatable(seat, intent)?.is_ok())
    }

    /// Writes to the ledger that nobody saw these effects end, and what a grant says of them.
    async fn mark_lost(
        &self,
        seat: &Seat<'_>,
        open: &[OpenIntent],
        effects: &[LostEffect],
    ) -> Result<(), DriverError> {
        let session = &seat.session;
        let mut tickets = Vec::new();
        for intent in open {
            if !intent.indeterminate {
                let detail = "its host was lost before the outcome was written";
                let lost = self.outcome(session, intent, OutcomeResult::Indeterminate, detail);
                tickets.push(self.ledger.submit(lost)?);
            }
            let again = |lost: &LostEffect| lost.again && lost.receipt == intent.receipt;
            if effects.iter().any(again) {
                let grant = intent.grant.as_deref().unwrap_or_default();
                let detail = note(&format!("{}, says grant {grant}", Resolution::Retry));
                let told = self.outcome(session, intent, OutcomeResult::Resolved, &detail);
                tickets.push(self.ledger.submit(told)?);
            }
        }
        if !tickets.is_empty() {
            self.ledger.durable(&tickets).await?;
        }
        Ok(())
    }

    /// An outcome that the host writes for an effect that it did not see end.
    pub(super) fn outcome(
        &self,
        session: &SessionId,
        intent: &OpenIntent,
        result: OutcomeResult,
        detail: &str,
    ) -> Draft {
        Draft {
            session: session.to_string(),
            record: Record::Outcome(OutcomeRecord {
                receipt: intent.receipt.clone(),
                state: EntryState::Settled,
                time_us: self.clock.now_us(),
                call: intent.call.clone(),
                outcome: Outcome {
                    result,
                    error: None,
                    status: None,
                    bytes_in: None,
                    bytes_out: None,
                    duration_us: 0,
                    address: None,
                    detail: Some(detail.to_owned()),
                },
            }),
        }
    }
}
