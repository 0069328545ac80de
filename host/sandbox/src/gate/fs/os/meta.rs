//! What the kernel knows of an inode: kind, identity, links, size and times.

use super::error::OsError;
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, FileType, Statx, StatxFlags, StatxTimestamp};
use rustix::path::Arg;
use std::fmt;

/// What an inode is, as far as the gate cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link, itself.
    Symlink,
    /// A FIFO. Opening one can wait for ever.
    Fifo,
    /// A socket.
    Socket,
    /// A block device.
    BlockDevice,
    /// A character device.
    CharacterDevice,
    /// Something else.
    Unknown,
}

impl Kind {
    pub(super) fn of(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::Regular,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Symlink,
            FileType::Fifo => Self::Fifo,
            FileType::Socket => Self::Socket,
            FileType::BlockDevice => Self::BlockDevice,
            FileType::CharacterDevice => Self::CharacterDevice,
            FileType::Unknown => Self::Unknown,
        }
    }

    /// A regular file or a directory: the only kinds that are opened.
    pub(crate) fn is_file_or_directory(self) -> bool {
        matches!(self, Self::Regular | Self::Directory)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Regular => "a regular file",
            Self::Directory => "a directory",
            Self::Symlink => "a symbolic link",
            Self::Fifo => "a FIFO",
            Self::Socket => "a socket",
            Self::BlockDevice => "a block device",
            Self::CharacterDevice => "a character device",
            Self::Unknown => "of an unknown kind",
        })
    }
}

/// Which inode: no two that exist at the same time share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileId {
    /// The device of the file system.
    pub(crate) dev: u64,
    /// The inode's number on it.
    pub(crate) ino: u64,
}

/// A time since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp {
    /// Whole seconds, negative before 1970.
    pub(crate) seconds: i64,
    /// Nanoseconds within the second.
    pub(crate) nanoseconds: u32,
}

/// One consistent look at an inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// What it is.
    pub(crate) kind: Kind,
    /// Which it is.
    pub(crate) id: FileId,
    /// How many names it has. For a directory the number means little.
    pub(crate) nlink: u32,
    /// Its size in bytes.
    pub(crate) size_bytes: u64,
    /// The permission bits.
    pub(crate) mode: u16,
    /// When it was last read.
    pub(crate) accessed: Timestamp,
    /// When its content last changed.
    pub(crate) modified: Timestamp,
    /// When its metadata last changed.
    pub(crate) changed: Timestamp,
    /// The mount of the host through which it was reached (`None` before Linux 5.8).
    pub(crate) host_mount: Option<u64>,
}

impl Metadata {
    /// Looks at what `fd` holds; `path` is for the error.
    pub(crate) fn of(fd: impl AsFd, path: &str) -> Result<Self, OsError> {
        Self::look(fd, "", AtFlags::EMPTY_PATH).map_err(|errno| OsError::os("look at", path, errno))
    }

    /// Looks at the entry `name` of the directory `fd` without following it.
    pub(super) fn at(fd: impl AsFd, name: impl Arg) -> Result<Self, rustix::io::Errno> {
        Self::look(fd, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn look(fd: impl AsFd, path: impl Arg, flags: AtFlags) -> Result<Self, rustix::io::Errno> {
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
        rustix::fs::statx(fd, path, flags | AtFlags::NO_AUTOMOUNT, wanted)
            .map(|s| Self::from_statx(&s))
    }

    fn from_statx(seen: &Statx) -> Self {
        let has_mount = seen.stx_mask & StatxFlags::MNT_ID.bits() != 0;
        Self {
            kind: Kind::of(FileType::from_raw_mode(u32::from(seen.stx_mode))),
            id: FileId {
                dev: rustix::fs::makedev(seen.stx_dev_major, seen.stx_dev_minor),
                ino: seen.stx_ino,
            },
            nlink: seen.stx_nlink,
            size_bytes: seen.stx_size,
            mode: seen.stx_mode & 0o7777,
            accessed: timestamp(seen.stx_atime),
            modified: timestamp(seen.stx_mtime),
            changed: timestamp(seen.stx_ctime),
            host_mount: has_mount.then_some(seen.stx_mnt_id),
        }
    }
}

fn timestamp(time: StatxTimestamp) -> Timestamp {
    Timestamp {
        seconds: time.tv_sec,
        nanoseconds: time.tv_nsec,
    }
}
