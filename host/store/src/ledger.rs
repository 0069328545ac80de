//! The store as a ledger.

use crate::Store;
use crate::progress::block_on;
use std::future::Future;
use std::pin::Pin;
use tollgate_receipts::{Draft, Ledger, LedgerError, Ticket};

impl Ledger for Store {
    fn submit(&self, draft: Draft) -> Result<Ticket, LedgerError> {
        // The producer pays for the serialising; the writer only hashes and inserts.
        let shared = self.writable()?.shared();
        let entry = draft
            .encode_in(shared.buffers.take())
            .map_err(|error| LedgerError::Refused(error.to_string()))?;
        Ok(shared.queue.append(entry)?)
    }

    fn durable<'a>(
        &'a self,
        tickets: &'a [Ticket],
    ) -> Pin<Box<dyn Future<Output = Result<(), LedgerError>> + Send + 'a>> {
        match self.writable() {
            Ok(desk) => {
                let shared = desk.shared();
                shared.want(tickets);
                Box::pin(shared.progress.wait(tickets))
            }
            Err(error) => Box::pin(std::future::ready(Err(error.into()))),
        }
    }

    fn hurry(&self, tickets: &[Ticket]) {
        if let Ok(desk) = self.writable() {
            desk.shared().want(tickets);
        }
    }

    fn write_now(&self, tickets: &[Ticket]) {
        if let Ok(desk) = self.writable()
            && !desk.shared().progress.all_finished(tickets)
        {
            desk.write_now();
        }
    }

    fn durable_here(&self, tickets: &[Ticket]) -> Result<(), LedgerError> {
        let desk = self.writable()?;
        if !desk.shared().progress.all_finished(tickets) {
            desk.write_here();
        }
        block_on(desk.shared().progress.wait(tickets))
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
        self.durable_here(&[ticket])
    }
}
