//! Opening what was checked, and making new files.
//!
//! [`reopen`] opens the inode that a [`Resolved`] holds, so truncation happens to what was decided
//! on and to nothing else; it never creates. [`create`] makes a file that did not exist and never
//! opens one that did: `O_EXCL` does not follow a link either, dangling or not.

use super::error::OsError;
use super::meta::Kind;
use super::proc::proc;
use super::resolve::{Resolved, Target};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use std::fs::File;

/// The permissions of a new file before the process's umask.
pub(crate) const FILE_MODE: u32 = 0o666;
/// The permissions of a new directory before the process's umask.
pub(crate) const DIRECTORY_MODE: u32 = 0o777;
/// The bits of a mode that are ever set: no set-id, no sticky.
pub(super) const MODE_MASK: u32 = 0o777;

/// How something existing is opened. Nothing set opens nothing: say at least `read` or `write`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct OpenHow {
    /// Its content or entries can be read.
    pub(crate) read: bool,
    /// Its content can be changed.
    pub(crate) write: bool,
    /// It is emptied. Needs `write`.
    pub(crate) truncate: bool,
    /// Every write goes to its end. Needs `write`.
    pub(crate) append: bool,
    /// It has to be a directory.
    pub(crate) directory: bool,
}

/// Opens the inode that was checked.
///
/// # Errors
///
/// [`OsError::NotFileOrDirectory`] for FIFOs, sockets and devices; `Loop` for a link; `IsDirectory`
/// for writing a directory; `NotDirectory`; `Invalid` for flags that make no sense together; or the
/// kernel's.
pub(crate) fn reopen(what: &Resolved, how: OpenHow) -> Result<File, OsError> {
    let flags = flags(what, how)?;
    let fd = proc()?
        .reopen(what.as_fd(), flags)
        .map_err(|errno| OsError::os("open", what.rel(), errno))?;
    Ok(File::from(fd))
}

fn flags(what: &Resolved, how: OpenHow) -> Result<OFlags, OsError> {
    let refuse = |errno| Err(OsError::os("open", what.rel(), errno));
    match what.kind() {
        Kind::Directory if how.write || how.truncate || how.append => return refuse(Errno::ISDIR),
        Kind::Regular if how.directory => return refuse(Errno::NOTDIR),
        Kind::Directory | Kind::Regular => {}
        Kind::Symlink => return refuse(Errno::LOOP),
        kind => {
            let path = super::error::shown(what.rel());
            return Err(OsError::NotFileOrDirectory { path, kind });
        }
    }
    let mut flags = OFlags::NOCTTY | OFlags::CLOEXEC;
    flags |= match (how.read, how.write) {
        (true, true) => OFlags::RDWR,
        (true, false) => OFlags::RDONLY,
        (false, true) => OFlags::WRONLY,
        (false, false) => return refuse(Errno::INVAL),
    };
    if (how.truncate || how.append) && !how.write {
        return refuse(Errno::INVAL);
    }
    flags.set(OFlags::TRUNC, how.truncate);
    flags.set(OFlags::APPEND, how.append);
    flags.set(OFlags::DIRECTORY, what.kind() == Kind::Directory);
    Ok(flags)
}

/// Makes the file `target`, which must not exist, for writing and perhaps reading.
///
/// # Errors
///
/// `Exist` when anything has the name, a dangling link included; `IsDirectory` when the path ended
/// in `/`; or the kernel's.
pub(crate) fn create(target: &Target, mode: u32, read: bool) -> Result<File, OsError> {
    let refused = |errno| OsError::os("create", target.rel(), errno);
    if target.must_be_directory {
        return Err(refused(Errno::ISDIR));
    }
    let access = if read { OFlags::RDWR } else { OFlags::WRONLY };
    let flags = access
        | OFlags::CREATE
        | OFlags::EXCL
        | OFlags::NOFOLLOW
        | OFlags::NOCTTY
        | OFlags::CLOEXEC;
    let (parent, name) = (target.parent.as_fd(), target.name.as_str());
    let mode = Mode::from_raw_mode(mode & MODE_MASK);
    retry_on_intr(|| rustix::fs::openat(parent, name, flags, mode))
        .map(File::from)
        .map_err(refused)
}
