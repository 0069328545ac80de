//! One call as the gate sees it: who calls, under what authority, what was decided and written.
//!
//! Invariants:
//! - a strict effect is performed only after an entry that says so, and every earlier entry of the
//!   call, is durable;
//! - nothing leaves the call before its watermark, the last entry it caused, is durable
//!   ([`CallScope::watermark`]);
//! - a call ends when the tasks that the gate owns for it have settled.
//!
//! It performs nothing itself.

use super::GateHost;
use super::book::Book;
use super::permit::{Permit, Refused};
use super::record::{self, Caller};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::Notify;
use tollgate_contract::Denial;
use tollgate_grants::{Authority, Decision, Effect, Reason};
use tollgate_receipts::{Class, Decided, LedgerError, SessionKey, State, Verdict};

/// Strict effects that one call may attempt.
pub const STRICT_EFFECTS_MAX: u64 = 1_000;
/// Buffered effects that one call may attempt.
pub const BUFFERED_EFFECTS_MAX: u64 = 200_000;
/// Bytes of ledger that one call may cause.
pub const LEDGER_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// A wish of a component, before the decision.
pub(crate) struct Attempt<'a> {
    /// The import as it stands in the classification table.
    pub(crate) import: &'static str,
    /// The kind of effect.
    pub(crate) kind: &'static str,
    /// Strict or buffered.
    pub(crate) class: Class,
    /// The target as the record shows it, before redaction.
    pub(crate) target: String,
    /// The whole of a target from which `target` leaves something out; kept only as a keyed hash.
    pub(crate) whole: Option<String>,
    /// What must be allowed, all of it.
    pub(crate) effects: &'a [Effect<'a>],
}

/// What the call counts instead of writing: clock, randomness, output.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) clock: AtomicU64,
    pub(crate) random_bytes: AtomicU64,
    pub(crate) stdio_bytes: AtomicU64,
}

/// One call.
pub(crate) struct CallScope {
    pub(crate) host: Arc<GateHost>,
    pub(crate) caller: Caller,
    pub(crate) counters: Counters,
    effects_max: u64,
    attempts: AtomicU64,
    key: OnceLock<SessionKey>,
    book: Mutex<Book>,
    tasks: AtomicUsize,
    settled: Notify,
    cancelled: AtomicBool,
    cancel: Notify,
}

impl CallScope {
    pub(crate) fn new(host: Arc<GateHost>, caller: Caller, effects_max: u64) -> Arc<Self> {
        Arc::new(Self {
            host,
            caller,
            counters: Counters::default(),
            effects_max,
            attempts: AtomicU64::new(0),
            key: OnceLock::new(),
            book: Mutex::new(Book::default()),
            tasks: AtomicUsize::new(0),
            settled: Notify::new(),
            cancelled: AtomicBool::new(false),
            cancel: Notify::new(),
        })
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key under which targets of the session are hashed.
    pub(crate) fn key(&self) -> &SessionKey {
        self.key
            .get_or_init(|| self.host.keys.key(&self.caller.session))
    }

    /// The authority of this moment; read anew for each decision, so that a revoked grant is gone.
    pub(crate) fn authority(&self) -> Option<Arc<Authority>> {
        self.host
            .authority
            .authority(&self.caller.plugin.name, &self.caller.session)
            .ok()
    }

    /// Decides a buffered attempt.
    pub(crate) fn permit_buffered(
        self: &Arc<Self>,
        attempt: &Attempt<'_>,
    ) -> Result<Permit, Refused> {
        debug_assert_eq!(attempt.class, Class::Buffered);
        match self.decide(attempt) {
            Ok(decided) => {
                self.book().allowed += 1;
                Ok(Permit::buffered(Arc::clone(self), attempt, decided))
            }
            Err(no) => Err(self.refuse(attempt, no)),
        }
    }

    /// Decides a strict attempt. When it is allowed its intent is durable on return; when it is
    /// refused its denial is.
    pub(crate) async fn permit(self: &Arc<Self>, attempt: &Attempt<'_>) -> Result<Permit, Refused> {
        if attempt.class == Class::Buffered {
            return self.permit_buffered(attempt);
        }
        let decided = match self.decide(attempt) {
            Ok(decided) => decided,
            Err(no) => {
                let refused = self.refuse(attempt, no);
                // A denial that cannot be written is still a denial; the call learns of the ledger
                // at its next strict effect and at its end.
                let _ = self.watermark().await;
                return Err(refused);
            }
        };
        let receipt = record::receipt_id();
        let intent = record::effect(
            self,
            attempt,
            &receipt,
            State::Intended,
            decided.decided.clone(),
            &decided,
        );
        self.write(intent);
        tollgate_contract::stop_point("gate.before_intent_durable");
        if self.watermark().await.is_err() {
            return Err(self.refuse(attempt, Refusal::of(Reason::LedgerUnavailable)));
        }
        tollgate_contract::stop_point("gate.after_intent_durable");
        self.book().allowed += 1;
        self.book().note(&receipt);
        let permit = Permit::strict(Arc::clone(self), attempt, receipt, decided);
        if !self.lease_held() {
            permit.cancel("not sent: the lease was lost");
            return Err(Refused {
                reason: Reason::LedgerUnavailable.label(),
            });
        }
        self.book().performed_strict = true;
        Ok(permit)
    }

    fn lease_held(&self) -> bool {
        match self.caller.fence {
            None => true,
            Some((ref session, fence)) => self.host.lease.held(session, fence),
        }
    }

    fn decide(&self, attempt: &Attempt<'_>) -> Result<Allowed, Refusal> {
        let (max, counter) = {
            let mut book = self.book();
            let (count, max) = match attempt.class {
                Class::Strict => (&mut book.strict, STRICT_EFFECTS_MAX),
                Class::Buffered | Class::Counted => (&mut book.buffered, BUFFERED_EFFECTS_MAX),
            };
            *count += 1;
            (max, *count)
        };
        let attempts = self.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        let ledger_bytes = self.book().bytes;
        if counter > max || attempts > self.effects_max || ledger_bytes > LEDGER_BYTES_MAX {
            return Err(Refusal::of(Reason::LimitReached));
        }
        if self.book().failed.is_some() && attempt.class == Class::Strict {
            return Err(Refusal::of(Reason::LedgerUnavailable));
        }
        if self.caller.bare {
            return Err(Refusal::of(Reason::NoGrant));
        }
        let Some(authority) = self.authority() else {
            return Err(Refusal::of(Reason::PolicyUnreadable));
        };
        let now_us = record::now_us();
        let mut allowed = None;
        for effect in attempt.effects {
            match authority.decide(effect, now_us) {
                Decision::Allowed(one) => allowed = Some(one),
                Decision::Denied(denial) => {
                    return Err(Refusal {
                        decided: record::denied(&denial),
                        reason: denial.reason,
                        authority: Some(authority),
                    });
                }
                Decision::Asked(asked) => {
                    return Err(Refusal {
                        decided: Decided {
                            verdict: Verdict::Denied,
                            grant: Some(asked.grant.to_string()),
                            reason: Some(Reason::AskUnattended.label().to_owned()),
                            nearest: None,
                            command: None,
                        },
                        reason: Reason::AskUnattended,
                        authority: Some(authority),
                    });
                }
            }
        }
        let Some(allowed) = allowed else {
            return Err(Refusal::of(Reason::NoGrant));
        };
        if allowed.counted
            && !self
                .host
                .authority
                .consume_use(&allowed.grant)
                .unwrap_or(false)
        {
            return Err(Refusal::of(Reason::UsesExhausted));
        }
        Ok(Allowed {
            decided: Decided {
                verdict: Verdict::Allowed,
                grant: Some(allowed.grant.to_string()),
                reason: None,
                nearest: None,
                command: None,
            },
            credential: allowed.credential,
            policy: authority.policy_digest().to_owned(),
            generation: authority.generation(),
            budget_left: max.saturating_sub(counter),
        })
    }

    /// Refuses an attempt for a reason that the gate itself found, such as a FIFO behind a name.
    pub(crate) async fn refuse_for(
        self: &Arc<Self>,
        attempt: &Attempt<'_>,
        reason: Reason,
    ) -> Refused {
        let refused = self.refuse(attempt, Refusal::of(reason));
        if attempt.class == Class::Strict {
            let _ = self.watermark().await;
        }
        refused
    }

    /// [`CallScope::refuse_for`] without waiting for the entry to be durable.
    pub(crate) fn refuse_now(&self, attempt: &Attempt<'_>, reason: Reason) -> Refused {
        self.refuse(attempt, Refusal::of(reason))
    }

    fn refuse(&self, attempt: &Attempt<'_>, refusal: Refusal) -> Refused {
        let reason = refusal.reason.label();
        let collapsed = self.book().count_denial(attempt.kind, reason);
        let receipt = record::receipt_id();
        if !collapsed {
            let (policy, generation) = refusal.authority.as_ref().map_or_else(
                || self.authority().map_or((String::new(), 0), |a| seen(&a)),
                |a| seen(a),
            );
            let context = Allowed {
                decided: refusal.decided.clone(),
                credential: None,
                policy,
                generation,
                budget_left: 0,
            };
            match attempt.class {
                Class::Strict => self.write(record::effect(
                    self,
                    attempt,
                    &receipt,
                    State::Denied,
                    refusal.decided,
                    &context,
                )),
                Class::Buffered | Class::Counted => {
                    let item =
                        record::item(self, attempt, &receipt, State::Denied, refusal.decided);
                    self.add_item(item, &context);
                }
            }
            let mut book = self.book();
            book.note(&receipt);
            book.last_denial = Some(Denial {
                receipt,
                kind: attempt.kind.to_owned(),
                target: record::target(self, attempt).text,
                reason: reason.to_owned(),
            });
        }
        Refused { reason }
    }

    /// Queues an entry.
    pub(crate) fn write(&self, record: tollgate_receipts::Record) {
        let draft = tollgate_receipts::Draft {
            session: self.caller.session.clone(),
            record,
        };
        // The order of this call's entries is the order of its decisions, so the queue is entered
        // under the book's lock.
        let mut book = self.book();
        book.flush_read_set(self);
        book.submit(self, draft);
    }

    /// Adds a buffered effect to the call's read-set; returns where it stands.
    pub(crate) fn add_item(
        &self,
        item: tollgate_receipts::ReadItem,
        context: &Allowed,
    ) -> super::book::Place {
        self.book().add_item(self, item, context)
    }

    /// Waits until every entry that the call has caused is durable.
    pub(crate) async fn watermark(&self) -> Result<(), LedgerError> {
        let tickets = {
            let mut book = self.book();
            book.flush_read_set(self);
            if let Some(error) = &book.failed {
                return Err(error.clone());
            }
            book.tickets.clone()
        };
        if tickets.is_empty() {
            return Ok(());
        }
        let result = self.host.ledger.durable(&tickets).await;
        let mut book = self.book();
        match &result {
            Ok(()) => book.tickets.retain(|ticket| !tickets.contains(ticket)),
            Err(error) => book.failed = Some(error.clone()),
        }
        result
    }

    /// Starts a task that the gate owns: it outlives the instance that asked for it.
    pub(crate) fn own_task(self: &Arc<Self>) -> TaskGuard {
        self.tasks.fetch_add(1, Ordering::AcqRel);
        TaskGuard(Arc::clone(self))
    }

    /// Tells the tasks of the call to settle, and waits until they have.
    pub(crate) async fn settle_tasks(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.cancel.notify_waiters();
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if self.tasks.load(Ordering::Acquire) == 0 {
                return;
            }
            settled.await;
        }
    }

    /// Resolves when the call has ended and its tasks shall give up.
    pub(crate) async fn cancelled(&self) {
        loop {
            let cancel = self.cancel.notified();
            tokio::pin!(cancel);
            cancel.as_mut().enable();
            if self.cancelled.load(Ordering::Acquire) {
                return;
            }
            cancel.await;
        }
    }
}

fn seen(authority: &Authority) -> (String, u64) {
    (authority.policy_digest().to_owned(), authority.generation())
}

/// An allowed attempt, and under what it was allowed.
#[derive(Debug, Clone)]
pub(crate) struct Allowed {
    pub(crate) decided: Decided,
    pub(crate) credential: Option<String>,
    pub(crate) policy: String,
    pub(crate) generation: u64,
    pub(crate) budget_left: u64,
}

struct Refusal {
    decided: Decided,
    reason: Reason,
    authority: Option<Arc<Authority>>,
}

impl Refusal {
    fn of(reason: Reason) -> Self {
        Self {
            decided: Decided {
                verdict: Verdict::Denied,
                grant: None,
                reason: Some(reason.label().to_owned()),
                nearest: None,
                command: None,
            },
            reason,
            authority: None,
        }
    }
}

/// Counts a task of the gate's while it lives.
pub(crate) struct TaskGuard(Arc<CallScope>);

impl Drop for TaskGuard {
    fn drop(&mut self) {
        if self.0.tasks.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.settled.notify_waiters();
        }
    }
}
