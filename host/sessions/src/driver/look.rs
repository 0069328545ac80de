//! Looking: status, list, events, transcript. A lost owner is settled before anything is shown.

use super::open::Standing;
use super::{Driver, DriverError};
use crate::ports::{FIRST_ENTRY, SessionRow, StoreError, StoredEvent};
use crate::record::{Listed, SessionRecord};
use crate::status::Status;
use crate::transcript::{Conversation, Entry, parse};
use tollgate_contract::SessionId;

/// Sessions read at a time.
const PAGE_SESSIONS: usize = 128;
/// Transcript entries read at a time.
const PAGE_ENTRIES: usize = 64;

impl Driver {
    /// A session as it stands now. If its owner is gone this is found out here, and what it left is
    /// settled first.
    pub async fn status(&self, session: &SessionId) -> Result<SessionRecord, DriverError> {
        let row = self.store.row(session)?;
        self.look(&row).await
    }

    /// Every session but the removed ones, by id.
    pub async fn list(&self) -> Result<Vec<Listed>, DriverError> {
        let mut listed = Vec::new();
        let mut after: Option<SessionId> = None;
        loop {
            let rows = self.store.list(after.as_ref(), PAGE_SESSIONS)?;
            for row in &rows {
                match self.look(row).await {
                    Ok(record) if record.status == Status::Removed => {}
                    Ok(record) => listed.push(Listed::Session {
                        session: Box::new(record),
                    }),
                    Err(
                        error @ (DriverError::Event { .. }
                        | DriverError::Corrupt { .. }
                        | DriverError::Defect { .. }),
                    ) => listed.push(Listed::Unreadable {
                        id: row.session.to_string(),
                        why: error.to_string(),
                    }),
                    Err(error) => return Err(error),
                }
            }
            match rows.last() {
                Some(last) if rows.len() == PAGE_SESSIONS => after = Some(last.session.clone()),
                _ => return Ok(listed),
            }
        }
    }

    async fn look(&self, row: &SessionRow) -> Result<SessionRecord, DriverError> {
        let state = self.fold(row)?;
        let lost = matches!(self.standing(&state, &row.lease), Standing::Lost { .. });
        // With an effect open it waits for an operator, and no taker could go on with it.
        let taken =
            Self::waits_for_taker(&state) && self.store.open_intents(&row.session, 1)?.is_empty();
        if !lost || taken {
            return Ok(SessionRecord::new(&state, &row.lease));
        }
        match self.open(&row.session).await {
            Ok(Some(seat)) => self.let_go(seat),
            // Somebody else has it now, or it cannot be written: show it as it is.
            Ok(None)
            | Err(DriverError::InUse { .. } | DriverError::Store(StoreError::NewerFormat { .. })) =>
            {
                let (state, lease) = self.peek(&row.session)?;
                Ok(SessionRecord::new(&state, &lease))
            }
            Err(error) => Err(error),
        }
    }

    /// At most `limit` events of a session from sequence `from` on, as they are stored.
    pub fn events(
        &self,
        session: &SessionId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, DriverError> {
        self.store.row(session)?;
        Ok(self.store.load(session, from, limit)?)
    }

    /// The whole transcript of the session's present generation, for its owner.
    pub fn transcript(&self, session: &SessionId) -> Result<Vec<Entry>, DriverError> {
        let (state, _) = self.peek(session)?;
        let mut entries = Vec::new();
        self.each_entry(session, state.generation, |entry| entries.push(entry))?;
        Ok(entries)
    }

    /// The conversation of one generation.
    pub(super) fn conversation(
        &self,
        session: &SessionId,
        generation: u64,
    ) -> Result<Conversation, DriverError> {
        let mut conversation = Conversation::default();
        self.each_entry(session, generation, |entry| conversation.push(&entry))?;
        Ok(conversation)
    }

    fn each_entry(
        &self,
        session: &SessionId,
        generation: u64,
        mut take: impl FnMut(Entry),
    ) -> Result<(), DriverError> {
        let mut from = FIRST_ENTRY;
        loop {
            let page = self
                .store
                .transcript(session, generation, from, PAGE_ENTRIES)?;
            for stored in &page {
                let entry = parse(stored).map_err(|source| DriverError::Transcript {
                    session: session.clone(),
                    source,
                })?;
                take(entry);
                from = stored.n.saturating_add(1);
            }
            if page.len() < PAGE_ENTRIES {
                return Ok(());
            }
        }
    }
}
