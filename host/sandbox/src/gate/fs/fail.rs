//! Failures of file operations, in the record's words and in the guest's.

use super::os::{Class, OsError};
use crate::gate::permit::Refused;
use tollgate_grants::Reason;
use wasmtime_wasi::p2::FsError;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

/// Why a file operation gave nothing.
#[derive(Debug)]
pub(super) enum Fail {
    /// The gate refused; the receipt is written.
    Refused,
    /// The system failed; the outcome is written.
    Os(OsError),
}

impl From<Refused> for Fail {
    fn from(_: Refused) -> Self {
        Self::Refused
    }
}

impl From<Fail> for FsError {
    fn from(fail: Fail) -> Self {
        match fail {
            Fail::Refused => ErrorCode::NotPermitted.into(),
            Fail::Os(error) => code(error.class()).into(),
        }
    }
}

/// The reason for which the gate refuses what the lookup found, if it is the gate's to refuse.
pub(super) fn refusal(error: &OsError) -> Option<Reason> {
    match error.class() {
        Class::Outside => Some(Reason::OutsideMounts),
        Class::Protected => Some(Reason::Protected),
        Class::NotFileOrDirectory => Some(Reason::NotAFileOrDirectory),
        Class::Unsupported if matches!(error, OsError::Unsupported { .. }) => {
            Some(Reason::Unsupported)
        }
        _ => None,
    }
}

/// The label of an observed failure.
pub(super) fn label(error: &OsError) -> &'static str {
    match error.class() {
        Class::NoEntry => "no-entry",
        Class::Access => "access",
        Class::NotPermitted => "not-permitted",
        // Refused by the gate after the intent: for a rename only the lookup of what it carries shows it.
        Class::Outside => "outside-mounts",
        Class::Protected => "protected",
        Class::Exist => "exist",
        Class::NotDirectory => "not-directory",
        Class::IsDirectory => "is-directory",
        Class::Loop => "loop",
        Class::NameTooLong => "name-too-long",
        Class::Invalid => "invalid",
        Class::IllegalBytes => "illegal-byte-sequence",
        Class::NotEmpty => "not-empty",
        Class::Busy => "busy",
        Class::CrossDevice => "cross-device",
        Class::NoSpace => "insufficient-space",
        Class::Quota => "quota",
        Class::ReadOnly => "read-only",
        Class::TooLarge => "file-too-large",
        Class::TooManyLinks => "too-many-links",
        Class::TooManyOpen => "insufficient-memory",
        Class::TextBusy => "text-file-busy",
        Class::Unsupported => "unsupported",
        Class::NotFileOrDirectory => "no-such-device",
        Class::Limit => "limit",
        Class::Io => "io",
    }
}

fn code(class: Class) -> ErrorCode {
    match class {
        Class::NoEntry => ErrorCode::NoEntry,
        Class::Access => ErrorCode::Access,
        Class::NotPermitted | Class::Outside | Class::Protected => ErrorCode::NotPermitted,
        Class::Exist => ErrorCode::Exist,
        Class::NotDirectory => ErrorCode::NotDirectory,
        Class::IsDirectory => ErrorCode::IsDirectory,
        Class::Loop => ErrorCode::Loop,
        Class::NameTooLong => ErrorCode::NameTooLong,
        Class::Invalid => ErrorCode::Invalid,
        Class::IllegalBytes => ErrorCode::IllegalByteSequence,
        Class::NotEmpty => ErrorCode::NotEmpty,
        Class::Busy | Class::Limit => ErrorCode::Busy,
        Class::CrossDevice => ErrorCode::CrossDevice,
        Class::NoSpace => ErrorCode::InsufficientSpace,
        Class::Quota => ErrorCode::Quota,
        Class::ReadOnly => ErrorCode::ReadOnly,
        Class::TooLarge => ErrorCode::FileTooLarge,
        Class::TooManyLinks => ErrorCode::TooManyLinks,
        Class::TooManyOpen => ErrorCode::InsufficientMemory,
        Class::TextBusy => ErrorCode::TextFileBusy,
        Class::Unsupported => ErrorCode::Unsupported,
        Class::NotFileOrDirectory => ErrorCode::NoSuchDevice,
        Class::Io => ErrorCode::Io,
    }
}
