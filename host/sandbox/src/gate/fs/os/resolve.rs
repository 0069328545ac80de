//! From a guest's path to a checked descriptor, without opening anything.
//!
//! [`resolve`] holds what the path names (`O_PATH`: no content, no truncation, no waiting on a
//! FIFO), looks at it and asks the kernel for its name. The caller decides on [`Resolved::rel`] and
//! then acts *on the descriptor*, so no later change of a path can change what was decided on.
//! [`resolve_parent`] does the same for a name that is to be made, replaced or removed: a checked
//! parent and one [`Component`].
//!
//! What is promised is the name at the time of the lookup. A lookup starts at the directory that the
//! guest holds and may not leave it, not even by `..` and back (`RESOLVE_BENEATH`).

use super::error::OsError;
use super::meta::{Kind, Metadata};
use super::mount::{Dir, MountRoot};
use super::name::{Component, NameError, Split, split_parent};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, retry_on_intr};
use std::sync::Arc;

/// How often a lookup is tried again because something was renamed on the host meanwhile: any
/// rename anywhere makes the kernel give up on a path with `..` in it.
const LOOKUP_ATTEMPTS_MAX: usize = 64;

/// Something that exists, held and checked, not opened.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(super) fd: OwnedFd,
    pub(super) mount: Arc<MountRoot>,
    absolute: Vec<u8>,
    rel: String,
    meta: Metadata,
}

impl Resolved {
    fn of(mount: &Arc<MountRoot>, fd: OwnedFd, asked: &str) -> Result<Self, OsError> {
        let meta = Metadata::of(&fd, asked)?;
        let placed = mount.place(fd.as_fd(), &meta, asked)?;
        let (absolute, rel) = (placed.absolute, placed.rel);
        Ok(Self {
            fd,
            mount: Arc::clone(mount),
            absolute,
            rel,
            meta,
        })
    }

    /// The name beneath the mount, `/`-separated, as the kernel tells it; empty for the mount itself.
    pub(crate) fn rel(&self) -> &str {
        &self.rel
    }

    /// What the kernel knows of it.
    pub(crate) fn meta(&self) -> &Metadata {
        &self.meta
    }

    /// What it is.
    pub(crate) fn kind(&self) -> Kind {
        self.meta.kind
    }

    /// How many names the file has. More than one means that other names may be ruled differently.
    pub(crate) fn nlink(&self) -> u32 {
        self.meta.nlink
    }

    /// The `O_PATH` descriptor.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// It, as the start of further lookups.
    pub(crate) fn dir(&self) -> Dir<'_> {
        Dir {
            mount: &self.mount,
            fd: self.fd.as_fd(),
        }
    }

    /// Where it is now. See [`observe`].
    pub(crate) fn observe(&self) -> Result<Observed, OsError> {
        observe(&self.mount, self.fd.as_fd())
    }

    /// Tells whether it is a directory with something of Tollgate's beneath it.
    pub(super) fn holds_protected(&self) -> Result<bool, OsError> {
        self.mount
            .protected()
            .is_below(&self.absolute, Some(self.meta.id))
    }
}

/// An entry of a checked directory by name, whether it exists or not.
#[derive(Debug)]
pub(crate) struct Target {
    pub(super) parent: Resolved,
    pub(super) name: Component,
    pub(super) must_be_directory: bool,
    absolute: Vec<u8>,
    rel: String,
}

impl Target {
    /// The entry `name` of the directory `parent`.
    ///
    /// # Errors
    ///
    /// When `parent` is no directory, or the entry is protected.
    pub(crate) fn new(
        parent: Resolved,
        name: Component,
        must_be_directory: bool,
    ) -> Result<Self, OsError> {
        if parent.kind() != Kind::Directory {
            return Err(OsError::os("look in", parent.rel(), Errno::NOTDIR));
        }
        let rel = match parent.rel() {
            "" => name.to_string(),
            above => format!("{above}/{name}"),
        };
        let mut absolute = parent.absolute.clone();
        if absolute != b"/" {
            absolute.push(b'/');
        }
        absolute.extend_from_slice(name.as_str().as_bytes());
        parent
            .mount
            .protected()
            .check_new(&absolute, parent.meta(), &name, &rel)?;
        Ok(Self {
            parent,
            name,
            must_be_directory,
            absolute,
            rel,
        })
    }

    /// The name that the entry has or would have beneath the mount. Decide on this.
    pub(crate) fn rel(&self) -> &str {
        &self.rel
    }

    /// Looks at the entry itself, never at what it links to.
    ///
    /// # Errors
    ///
    /// `NoEntry` when there is none; else as [`resolve`].
    pub(crate) fn look(&self) -> Result<Resolved, OsError> {
        let found = resolve(&self.parent.dir(), self.name.as_str(), false)?;
        if self.must_be_directory && found.kind() != Kind::Directory {
            return Err(OsError::os("look at", &self.rel, Errno::NOTDIR));
        }
        Ok(found)
    }

    /// Tells whether a protected place is, or was when it was added, beneath this name.
    pub(super) fn holds_protected(&self) -> Result<bool, OsError> {
        self.parent.mount.protected().is_below(&self.absolute, None)
    }
}

/// Where something is and what it is, as seen after the fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observed {
    /// The name beneath the mount.
    pub(crate) rel: String,
    /// What the kernel knows of it.
    pub(crate) meta: Metadata,
}

/// Finds what `path` names from `dir`; `follow` says whether a link at its end is followed.
///
/// # Errors
///
/// [`OsError::Outside`] for a path that is absolute or leaves `dir`, and for something that is not
/// beneath the mount; [`OsError::Protected`]; [`OsError::NotUtf8`]; the kernel's refusal otherwise
/// (`Busy` when the host renamed things all the while).
pub(crate) fn resolve(dir: &Dir<'_>, path: &str, follow: bool) -> Result<Resolved, OsError> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let fd = open_path(dir.fd, path, follow, resolve)?;
    Resolved::of(dir.mount, fd, path)
}

/// [`resolve`] without waiting: none where the kernel would have to ask a disk or a server for a part
/// of the path (`RESOLVE_CACHED`), or was disturbed; then [`resolve`] on a thread that may wait.
///
/// # Errors
///
/// As [`resolve`].
pub(crate) fn resolve_now(
    dir: &Dir<'_>,
    path: &str,
    follow: bool,
) -> Result<Option<Resolved>, OsError> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::CACHED;
    let flags = path_flags(follow);
    match retry_on_intr(|| rustix::fs::openat2(dir.fd, path, flags, Mode::empty(), resolve)) {
        Ok(fd) => Resolved::of(dir.mount, fd, path).map(Some),
        Err(Errno::XDEV) => Err(OsError::outside(path)),
        Err(Errno::AGAIN | Errno::INVAL) => Ok(None),
        Err(errno) => Err(OsError::os("find", path, errno)),
    }
}

/// Finds the directory of `path` (links in it are followed) and cuts the name off.
///
/// # Errors
///
/// As [`resolve`]; [`OsError::Name`] when the path does not end in a name.
pub(crate) fn resolve_parent(dir: &Dir<'_>, path: &str) -> Result<Target, OsError> {
    let split = split(path)?;
    let parent = resolve(dir, split.parent, true)?;
    Target::new(parent, split.name, split.trailing_slash)
}

fn split(path: &str) -> Result<Split<'_>, OsError> {
    split_parent(path).map_err(|source| match source {
        NameError::Absolute => OsError::outside(path),
        source => OsError::name(path, source),
    })
}

/// Looks through an open descriptor at what it holds: its name now, and what it is. After a change
/// the caller records this, which is what happened, rather than what was asked for.
///
/// # Errors
///
/// As [`resolve`]; `NoEntry` when it has been removed.
pub(crate) fn observe(mount: &Arc<MountRoot>, fd: BorrowedFd<'_>) -> Result<Observed, OsError> {
    let meta = Metadata::of(fd, "an open file")?;
    let placed = mount.place(fd, &meta, "an open file")?;
    Ok(Observed {
        rel: placed.rel,
        meta,
    })
}

fn path_flags(follow: bool) -> OFlags {
    let mut flags = OFlags::PATH | OFlags::CLOEXEC;
    flags.set(OFlags::NOFOLLOW, !follow);
    flags
}

pub(super) fn open_path(
    dir: BorrowedFd<'_>,
    path: &str,
    follow: bool,
    resolve: ResolveFlags,
) -> Result<OwnedFd, OsError> {
    let flags = path_flags(follow);
    let mut last = Errno::AGAIN;
    for _ in 0..LOOKUP_ATTEMPTS_MAX {
        match retry_on_intr(|| rustix::fs::openat2(dir, path, flags, Mode::empty(), resolve)) {
            Ok(fd) => return Ok(fd),
            Err(Errno::XDEV) => return Err(OsError::outside(path)),
            Err(Errno::AGAIN) => std::thread::yield_now(),
            Err(errno) => {
                last = errno;
                break;
            }
        }
    }
    Err(OsError::os("find", path, last))
}
