//! One call as the gate sees it: who calls, under what authority, what was decided and written.
//!
//! Invariants:
//! - a strict effect is performed only after an entry that says so, and every earlier entry of the
//!   call, is durable;
//! - nothing leaves the call before its watermark, the last entry it caused, is durable
//!   ([`CallScope::watermark`]);
//! - an intent that was written gets an outcome, whatever becomes of whoever waited for it;
//! - a call ends when the tasks that the gate owns for it have settled and what it had open is closed.
//!
//! It performs nothing itself.

use super::GateHost;
use super::book::Book;
use super::permit::{Permit, Refused};
use super::record::{self, Caller};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::Notify;
use tollgate_contract::Denial;
use tollgate_grants::{Authority, Decision, Effect, FsOp, GrantId, Reason};
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
    /// Which directory of the host the call has at each directory of the guest.
    mounted: Mutex<BTreeMap<String, PathBuf>>,
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
            mounted: Mutex::default(),
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
        // From here on the intent has an owner, who writes an outcome whatever ends the wait.
        let permit = Permit::strict(Arc::clone(self), receipt, decided);
        {
            let mut book = self.book();
            book.allowed += 1;
            book.note(permit.receipt());
        }
        tollgate_contract::stop_point("gate.before_intent_durable");
        if self.watermark().await.is_err() {
            return Err(self.given_up(attempt, permit, Reason::LedgerUnavailable));
        }
        tollgate_contract::stop_point("gate.after_intent_durable");
        // Becoming durable takes a while, in which an operator may have changed his mind.
        let reason = match self.still_allowed(attempt.effects, permit.basis()) {
            Ok(_) if self.lease_held() => {
                self.book().performed_strict = true;
                return Ok(permit);
            }
            Ok(_) => Reason::LedgerUnavailable,
            Err(reason) => reason,
        };
        let refused = self.given_up(attempt, permit, reason);
        let _ = self.watermark().await;
        Err(refused)
    }

    /// Gives up what was allowed and not yet begun. Its receipt says so; there is no second one.
    fn given_up(&self, attempt: &Attempt<'_>, permit: Permit, reason: Reason) -> Refused {
        let receipt = permit.receipt().to_owned();
        let ledger_failed = self.book().failed.is_some();
        permit.cancel(match reason {
            Reason::Revoked => "not performed: the grant was revoked meanwhile",
            Reason::PolicyUnreadable => "not performed: the grants could not be read again",
            _ if ledger_failed => "not performed: the ledger cannot be written",
            _ => "not performed: the lease was lost",
        });
        self.book().last_denial = Some(Denial {
            receipt,
            kind: attempt.kind.to_owned(),
            target: record::target(self, attempt).text,
            reason: reason.label().to_owned(),
        });
        Refused
    }

    /// Whether what was allowed on `basis` still is; the generation at which that was looked at.
    ///
    /// A grant whose last use is this very effect is in order, although its uses are spent; so is an ask
    /// that such a grant has answered.
    pub(crate) fn still_allowed(
        &self,
        effects: &[Effect<'_>],
        basis: &Basis,
    ) -> Result<u64, Reason> {
        let now = self.host.authority.generation();
        match now {
            Ok(generation) if generation == basis.generation => return Ok(generation),
            Ok(_) => {}
            Err(_) => return Err(Reason::PolicyUnreadable),
        }
        let authority = self.authority().ok_or(Reason::PolicyUnreadable)?;
        let now_us = record::now_us();
        let holds = effects
            .iter()
            .all(|effect| match self.judge(&authority, effect, now_us) {
                Decision::Allowed(_) => true,
                Decision::Denied(denial) => {
                    denial.reason == Reason::UsesExhausted
                        && denial
                            .nearest
                            .is_some_and(|near| basis.grants.contains(&near.grant))
                }
                Decision::Asked(_) => basis.counted,
            });
        if holds {
            Ok(authority.generation())
        } else {
            Err(Reason::Revoked)
        }
    }

    /// Remembers which directory of the host the call has at `guest`. False where it already has
    /// another one there.
    pub(crate) fn mount(&self, guest: &str, host: &Path) -> bool {
        let mut mounted = self.mounted.lock().unwrap_or_else(PoisonError::into_inner);
        mounted
            .entry(guest.to_owned())
            .or_insert_with(|| host.to_owned())
            == host
    }

    /// Decides one effect. A grant on another directory of the host, made later at the same guest
    /// path, says nothing of the directory that the call has open.
    fn judge(&self, authority: &Authority, effect: &Effect<'_>, now_us: i64) -> Decision {
        if let Effect::Fs { guest_mount, .. } = effect
            && self.mounted_elsewhere(authority, guest_mount)
        {
            return Decision::Denied(tollgate_grants::Denial::because(Reason::Revoked));
        }
        authority.decide(effect, now_us)
    }

    fn mounted_elsewhere(&self, authority: &Authority, guest: &str) -> bool {
        let mounted = self.mounted.lock().unwrap_or_else(PoisonError::into_inner);
        let (open, granted) = (
            mounted.get(guest),
            authority.mounts().iter().find(|mount| mount.guest == guest),
        );
        matches!((open, granted), (Some(open), Some(granted)) if *open != granted.host)
    }

    /// Whether something may be given this name in a mount.
    pub(crate) fn may_add(&self, authority: &Authority, guest_mount: &str, path: &str) -> bool {
        let op = FsOp::RenameTo { replaces: false };
        let effect = Effect::Fs {
            op,
            guest_mount,
            path,
        };
        self.judge(authority, &effect, record::now_us())
            .is_allowed()
    }

    /// Whether a path in a mount is to be left out of listings.
    pub(crate) fn hides(&self, authority: &Authority, guest: &str, path: &str) -> bool {
        self.mounted_elsewhere(authority, guest) || authority.hides(guest, path, record::now_us())
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
        let mut allowed: Vec<tollgate_grants::Allowed> = Vec::with_capacity(1);
        for effect in attempt.effects {
            match self.judge(&authority, effect, now_us) {
                Decision::Allowed(one) => allowed.push(one),
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
        if allowed.is_empty() {
            return Err(Refusal::of(Reason::NoGrant));
        }
        // An effect that needs two grants is a use of both.
        let mut grants: Vec<GrantId> = Vec::with_capacity(allowed.len());
        for one in &allowed {
            if one.counted && !grants.contains(&one.grant) && !self.consume(&one.grant) {
                return Err(Refusal::of(Reason::UsesExhausted));
            }
            grants.push(one.grant.clone());
        }
        let counted = allowed.iter().any(|one| one.counted);
        let last = allowed.pop();
        Ok(Allowed {
            decided: Decided {
                verdict: Verdict::Allowed,
                grant: last.as_ref().map(|last| last.grant.to_string()),
                reason: None,
                nearest: None,
                command: None,
            },
            credential: last.and_then(|last| last.credential),
            policy: authority.policy_digest().to_owned(),
            basis: Basis {
                generation: authority.generation(),
                grants,
                counted,
            },
            budget_left: max.saturating_sub(counter),
        })
    }

    fn consume(&self, grant: &GrantId) -> bool {
        self.host.authority.consume_use(grant).unwrap_or(false)
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
                basis: Basis {
                    generation,
                    grants: Vec::new(),
                    counted: false,
                },
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
        Refused
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
            // Tickets rise, and all that there were have been waited for.
            Ok(()) => {
                let last = tickets.iter().max().copied();
                book.tickets.retain(|ticket| Some(*ticket) > last);
            }
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
    pub(crate) basis: Basis,
    pub(crate) budget_left: u64,
}

/// On what an effect was allowed.
#[derive(Debug, Clone)]
pub(crate) struct Basis {
    /// The generation of grants at which it was decided.
    pub(crate) generation: u64,
    /// The grants that allowed it.
    pub(crate) grants: Vec<GrantId>,
    /// Whether the uses of one of them are bounded.
    pub(crate) counted: bool,
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

/// Keeps the call from ending while it lives: a task of the gate's, or something that it has open.
pub(crate) struct TaskGuard(Arc<CallScope>);

impl TaskGuard {
    pub(crate) fn scope(&self) -> &Arc<CallScope> {
        &self.0
    }
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        if self.0.tasks.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.settled.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Disk, World};
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use tollgate_grants::RuntimeGrant;

    const GRANT: &str = "fs.full /host/a at /data";

    fn attempt<'a>(effects: &'a [Effect<'a>]) -> Attempt<'a> {
        Attempt {
            import: "wasi:filesystem/types.descriptor.unlink-file-at",
            kind: "fs.delete",
            class: Class::Strict,
            target: "/data/x".into(),
            whole: None,
            effects,
        }
    }

    fn delete(path: &str) -> Effect<'_> {
        Effect::Fs {
            op: FsOp::Delete,
            guest_mount: "/data",
            path,
        }
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn a_guest_that_is_ended_while_it_waits_leaves_no_open_intent() {
        let world = World::new(&[GRANT]);
        *world.ledger.disk.lock().unwrap() = Disk::Stalls;
        {
            let effects = [delete("x")];
            let attempt = attempt(&effects);
            let mut waiting = pin!(world.scope.permit(&attempt));
            assert!(poll(waiting.as_mut()).is_pending());
            assert_eq!(world.ledger.open_intents(), 1);
        }
        assert_eq!(
            world.ledger.said(),
            ["fs.delete Intended", "Settled cancelled"]
        );
        assert!(poll(pin!(world.scope.settle_tasks())).is_ready());
    }

    #[tokio::test]
    async fn what_is_revoked_while_its_intent_is_written_is_not_performed() {
        for (grants, readable, reason) in [
            (&[][..], true, "revoked"),
            (&["fs.full /host/b at /data"][..], true, "revoked"),
            (&[GRANT][..], false, "policy_unreadable"),
        ] {
            let world = World::new(&[GRANT]);
            assert!(world.scope.mount("/data", Path::new("/host/a")));
            *world.ledger.disk.lock().unwrap() = Disk::Stalls;
            let effects = [delete("x")];
            let attempt = attempt(&effects);
            let mut waiting = pin!(world.scope.permit(&attempt));
            assert!(poll(waiting.as_mut()).is_pending());
            world.grants.set(2, grants, &[]);
            *world.grants.readable.lock().unwrap() = readable;
            *world.ledger.disk.lock().unwrap() = Disk::Writes;
            assert!(matches!(poll(waiting), Poll::Ready(Err(_))));
            let denial = world.scope.book().last_denial.clone().unwrap();
            assert_eq!(denial.reason, reason);
            assert_eq!(
                world.ledger.said(),
                ["fs.delete Intended", "Settled cancelled"]
            );
        }
    }

    #[tokio::test]
    async fn a_later_mount_at_the_same_guest_path_gives_nothing_on_the_open_one() {
        let world = World::new(&[GRANT]);
        assert!(world.scope.mount("/data", Path::new("/host/a")));
        world.grants.set(2, &["fs.full /host/b at /data"], &[]);
        assert!(!world.scope.mount("/data", Path::new("/host/b")));
        let effects = [delete("x")];
        assert!(world.scope.permit(&attempt(&effects)).await.is_err());
        assert_eq!(world.ledger.said(), ["fs.delete Denied revoked"]);
        let authority = world.scope.authority().unwrap();
        assert!(world.scope.hides(&authority, "/data", "x"));
    }

    #[tokio::test]
    async fn a_ledger_that_fails_gives_one_receipt_and_no_permit() {
        let world = World::new(&[GRANT]);
        *world.ledger.disk.lock().unwrap() = Disk::Fails;
        let effects = [delete("x")];
        assert!(world.scope.permit(&attempt(&effects)).await.is_err());
        assert_eq!(
            world.ledger.said(),
            ["fs.delete Intended", "Settled cancelled"]
        );
        let denial = world.scope.book().last_denial.clone().unwrap();
        assert_eq!(denial.reason, "ledger_unavailable");
        assert!(!world.scope.book().performed_strict);
        assert!(world.scope.watermark().await.is_err());
    }

    #[tokio::test]
    async fn a_lost_lease_stops_a_strict_effect() {
        let world = World::leased(&[GRANT], Some(2));
        let effects = [delete("x")];
        assert!(world.scope.permit(&attempt(&effects)).await.is_err());
        assert_eq!(world.ledger.open_intents(), 0);
        assert!(!world.scope.book().performed_strict);
    }

    #[tokio::test]
    async fn the_call_does_not_end_while_something_is_open() {
        let world = World::new(&[GRANT]);
        let effects = [delete("x")];
        let permit = world.scope.permit(&attempt(&effects)).await.ok().unwrap();
        let trace = permit.open(record::ok());
        let mut end = pin!(world.scope.settle_tasks());
        assert!(poll(end.as_mut()).is_pending());
        drop(trace);
        assert!(poll(end).is_ready());
        assert_eq!(
            world.ledger.said(),
            ["fs.delete Intended", "Settled ok", "Closed ok"]
        );
    }

    #[tokio::test]
    async fn an_effect_that_needs_two_grants_is_a_use_of_both() {
        let world = World::new(&[]);
        let once = |id: &str, capability: &str| RuntimeGrant {
            uses_max: Some(1),
            ..RuntimeGrant::allow(id, "p", capability.parse().unwrap())
        };
        let grants = |used: u32| {
            [("g1", "fs.full /a at /a"), ("g2", "fs.create /b at /b")].map(|(id, text)| {
                RuntimeGrant {
                    uses: used,
                    ..once(id, text)
                }
            })
        };
        world.grants.set(1, &[], &grants(0));
        let effect = |op, guest_mount| Effect::Fs {
            op,
            guest_mount,
            path: "x",
        };
        let effects = [
            effect(FsOp::RenameFrom, "/a"),
            effect(FsOp::RenameTo { replaces: false }, "/b"),
        ];
        let permit = world.scope.permit(&attempt(&effects)).await.ok().unwrap();
        assert_eq!(*world.grants.used.lock().unwrap(), ["g1", "g2"]);
        // That its own use was the last does not take it back; that it is revoked does.
        world.grants.set(2, &[], &grants(1));
        assert!(world.scope.still_allowed(&effects, permit.basis()).is_ok());
        let revoked = grants(1).map(|grant| RuntimeGrant {
            revoked_us: Some(1),
            ..grant
        });
        world.grants.set(3, &[], &revoked);
        assert!(world.scope.still_allowed(&effects, permit.basis()).is_err());
    }
}
