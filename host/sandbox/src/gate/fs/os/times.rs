//! Setting the times of what was checked.

use super::error::OsError;
use super::meta::{Kind, Timestamp};
use super::proc::proc;
use super::resolve::Resolved;
use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::io::Errno;

/// What happens to one of the times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewTime {
    /// It stays.
    Keep,
    /// The host's clock.
    Now,
    /// This time.
    At(Timestamp),
}

/// Sets the times of the checked file, directory or link itself.
///
/// # Errors
///
/// [`OsError::NotFileOrDirectory`] for FIFOs, sockets and devices; `Invalid` for a billion
/// nanoseconds or more; or the kernel's.
pub(crate) fn set_times(
    what: &Resolved,
    accessed: NewTime,
    modified: NewTime,
) -> Result<(), OsError> {
    let refused = |errno| OsError::os("set the times of", what.rel(), errno);
    let times = Timestamps {
        last_access: timespec(accessed).map_err(refused)?,
        last_modification: timespec(modified).map_err(refused)?,
    };
    match what.kind() {
        Kind::Regular | Kind::Directory => {
            let (proc, inode) = proc()?.link(what.as_fd());
            rustix::fs::utimensat(proc, inode.as_c_str(), &times, AtFlags::empty())
        }
        Kind::Symlink => rustix::fs::utimensat(what.as_fd(), "", &times, AtFlags::EMPTY_PATH),
        kind => {
            let path = super::error::shown(what.rel());
            return Err(OsError::NotFileOrDirectory { path, kind });
        }
    }
    .map_err(refused)
}

fn timespec(time: NewTime) -> Result<Timespec, Errno> {
    match time {
        NewTime::Keep => Ok(Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        }),
        NewTime::Now => Ok(Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        }),
        // The two words above are numbers beyond a second; a guest must not be able to say them.
        NewTime::At(time) if time.nanoseconds >= 1_000_000_000 => Err(Errno::INVAL),
        NewTime::At(time) => Ok(Timespec {
            tv_sec: time.seconds,
            tv_nsec: time.nanoseconds.into(),
        }),
    }
}
