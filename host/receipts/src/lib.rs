//! What was done: entries, the receipts that they fold to, and the chain that makes an omission visible.
mod entry;
mod ledger;
pub use entry::*;
pub use ledger::{Ledger, LedgerError, Ticket};

/// The most bytes of a target that an entry shows; the rest is in its keyed hash.
pub const TARGET_BYTES_MAX: usize = 1024;
