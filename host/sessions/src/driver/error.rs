//! Why the driver did not do it.

use crate::event::EventError;
use crate::machine::{Corrupt, Refusal};
use crate::ports::StoreError;
use crate::transcript::TranscriptError;
use tollgate_contract::{IdError, SessionId};
use tollgate_receipts::LedgerError;

/// An error of the driver. Unless it says otherwise nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The command is not legal now (exit code 2).
    #[error(transparent)]
    Refused(#[from] Box<Refusal>),
    /// Another process is changing the session at this moment.
    #[error(
        "session {session} is in use by another process; wait for it, or end it with `tollgate agent stop {session}`"
    )]
    InUse {
        /// The session.
        session: SessionId,
    },
    /// The ledger has heard another word on the effect (exit code 2).
    #[error("receipt {receipt} was resolved already: {detail}")]
    AlreadyResolved {
        /// The receipt.
        receipt: String,
        /// The word that stands, and whose it is.
        detail: String,
    },
    /// Nothing would be made again, or too much (exit code 2).
    #[error("the effect of receipt {receipt} cannot be performed again: {why}")]
    NotRepeatable {
        /// The receipt.
        receipt: String,
        /// Why.
        why: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger. Entries may have been written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An event cannot be read.
    #[error("session {session} cannot be used: {source}")]
    Event {
        /// The session.
        session: SessionId,
        /// What is wrong.
        source: EventError,
    },
    /// The log contradicts itself.
    #[error("session {session} cannot be used: {source}")]
    Corrupt {
        /// The session.
        session: SessionId,
        /// What is wrong.
        source: Corrupt,
    },
    /// The transcript cannot be read.
    #[error("session {session} cannot be used: {source}")]
    Transcript {
        /// The session.
        session: SessionId,
        /// What is wrong.
        source: TranscriptError,
    },
    /// An identifier was refused.
    #[error(transparent)]
    Id(#[from] IdError),
    /// What was about to be written breaks an invariant: a defect of this program.
    #[error("nothing was written to session {session}, because the result would be wrong: {what}")]
    Defect {
        /// The session.
        session: SessionId,
        /// Which invariant.
        what: String,
    },
}
