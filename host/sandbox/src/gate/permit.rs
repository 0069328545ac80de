//! The permit: the proof that the gate allowed one effect, and the duty to say what came of it.
//!
//! Invariants:
//! - only [`CallScope`] makes one, after the decision and, for a strict effect, after its intent is
//!   durable;
//! - every function of this crate that touches the world takes one;
//! - one that is dropped without an outcome settles as cancelled, so that no intent stays open while
//!   the host lives;
//! - the call does not end while one is alive, nor while a [`Trace`] is.

use super::book::Place;
use super::decision::{Allowed, Attempt, Basis};
use super::record;
use super::scope::{CallScope, TaskGuard};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tollgate_receipts::{Outcome, OutcomeRecord, OutcomeResult, ReadItem, Record, State};

/// A refusal, already on record. The guest gets the denial form of its import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

/// Leave to perform one effect.
pub(crate) struct Permit {
    owner: TaskGuard,
    receipt: String,
    started: Instant,
    /// For a buffered effect the item to write with its outcome.
    item: Option<Box<(ReadItem, Allowed)>>,
    credential: Option<String>,
    basis: Basis,
    settled: bool,
}

impl Permit {
    pub(super) fn strict(scope: Arc<CallScope>, receipt: String, allowed: Allowed) -> Self {
        tollgate_contract::mark("allowed", &receipt);
        Self {
            owner: scope.own_task(),
            receipt,
            started: Instant::now(),
            item: None,
            credential: allowed.credential,
            basis: allowed.basis,
            settled: false,
        }
    }

    pub(super) fn buffered(scope: Arc<CallScope>, attempt: &Attempt<'_>, allowed: Allowed) -> Self {
        let receipt = record::receipt_id();
        let item = record::item(
            &scope,
            attempt,
            &receipt,
            State::Settled,
            allowed.decided.clone(),
        );
        scope.book().note(&receipt);
        tollgate_contract::mark("allowed", &receipt);
        Self {
            owner: scope.own_task(),
            receipt,
            started: Instant::now(),
            credential: allowed.credential.clone(),
            basis: allowed.basis.clone(),
            item: Some(Box::new((item, allowed))),
            settled: false,
        }
    }

    pub(crate) fn receipt(&self) -> &str {
        &self.receipt
    }

    /// On what it was allowed.
    pub(crate) fn basis(&self) -> &Basis {
        &self.basis
    }

    /// The credential that the grant adds.
    pub(crate) fn credential(&self) -> Option<&str> {
        self.credential.as_deref()
    }

    /// The call.
    pub(crate) fn scope(&self) -> &Arc<CallScope> {
        self.owner.scope()
    }

    /// Writes the outcome of an effect that leaves nothing open.
    pub(crate) fn settle(mut self, outcome: Outcome) {
        self.write(outcome);
    }

    /// Writes that the effect was given up.
    pub(crate) fn cancel(mut self, detail: &str) {
        self.write(record::cancelled(detail));
    }

    /// Writes the outcome of an effect that opened something; the trace counts until it is closed.
    pub(crate) fn open(mut self, outcome: Outcome) -> Arc<Trace> {
        let place = self.write(outcome);
        Arc::new(Trace {
            owner: self.scope().own_task(),
            receipt: std::mem::take(&mut self.receipt),
            place,
            started: self.started,
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            ended: OnceLock::new(),
        })
    }

    fn write(&mut self, mut outcome: Outcome) -> Option<Place> {
        self.settled = true;
        tollgate_contract::mark("settled", &self.receipt);
        outcome.duration_us = record::elapsed_us(self.started);
        match self.item.take() {
            Some(pending) => {
                let (mut item, allowed) = *pending;
                item.outcome = Some(outcome);
                Some(self.scope().add_item(item, &allowed))
            }
            None => {
                self.scope().write(Record::Outcome(OutcomeRecord {
                    receipt: self.receipt.clone(),
                    state: State::Settled,
                    time_us: record::now_us(),
                    call: self.scope().caller.call.clone(),
                    outcome,
                }));
                None
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.settled {
            self.write(record::cancelled("given up before it was performed"));
        }
    }
}

/// Something that an effect opened: counts bytes, and writes them when it is closed. The call does not
/// end before.
pub(crate) struct Trace {
    owner: TaskGuard,
    receipt: String,
    place: Option<Place>,
    started: Instant,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    ended: OnceLock<(OutcomeResult, Option<String>)>,
}

impl Trace {
    /// Says how it ended, where that is more than being closed.
    pub(crate) fn end(&self, result: OutcomeResult, detail: Option<String>) {
        let _ = self.ended.set((result, detail));
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let (result, detail) = self.ended.take().unwrap_or((OutcomeResult::Ok, None));
        let outcome = Outcome {
            result,
            error: None,
            status: None,
            bytes_in: Some(self.bytes_in.load(Ordering::Relaxed)),
            bytes_out: Some(self.bytes_out.load(Ordering::Relaxed)),
            duration_us: record::elapsed_us(self.started),
            address: None,
            detail,
        };
        let scope = Arc::clone(self.owner.scope());
        let still_open = self
            .place
            .is_none_or(|place| !scope.book().close_item(place, &outcome));
        if still_open {
            scope.write(Record::Outcome(OutcomeRecord {
                receipt: std::mem::take(&mut self.receipt),
                state: State::Closed,
                time_us: record::now_us(),
                call: scope.caller.call.clone(),
                outcome,
            }));
        }
    }
}
