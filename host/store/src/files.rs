//! Files that only their owner may read, and the lock between processes.

use crate::StoreError;
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::{Errno, retry_on_intr};
use std::fs::{DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
const OTHERS: u32 = 0o077;

/// Makes the directory, or takes away what others may do with it.
pub(crate) fn private_directory(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(path)
        .map_err(|error| StoreError::file(path, format!("cannot be created: {error}")))?;
    let metadata = std::fs::metadata(path).map_err(|error| StoreError::file(path, error))?;
    if metadata.mode() & OTHERS != 0 {
        std::fs::set_permissions(path, Permissions::from_mode(DIRECTORY_MODE)).map_err(
            |error| {
                StoreError::file(
                    path,
                    format!("others may enter it and that cannot be changed: {error}"),
                )
            },
        )?;
    }
    Ok(())
}

/// Opens the file for reading and writing, makes it if it is not there, and takes away what others
/// may do with it. A symbolic link is refused.
pub(crate) fn private_file(path: &Path) -> Result<File, StoreError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mode = Mode::from_raw_mode(FILE_MODE);
    let file = rustix::fs::open(path, flags, mode)
        .map(File::from)
        .map_err(|error| StoreError::file(path, format!("cannot be opened: {error}")))?;
    let metadata = file
        .metadata()
        .map_err(|error| StoreError::file(path, error))?;
    if metadata.mode() & OTHERS != 0 {
        file.set_permissions(Permissions::from_mode(FILE_MODE))
            .map_err(|error| {
                StoreError::file(
                    path,
                    format!("others may read it and that cannot be changed: {error}"),
                )
            })?;
    }
    Ok(file)
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| StoreError::file(path, error))
}

/// The lock that writers of all processes take before a transaction.
///
/// SQLite's own lock is taken by polling, which lets one of two busy processes starve; this one
/// queues. Known weakness: a process that is stopped while it holds the lock stops the others.
pub(crate) struct WriterLock(File);

/// The lock, held.
pub(crate) struct Held<'a>(&'a File);

impl WriterLock {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        private_file(path).map(Self)
    }

    /// Waits for the lock.
    pub(crate) fn take(&self) -> Result<Held<'_>, StoreError> {
        retry_on_intr(|| flock(&self.0, FlockOperation::LockExclusive))
            .map_err(|error| StoreError::Unavailable(format!("the lock file: {error}")))?;
        Ok(Held(&self.0))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // Unlocking a lock that we hold does not fail; closing the file would release it too.
        let _ = flock(self.0, FlockOperation::Unlock);
    }
}

/// Locks the file for as long as it is open; false if another process has it.
pub(crate) fn try_lock(file: &File) -> Result<bool, Errno> {
    match retry_on_intr(|| flock(file, FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error),
    }
}
