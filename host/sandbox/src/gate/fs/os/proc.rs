//! /proc/self/fd: what a descriptor is called now, and opening it again.
//!
//! The handle is taken once and checked to be procfs, so that nothing mounted over /proc later can
//! answer in its place. It names the descriptors of this process; a child made by `fork` without
//! `exec` must not use it (Tollgate makes none).

use super::error::OsError;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags, StatxFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::path::DecInt;
use std::sync::OnceLock;

/// The first guess of how long a name is, in bytes; longer ones are read again.
const NAME_BYTES_GUESS: usize = 256;

/// A checked handle on /proc/self/fd.
#[derive(Debug)]
pub(crate) struct Proc {
    fd: OwnedFd,
}

/// Tells whether this system has what the gate relies on: `openat2` with `RESOLVE_BENEATH`, `statx`
/// and a mounted /proc. Looked up once per process.
///
/// # Errors
///
/// [`OsError::Unsupported`], naming what is missing. The caller then falls back to a library that
/// holds the mount's edge and refuses mounts with exceptions.
pub(crate) fn support() -> Result<(), OsError> {
    proc().map(|_| ())
}

/// The process's handle.
pub(crate) fn proc() -> Result<&'static Proc, OsError> {
    static PROC: OnceLock<Result<Proc, OsError>> = OnceLock::new();
    match PROC.get_or_init(Proc::open) {
        Ok(proc) => Ok(proc),
        Err(error) => Err(error.clone()),
    }
}

impl Proc {
    fn open() -> Result<Self, OsError> {
        let missing = |what| move |_| OsError::Unsupported { what };
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let path_only = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open("/", path_only, Mode::empty())
            .map_err(|errno| OsError::os("open", "/", errno))?;
        rustix::fs::openat2(&root, ".", path_only, Mode::empty(), beneath)
            .map_err(missing("openat2 (linux 5.6)"))?;
        rustix::fs::statx(&root, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)
            .map_err(missing("statx (linux 4.11)"))?;
        let fd = rustix::fs::openat(CWD, "/proc/self/fd", path_only, Mode::empty())
            .map_err(missing("/proc"))?;
        let proc = Self { fd };
        if !is_procfs(&proc.fd).map_err(missing("/proc"))? {
            return Err(OsError::Unsupported { what: "/proc" });
        }
        if proc.name(&root).map_err(missing("/proc/self/fd"))? != b"/" {
            return Err(OsError::Unsupported {
                what: "/proc/self/fd",
            });
        }
        Ok(proc)
    }

    /// The name of `fd` from this process's root, as the kernel tells it now. Removed entries end in
    /// ` (deleted)`, which a name can also do by itself.
    pub(crate) fn name(&self, fd: impl AsFd) -> Result<Vec<u8>, Errno> {
        let link = DecInt::from_fd(fd);
        let buffer = Vec::with_capacity(NAME_BYTES_GUESS);
        rustix::fs::readlinkat(&self.fd, link.as_c_str(), buffer).map(std::ffi::CString::into_bytes)
    }

    /// Opens the inode behind `fd` again with other flags.
    pub(crate) fn reopen(&self, fd: impl AsFd, flags: OFlags) -> Result<OwnedFd, Errno> {
        let link = DecInt::from_fd(fd);
        retry_on_intr(|| rustix::fs::openat(&self.fd, link.as_c_str(), flags, Mode::empty()))
    }

    /// The directory and the name in it through which other calls reach the inode behind `fd`.
    pub(crate) fn link(&self, fd: impl AsFd) -> (&OwnedFd, DecInt) {
        (&self.fd, DecInt::from_fd(fd))
    }
}

/// Tells whether `fd` is on a procfs, whose regular files hold this process's environment and memory.
pub(crate) fn is_procfs(fd: impl AsFd) -> Result<bool, Errno> {
    Ok(rustix::fs::fstatfs(fd)?.f_type == PROC_SUPER_MAGIC)
}
