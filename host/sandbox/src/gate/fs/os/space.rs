//! How much room is left, and keeping some of it.

use super::error::OsError;
use rustix::fd::AsFd;

/// The bytes that an unprivileged process can still write on the file system that `fd` is on; an
/// `O_PATH` descriptor will do.
pub(crate) fn free_bytes(fd: impl AsFd) -> Result<u64, OsError> {
    let seen = rustix::fs::fstatvfs(fd)
        .map_err(|errno| OsError::os("measure", "the file system", errno))?;
    Ok(seen.f_bavail.saturating_mul(seen.f_frsize))
}

/// Refuses when less than `floor_bytes` are free. The answer is true of the moment only: other
/// processes write, too.
///
/// # Errors
///
/// [`OsError::BelowFloor`], or the kernel's.
pub(crate) fn keep_floor(fd: impl AsFd, floor_bytes: u64) -> Result<(), OsError> {
    let available_bytes = free_bytes(fd)?;
    if available_bytes < floor_bytes {
        return Err(OsError::BelowFloor {
            available_bytes,
            floor_bytes,
        });
    }
    Ok(())
}
