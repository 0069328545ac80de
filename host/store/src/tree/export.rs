//! Exports: entries of the ledger in a file that is verified with nothing but a public key.

use super::{TreeLog, damaged};
use crate::error::{from_sql, to_sql};
use crate::tiles::Tree;
use crate::{StoreError, now_us};
use rusqlite::{Connection, OptionalExtension, ToSql, params};
use std::collections::BTreeMap;
use tollgate_receipts::export::{Header, Scope, Span, assemble};
use tollgate_receipts::log::{Hash, TreeHead, leaf_hash};
use tollgate_receipts::{GENESIS_HASH, named};

/// An entry as it is read for an export.
struct Row {
    index: u64,
    session: i64,
    seq: u64,
    bytes: Vec<u8>,
}

impl TreeLog<'_> {
    /// The file of an export: what `scope` names of the tree of this moment, which is signed first.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if nothing is there, [`StoreError::Refused`] if bodies of it are gone,
    /// otherwise as [`TreeLog::sign`].
    pub fn export(&self, scope: Scope) -> Result<Vec<u8>, StoreError> {
        let head = self.sign()?.head;
        let signing = self.0.signing.clone();
        let key = self.0.change(move |txn| signing.key(txn.connection()))?;
        self.0.readers.read(|connection| {
            let (rows, first) = rows(connection, &scope, &head)?;
            let sessions = spans(connection, &rows, &head)?;
            let header = Header {
                created_us: now_us(),
                first,
                hashes: 0,
                origin: head.origin.clone(),
                records: 0,
                scope: scope.clone(),
                sessions,
                size: head.size,
            };
            let records: Vec<(u64, Vec<u8>)> =
                rows.into_iter().map(|row| (row.index, row.bytes)).collect();
            assemble(header, &records, &Tree::new(connection), &key).map_err(damaged)
        })
    }
}

/// The entries that a scope names, and from which leaf on they are all that there are.
fn rows(
    connection: &Connection,
    scope: &Scope,
    head: &TreeHead,
) -> Result<(Vec<Row>, Option<u64>), StoreError> {
    let size = to_sql(head.size)?;
    const COLUMNS: &str = "SELECT idx, session, seq, bytes FROM ledger WHERE idx < ?1 AND ";
    let read = |condition: &str, with: &dyn ToSql| {
        let sql = format!("{COLUMNS}{condition} ORDER BY idx");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![size, with], |row| {
            Ok(Row {
                index: from_sql(row.get(0)?)?,
                session: row.get(1)?,
                seq: from_sql(row.get(2)?)?,
                bytes: row.get(3)?,
            })
        })?;
        Ok::<_, StoreError>(rows.collect::<Result<Vec<_>, _>>()?)
    };
    let found = match scope {
        Scope::Session(name) => {
            let whole = read(
                "session = (SELECT id FROM ledger_sessions WHERE name = ?2)",
                name,
            )?;
            if whole.first().is_none_or(|row| row.seq != 1) {
                whole_gone(connection, name)?;
            }
            (whole, None)
        }
        Scope::Run(run) => match of_run(connection, run)? {
            None => (Vec::new(), None),
            Some((session, from, to)) => {
                let whole = read("session = ?2", &session)?;
                let within = |row: &Row| (from..=to).contains(&row.seq);
                (whole.into_iter().filter(within).collect(), None)
            }
        },
        Scope::Since(time_us) => {
            let first: Option<i64> = connection
                .prepare_cached("SELECT min(idx) FROM ledger WHERE time_us >= ?1")?
                .query_row([time_us], |row| row.get(0))?;
            let first = first.unwrap_or(size);
            (read("idx >= ?2", &first)?, Some(from_sql(first)?))
        }
    };
    if found.0.is_empty() && !matches!(scope, Scope::Since(_)) {
        let (what, name) = match scope {
            Scope::Session(name) => ("session with entries in the ledger", name.as_str()),
            Scope::Run(run) => ("run with entries in the ledger", run.as_str()),
            Scope::Since(_) => ("entry", ""),
        };
        return Err(StoreError::not_found(what, name));
    }
    Ok(found)
}

/// Refuses a session of which bodies are gone.
fn whole_gone(connection: &Connection, session: &str) -> Result<(), StoreError> {
    let gone: Option<i64> = connection
        .prepare_cached(
            "SELECT seq FROM ledger_pruned
             WHERE session = (SELECT id FROM ledger_sessions WHERE name = ?1)",
        )?
        .query_row([session], |row| row.get(0))
        .optional()?;
    match gone {
        None => Ok(()),
        Some(seq) => Err(StoreError::Refused(format!(
            "the bodies of entries 1 to {seq} of session {session} were removed"
        ))),
    }
}

/// The session of a run, and its first and last entry there. Entries of runs name them in their bytes.
fn of_run(connection: &Connection, run: &str) -> Result<Option<(i64, u64, u64)>, StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT session, min(seq), max(seq) FROM ledger
             WHERE call IN (SELECT DISTINCT call FROM ledger
                            WHERE call IS NOT NULL AND json_extract(bytes, '$.run') = ?1)
             GROUP BY session ORDER BY count(*) DESC LIMIT 1",
        )?
        .query_row([run], |row| {
            Ok((row.get(0)?, from_sql(row.get(1)?)?, from_sql(row.get(2)?)?))
        })
        .optional()?;
    Ok(found)
}

/// The part of each chain that the rows are.
fn spans(connection: &Connection, rows: &[Row], head: &TreeHead) -> Result<Vec<Span>, StoreError> {
    let mut ends: BTreeMap<i64, (&Row, &Row)> = BTreeMap::new();
    for row in rows {
        ends.entry(row.session).or_insert((row, row)).1 = row;
    }
    ends.into_iter()
        .map(|(session, (first, last))| {
            let name = "SELECT name FROM ledger_sessions WHERE id = ?1";
            let name: String = connection
                .prepare_cached(name)?
                .query_row([session], |row| row.get(0))?;
            let chain = "SELECT max(seq) FROM ledger WHERE session = ?1 AND idx < ?2";
            let chain: i64 = connection
                .prepare_cached(chain)?
                .query_row(params![session, to_sql(head.size)?], |row| row.get(0))?;
            Ok(Span {
                chain: from_sql(chain)?,
                from: first.seq,
                last: hex::encode(leaf_hash(&last.bytes)),
                prev: hex::encode(before(connection, first)?),
                session: name,
                to: last.seq,
            })
        })
        .collect()
}

/// How an entry of a session names the one before it, worked out from that one.
fn before(connection: &Connection, row: &Row) -> Result<Hash, StoreError> {
    let (session, seq) = (row.session, row.seq);
    if seq <= 1 {
        return Ok(GENESIS_HASH);
    }
    let stored: Option<Vec<u8>> = connection
        .prepare_cached("SELECT bytes FROM ledger WHERE session = ?1 AND seq = ?2")?
        .query_row(params![session, to_sql(seq - 1)?], |row| row.get(0))
        .optional()?;
    if let Some(stored) = stored {
        return named(&stored, Some(&row.bytes)).map_err(damaged);
    }
    let kept = "SELECT hash FROM ledger_pruned WHERE session = ?1 AND seq = ?2";
    Ok(connection
        .prepare_cached(kept)?
        .query_row(params![session, to_sql(seq - 1)?], |row| row.get(0))?)
}
