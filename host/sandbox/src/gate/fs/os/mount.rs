//! A granted directory of the host, opened once, and the name of what is found beneath it.
//!
//! Invariant: a name that [`MountRoot`] gives out is relative to the mount's root as the root is
//! called *now*, so a renamed root changes nothing, and something moved out of it has no name.

use super::error::OsError;
use super::meta::{FileId, Metadata};
use super::proc::{is_procfs, proc};
use super::protect::{Found, ProtectedRoots, tail};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// How often a name is read again because the mount's root was being renamed.
const NAME_ATTEMPTS_MAX: usize = 16;
/// What the kernel puts behind the name of a removed entry. A name can end so by itself, too.
const DELETED: &[u8] = b" (deleted)";
/// `FS_CASEFOLD_FL`: names of the directory are compared without case (ext4, f2fs, tmpfs).
const CASEFOLD_FLAG: u32 = 0x4000_0000;
/// File systems that compare names without case, always or often: FAT, exFAT, NTFS (two drivers),
/// HFS, HFS+, SMB (three), 9p (WSL). From `linux/magic.h`.
const FOLDING_FILESYSTEMS: [u32; 10] = [
    0x4d44,
    0x2011_bab0,
    0x7366_746e,
    0x5346_544e,
    0x4244,
    0x482b,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x0102_1997,
];

/// A granted directory.
#[derive(Debug)]
pub(crate) struct MountRoot {
    fd: OwnedFd,
    canonical: Vec<u8>,
    id: FileId,
    folds_case: bool,
    local: bool,
    protected: Arc<ProtectedRoots>,
}

/// A directory that a guest holds, as the start of a lookup.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dir<'a> {
    pub(super) mount: &'a Arc<MountRoot>,
    pub(super) fd: BorrowedFd<'a>,
}

impl<'a> Dir<'a> {
    /// The directory behind `fd`, which the gate minted from `mount`. Any directory is safe here:
    /// what is found from one outside of the mount has no name and is refused.
    pub(crate) fn new(mount: &'a Arc<MountRoot>, fd: BorrowedFd<'a>) -> Self {
        Self { mount, fd }
    }
}

/// Where something is.
pub(super) struct Placed {
    pub(super) absolute: Vec<u8>,
    pub(super) rel: String,
}

impl MountRoot {
    /// Opens the directory `host_path` of the operator's (links in it are followed, once).
    ///
    /// # Errors
    ///
    /// [`OsError::Unsupported`] where the system cannot do what the gate relies on;
    /// [`OsError::Protected`] for a directory inside something of Tollgate's, and for procfs.
    pub(crate) fn open(
        host_path: &Path,
        protected: Arc<ProtectedRoots>,
    ) -> Result<Arc<Self>, OsError> {
        let proc = proc()?;
        let shown = host_path.to_string_lossy();
        let os = |errno| OsError::os("open", &shown, errno);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(CWD, host_path.as_os_str().as_bytes(), flags, Mode::empty())
            .map_err(os)?;
        let meta = Metadata::of(&fd, &shown)?;
        let canonical = proc.name(&fd).map_err(os)?;
        if is_procfs(&fd).map_err(os)? {
            return Err(OsError::protected(&shown));
        }
        let itself = || {
            fd.try_clone()
                .map_err(|_| OsError::os("open", &shown, Errno::MFILE))
        };
        let found = Found {
            absolute: &canonical,
            shown: &shown,
            meta: &meta,
            walk_from: &itself,
        };
        protected.check_root(&found, fd.as_fd())?;
        let folds_case = folds_case(&fd);
        let local = is_local(&fd);
        Ok(Arc::new(Self {
            fd,
            canonical,
            id: meta.id,
            folds_case,
            local,
            protected,
        }))
    }

    /// The root as the start of a lookup.
    pub(crate) fn dir(self: &Arc<Self>) -> Dir<'_> {
        Dir {
            mount: self,
            fd: self.fd.as_fd(),
        }
    }

    /// The root's device and inode.
    pub(crate) fn id(&self) -> FileId {
        self.id
    }

    /// Whether anything protected may be beneath the mount: then its listings leave it out.
    pub(crate) fn holds_protected(&self) -> bool {
        self.protected
            .is_below(&self.canonical, Some(self.id))
            .unwrap_or(true)
    }

    /// Opening and reading what is cached waits for no server and no other process here. False where
    /// that is not known.
    pub(crate) fn local(&self) -> bool {
        self.local
    }

    /// The root's names may be compared without case, so that exact patterns can be evaded: match
    /// exceptions without case, or refuse them. Known from the file system and the root's own flag;
    /// a case-folding directory deeper in an ordinary ext4 mount is not seen.
    pub(crate) fn folds_case(&self) -> bool {
        self.folds_case
    }

    pub(super) fn protected(&self) -> &ProtectedRoots {
        &self.protected
    }

    /// The root's descriptor, for [`super::space`].
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Names what `fd` holds and refuses what is outside, gone, nameless or protected.
    pub(super) fn place(
        &self,
        fd: BorrowedFd<'_>,
        meta: &Metadata,
        asked: &str,
    ) -> Result<Placed, OsError> {
        let placed = self.name(fd, meta, asked)?;
        if meta.id.dev != self.id.dev
            && is_procfs(fd).map_err(|errno| OsError::os("look at", asked, errno))?
        {
            return Err(OsError::protected(&placed.rel));
        }
        let holder = || self.holder(fd, meta, &placed.rel);
        self.protected.check(&Found {
            absolute: &placed.absolute,
            shown: &placed.rel,
            meta,
            walk_from: &holder,
        })?;
        Ok(placed)
    }

    fn name(&self, fd: BorrowedFd<'_>, meta: &Metadata, asked: &str) -> Result<Placed, OsError> {
        let (absolute, root) = self.names(fd, asked)?;
        let gone = || OsError::os("name", asked, Errno::NOENT);
        let looks_gone = absolute.ends_with(DELETED);
        let Some(rest) = tail(&absolute, &root) else {
            return Err(if looks_gone {
                gone()
            } else {
                OsError::outside(asked)
            });
        };
        let rel = match std::str::from_utf8(rest) {
            Ok(rel) => rel.to_owned(),
            Err(_) => {
                let path = super::error::shown(&String::from_utf8_lossy(rest));
                return Err(OsError::NotUtf8 { path });
            }
        };
        if looks_gone && !self.is_literal(&rel, &absolute, meta) {
            return Err(gone());
        }
        Ok(Placed { absolute, rel })
    }

    /// The names of `fd` and of the root at one moment. A root that was never renamed, the common
    /// case, costs two reads.
    fn names(&self, fd: BorrowedFd<'_>, asked: &str) -> Result<(Vec<u8>, Vec<u8>), OsError> {
        let proc = proc()?;
        let name = |fd: BorrowedFd<'_>| {
            proc.name(fd)
                .map_err(|errno| OsError::os("name", asked, errno))
        };
        for _ in 0..NAME_ATTEMPTS_MAX {
            let absolute = name(fd)?;
            let root = name(self.fd.as_fd())?;
            if root == self.canonical || absolute == name(fd)? {
                return Ok((absolute, root));
            }
        }
        Err(OsError::os("name", asked, Errno::AGAIN))
    }

    /// Tells whether a name that ends in ` (deleted)` really is one.
    fn is_literal(&self, rel: &str, absolute: &[u8], meta: &Metadata) -> bool {
        if rel.is_empty() {
            return absolute == self.canonical;
        }
        self.open_exact(rel)
            .and_then(|fd| Metadata::of(&fd, rel))
            .is_ok_and(|found| found.id == meta.id)
    }

    /// The directory to walk up from: `fd` itself, or the one that holds it, checked to hold it.
    fn holder(&self, fd: BorrowedFd<'_>, meta: &Metadata, rel: &str) -> Result<OwnedFd, OsError> {
        if meta.kind == super::meta::Kind::Directory {
            return fd
                .try_clone_to_owned()
                .map_err(|_| OsError::os("open", rel, Errno::MFILE));
        }
        let (parent, name) = rel.rsplit_once('/').unwrap_or((".", rel));
        let parent = self.open_exact(parent)?;
        match Metadata::at(&parent, name) {
            Ok(entry) if entry.id == meta.id => Ok(parent),
            _ => Err(OsError::Changed {
                path: super::error::shown(rel),
                undone: false,
            }),
        }
    }

    fn open_exact(&self, rel: &str) -> Result<OwnedFd, OsError> {
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        super::resolve::open_path(self.fd.as_fd(), rel, false, resolve)
    }
}

fn folds_case(fd: &OwnedFd) -> bool {
    let by_kind = rustix::fs::fstatfs(fd).is_ok_and(|seen| {
        // The kernel's magic numbers have 32 bits; the field is wider on some machines.
        u32::try_from(seen.f_type & 0xffff_ffff)
            .is_ok_and(|kind| FOLDING_FILESYSTEMS.contains(&kind))
    });
    let read = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    by_kind
        || proc().is_ok_and(|proc| {
            proc.reopen(fd, read).is_ok_and(|dir| {
                rustix::fs::ioctl_getflags(dir).is_ok_and(|flags| flags.bits() & CASEFOLD_FLAG != 0)
            })
        })
}

/// File systems of this machine's own kernel: ext2 to 4, XFS, Btrfs, tmpfs, overlayfs, F2FS, ZFS.
const LOCAL: [u32; 7] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0x0102_1994,
    0x794c_7630,
    0xf2f5_2010,
    0x2fc1_2fc1,
];

fn is_local(fd: &OwnedFd) -> bool {
    // The type is an `int` of varying width; its low 32 bits are the magic.
    rustix::fs::fstatfs(fd).is_ok_and(|stat| LOCAL.contains(&(stat.f_type as u32)))
}
