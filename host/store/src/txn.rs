//! A transaction of the writer, and appending to the ledger inside it.
//!
//! Invariant: index, sequence and previous hash are assigned here, inside the transaction, from what is
//! stored. What is remembered of it in memory is thrown away when another process has written
//! (`PRAGMA data_version`) and when anything was rolled back.

use crate::StoreError;
use crate::error::{from_sql, to_sql};
use crate::format::{STORE_FORMAT, format_of};
use crate::tiles;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use std::collections::HashMap;
use tollgate_receipts::log::{Hash, TILE_LEAVES, leaf_hash};
use tollgate_receipts::{ChangeRecord, Draft, Encoded, GENESIS_HASH, Mark, Record, seal_to};

/// Entries of a tile of the tree.
const TILE_ROWS: i64 = TILE_LEAVES.cast_signed();
/// How many sessions' ends are remembered.
const HEADS_MAX: usize = 4096;

pub(crate) const INSERT: &str =
    "INSERT INTO ledger (idx, session, seq, receipt, call, time_us, mark, bytes)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
pub(crate) const INSERT_ITEM: &str =
    "INSERT OR IGNORE INTO ledger_items (receipt, idx) VALUES (?1, ?2)";
pub(crate) const INSERT_SESSION: &str = "INSERT INTO ledger_sessions (name) VALUES (?1)";
const LAST_OF_SESSION: &str =
    "SELECT seq, bytes FROM ledger WHERE session = ?1 ORDER BY seq DESC LIMIT 1";

/// The ends of the log and of its chains, as far as known.
#[derive(Default)]
pub(crate) struct Heads {
    next_idx: Option<i64>,
    sessions: HashMap<String, Head, foldhash::fast::RandomState>,
    /// The last leaf hashes up to `next_idx`, which will be a tile.
    leaves: Vec<Hash>,
    data_version: Option<i64>,
    /// The entry that is being stored.
    sealed: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Head {
    id: i64,
    seq: u64,
    /// How the next entry names the last one.
    hash: Hash,
}

/// An open transaction.
pub(crate) struct Txn<'a> {
    connection: &'a Connection,
    heads: &'a mut Heads,
    /// Made for the first entry and kept for the others.
    insert: Option<CachedStatement<'a>>,
}

impl Heads {
    /// Something was rolled back: what is remembered may never have been.
    pub(crate) fn forget(&mut self) {
        self.next_idx = None;
        self.sessions.clear();
        self.leaves.clear();
    }

    /// Forgets if another process has written, and refuses if it was a newer version.
    fn refresh(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let version: i64 = connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        if self.data_version != Some(version) {
            let found = format_of(connection)?;
            if found != STORE_FORMAT {
                return Err(StoreError::NewerFormat {
                    found,
                    known: STORE_FORMAT,
                });
            }
            self.forget();
            self.data_version = Some(version);
        }
        Ok(())
    }
}

impl<'a> Txn<'a> {
    /// Goes on in the transaction that was just begun on `connection`.
    pub(crate) fn begun(
        connection: &'a Connection,
        heads: &'a mut Heads,
    ) -> Result<Self, StoreError> {
        heads.refresh(connection)?;
        Ok(Self {
            connection,
            heads,
            insert: None,
        })
    }

    pub(crate) fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// Appends to the ledger.
    pub(crate) fn append(&mut self, entry: &Encoded) -> Result<(), StoreError> {
        let idx = self.next_idx()?;
        let head = self.head(&entry.session)?;
        let seq = head.seq + 1;
        let sealed = &mut self.heads.sealed;
        sealed.clear();
        seal_to(sealed, &entry.session, seq, &head.hash, &entry.body);
        let insert = match &mut self.insert {
            Some(insert) => insert,
            none => none.insert(self.connection.prepare_cached(INSERT)?),
        };
        insert.execute(params![
            idx,
            head.id,
            to_sql(seq)?,
            entry.receipt,
            entry.call,
            entry.time_us,
            mark_number(entry.mark),
            &**sealed,
        ])?;
        for receipt in &entry.items {
            self.connection
                .prepare_cached(INSERT_ITEM)?
                .execute(params![receipt, idx])?;
        }
        let hash = leaf_hash(sealed);
        self.heads.leaves.push(hash);
        self.heads.next_idx = Some(idx + 1);
        if (idx + 1) % TILE_ROWS == 0 {
            tiles::complete(self.connection, from_sql(idx)?, &self.heads.leaves)?;
            self.heads.leaves.clear();
        }
        if let Some(head) = self.heads.sessions.get_mut(&entry.session) {
            head.seq = seq;
            head.hash = hash;
        }
        Ok(())
    }

    /// Appends a change to a session's chain.
    pub(crate) fn record_change(
        &mut self,
        session: &str,
        change: ChangeRecord,
    ) -> Result<(), StoreError> {
        let draft = Draft {
            session: session.to_owned(),
            record: Record::Change(change),
        };
        let entry = draft
            .encode()
            .map_err(|error| StoreError::Refused(error.to_string()))?;
        self.append(&entry)
    }

    /// Raises the grants generation, so that every cached authority is thrown away.
    pub(crate) fn raise_generation(&mut self) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE authority SET generation = generation + 1")?
            .execute([])?;
        Ok(())
    }

    /// Runs `work`; takes back what it did if it returns false. An error is for the whole transaction.
    pub(crate) fn nested(
        &mut self,
        work: impl FnOnce(&mut Self) -> bool,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("SAVEPOINT change")?
            .execute([])?;
        let keep = work(self);
        if self.connection.is_autocommit() {
            // A full disk can end a transaction by itself; what came before in it is gone as well.
            return Err(StoreError::Unavailable(
                "the transaction was rolled back, as when the disk is full".into(),
            ));
        }
        if !keep {
            self.connection
                .prepare_cached("ROLLBACK TO change")?
                .execute([])?;
            self.heads.forget();
        }
        self.connection
            .prepare_cached("RELEASE change")?
            .execute([])?;
        Ok(())
    }

    fn next_idx(&mut self) -> Result<i64, StoreError> {
        if let Some(idx) = self.heads.next_idx {
            return Ok(idx);
        }
        to_sql(tiles::size(self.connection)?)
    }

    fn head(&mut self, session: &str) -> Result<Head, StoreError> {
        if let Some(head) = self.heads.sessions.get(session) {
            return Ok(*head);
        }
        let head = self.stored_head(session)?;
        if self.heads.sessions.len() >= HEADS_MAX {
            self.heads.sessions.clear();
        }
        self.heads.sessions.insert(session.to_owned(), head);
        Ok(head)
    }

    fn stored_head(&self, session: &str) -> Result<Head, StoreError> {
        let id: Option<i64> = self
            .connection
            .prepare_cached("SELECT id FROM ledger_sessions WHERE name = ?1")?
            .query_row([session], |row| row.get(0))
            .optional()?;
        let Some(id) = id else {
            self.connection
                .prepare_cached(INSERT_SESSION)?
                .execute([session])?;
            return Ok(Head {
                id: self.connection.last_insert_rowid(),
                seq: 0,
                hash: GENESIS_HASH,
            });
        };
        let last = self
            .connection
            .prepare_cached(LAST_OF_SESSION)?
            .query_row([id], |row| {
                let hash = leaf_hash(row.get_ref(1)?.as_blob()?);
                Ok((from_sql(row.get(0)?)?, hash))
            })
            .optional()?;
        let (seq, hash) = match last {
            Some(last) => last,
            None => pruned_head(self.connection, id)?.unwrap_or((0, GENESIS_HASH)),
        };
        Ok(Head { id, seq, hash })
    }
}

/// Where the chain of a session goes on whose bodies were removed: the sequence of the last of those, and how the
/// next entry names it.
pub(crate) fn pruned_head(
    connection: &Connection,
    session: i64,
) -> Result<Option<(u64, Hash)>, StoreError> {
    let kept = connection
        .prepare_cached("SELECT seq, hash FROM ledger_pruned WHERE session = ?1")?
        .query_row([session], |row| Ok((from_sql(row.get(0)?)?, row.get(1)?)))
        .optional()?;
    Ok(kept)
}

/// Keeps what [`pruned_head`] gives.
pub(crate) fn put_pruned(
    connection: &Connection,
    session: i64,
    (seq, hash): (u64, Hash),
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO ledger_pruned (session, seq, hash) VALUES (?1, ?2, ?3)
             ON CONFLICT (session) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
        )?
        .execute(params![session, to_sql(seq)?, hash])?;
    Ok(())
}

/// How `ledger.mark` stores a mark.
pub(crate) const fn mark_number(mark: Mark) -> i64 {
    match mark {
        Mark::Plain => 0,
        Mark::Intent => 1,
        Mark::Indeterminate => 2,
        Mark::Outcome => 3,
    }
}
