//! The decision on one attempt, and what stands in the ledger before it is performed.
//!
//! Invariants:
//! - a strict effect is performed only after an entry that says so, and every earlier entry of the
//!   call, is durable; then the grants, the lease and the call are looked at once more;
//! - an intent that was written gets an outcome, whatever becomes of whoever waited for it.
//!
//! It performs nothing itself.

use super::permit::{Permit, Refused};
use super::record;
use super::scope::CallScope;
use crate::gate::kinds::EffectKind;
use std::sync::Arc;
use tollgate_contract::Denial;
use tollgate_grants::{Authority, Decision, Effect, FsOp, GrantId, Reason};
use tollgate_receipts::{Class, Decided, LedgerError, State, Verdict};

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
    pub(crate) kind: EffectKind,
    /// The target as the record shows it, before redaction.
    pub(crate) target: String,
    /// The whole of a target from which `target` leaves something out; kept only as a keyed hash.
    pub(crate) whole: Option<String>,
    /// What must be allowed, all of it.
    pub(crate) effects: &'a [Effect<'a>],
}

impl CallScope {
    /// Decides a buffered attempt.
    pub(crate) fn permit_buffered(
        self: &Arc<Self>,
        attempt: &Attempt<'_>,
    ) -> Result<Permit, Refused> {
        debug_assert_eq!(attempt.kind.class, Class::Buffered);
        self.begin(attempt)
    }

    /// Decides an attempt. When a strict one is allowed its intent is durable on return; when it is
    /// refused its denial is.
    pub(crate) async fn permit(self: &Arc<Self>, attempt: &Attempt<'_>) -> Result<Permit, Refused> {
        let begun = self.begin(attempt);
        if attempt.kind.class == Class::Buffered {
            return begun;
        }
        // A denial that cannot be written is still a denial; the call learns of the ledger at its next
        // strict effect and at its end.
        let durable = self.watermark().await;
        let confirmed = begun.and_then(|permit| self.confirm(attempt, permit, durable));
        if confirmed.is_err() {
            let _ = self.watermark().await;
        }
        confirmed
    }

    /// [`CallScope::permit`] on this thread. Only for tasks of the gate's that may block.
    pub(crate) fn permit_here(self: &Arc<Self>, attempt: &Attempt<'_>) -> Result<Permit, Refused> {
        let begun = self.begin(attempt);
        if attempt.kind.class == Class::Buffered {
            return begun;
        }
        let durable = self.watermark_here();
        let confirmed = begun.and_then(|permit| self.confirm(attempt, permit, durable));
        if confirmed.is_err() {
            let _ = self.watermark_here();
        }
        confirmed
    }

    /// Decides. A denial is queued; so is the intent of a strict attempt, whose permit is good only
    /// after [`CallScope::confirm`].
    fn begin(self: &Arc<Self>, attempt: &Attempt<'_>) -> Result<Permit, Refused> {
        let decided = match self.decide(attempt) {
            Ok(decided) => decided,
            Err(no) => return Err(self.refuse(attempt, no)),
        };
        if attempt.kind.class == Class::Buffered {
            self.book().allowed += 1;
            return Ok(Permit::buffered(Arc::clone(self), attempt, decided));
        }
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
        let mut book = self.book();
        book.allowed += 1;
        book.note(permit.receipt());
        drop(book);
        tollgate_contract::stop_point("gate.before_intent_durable");
        Ok(permit)
    }

    /// Looks at everything again once the intent is durable: that took a while, in which an operator
    /// may have changed his mind, another host may have taken the session, or the call may have ended.
    fn confirm(
        &self,
        attempt: &Attempt<'_>,
        permit: Permit,
        durable: Result<(), LedgerError>,
    ) -> Result<Permit, Refused> {
        if durable.is_err() {
            let why = "not performed: the ledger cannot be written";
            return Err(self.given_up(attempt, permit, Reason::LedgerUnavailable, why));
        }
        tollgate_contract::stop_point("gate.after_intent_durable");
        let (reason, why) = match self.still_allowed(attempt.effects, permit.basis()) {
            Ok(_) if !self.lease_held() => (
                Reason::LedgerUnavailable,
                "not performed: the lease was lost",
            ),
            Ok(_) if self.has_ended() => (
                Reason::LimitReached,
                "not performed: the call had ended meanwhile",
            ),
            Ok(_) => {
                self.book().performed_strict = true;
                return Ok(permit);
            }
            Err(reason @ Reason::PolicyUnreadable) => {
                (reason, "not performed: the grants could not be read again")
            }
            Err(reason) => (reason, "not performed: the grant was revoked meanwhile"),
        };
        Err(self.given_up(attempt, permit, reason, why))
    }

    /// Gives up what was allowed and not yet begun. Its receipt says so; there is no second one.
    fn given_up(
        &self,
        attempt: &Attempt<'_>,
        permit: Permit,
        reason: Reason,
        why: &str,
    ) -> Refused {
        let receipt = permit.receipt().to_owned();
        permit.cancel(why);
        self.book().last_denial = Some(Denial {
            receipt,
            kind: attempt.kind.name.to_owned(),
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

    /// Whether all of it would be allowed now. Nothing is written, and no use is counted.
    pub(crate) fn would_allow(&self, effects: &[Effect<'_>]) -> bool {
        self.authority().is_some_and(|authority| {
            effects.iter().all(|effect| {
                self.judge(&authority, effect, record::now_us())
                    .is_allowed()
            })
        })
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
            let (count, max) = match attempt.kind.class {
                Class::Strict => (&mut book.strict, STRICT_EFFECTS_MAX),
                Class::Buffered | Class::Counted => (&mut book.buffered, BUFFERED_EFFECTS_MAX),
            };
            *count += 1;
            (max, *count)
        };
        let attempts = self.count_attempt();
        let ledger_bytes = self.book().bytes;
        if counter > max || attempts > self.bounds.effects || ledger_bytes > LEDGER_BYTES_MAX {
            return Err(Refusal::of(Reason::LimitReached));
        }
        if self.book().failed.is_some() && attempt.kind.class == Class::Strict {
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
        if attempt.kind.class == Class::Strict {
            let _ = self.watermark().await;
        }
        refused
    }

    /// [`CallScope::refuse_for`] on this thread. Only for tasks of the gate's that may block.
    pub(crate) fn refuse_here(&self, attempt: &Attempt<'_>, reason: Reason) -> Refused {
        let refused = self.refuse(attempt, Refusal::of(reason));
        if attempt.kind.class == Class::Strict {
            let _ = self.watermark_here();
        }
        refused
    }

    /// [`CallScope::refuse_for`] without waiting for the entry to be durable.
    pub(crate) fn refuse_now(&self, attempt: &Attempt<'_>, reason: Reason) -> Refused {
        self.refuse(attempt, Refusal::of(reason))
    }

    fn refuse(&self, attempt: &Attempt<'_>, refusal: Refusal) -> Refused {
        let reason = refusal.reason.label();
        let collapsed = self.book().count_denial(attempt.kind.name, reason);
        let receipt = record::receipt_id();
        tollgate_contract::mark(if collapsed { "collapsed" } else { "denied" }, &receipt);
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
            match attempt.kind.class {
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
                kind: attempt.kind.name.to_owned(),
                target: record::target(self, attempt).text,
                reason: reason.to_owned(),
            });
        }
        Refused
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

#[cfg(test)]
mod tests;
