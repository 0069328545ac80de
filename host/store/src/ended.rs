//! Sessions that are over: those of which the ledger knows only a name, and the keys that are given up.

use crate::sessions::{execute, rows};
use crate::{Store, StoreError, now_us};
use rusqlite::params;
use tollgate_receipts::{ChangeRecord, HOST_SESSION};

impl Store {
    /// Deletes the key of a session's keyed hashes: what they stand for can no longer be told, not even
    /// guessed and compared. The entries stay, and the ledger verifies as before. False if the ledger
    /// knows no such session.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if the session may still be used; another if the store cannot be written.
    pub fn forget(&self, session: &str, who: &str) -> Result<bool, StoreError> {
        let change = ChangeRecord {
            time_us: now_us(),
            who: who.to_owned(),
            what: "session.forget".to_owned(),
            object: session.to_owned(),
            detail: "the key of its keyed hashes".to_owned(),
        };
        let named = session.to_owned();
        let known = self.change(move |txn| {
            let connection = txn.connection();
            let lives = "SELECT count(*) FROM sessions WHERE id = ?1 AND removed = 0";
            let lives: i64 = connection.query_row(lives, [&named], |row| row.get(0))?;
            if lives > 0 {
                return Err(StoreError::Refused(format!(
                    "session {named} is not removed, and its key is still in use"
                )));
            }
            let known = "SELECT count(*) FROM ledger_sessions WHERE name = ?1";
            let known: i64 = connection.query_row(known, [&named], |row| row.get(0))?;
            if known == 0 || named == HOST_SESSION {
                return Ok(false);
            }
            execute(
                txn,
                "INSERT OR IGNORE INTO session_keys_to_delete (session) VALUES (?1)",
                params![named],
            )?;
            txn.record_change(&named, change)?;
            Ok(true)
        })?;
        if known {
            self.delete_keys_waiting(Some(session))?;
        }
        Ok(known)
    }

    /// Says in the ledger that a session which is only a name there is over. False if the ledger knows no such
    /// session, or if it is one that is stored and tells of its own end.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written.
    pub fn end_named(&self, session: &str) -> Result<bool, StoreError> {
        let change = ChangeRecord {
            time_us: now_us(),
            who: HOST_SESSION.to_owned(),
            what: "session.stopped".to_owned(),
            object: session.to_owned(),
            detail: String::new(),
        };
        let named = session.to_owned();
        self.change(move |txn| {
            let known = "SELECT count(*) FROM ledger_sessions WHERE name = ?1
                         AND NOT EXISTS (SELECT 1 FROM sessions WHERE id = ?1)";
            let known: i64 = txn
                .connection()
                .query_row(known, [&named], |row| row.get(0))?;
            if known == 0 || named == HOST_SESSION {
                return Ok(false);
            }
            txn.record_change(&named, change)?;
            Ok(true)
        })
    }

    /// Deletes the key files that a transaction has given up; all of them, or of one session.
    pub(crate) fn delete_keys_waiting(&self, session: Option<&str>) -> Result<(), StoreError> {
        let session = session.map(str::to_owned);
        let waiting: Vec<String> = self.readers.read(|connection| {
            rows(
                connection,
                "SELECT session FROM session_keys_to_delete WHERE ?1 IS NULL OR session = ?1",
                params![session],
                |row| row.get(0),
            )
        })?;
        for session in waiting {
            self.keys.delete(&session)?;
            self.change(move |txn| {
                execute(
                    txn,
                    "DELETE FROM session_keys_to_delete WHERE session = ?1",
                    params![session],
                )
            })?;
        }
        Ok(())
    }
}
