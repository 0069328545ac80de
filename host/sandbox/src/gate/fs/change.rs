//! Everything that changes a directory, and lookups by name that open nothing.
//!
//! Each acts on a checked parent and one name in it.

use super::fail::{self, Fail};
use super::handles::{Base, Mount};
use super::look::{self, Wish};
use super::os::{self, Kind, NewTime, OsError, Replace, Resolved, Target};
use crate::gate::permit::Permit;
use crate::gate::record;
use crate::gate::scope::{Attempt, CallScope};
use std::sync::Arc;
use tollgate_grants::{Effect, FsOp, Reason};
use tollgate_receipts::Class;
use wasmtime_wasi::p2::{FsError, FsResult};

/// Entries of a directory that are looked at before it is renamed.
const RENAME_ENTRIES_MAX: usize = 10_000;

const fn strict(import: &'static str, kind: &'static str, op: FsOp) -> Wish {
    Wish {
        import,
        kind,
        class: Class::Strict,
        op,
    }
}

const fn buffered(import: &'static str, kind: &'static str, op: FsOp) -> Wish {
    Wish {
        import,
        kind,
        class: Class::Buffered,
        op,
    }
}

pub(super) const MKDIR: Wish = strict(
    "wasi:filesystem/types.descriptor.create-directory-at",
    "fs.mkdir",
    FsOp::CreateDir,
);
pub(super) const UNLINK: Wish = strict(
    "wasi:filesystem/types.descriptor.unlink-file-at",
    "fs.delete",
    FsOp::Delete,
);
pub(super) const RMDIR: Wish = strict(
    "wasi:filesystem/types.descriptor.remove-directory-at",
    "fs.delete",
    FsOp::Delete,
);
pub(super) const SYMLINK: Wish = strict(
    "wasi:filesystem/types.descriptor.symlink-at",
    "fs.symlink",
    FsOp::Symlink,
);
pub(super) const SET_TIMES: Wish = strict(
    "wasi:filesystem/types.descriptor.set-times-at",
    "fs.set-times",
    FsOp::SetTimes,
);
const RENAME: &str = "wasi:filesystem/types.descriptor.rename-at";
const LINK: &str = "wasi:filesystem/types.descriptor.link-at";
pub(super) const RENAME_FROM: Wish = strict(RENAME, "fs.rename", FsOp::RenameFrom);
pub(super) const LINK_FROM: Wish = strict(LINK, "fs.link", FsOp::LinkFrom);
pub(super) const STAT: Wish = buffered(
    "wasi:filesystem/types.descriptor.stat-at",
    "fs.stat",
    FsOp::Stat,
);
pub(super) const HASH: Wish = buffered(
    "wasi:filesystem/types.descriptor.metadata-hash-at",
    "fs.stat",
    FsOp::Stat,
);
pub(super) const READLINK: Wish = buffered(
    "wasi:filesystem/types.descriptor.readlink-at",
    "fs.readlink",
    FsOp::ReadLink,
);

/// One name in one directory: decide, then act on it.
pub(super) async fn one(
    scope: &Arc<CallScope>,
    wish: Wish,
    base: &Base,
    path: &str,
    adds: bool,
    act: impl FnOnce(&Target) -> Result<(), OsError> + Send + 'static,
) -> FsResult<()> {
    let target = match look::lookup_parent(scope, base, path)
        .await
        .map_err(FsError::trap)?
    {
        Ok(target) => target,
        Err(error) => return Err(wish.miss(scope, base, path, error).await.into()),
    };
    let permit = wish.permit(scope, &base.mount, target.rel()).await?;
    let (work_scope, mount) = (Arc::clone(scope), Arc::clone(&base.mount));
    perform(scope, permit, move || {
        if adds {
            work_scope.host.files.keep_floor(&mount.root)?;
        }
        act(&target)
    })
    .await
}

/// Acts under a permit and writes what came of it.
async fn perform(
    scope: &Arc<CallScope>,
    permit: Permit,
    act: impl FnOnce() -> Result<(), OsError> + Send + 'static,
) -> FsResult<()> {
    let result = look::blocking(scope, move || {
        tollgate_contract::stop_point("gate.before_effect");
        let result = act();
        tollgate_contract::stop_point("gate.after_effect");
        permit.settle(match &result {
            Ok(()) => record::ok(),
            Err(error) => record::failed(fail::label(error)),
        });
        result
    })
    .await
    .map_err(FsError::trap)?;
    Ok(result.map_err(Fail::Os)?)
}

/// A lookup whose result is all that is wanted.
pub(super) async fn inspect<T: Send + 'static>(
    scope: &Arc<CallScope>,
    wish: Wish,
    base: &Base,
    path: &str,
    follow: bool,
    read: impl FnOnce(&Resolved) -> Result<T, OsError> + Send + 'static,
) -> FsResult<T> {
    if base.mount.root.local()
        && let Some(found) = os::resolve_now(&base.dir(), path, follow).transpose()
    {
        return Ok(judge(scope, wish, base, path, found, read)?);
    }
    let (work_scope, work_base, path) = (Arc::clone(scope), base.clone(), path.to_owned());
    let result = look::blocking(scope, move || {
        let found = os::resolve(&work_base.dir(), &path, follow);
        judge(&work_scope, wish, &work_base, &path, found, read)
    })
    .await
    .map_err(FsError::trap)?;
    Ok(result?)
}

/// Decides on what a lookup found, and reads from it what is wanted.
fn judge<T>(
    scope: &Arc<CallScope>,
    wish: Wish,
    base: &Base,
    path: &str,
    found: Result<Resolved, OsError>,
    read: impl FnOnce(&Resolved) -> Result<T, OsError>,
) -> Result<T, Fail> {
    let found = match found {
        Ok(found) => found,
        Err(error) => return Err(wish.miss_now(scope, base, path, error)),
    };
    let permit = wish.on(&base.mount, found.rel(), |attempt| {
        scope.permit_buffered(attempt)
    })?;
    let result = read(&found);
    permit.settle(match &result {
        Ok(_) => record::ok(),
        Err(error) => record::failed(fail::label(error)),
    });
    result.map_err(Fail::Os)
}

/// Sets times of what `path` names.
pub(super) async fn set_times(
    scope: &Arc<CallScope>,
    base: &Base,
    path: &str,
    follow: bool,
    accessed: NewTime,
    modified: NewTime,
) -> FsResult<()> {
    let found = match look::lookup(scope, base, path, follow)
        .await
        .map_err(FsError::trap)?
    {
        Ok(found) => found,
        Err(error) => return Err(SET_TIMES.miss(scope, base, path, error).await.into()),
    };
    refuse_unfit(scope, SET_TIMES, &base.mount, &found).await?;
    let permit = SET_TIMES.permit(scope, &base.mount, found.rel()).await?;
    perform(scope, permit, move || {
        os::set_times(&found, accessed, modified)
    })
    .await
}

async fn refuse_unfit(
    scope: &Arc<CallScope>,
    wish: Wish,
    mount: &Mount,
    found: &Resolved,
) -> FsResult<()> {
    let Some(reason) = look::unfit(mount, found) else {
        return Ok(());
    };
    refuse(scope, wish, mount, found.rel(), reason).await
}

async fn refuse(
    scope: &Arc<CallScope>,
    wish: Wish,
    mount: &Mount,
    rel: &str,
    reason: Reason,
) -> FsResult<()> {
    let refused = wish.on(mount, rel, |attempt| scope.refuse_now(attempt, reason));
    let _ = scope.watermark().await;
    Err(Fail::from(refused).into())
}

/// Renames.
pub(super) async fn rename(
    scope: &Arc<CallScope>,
    from: (&Base, &str),
    to: (&Base, &str),
) -> FsResult<()> {
    let (source, target, mut found, replaced) = match both(scope, from, to).await? {
        Ok(both) => both,
        Err(fail) => return Err(fail.into()),
    };
    let effects = [
        Effect::Fs {
            op: FsOp::RenameFrom,
            guest_mount: &from.0.mount.guest,
            path: source.rel(),
        },
        Effect::Fs {
            op: FsOp::RenameTo { replaces: replaced },
            guest_mount: &to.0.mount.guest,
            path: target.rel(),
        },
    ];
    let attempt = Attempt {
        import: RENAME,
        kind: "fs.rename",
        class: Class::Strict,
        target: shown_pair(from.0, source.rel(), to.0, target.rel()),
        whole: None,
        effects: &effects,
    };
    if found.kind() == Kind::Directory
        && judges_content(&from.0.mount, &to.0.mount, source.rel(), target.rel())
    {
        // A directory takes its content along: no excluded name may hide in it, and none may come to
        // stand where it is excluded.
        let reason;
        (found, reason) = carried(scope, from.0, to.0, found, target.rel()).await?;
        if let Some(reason) = reason {
            let refused = scope.refuse_for(&attempt, reason).await;
            return Err(Fail::from(refused).into());
        }
    } else if let Some(reason) = look::unfit(&from.0.mount, &found)
        && reason == Reason::HardLink
    {
        let refused = scope.refuse_for(&attempt, reason).await;
        return Err(Fail::from(refused).into());
    }
    let permit = scope.permit(&attempt).await.map_err(Fail::from)?;
    let replace = if replaced {
        Replace::Allowed
    } else {
        Replace::Never
    };
    perform(scope, permit, move || {
        os::rename(&source, &found, &target, replace).map(drop)
    })
    .await
}

type Both = (Target, Target, Resolved, bool);

async fn both(
    scope: &Arc<CallScope>,
    from: (&Base, &str),
    to: (&Base, &str),
) -> FsResult<Result<Both, Fail>> {
    let source = match look::lookup_parent(scope, from.0, from.1)
        .await
        .map_err(FsError::trap)?
    {
        Ok(source) => source,
        Err(error) => return Ok(Err(RENAME_FROM.miss(scope, from.0, from.1, error).await)),
    };
    let target = match look::lookup_parent(scope, to.0, to.1)
        .await
        .map_err(FsError::trap)?
    {
        Ok(target) => target,
        Err(error) => return Ok(Err(RENAME_FROM.miss(scope, to.0, to.1, error).await)),
    };
    let looked = look::blocking(scope, move || {
        let found = source.look();
        let replaced = target.look().is_ok();
        (source, target, found, replaced)
    })
    .await
    .map_err(FsError::trap)?;
    let (source, target, found, replaced) = looked;
    match found {
        Ok(found) => Ok(Ok((source, target, found, replaced))),
        Err(error) => Ok(Err(RENAME_FROM.miss(scope, from.0, from.1, error).await)),
    }
}

/// Whether what a directory holds matters to its renaming: where names are excluded, and where the
/// directory itself has or gets a name such as `.git`, below which some paths run on the host later.
fn judges_content(from: &Mount, to: &Mount, from_rel: &str, to_rel: &str) -> bool {
    let hidden = |rel: &str| {
        rel.rsplit('/')
            .next()
            .is_some_and(|name| name.starts_with('.'))
    };
    from.has_except || to.has_except || hidden(from_rel) || hidden(to_rel)
}

/// Whether a directory carries names that are excluded where it is or where it goes, or such as may not
/// be changed there and may be changed here, or the other way round: renaming it away, changing them and
/// renaming it back would get around the rule.
async fn carried(
    scope: &Arc<CallScope>,
    from: &Base,
    to: &Base,
    found: Resolved,
    to_rel: &str,
) -> FsResult<(Resolved, Option<Reason>)> {
    let Some(authority) = scope.authority() else {
        return Ok((found, Some(Reason::PolicyUnreadable)));
    };
    let work_scope = Arc::clone(scope);
    let (from_mount, to_mount) = (from.mount.guest.clone(), to.mount.guest.clone());
    let (from_rel, to_rel) = (found.rel().to_owned(), to_rel.to_owned());
    look::blocking(scope, move || {
        let hides = |mount: &str, path: &str| work_scope.hides(&authority, mount, path);
        let open = |mount: &str, path: &str| work_scope.may_add(&authority, mount, path);
        let matters = |below: &str| {
            let (old, new) = (format!("{from_rel}/{below}"), format!("{to_rel}/{below}"));
            hides(&from_mount, &old)
                || hides(&to_mount, &new)
                || open(&from_mount, &old) != open(&to_mount, &new)
        };
        let reason = match os::find_excluded(&found, &matters, RENAME_ENTRIES_MAX) {
            Ok(None) => None,
            Ok(Some(_)) => Some(Reason::Excluded),
            Err(_) => Some(Reason::LimitReached),
        };
        (found, reason)
    })
    .await
    .map_err(FsError::trap)
}

/// Makes a second name for a file.
pub(super) async fn link(
    scope: &Arc<CallScope>,
    from: (&Base, &str),
    follow: bool,
    to: (&Base, &str),
) -> FsResult<()> {
    let found = match look::lookup(scope, from.0, from.1, follow)
        .await
        .map_err(FsError::trap)?
    {
        Ok(found) => found,
        Err(error) => return Err(LINK_FROM.miss(scope, from.0, from.1, error).await.into()),
    };
    let target = match look::lookup_parent(scope, to.0, to.1)
        .await
        .map_err(FsError::trap)?
    {
        Ok(target) => target,
        Err(error) => return Err(LINK_FROM.miss(scope, to.0, to.1, error).await.into()),
    };
    let effects = [
        Effect::Fs {
            op: FsOp::LinkFrom,
            guest_mount: &from.0.mount.guest,
            path: found.rel(),
        },
        Effect::Fs {
            op: FsOp::LinkTo,
            guest_mount: &to.0.mount.guest,
            path: target.rel(),
        },
    ];
    let attempt = Attempt {
        import: LINK,
        kind: "fs.link",
        class: Class::Strict,
        target: shown_pair(from.0, found.rel(), to.0, target.rel()),
        whole: None,
        effects: &effects,
    };
    if from.0.mount.has_except || to.0.mount.has_except {
        // A second name would undo the exclusion of the first.
        let refused = scope.refuse_for(&attempt, Reason::HardLink).await;
        return Err(Fail::from(refused).into());
    }
    let permit = scope.permit(&attempt).await.map_err(Fail::from)?;
    perform(scope, permit, move || os::link(&found, &target)).await
}

fn shown_pair(from: &Base, from_rel: &str, to: &Base, to_rel: &str) -> String {
    format!("{} -> {}", from.mount.show(from_rel), to.mount.show(to_rel))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::testing::World;
    use std::path::Path;

    fn world() -> (World, Base) {
        let world = World::new(&[]);
        let dir = world.home.path().join("mount");
        std::fs::create_dir(&dir).unwrap();
        let grant = format!("fs.full {} at /data", dir.display());
        world.grants.set(1, &[&grant], &[]);
        let protected = Arc::clone(&world.scope.host.files.protected);
        let base = Base {
            mount: Arc::new(Mount {
                guest: "/data".into(),
                root: os::MountRoot::open(&dir, protected).unwrap(),
                has_except: false,
                holds_protected: false,
            }),
            file: None,
            rel: String::new(),
        };
        (world, base)
    }

    fn file(world: &World, path: &str) -> std::path::PathBuf {
        let path = world.home.path().join("mount").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "x").unwrap();
        path
    }

    #[tokio::test]
    async fn hooks_cannot_be_renamed_into_place() {
        let (world, base) = world();
        let prepared = file(&world, "made/hooks/pre-commit");
        let old = file(&world, "repo/.git/hooks/pre-commit");
        file(&world, "repo/.git/HEAD");
        let rename = async |from, to| rename(&world.scope, (&base, from), (&base, to)).await;
        assert!(rename("made", "other/.git").await.is_err());
        std::fs::create_dir(world.home.path().join("mount/other")).unwrap();
        assert!(rename("made", "other/.git").await.is_err());
        assert!(rename("repo/.git", "repo/git").await.is_err());
        assert!(Path::new(&prepared).exists() && Path::new(&old).exists());
        // What changes nothing about what runs is not in the way.
        rename("made", "other/made").await.unwrap();
        rename("repo", "moved").await.unwrap();
        std::fs::remove_dir_all(world.home.path().join("mount/moved/.git/hooks")).unwrap();
        rename("moved/.git", "moved/git").await.unwrap();
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_holds_the_call() {
        let (world, _) = world();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let work = look::blocking(&world.scope, move || wait.recv());
        // Begun and given up, as when the guest is ended.
        assert!(
            tokio::time::timeout(std::time::Duration::from_millis(20), work)
                .await
                .is_err()
        );
        let scope = Arc::clone(&world.scope);
        let end = tokio::spawn(async move { scope.settle_tasks().await });
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        assert!(!end.is_finished());
        go.send(()).unwrap();
        end.await.unwrap();
    }
}
