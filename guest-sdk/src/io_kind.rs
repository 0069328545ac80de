//! Kinds of file errors, the same inside a component as outside.
//!
//! The standard library's table for WASI leaves many errors without a kind, so a program that asks for
//! `DirectoryNotEmpty` works natively and fails in a component. This fills the gap.

use std::io::{Error, ErrorKind};

/// The path is below no mount, and the C library of the guest said so without asking the host
/// (`notcapable`).
const NOT_CAPABLE: i32 = 76;

/// The kind of an error of the file system.
///
/// Use it in the place of [`Error::kind`] for anything but `NotFound` and `AlreadyExists`.
pub fn io_kind(error: &Error) -> ErrorKind {
    let known = match error.raw_os_error() {
        Some(errno) if cfg!(target_family = "wasm") => wasi_kind(errno),
        _ => None,
    };
    known.unwrap_or_else(|| error.kind())
}

/// Whether the path is below no mount. The gate has not been asked then, so there is no refusal.
pub(crate) fn is_outside_mounts(error: &Error) -> bool {
    cfg!(target_family = "wasm") && error.raw_os_error() == Some(NOT_CAPABLE)
}

/// The kind of an `errno` of WASI 0.1 (`wasi_snapshot_preview1`, type `errno`), which wasi-libc uses in
/// components too.
fn wasi_kind(errno: i32) -> Option<ErrorKind> {
    Some(match errno {
        2 | 63 | NOT_CAPABLE => ErrorKind::PermissionDenied,
        19 => ErrorKind::QuotaExceeded,
        20 => ErrorKind::AlreadyExists,
        22 => ErrorKind::FileTooLarge,
        31 => ErrorKind::IsADirectory,
        37 => ErrorKind::InvalidFilename,
        44 => ErrorKind::NotFound,
        51 => ErrorKind::StorageFull,
        54 => ErrorKind::NotADirectory,
        55 => ErrorKind::DirectoryNotEmpty,
        69 => ErrorKind::ReadOnlyFilesystem,
        75 => ErrorKind::CrossesDevices,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_a_component_the_standard_library_knows() {
        let missing = std::fs::read("/does/not/exist").unwrap_err();
        assert_eq!(io_kind(&missing), ErrorKind::NotFound);
        // 55 is something else on this system.
        let other = Error::from_raw_os_error(55);
        assert_eq!(io_kind(&other), other.kind());
    }

    #[test]
    fn the_errors_that_tools_tell_apart_have_kinds() {
        assert_eq!(wasi_kind(55), Some(ErrorKind::DirectoryNotEmpty));
        assert_eq!(wasi_kind(69), Some(ErrorKind::ReadOnlyFilesystem));
        assert_eq!(wasi_kind(0), None);
    }
}
