//! What a reviewer is shown of a ledger: a page of its own, and events in the formats of others.
//!
//! Pure: it takes receipts, calls and changes that somebody else has read, and gives text. Everything that a
//! plugin said is escaped here.

mod html;
mod levels;
mod ocsf;
mod otel;
mod targets;

pub use html::{Checked, GrantLine, Proof, STORE, SessionProof, html};
pub use levels::Seat;
pub use ocsf::ocsf;
pub use otel::otel;

use tollgate_receipts::{CallRecord, ChangeRecord, Receipt};

/// What there is to tell, in the order in which it happened.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The receipts.
    pub receipts: Vec<Receipt>,
    /// The calls that have ended.
    pub calls: Vec<Of<CallRecord>>,
    /// Changes of authority and of sessions.
    pub changes: Vec<Of<ChangeRecord>>,
}

/// A record and the place of its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Of<R> {
    /// The session in whose chain it stands.
    pub session: String,
    /// Its sequence in the chain.
    pub seq: u64,
    /// The record.
    pub record: R,
}
