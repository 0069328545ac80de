//! The store as a ledger.

use crate::Store;
use crate::progress::block_on;
use std::future::Future;
use std::pin::Pin;
use tollgate_receipts::{Draft, Ledger, LedgerError, Ticket};

impl Ledger for Store {
    fn submit(&self, draft: Draft) -> Result<Ticket, LedgerError> {
        // The producer pays for the serialising; the writer only hashes and inserts.
        let entry = draft
            .encode()
            .map_err(|error| LedgerError::Refused(error.to_string()))?;
        Ok(self.writable()?.queue.append(entry)?)
    }

    fn durable<'a>(
        &'a self,
        tickets: &'a [Ticket],
    ) -> Pin<Box<dyn Future<Output = Result<(), LedgerError>> + Send + 'a>> {
        match self.writable() {
            Ok(shared) => {
                shared.want(tickets);
                Box::pin(shared.progress.wait(tickets))
            }
            Err(error) => Box::pin(std::future::ready(Err(error.into()))),
        }
    }
}

impl Store {
    /// Appends one entry and waits on this thread until it is durable. Not for async code.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] for an entry that breaks its format, [`LedgerError::Unavailable`] when
    /// the store cannot be written.
    pub fn append_blocking(&self, draft: Draft) -> Result<(), LedgerError> {
        let ticket = self.submit(draft)?;
        let shared = self.writable()?;
        shared.want(&[ticket]);
        block_on(shared.progress.wait(&[ticket]))
    }
}
