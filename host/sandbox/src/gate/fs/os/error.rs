//! What the file half of the gate can fail with.
//!
//! Every failure keeps the kernel's errno where there was one, and every failure has a [`Class`],
//! which is what the WASI families translate from. Messages name the path as the guest wrote it or
//! as it is beneath the mount, never where the mount is on the host (only [`super::MountRoot::open`]
//! and [`super::ProtectedRoots`], which talk to the operator, name host paths).

use super::meta::Kind;
use super::name::NameError;
use rustix::io::Errno;

/// How much of a path an error message repeats, in characters.
const SHOWN_CHARS_MAX: usize = 160;

/// A failed file operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OsError {
    /// The kernel refused.
    #[error("cannot {action} {path}: {errno}")]
    Os {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: String,
        /// The kernel's answer.
        errno: Errno,
    },
    /// The path is absolute, leaves the directory that it started from, or was moved out of its mount.
    #[error("{path} leads out of the directory that was granted: name something beneath it")]
    Outside {
        /// The path.
        path: String,
    },
    /// The path names something of Tollgate's own, or of this process.
    #[error("{path} belongs to tollgate itself: no grant can open it")]
    Protected {
        /// The path.
        path: String,
    },
    /// A name is not UTF-8, so that no rule can be matched against it.
    #[error("{path} has a name that is not UTF-8: rename it on the host")]
    NotUtf8 {
        /// The path, with the odd bytes replaced.
        path: String,
    },
    /// A FIFO, socket or device where only a file or a directory will do.
    #[error("{path} is {kind}, and only regular files and directories are opened")]
    NotFileOrDirectory {
        /// The path.
        path: String,
        /// What it is.
        kind: Kind,
    },
    /// The last component of a path cannot be used as a name.
    #[error("{path} cannot be used as a name: {source}")]
    Name {
        /// The path.
        path: String,
        /// Why.
        source: NameError,
    },
    /// Another process changed the entry between the check and the change.
    #[error("{path} was replaced by something else during the operation: try again")]
    Changed {
        /// The path.
        path: String,
        /// What had been moved was put back where it came from.
        undone: bool,
    },
    /// A directory has more entries than the bound of the operation.
    #[error("{path} holds more than {max} entries, which is the bound of this operation")]
    TooManyEntries {
        /// The directory.
        path: String,
        /// The bound.
        max: usize,
    },
    /// Less space is free than the floor that the operator keeps.
    #[error("the disk has {available_bytes} bytes left, and {floor_bytes} are kept free")]
    BelowFloor {
        /// What is free to this process.
        available_bytes: u64,
        /// What has to stay free.
        floor_bytes: u64,
    },
    /// This system cannot do what the gate relies on.
    #[error("{what} is not available here, so that the gate cannot check what it opens")]
    Unsupported {
        /// The missing facility.
        what: &'static str,
    },
}

/// The neutral classes that every file interface can be told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// No such entry.
    NoEntry,
    /// The host's file permissions refuse.
    Access,
    /// The operation is not permitted, whatever the permissions.
    NotPermitted,
    /// It exists already.
    Exist,
    /// Not a directory.
    NotDirectory,
    /// A directory where a file is needed.
    IsDirectory,
    /// Too many symbolic links, or a link of /proc.
    Loop,
    /// A name or a path is too long.
    NameTooLong,
    /// The request makes no sense.
    Invalid,
    /// A name is not text.
    IllegalBytes,
    /// A directory has entries.
    NotEmpty,
    /// In use, or changing under the operation: try again.
    Busy,
    /// Across file systems.
    CrossDevice,
    /// No space, or less than the floor.
    NoSpace,
    /// The disk quota is used up.
    Quota,
    /// A read-only file system.
    ReadOnly,
    /// The file would be too large.
    TooLarge,
    /// The file has too many links.
    TooManyLinks,
    /// The host ran out of descriptors or memory.
    TooManyOpen,
    /// A running program's file.
    TextBusy,
    /// The file system or this system cannot do it.
    Unsupported,
    /// Beyond the edge of what was granted.
    Outside,
    /// Tollgate's own.
    Protected,
    /// FIFO, socket or device.
    NotFileOrDirectory,
    /// More work than the bound of the operation.
    Limit,
    /// Anything else.
    Io,
}

impl OsError {
    /// A kernel error, with what was tried on what.
    pub(crate) fn os(action: &'static str, path: &str, errno: Errno) -> Self {
        Self::Os {
            action,
            path: shown(path),
            errno,
        }
    }

    /// Something outside of the mount or of the directory.
    pub(crate) fn outside(path: &str) -> Self {
        Self::Outside { path: shown(path) }
    }

    /// Something of Tollgate's own.
    pub(crate) fn protected(path: &str) -> Self {
        Self::Protected { path: shown(path) }
    }

    /// A path whose last component is no name.
    pub(crate) fn name(path: &str, source: NameError) -> Self {
        Self::Name {
            path: shown(path),
            source,
        }
    }

    /// The kernel's errno, where it was the kernel that refused.
    #[cfg_attr(not(test), expect(dead_code, reason = "for records"))]
    pub(crate) fn errno(&self) -> Option<i32> {
        match self {
            Self::Os { errno, .. } => Some(errno.raw_os_error()),
            _ => None,
        }
    }

    /// The class to translate from.
    pub(crate) fn class(&self) -> Class {
        match self {
            Self::Os { errno, .. } => class_of(*errno),
            Self::Outside { .. } => Class::Outside,
            Self::Protected { .. } => Class::Protected,
            Self::NotUtf8 { .. } => Class::IllegalBytes,
            Self::NotFileOrDirectory { .. } => Class::NotFileOrDirectory,
            Self::Name { source, .. } => match source {
                NameError::Empty => Class::NoEntry,
                NameError::Absolute => Class::Outside,
                NameError::TooLong => Class::NameTooLong,
                NameError::Dots | NameError::Slash | NameError::Nul => Class::Invalid,
            },
            Self::Changed { .. } => Class::Busy,
            Self::TooManyEntries { .. } => Class::Limit,
            Self::BelowFloor { .. } => Class::NoSpace,
            Self::Unsupported { .. } => Class::Unsupported,
        }
    }
}

fn class_of(errno: Errno) -> Class {
    match errno {
        Errno::NOENT | Errno::STALE => Class::NoEntry,
        Errno::ACCESS => Class::Access,
        Errno::PERM => Class::NotPermitted,
        Errno::EXIST => Class::Exist,
        Errno::NOTDIR => Class::NotDirectory,
        Errno::ISDIR => Class::IsDirectory,
        Errno::LOOP => Class::Loop,
        Errno::NAMETOOLONG => Class::NameTooLong,
        Errno::INVAL => Class::Invalid,
        Errno::ILSEQ => Class::IllegalBytes,
        Errno::NOTEMPTY => Class::NotEmpty,
        Errno::BUSY | Errno::AGAIN | Errno::INTR => Class::Busy,
        Errno::XDEV => Class::CrossDevice,
        Errno::NOSPC => Class::NoSpace,
        Errno::DQUOT => Class::Quota,
        Errno::ROFS => Class::ReadOnly,
        Errno::FBIG | Errno::OVERFLOW => Class::TooLarge,
        Errno::MLINK => Class::TooManyLinks,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => Class::TooManyOpen,
        Errno::TXTBSY => Class::TextBusy,
        Errno::NOSYS | Errno::OPNOTSUPP => Class::Unsupported,
        Errno::NXIO | Errno::NODEV => Class::NotFileOrDirectory,
        _ => Class::Io,
    }
}

/// A path as an error shows it: quoted, control characters escaped, bounded.
pub(crate) fn shown(path: &str) -> String {
    let cut: String = path.chars().take(SHOWN_CHARS_MAX).collect();
    if cut.len() < path.len() {
        format!("{cut:?}…")
    } else {
        format!("{cut:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_errors_keep_their_number_and_have_a_class() {
        let error = OsError::os("open", "a\nb", Errno::NOSPC);
        assert_eq!(error.errno(), Some(Errno::NOSPC.raw_os_error()));
        assert_eq!(error.class(), Class::NoSpace);
        assert!(
            error.to_string().starts_with(r#"cannot open "a\nb": "#),
            "{error}"
        );
        for (errno, class) in [
            (Errno::NOENT, Class::NoEntry),
            (Errno::XDEV, Class::CrossDevice),
            (Errno::LOOP, Class::Loop),
            (Errno::NOTEMPTY, Class::NotEmpty),
            (Errno::DQUOT, Class::Quota),
            (Errno::MFILE, Class::TooManyOpen),
            (Errno::IO, Class::Io),
        ] {
            assert_eq!(OsError::os("open", "a", errno).class(), class);
        }
        assert_eq!(OsError::outside("..").errno(), None);
    }

    #[test]
    fn a_message_repeats_a_bounded_part_of_a_path() {
        assert!(
            OsError::outside(&"é".repeat(5000))
                .to_string()
                .chars()
                .count()
                < 300
        );
    }
}
