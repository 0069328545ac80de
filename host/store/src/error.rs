//! Why the store did not do something.

use std::path::{Path, PathBuf};
use tollgate_receipts::LedgerError;

/// Why the store did not do something. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no room on the disk.
    #[error("the disk of the store is full: {0}")]
    DiskFull(String),
    /// It cannot be read or written now: read-only, I/O error, busy for too long, closed.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A newer version wrote it: it can be read, not written.
    #[error(
        "the store has format {found} and this version writes up to {known}: update tollgate to change anything"
    )]
    NewerFormat {
        /// The format in the store.
        found: u32,
        /// The newest format that this version writes.
        known: u32,
    },
    /// The file system or SQLite does not keep what durability needs.
    #[error("the store cannot promise durability: {0}")]
    NotDurable(String),
    /// A file or directory of the store cannot be made or kept private.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A bound or a rule of what is stored.
    #[error("the store refused it: {0}")]
    Refused(String),
    /// The name is in use.
    #[error(
        "the name {name:?} belongs to plugin {owner:?}: choose another, or remove that plugin first"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// Whose it is.
        owner: String,
    },
    /// There is no such thing.
    #[error("there is no {what} {name:?}")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its name or id.
        name: String,
    },
    /// What is stored cannot be read.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

impl StoreError {
    pub(crate) fn file(path: &Path, problem: impl std::fmt::Display) -> Self {
        Self::File {
            path: path.to_owned(),
            problem: problem.to_string(),
        }
    }

    pub(crate) fn not_found(what: &'static str, name: &str) -> Self {
        Self::NotFound {
            what,
            name: tollgate_receipts::clip(name, 256),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(error.to_string())
            }
            Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig) => {
                Self::Refused(error.to_string())
            }
            Some(ErrorCode::DiskFull) => Self::DiskFull(error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Unavailable(
                format!("another program keeps it locked ({error}): end that program"),
            ),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(why) => Self::Refused(why),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// An integer of the store as the caller's type; what does not fit was never written by us.
pub(crate) fn from_sql<T: TryFrom<i64>>(value: i64) -> rusqlite::Result<T> {
    T::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, value))
}

/// An integer as SQLite stores it.
pub(crate) fn to_sql(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Refused(format!("{value} is too large to store")))
}
