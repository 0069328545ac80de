//! Reading the ledger: entries as they are stored, receipts as they fold, open intents.
//!
//! Only what has an index is found by it (session, receipt, call); everything else is a filter over
//! entries that were read, so a query costs what it reads.

use crate::error::{from_sql, to_sql};
use crate::txn::{mark_number, pruned_head};
use crate::{Store, StoreError};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashSet;
use tollgate_receipts::{
    ChainError, ChainHead, Entry, FoldFault, Mark, Receipt, Record, Verdict, decode, fold,
};

/// The most entries or receipts that one query gives.
pub const QUERY_ROWS_MAX: usize = 10_000;

/// One entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Index of the leaf in the host's log, from 0.
    pub idx: u64,
    /// The leaf: the exact bytes, which [`decode`] reads.
    pub bytes: Vec<u8>,
}

/// Which receipts. Everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceiptFilter {
    /// Of this session.
    pub session: Option<String>,
    /// Of this run.
    pub run: Option<String>,
    /// Of this call.
    pub call: Option<String>,
    /// Of the plugin with this name.
    pub plugin: Option<String>,
    /// Of this kind, or of a kind below it: `fs` finds `fs.open.read`.
    pub kind: Option<String>,
    /// Decided so.
    pub decision: Option<Verdict>,
    /// Opened at or after this index.
    pub since_idx: Option<u64>,
    /// Opened before this index.
    pub before_idx: Option<u64>,
    /// The newest first.
    pub newest_first: bool,
    /// At most so many; [`QUERY_ROWS_MAX`] is the bound and what 0 stands for.
    pub limit: usize,
}

/// A receipt and where it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedReceipt {
    /// Index of the entry that opened it; several receipts of one read-set share it.
    pub idx: u64,
    /// The receipt.
    pub receipt: Receipt,
}

/// What a query for receipts gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceiptPage {
    /// The receipts, in the order that was asked for. A read-set is never split, so there may be some
    /// more than the limit.
    pub receipts: Vec<ListedReceipt>,
    /// Entries that contradict those before them; none in a ledger that nobody has touched.
    pub faults: Vec<FoldFault>,
    /// Whether the limit ended the list.
    pub more: bool,
}

/// An effect that was intended and has no final outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReceipt {
    /// The receipt as far as it is known.
    pub receipt: Receipt,
    /// Whether an `indeterminate` outcome is already written.
    pub indeterminate: bool,
}

/// Whose open intents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntentsOf<'a> {
    /// Of a session.
    Session(&'a str),
    /// Of a call.
    Call(&'a str),
}

/// The ledger, to be read.
pub struct Log<'a>(pub(crate) &'a Store);

impl Log<'_> {
    /// Number of entries in the ledger.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read; so of every method here.
    pub fn size(&self) -> Result<u64, StoreError> {
        self.0.readers.read(|connection| {
            let last: Option<u64> = connection
                .prepare_cached("SELECT max(idx) FROM ledger")?
                .query_row([], |row| {
                    row.get::<_, Option<i64>>(0)?.map(from_sql).transpose()
                })?;
            Ok(last.map_or(0, |last| last + 1))
        })
    }

    /// At most `limit` entries from index `from` on, for whoever follows the ledger. Empty at its end.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn follow(&self, from: u64, limit: usize) -> Result<Vec<StoredEntry>, StoreError> {
        self.entries(
            "SELECT idx, bytes FROM ledger WHERE idx >= ?1 ORDER BY idx LIMIT ?2",
            params![to_sql(from)?, rows_max(limit)],
        )
    }

    /// At most `limit` entries of a session from sequence `from` on, in the order of its chain.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn session(
        &self,
        session: &str,
        from: u64,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        self.entries(
            "SELECT idx, bytes FROM ledger
             WHERE session = (SELECT id FROM ledger_sessions WHERE name = ?1) AND seq >= ?2
             ORDER BY seq LIMIT ?3",
            params![session, to_sql(from)?, rows_max(limit)],
        )
    }

    /// At most `limit` entries of a call, in order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn call(&self, call: &str, limit: usize) -> Result<Vec<StoredEntry>, StoreError> {
        self.entries(
            "SELECT idx, bytes FROM ledger WHERE call = ?1 ORDER BY idx LIMIT ?2",
            params![call, rows_max(limit)],
        )
    }

    /// The end of a session's chain, for an export to anchor. Of an unknown session: the genesis.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn head(&self, session: &str) -> Result<ChainHead, StoreError> {
        self.0.readers.read(|connection| {
            let last = connection
                .prepare_cached(
                    "SELECT bytes FROM ledger
                     WHERE session = (SELECT id FROM ledger_sessions WHERE name = ?1)
                     ORDER BY seq DESC LIMIT 1",
                )?
                .query_row([session], |row| {
                    Ok(ChainHead::of(row.get_ref(0)?.as_blob()?))
                })
                .optional()?;
            match last {
                Some(last) => last.map_err(|error| StoreError::Damaged(error.to_string())),
                None => begin(connection, session),
            }
        })
    }

    /// The names of all sessions that have entries.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn sessions(&self) -> Result<Vec<String>, StoreError> {
        self.0.readers.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT name FROM ledger_sessions ORDER BY id")?;
            let names = statement.query_map([], |row| row.get(0))?;
            Ok(names.collect::<Result<_, _>>()?)
        })
    }

    /// Reads a session's whole chain and checks it; the inner error says what is wrong with it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn verify(&self, session: &str) -> Result<Result<ChainHead, ChainError>, StoreError> {
        self.0.readers.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT bytes FROM ledger
                 WHERE session = (SELECT id FROM ledger_sessions WHERE name = ?1) ORDER BY seq",
            )?;
            let mut rows = statement.query([session])?;
            let mut head = begin(connection, session)?;
            while let Some(row) = rows.next()? {
                let bytes = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
                if let Err(error) = head.pass(bytes) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(head))
        })
    }

    /// One receipt, or none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read, or an entry is of a newer schema.
    pub fn receipt(&self, id: &str) -> Result<Option<Receipt>, StoreError> {
        self.0.readers.read(|connection| {
            let entries = entries_of_receipt(connection, id)?;
            let receipts = fold(&entries).receipts;
            Ok(receipts.into_iter().find(|receipt| receipt.id == id))
        })
    }

    /// The receipts that `filter` asks for.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read, or an entry is of a newer schema.
    pub fn receipts(&self, filter: &ReceiptFilter) -> Result<ReceiptPage, StoreError> {
        self.0.readers.read(|connection| scan(connection, filter))
    }

    /// Effects that were intended and have no final outcome, oldest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read, or an entry is of a newer schema.
    pub fn open_intents(
        &self,
        of: IntentsOf<'_>,
        limit: usize,
    ) -> Result<Vec<OpenReceipt>, StoreError> {
        let (whose, value) = match of {
            IntentsOf::Session(id) => (
                "i.session = (SELECT id FROM ledger_sessions WHERE name = ?1)",
                id,
            ),
            IntentsOf::Call(id) => ("i.call = ?1", id),
        };
        let marked = |mark| {
            format!(
                "EXISTS (SELECT 1 FROM ledger o WHERE o.receipt = i.receipt
                 AND o.session = i.session AND o.mark = {})",
                mark_number(mark)
            )
        };
        let sql = format!(
            "SELECT i.bytes, {} FROM ledger i WHERE {whose} AND i.mark = {} AND NOT {}
             ORDER BY i.idx LIMIT ?2",
            marked(Mark::Indeterminate),
            mark_number(Mark::Intent),
            marked(Mark::Outcome),
        );
        self.0.readers.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![value, rows_max(limit)])?;
            let mut open = Vec::new();
            while let Some(row) = rows.next()? {
                let entry = entry(row, 0)?;
                let indeterminate = row.get(1)?;
                open.extend(
                    fold([&entry])
                        .receipts
                        .into_iter()
                        .map(|receipt| OpenReceipt {
                            receipt,
                            indeterminate,
                        }),
                );
            }
            Ok(open)
        })
    }

    fn entries(
        &self,
        sql: &str,
        parameters: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<StoredEntry>, StoreError> {
        self.0.readers.read(|connection| {
            Ok(connection
                .prepare_cached(sql)?
                .query_map(parameters, |row| {
                    Ok(StoredEntry {
                        idx: from_sql(row.get(0)?)?,
                        bytes: row.get(1)?,
                    })
                })?
                .collect::<Result<_, _>>()?)
        })
    }
}

fn scan(connection: &Connection, filter: &ReceiptFilter) -> Result<ReceiptPage, StoreError> {
    let limit = rows_max(filter.limit) as usize;
    let (source, value) = match (&filter.call, &filter.session) {
        (Some(call), _) => ("call = ?3", Some(call)),
        (None, Some(session)) => (
            "session = (SELECT id FROM ledger_sessions WHERE name = ?3)",
            Some(session),
        ),
        (None, None) => ("?3 IS NULL", None),
    };
    let order = if filter.newest_first { "DESC" } else { "ASC" };
    // Within a session the order of its chain is the order of the log, and has the index.
    let key = if filter.call.is_none() && filter.session.is_some() {
        "seq"
    } else {
        "idx"
    };
    let sql = format!(
        "SELECT idx, bytes FROM ledger WHERE idx >= ?1 AND idx < ?2 AND {source} ORDER BY {key} {order}"
    );
    let since = to_sql(filter.since_idx.unwrap_or(0))?;
    let before = filter.before_idx.map_or(Ok(i64::MAX), to_sql)?;
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![since, before, value])?;
    let mut page = ReceiptPage::default();
    let mut seen = HashSet::new();
    while let Some(row) = rows.next()? {
        let entry = entry(row, 1)?;
        let mut folded = match &entry.record {
            Record::Effect(effect) => {
                if !(filter.may_match(&entry, &effect.plugin.name, &effect.kind)
                    && seen.insert(effect.receipt.clone()))
                {
                    continue;
                }
                fold(&entries_of_receipt(connection, &effect.receipt)?)
            }
            Record::ReadSet(set) => fold(&with_later_entries(connection, set, &entry)?),
            Record::Collapsed(group)
                if filter.may_match(&entry, &group.plugin.name, &group.kind) =>
            {
                fold([&entry])
            }
            _ => continue,
        };
        if page.receipts.len() >= limit {
            page.more = true;
            break;
        }
        let idx = from_sql(row.get(0)?)?;
        if filter.newest_first {
            folded.receipts.reverse();
        }
        let wanted = folded.receipts.into_iter().filter(|r| filter.matches(r));
        page.receipts
            .extend(wanted.map(|receipt| ListedReceipt { idx, receipt }));
        page.faults.extend(folded.faults);
    }
    Ok(page)
}

impl ReceiptFilter {
    /// Whether the receipts of an entry may match, before more is read of them.
    fn may_match(&self, entry: &Entry, plugin: &str, kind: &str) -> bool {
        self.session.as_ref().is_none_or(|s| *s == entry.session)
            && self.plugin.as_ref().is_none_or(|p| p == plugin)
            && self.is_kind(kind)
    }

    fn is_kind(&self, kind: &str) -> bool {
        self.kind.as_ref().is_none_or(|wanted| {
            kind.strip_prefix(wanted.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    fn matches(&self, receipt: &Receipt) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_ref().is_none_or(|w| Some(w.as_str()) == found)
        };
        is(&self.session, Some(&receipt.session))
            && is(&self.run, receipt.run.as_deref())
            && is(&self.call, Some(&receipt.call))
            && is(&self.plugin, Some(&receipt.plugin.name))
            && self.is_kind(&receipt.kind)
            && self.decision.is_none_or(|d| d == receipt.decision.verdict)
    }
}

/// All entries of one receipt, in order.
fn entries_of_receipt(connection: &Connection, id: &str) -> Result<Vec<Entry>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT bytes FROM ledger WHERE idx IN (
             SELECT idx FROM ledger WHERE receipt = ?1
             UNION SELECT idx FROM ledger_items WHERE receipt = ?1)
         ORDER BY idx",
    )?;
    let mut rows = statement.query([id])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(entry(row, 0)?);
    }
    Ok(entries)
}

/// A read-set and what came later of the handles that its effects opened.
fn with_later_entries(
    connection: &Connection,
    set: &tollgate_receipts::ReadSet,
    opening: &Entry,
) -> Result<Vec<Entry>, StoreError> {
    let mut entries = vec![opening.clone()];
    for item in &set.items {
        let later = entries_of_receipt(connection, &item.receipt)?;
        let is_outcome = |entry: &Entry| matches!(entry.record, Record::Outcome(_));
        entries.extend(later.into_iter().filter(is_outcome));
    }
    Ok(entries)
}

fn entry(row: &Row<'_>, column: usize) -> Result<Entry, StoreError> {
    let bytes = row
        .get_ref(column)?
        .as_blob()
        .map_err(rusqlite::Error::from)?;
    decode(bytes).map_err(|error| StoreError::Damaged(error.to_string()))
}

/// How many rows a query reads at most; 0 asks for as many as may be.
fn rows_max(limit: usize) -> u32 {
    let max = QUERY_ROWS_MAX as u32;
    match u32::try_from(limit) {
        Ok(0) | Err(_) => max,
        Ok(limit) => limit.min(max),
    }
}

/// What the first entry of a session that is here follows.
fn begin(connection: &Connection, session: &str) -> Result<ChainHead, StoreError> {
    let id: Option<i64> = connection
        .prepare_cached("SELECT id FROM ledger_sessions WHERE name = ?1")?
        .query_row([session], |row| row.get(0))
        .optional()?;
    let removed = id.map(|id| pruned_head(connection, id)).transpose()?;
    Ok(match removed.flatten() {
        Some((seq, hash)) => ChainHead::at(session, seq, hash),
        None => ChainHead::genesis(session),
    })
}
