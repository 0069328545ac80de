//! Lookups, and the receipts of those that find nothing.

use super::fail::{self, Fail};
use super::handles::{Base, Mount};
use super::os::{self, Kind, OsError, Resolved};
use crate::gate::permit::Permit;
use crate::gate::record;
use crate::gate::scope::{Attempt, CallScope};
use std::sync::Arc;
use tollgate_grants::{Effect, FsOp, Reason};
use tollgate_receipts::Class;

/// A wish for a file, before anything is looked up.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    pub(super) import: &'static str,
    pub(super) kind: &'static str,
    pub(super) class: Class,
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
        then(&Attempt {
            import: self.import,
            kind: self.kind,
            class: self.class,
            target: mount.show(rel),
            whole: None,
            effects: &effects,
        })
    }

    /// Refuses a path that belongs to no mount.
    pub(super) async fn refuse_outside(self, scope: &Arc<CallScope>, path: &str) -> Fail {
        let shown = shown_outside(path);
        let effects = [Effect::FsOutside {
            op: self.op,
            path: &shown,
        }];
        let attempt = Attempt {
            import: self.import,
            kind: self.kind,
            class: self.class,
            target: shown.clone(),
            whole: None,
            effects: &effects,
        };
        match scope.permit(&attempt).await {
            Err(refused) => refused.into(),
            Ok(permit) => {
                // The decision never allows it; if it did, there would be nothing to perform it on.
                permit.cancel("outside every mount");
                Fail::Refused
            }
        }
    }

    /// Decides on what a lookup found, or on what it did not find.
    pub(super) async fn permit(
        self,
        scope: &Arc<CallScope>,
        mount: &Mount,
        rel: &str,
    ) -> Result<Permit, Fail> {
        let effects = [Effect::Fs {
            op: self.op,
            guest_mount: &mount.guest,
            path: rel,
        }];
        let attempt = Attempt {
            import: self.import,
            kind: self.kind,
            class: self.class,
            target: mount.show(rel),
            whole: None,
            effects: &effects,
        };
        Ok(scope.permit(&attempt).await?)
    }

    /// Writes the receipt of a lookup that failed, and says what the guest gets.
    pub(super) async fn miss(
        self,
        scope: &Arc<CallScope>,
        base: &Base,
        path: &str,
        error: OsError,
    ) -> Fail {
        let Some(rel) = base.lexical(path) else {
            return self.refuse_outside(scope, &base.mount.show(path)).await;
        };
        if let Some(reason) = fail::refusal(&error) {
            let effects = [Effect::Fs {
                op: self.op,
                guest_mount: &base.mount.guest,
                path: &rel,
            }];
            let attempt = Attempt {
                import: self.import,
                kind: self.kind,
                class: self.class,
                target: base.mount.show(&rel),
                whole: None,
                effects: &effects,
            };
            return scope.refuse_for(&attempt, reason).await.into();
        }
        match self.permit(scope, &base.mount, &rel).await {
            Ok(permit) => {
                permit.settle(record::failed(fail::label(&error)));
                Fail::Os(error)
            }
            Err(fail) => fail,
        }
    }

    /// [`Wish::miss`] for a buffered wish, without waiting.
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

/// Runs blocking file work of the gate's as a task that outlives the instance. Where nobody waits any
/// more the call still waits until the work is done and what came of it is dropped.
pub(super) async fn blocking<T: Send + 'static>(
    scope: &Arc<CallScope>,
    work: impl FnOnce() -> T + Send + 'static,
) -> wasmtime::Result<T> {
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

/// A lookup: at once where the kernel has the path in its cache, else on the gate's threads.
pub(super) async fn lookup(
    scope: &Arc<CallScope>,
    base: &Base,
    path: &str,
    follow: bool,
) -> wasmtime::Result<Result<Resolved, OsError>> {
    if base.mount.root.local()
        && let Some(found) = os::resolve_now(&base.dir(), path, follow).transpose()
    {
        return Ok(found);
    }
    let (base, path) = (base.clone(), path.to_owned());
    blocking(scope, move || os::resolve(&base.dir(), &path, follow)).await
}

/// A lookup of a parent and one name in it.
pub(super) async fn lookup_parent(
    scope: &Arc<CallScope>,
    base: &Base,
    path: &str,
) -> wasmtime::Result<Result<os::Target, OsError>> {
    if base.mount.root.local()
        && let Some(target) = os::resolve_parent_now(&base.dir(), path).transpose()
    {
        return Ok(target);
    }
    let (base, path) = (base.clone(), path.to_owned());
    blocking(scope, move || os::resolve_parent(&base.dir(), &path)).await
}
