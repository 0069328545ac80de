//! What was done: entries, the receipts that they fold to, and the chain that makes an omission
//! visible.
//!
//! A producer makes a [`Draft`]; [`Draft::encode`] bounds it and turns it into bytes; the store
//! [`seal`]s them with the session's next sequence and the leaf hash of the session's previous entry.
//! A reader [`decode`]s stored bytes, [`fold`]s entries into [`Receipt`]s and checks a session with
//! [`verify_chain`].
//!
//! Invariants: this crate does no I/O and depends on nothing of ours, so a verifier can be built
//! from it alone; stored bytes are never re-serialised to be verified; nothing a component chose can
//! make an effect unrecordable, because free text is clipped rather than refused.
#[cfg(test)]
mod arbitrary;
mod body;
mod chain;
mod cores;
mod decode;
mod encode;
mod entry;
pub mod export;
mod fold;
mod glance;
mod id;
mod labels;
mod ledger;
pub mod log;
mod pack;
mod redact;
#[cfg(feature = "schema")]
mod schema;

pub use chain::{Anchor, ChainError, ChainHead, Segment, named, verify_chain};
pub use decode::{DecodeError, Entry, decode};
pub use encode::{
    BODY_BYTES_MAX, EncodeError, Encoded, GENESIS_HASH, HASH_BYTES, ID_BYTES_MAX, Mark, seal,
    seal_to,
};
pub use entry::*;
pub use fold::{FoldFault, Folded, Observed, Receipt, Standing, fold};
pub use glance::Indexed;
pub use id::receipt_id;
pub use labels::UnknownLabel;
pub use ledger::{Ledger, LedgerError, Ticket};
pub use pack::pack;
pub use redact::{SESSION_KEY_BYTES, SessionKey, clip, escape};
#[cfg(feature = "schema")]
pub use schema::entry_schema;

/// The most bytes of a target that an entry shows; the rest is in its keyed hash.
pub const TARGET_BYTES_MAX: usize = 1024;
