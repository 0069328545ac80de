//! Disk space kept for the entry that says that there is none.

use crate::StoreError;
use crate::files::private_file;
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::path::{Path, PathBuf};

/// How much is kept. An entry needs some pages of four kilobytes; sessions need to write that they are
/// blocked.
pub const RESERVE_BYTES: u64 = 4 * 1024 * 1024;
/// How much must be free besides, before a full disk counts as no longer full.
const FREE_BYTES_MIN: u64 = 8 * 1024 * 1024;
/// A failure to write with less free than this is taken for a full disk.
const SHORT_BYTES: u64 = 1024 * 1024;

pub(crate) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Takes the space, if the disk has it and more.
    pub(crate) fn take(&self) -> Result<(), StoreError> {
        let file = private_file(&self.path)?;
        let held = file.metadata().map_or(0, |metadata| metadata.len());
        if held >= RESERVE_BYTES {
            return Ok(());
        }
        let free = free_bytes(&self.path)?;
        if free < RESERVE_BYTES + FREE_BYTES_MIN {
            return Err(StoreError::DiskFull(format!("{free} bytes are free")));
        }
        fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES)
            .map_err(|error| StoreError::DiskFull(format!("the reserve: {error}")))
    }

    /// Whether the disk is all but full.
    pub(crate) fn is_short(&self) -> bool {
        free_bytes(&self.path).is_ok_and(|free| free < SHORT_BYTES)
    }

    /// Gives the space back to the file system.
    pub(crate) fn release(&self) {
        // Without it there is only less room for the entry; that attempt tells.
        let _ = private_file(&self.path).map(|file| file.set_len(0));
    }
}

fn free_bytes(path: &Path) -> Result<u64, StoreError> {
    let stat = statvfs(path).map_err(|error| StoreError::file(path, error))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
