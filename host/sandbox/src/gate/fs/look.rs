//! What a lookup leads to: an attempt on what it found, or a receipt of that it found nothing.

use super::fail::{self, Fail};
use super::handles::{Base, Mount};
use super::os::{Kind, OsError, Resolved};
use crate::gate::decision::Attempt;
use crate::gate::kinds::EffectKind;
use crate::gate::permit::{Permit, Refused};
use crate::gate::record;
use crate::gate::scope::{CallScope, may_block};
use std::sync::Arc;
use tollgate_grants::{Effect, FsOp, Reason};

/// A wish for a file, before anything is looked up.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    pub(super) import: &'static str,
    pub(super) kind: EffectKind,
    pub(super) op: FsOp,
}

impl Wish {
    /// Calls `then` with the attempt on `rel` below `mount`.
    pub(super) fn on<R>(self, mount: &Mount, rel: &str, then: impl FnOnce(&Attempt<'_>) -> R) -> R {
        let effects = [Effect::Fs {
            op: self.op,
            guest_mount: &mount.guest,
            path: rel,
        }];
        then(&self.attempt(mount.show(rel), &effects))
    }

    /// Refuses a path that belongs to no mount.
    pub(super) async fn refuse_outside(self, scope: &Arc<CallScope>, path: &str) -> Fail {
        let shown = shown_outside(path);
        let effects = [self.outside(&shown)];
        let attempt = self.attempt(shown.clone(), &effects);
        given_nothing(scope.permit(&attempt).await)
    }

    /// [`Wish::refuse_outside`] on this thread.
    fn refuse_outside_here(self, scope: &Arc<CallScope>, path: &str) -> Fail {
        let shown = shown_outside(path);
        let effects = [self.outside(&shown)];
        let attempt = self.attempt(shown.clone(), &effects);
        given_nothing(scope.permit_here(&attempt))
    }

    fn outside(self, path: &str) -> Effect<'_> {
        Effect::FsOutside { op: self.op, path }
    }

    fn attempt<'a>(self, target: String, effects: &'a [Effect<'a>]) -> Attempt<'a> {
        Attempt {
            import: self.import,
            kind: self.kind,
            target,
            whole: None,
            effects,
        }
    }

    /// Decides on what a lookup found, or on what it did not find. In a task of the gate's.
    pub(super) fn permit_here(
        self,
        scope: &Arc<CallScope>,
        mount: &Mount,
        rel: &str,
    ) -> Result<Permit, Fail> {
        self.on(mount, rel, |attempt| scope.permit_here(attempt))
            .map_err(Fail::from)
    }

    /// Writes the receipt of a lookup that failed, and says what the guest gets. In a task of the gate's.
    pub(super) fn miss_here(
        self,
        scope: &Arc<CallScope>,
        base: &Base,
        path: &str,
        error: OsError,
    ) -> Fail {
        let Some(rel) = base.lexical(path) else {
            return self.refuse_outside_here(scope, &base.mount.show(path));
        };
        if let Some(reason) = fail::refusal(&error) {
            return self.refuse_here(scope, &base.mount, &rel, reason);
        }
        match self.permit_here(scope, &base.mount, &rel) {
            Ok(permit) => {
                permit.settle(record::failed(fail::label(&error)));
                Fail::Os(error)
            }
            Err(fail) => fail,
        }
    }

    /// Refuses for a reason that the gate itself found. In a task of the gate's.
    pub(super) fn refuse_here(
        self,
        scope: &Arc<CallScope>,
        mount: &Mount,
        rel: &str,
        reason: Reason,
    ) -> Fail {
        self.on(mount, rel, |attempt| scope.refuse_here(attempt, reason))
            .into()
    }

    /// [`Wish::miss_here`] for a buffered wish, without waiting.
    pub(super) fn miss_now(
        self,
        scope: &Arc<CallScope>,
        base: &Base,
        path: &str,
        error: OsError,
    ) -> Fail {
        let lexical = base.lexical(path);
        let reason = match lexical {
            Some(_) => fail::refusal(&error),
            None => Some(Reason::OutsideMounts),
        };
        let rel = lexical.unwrap_or_else(|| path.to_owned());
        self.on(&base.mount, &rel, |attempt| match reason {
            Some(reason) => scope.refuse_now(attempt, reason).into(),
            None => match scope.permit_buffered(attempt) {
                Ok(permit) => {
                    permit.settle(record::failed(fail::label(&error)));
                    Fail::Os(error)
                }
                Err(refused) => refused.into(),
            },
        })
    }
}

/// The decision never allows what is outside; if it did, there would be nothing to perform it on.
fn given_nothing(decided: Result<Permit, Refused>) -> Fail {
    if let Ok(permit) = decided {
        permit.cancel("outside every mount");
    }
    Fail::Refused
}

fn shown_outside(path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

/// Why the gate will not open what was found, whatever the grants.
pub(super) fn unfit(mount: &Mount, found: &Resolved) -> Option<Reason> {
    if !found.kind().is_file_or_directory() {
        return Some(Reason::NotAFileOrDirectory);
    }
    // Below a mount that excludes names, a file with a second name may be an excluded one.
    (mount.has_except && found.kind() == Kind::Regular && found.nlink() > 1)
        .then_some(Reason::HardLink)
}

/// Refuses what would be one file too many; what is denied anyway is denied for its own reason. In a task
/// of the gate's.
pub(super) fn refuse_full_here(scope: &Arc<CallScope>, attempt: &Attempt<'_>) -> Fail {
    if scope.would_allow(attempt.effects) {
        return scope.refuse_here(attempt, Reason::QuotaReached).into();
    }
    if let Ok(permit) = scope.permit_here(attempt) {
        permit.cancel("not performed: there was no room for one more file");
    }
    Fail::Refused
}

/// Runs blocking file work of the gate's as a task that outlives the instance. Where nobody waits any
/// more the call still waits until the work is done and what came of it is dropped.
///
/// A strict effect is looked up, decided, recorded and performed in one such task: the thread that
/// performs it is the one that waits for its intent, and wakes nobody for it. On this machine's own file
/// systems, where it takes no longer than a commit, that is the guest's thread: its worker's other tasks
/// go on on another.
pub(super) async fn blocking<T: Send + 'static>(
    scope: &Arc<CallScope>,
    mount: &Mount,
    work: impl FnOnce() -> T + Send + 'static,
) -> wasmtime::Result<T> {
    if mount.root.local() && may_block() {
        return Ok(scope.in_place(work));
    }
    let guard = scope.own_task();
    let (result, guard) = scope
        .host
        .io
        .spawn_blocking(move || (work(), guard))
        .await
        .map_err(|error| wasmtime::format_err!("file work of the gate ended: {error}"))?;
    drop(guard);
    Ok(result)
}
