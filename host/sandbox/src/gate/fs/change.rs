//! Everything that changes a directory, and lookups by name that open nothing.
//!
//! Each acts on a checked parent and one name in it.

use super::fail::{self, Fail};
use super::handles::{Base, Mount};
use super::look::{self, Wish};
use super::os::{self, Kind, NewTime, OsError, Replace, Resolved, Target};
use crate::gate::decision::Attempt;
use crate::gate::kinds::{self, EffectKind};
use crate::gate::permit::Permit;
use crate::gate::record;
use crate::gate::scope::CallScope;
use std::sync::Arc;
use tollgate_grants::{Effect, FsOp, Reason};
use wasmtime_wasi::p2::{FsError, FsResult};

/// Entries of a directory that are looked at before it is renamed.
const RENAME_ENTRIES_MAX: usize = 10_000;

const fn wish(import: &'static str, kind: EffectKind, op: FsOp) -> Wish {
    Wish { import, kind, op }
}

pub(super) const MKDIR: Wish = wish(
    "wasi:filesystem/types.descriptor.create-directory-at",
    kinds::FS_MKDIR,
    FsOp::CreateDir,
);
pub(super) const UNLINK: Wish = wish(
    "wasi:filesystem/types.descriptor.unlink-file-at",
    kinds::FS_DELETE,
    FsOp::Delete,
);
pub(super) const RMDIR: Wish = wish(
    "wasi:filesystem/types.descriptor.remove-directory-at",
    kinds::FS_DELETE,
    FsOp::Delete,
);
pub(super) const SYMLINK: Wish = wish(
    "wasi:filesystem/types.descriptor.symlink-at",
    kinds::FS_SYMLINK,
    FsOp::Symlink,
);
pub(super) const SET_TIMES: Wish = wish(
    "wasi:filesystem/types.descriptor.set-times-at",
    kinds::FS_SET_TIMES,
    FsOp::SetTimes,
);
const RENAME: &str = "wasi:filesystem/types.descriptor.rename-at";
const LINK: &str = "wasi:filesystem/types.descriptor.link-at";
pub(super) const RENAME_FROM: Wish = wish(RENAME, kinds::FS_RENAME, FsOp::RenameFrom);
pub(super) const LINK_FROM: Wish = wish(LINK, kinds::FS_LINK, FsOp::LinkFrom);
pub(super) const STAT: Wish = wish(
    "wasi:filesystem/types.descriptor.stat-at",
    kinds::FS_STAT,
    FsOp::Stat,
);
pub(super) const HASH: Wish = wish(
    "wasi:filesystem/types.descriptor.metadata-hash-at",
    kinds::FS_STAT,
    FsOp::Stat,
);
pub(super) const READLINK: Wish = wish(
    "wasi:filesystem/types.descriptor.readlink-at",
    kinds::FS_READLINK,
    FsOp::ReadLink,
);

/// What acting on a name does to the quota of its mount.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// One file more.
    Adds,
    /// One file less.
    Removes,
}

/// One name in one directory: decide, then act on it.
pub(super) async fn one(
    scope: &Arc<CallScope>,
    wish: Wish,
    base: &Base,
    path: String,
    counts: Counts,
    act: impl FnOnce(&Target) -> Result<(), OsError> + Send + 'static,
) -> FsResult<()> {
    in_task(scope, base, move |scope, base| {
        let target = match os::resolve_parent(&base.dir(), &path) {
            Ok(target) => target,
            Err(error) => return Err(wish.miss_here(scope, base, &path, error)),
        };
        let quota = base.mount.quota(scope);
        match counts {
            Counts::Adds => {
                let Some(place) = quota.place() else {
                    return Err(wish.on(&base.mount, target.rel(), |attempt| {
                        look::refuse_full_here(scope, attempt)
                    }));
                };
                let permit = wish.permit_here(scope, &base.mount, target.rel())?;
                perform(permit, || {
                    scope.host.files.keep_floor(&base.mount.root)?;
                    act(&target)
                })?;
                place.keep();
            }
            Counts::Removes => {
                let permit = wish.permit_here(scope, &base.mount, target.rel())?;
                perform(permit, || {
                    let what = || target.look().ok().map(|found| *found.meta());
                    quota.removing(what, || act(&target))
                })?;
            }
        }
        Ok(())
    })
    .await
}

/// Runs the work on what a directory holds in a task of the gate's.
async fn in_task<T: Send + 'static>(
    scope: &Arc<CallScope>,
    base: &Base,
    work: impl FnOnce(&Arc<CallScope>, &Base) -> Result<T, Fail> + Send + 'static,
) -> FsResult<T> {
    let (work_scope, work_base) = (Arc::clone(scope), base.clone());
    let done = look::blocking(scope, &base.mount, move || work(&work_scope, &work_base)).await;
    Ok(done.map_err(FsError::trap)??)
}

/// Acts under a permit and writes what came of it.
fn perform(permit: Permit, act: impl FnOnce() -> Result<(), OsError>) -> Result<(), Fail> {
    tollgate_contract::stop_point("gate.before_effect");
    let result = act();
    tollgate_contract::stop_point("gate.after_effect");
    permit.settle(match &result {
        Ok(()) => record::ok(),
        Err(error) => record::failed(fail::label(error)),
    });
    result.map_err(Fail::Os)
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
    let result = look::blocking(scope, &base.mount, move || {
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
    path: String,
    follow: bool,
    times: Option<(NewTime, NewTime)>,
) -> FsResult<()> {
    in_task(scope, base, move |scope, base| {
        let found = match os::resolve(&base.dir(), &path, follow) {
            Ok(found) => found,
            Err(error) => return Err(SET_TIMES.miss_here(scope, base, &path, error)),
        };
        if let Some(reason) = look::unfit(&base.mount, &found) {
            return Err(SET_TIMES.refuse_here(scope, &base.mount, found.rel(), reason));
        }
        let permit = SET_TIMES.permit_here(scope, &base.mount, found.rel())?;
        perform(permit, || match times {
            Some((accessed, modified)) => os::set_times(&found, accessed, modified),
            None => Err(os::OsError::os(
                "set times",
                found.rel(),
                rustix::io::Errno::OVERFLOW,
            )),
        })
    })
    .await
}

/// Renames.
pub(super) async fn rename(
    scope: &Arc<CallScope>,
    from: (&Base, String),
    to: (&Base, String),
) -> FsResult<()> {
    let (to_base, to_path) = (to.0.clone(), to.1);
    in_task(scope, from.0, move |scope, base| {
        rename_here(scope, (base, &from.1), (&to_base, &to_path))
    })
    .await
}

fn rename_here(scope: &Arc<CallScope>, from: (&Base, &str), to: (&Base, &str)) -> Result<(), Fail> {
    let miss = |(base, path): (&Base, &str), error| RENAME_FROM.miss_here(scope, base, path, error);
    let source = os::resolve_parent(&from.0.dir(), from.1).map_err(|error| miss(from, error))?;
    let target = os::resolve_parent(&to.0.dir(), to.1).map_err(|error| miss(to, error))?;
    let found = source.look().map_err(|error| miss(from, error))?;
    let replaces = target.look().is_ok();
    let onto = |op| Effect::Fs {
        op,
        guest_mount: &to.0.mount.guest,
        path: target.rel(),
    };
    let mut effects = vec![
        Effect::Fs {
            op: FsOp::RenameFrom,
            guest_mount: &from.0.mount.guest,
            path: source.rel(),
        },
        onto(FsOp::RenameTo { replaces }),
    ];
    if found.kind() != Kind::Directory {
        // What is no directory may not stand where none can be made.
        effects.push(onto(FsOp::LinkTo));
    }
    let attempt = Attempt {
        import: RENAME,
        kind: kinds::FS_RENAME,
        target: shown_pair(from.0, source.rel(), to.0, target.rel()),
        whole: None,
        effects: &effects,
    };
    let (from_mount, to_mount) = (&*from.0.mount, &*to.0.mount);
    let unfit = if found.kind() == Kind::Directory
        && judges_content(from_mount, to_mount, source.rel(), target.rel())
    {
        // A directory takes its content along: no excluded name may hide in it, and none may come to
        // stand where it is excluded.
        carried(scope, from_mount, to_mount, &found, target.rel())
    } else {
        look::unfit(from_mount, &found).filter(|reason| *reason == Reason::HardLink)
    };
    if let Some(reason) = unfit {
        return Err(scope.refuse_here(&attempt, reason).into());
    }
    let permit = scope.permit_here(&attempt)?;
    let replace = if replaces {
        Replace::Allowed
    } else {
        Replace::Never
    };
    perform(permit, || {
        one_file_system(from_mount, to_mount, target.rel())?;
        let covered = || {
            let covered = target.look().ok()?;
            (covered.meta().id != found.meta().id).then(|| *covered.meta())
        };
        let quota = to_mount.quota(scope);
        quota.removing(covered, || {
            os::rename(&source, &found, &target, replace).map(drop)
        })
    })
}

/// Each mount is a file system of its own, with a quota of its own: nothing keeps its identity across.
fn one_file_system(from: &Mount, to: &Mount, rel: &str) -> Result<(), OsError> {
    if from.root.id() == to.root.id() {
        return Ok(());
    }
    Err(OsError::os(
        "move to another mount",
        rel,
        rustix::io::Errno::XDEV,
    ))
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
fn carried(
    scope: &CallScope,
    from: &Mount,
    to: &Mount,
    found: &Resolved,
    to_rel: &str,
) -> Option<Reason> {
    let Some(authority) = scope.authority() else {
        return Some(Reason::PolicyUnreadable);
    };
    let hides = |mount: &Mount, path: &str| scope.hides(&authority, &mount.guest, path);
    let open = |mount: &Mount, path: &str| scope.may_add(&authority, &mount.guest, path);
    let matters = |below: &str| {
        let (old, new) = (
            format!("{}/{below}", found.rel()),
            format!("{to_rel}/{below}"),
        );
        hides(from, &old) || hides(to, &new) || open(from, &old) != open(to, &new)
    };
    match os::find_excluded(found, &matters, RENAME_ENTRIES_MAX) {
        Ok(None) => None,
        Ok(Some(_)) => Some(Reason::Excluded),
        Err(_) => Some(Reason::LimitReached),
    }
}

/// Makes a second name for a file.
pub(super) async fn link(
    scope: &Arc<CallScope>,
    from: (&Base, String),
    follow: bool,
    to: (&Base, String),
) -> FsResult<()> {
    let (to_base, to_path) = (to.0.clone(), to.1);
    in_task(scope, from.0, move |scope, base| {
        link_here(scope, (base, &from.1), follow, (&to_base, &to_path))
    })
    .await
}

fn link_here(
    scope: &Arc<CallScope>,
    from: (&Base, &str),
    follow: bool,
    to: (&Base, &str),
) -> Result<(), Fail> {
    let miss = |(base, path): (&Base, &str), error| LINK_FROM.miss_here(scope, base, path, error);
    let found = os::resolve(&from.0.dir(), from.1, follow).map_err(|error| miss(from, error))?;
    let target = os::resolve_parent(&to.0.dir(), to.1).map_err(|error| miss(to, error))?;
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
        kind: kinds::FS_LINK,
        target: shown_pair(from.0, found.rel(), to.0, target.rel()),
        whole: None,
        effects: &effects,
    };
    if from.0.mount.has_except || to.0.mount.has_except {
        // A second name would undo the exclusion of the first.
        return Err(scope.refuse_here(&attempt, Reason::HardLink).into());
    }
    let Some(place) = to.0.mount.quota(scope).place() else {
        return Err(look::refuse_full_here(scope, &attempt));
    };
    let permit = scope.permit_here(&attempt)?;
    perform(permit, || {
        one_file_system(&from.0.mount, &to.0.mount, target.rel())?;
        os::link(&found, &target)
    })?;
    place.keep();
    Ok(())
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
            mount: Arc::new(Mount::new(
                "/data".into(),
                os::MountRoot::open(&dir, protected).unwrap(),
            )),
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
        let rename = async |from: &str, to: &str| {
            let (from, to) = ((&base, from.to_owned()), (&base, to.to_owned()));
            rename(&world.scope, from, to).await
        };
        assert!(rename("made", "other/.git").await.is_err());
        std::fs::create_dir(world.home.path().join("mount/other")).unwrap();
        assert!(rename("made", "other/.git").await.is_err());
        assert!(rename("repo/.git", "repo/git").await.is_err());
        assert!(Path::new(&prepared).exists() && Path::new(&old).exists());
        // Neither can a link or a file that leads to them under another name.
        file(&world, "gitdir: made");
        std::os::unix::fs::symlink("made", world.home.path().join("mount/link")).unwrap();
        assert!(rename("link", "other/.git").await.is_err());
        assert!(rename("gitdir: made", "other/.git").await.is_err());
        rename("link", "other/link").await.unwrap();
        // What changes nothing about what runs is not in the way.
        rename("made", "other/made").await.unwrap();
        rename("repo", "moved").await.unwrap();
        std::fs::remove_dir_all(world.home.path().join("mount/moved/.git/hooks")).unwrap();
        rename("moved/.git", "moved/git").await.unwrap();
    }

    #[tokio::test]
    async fn one_file_too_many_is_refused_and_what_is_denied_anyway_for_its_own_reason() {
        let (world, base) = world();
        while let Some(place) = base.mount.quota(&world.scope).place() {
            place.keep();
        }
        let make = async |name: &str| {
            let act = |target: &Target| os::mkdir(target, os::DIRECTORY_MODE);
            one(&world.scope, MKDIR, &base, name.into(), Counts::Adds, act).await
        };
        std::fs::create_dir(world.home.path().join("mount/.git")).unwrap();
        assert!(make("d").await.is_err() && make(".git/hooks").await.is_err());
        assert_eq!(
            world.ledger.said(),
            ["fs.mkdir Denied quota_reached", "fs.mkdir Denied excluded"]
        );
        assert!(!world.home.path().join("mount/d").exists());
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_holds_the_call() {
        let (world, base) = world();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let work = look::blocking(&world.scope, &base.mount, move || wait.recv());
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
