//! The ledger as its producers see it.

use crate::Draft;
use std::future::Future;
use std::pin::Pin;

/// The place of one entry in this process's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Why the ledger did not take or keep an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The entry breaks a bound of its format.
    #[error("the entry was refused: {0}")]
    Refused(String),
    /// The store cannot be written now.
    #[error("the ledger cannot be written: {0}")]
    Unavailable(String),
}

/// An append-only log of entries.
///
/// Guarantees: entries of one process are stored in the order of their tickets; a commit that
/// contains a ticket contains every earlier ticket of the process that did not fail.
pub trait Ledger: Send + Sync {
    /// Queues one entry and returns at once.
    fn submit(&self, draft: Draft) -> Result<Ticket, LedgerError>;

    /// Resolves when every one of `tickets` is durable, or with the first failure among them.
    fn durable<'a>(
        &'a self,
        tickets: &'a [Ticket],
    ) -> Pin<Box<dyn Future<Output = Result<(), LedgerError>> + Send + 'a>>;

    /// Begins to make `tickets` durable, elsewhere: somebody will wait for them soon. Returns at once.
    fn hurry(&self, tickets: &[Ticket]);

    /// Makes `tickets` durable on this thread if nobody else is writing; otherwise does nothing. Blocks
    /// for as long as a commit takes. [`Ledger::durable`] then tells what came of it.
    fn write_now(&self, tickets: &[Ticket]);

    /// [`Ledger::durable`] on this thread, which may do the writing. Not for async code.
    ///
    /// # Errors
    ///
    /// The first failure among the tickets.
    fn durable_here(&self, tickets: &[Ticket]) -> Result<(), LedgerError>;
}
