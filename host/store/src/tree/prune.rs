//! Retention: bodies of old entries are removed, their hashes and every proof stay.

use super::{TreeLog, damaged};
use crate::error::{from_sql, to_sql};
use crate::txn::put_pruned;
use crate::{StoreError, changed_ledger};
use rusqlite::{OptionalExtension, params};
use tollgate_receipts::log::TILE_LEAVES;
use tollgate_receipts::named;

/// Tiles whose entries are removed in one transaction.
const CHUNK_TILES: u64 = 16;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Bodies that were removed now.
    pub entries: u64,
    /// Of entries below this index the bodies are gone.
    pub upto: u64,
}

impl TreeLog<'_> {
    /// Removes the bodies of entries older than this time, microseconds since the Unix epoch, up to the first
    /// that is not, in whole tiles, and never one of an effect whose outcome is not known.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written. What was removed before stays removed.
    pub fn prune(&self, before_us: i64, who: &str) -> Result<Pruned, StoreError> {
        self.sign()?;
        let (from, to) = self.0.readers.read(|connection| {
            let upto: i64 = connection
                .prepare_cached("SELECT upto FROM ledger_retention")?
                .query_row([], |row| row.get(0))?;
            let first_kept = "SELECT coalesce(min(idx), (SELECT max(idx) + 1 FROM ledger)) FROM ledger
                              WHERE time_us >= ?1";
            let first_kept: Option<i64> = connection
                .prepare_cached(first_kept)?
                .query_row([before_us], |row| row.get(0))?;
            let open = "SELECT min(idx) FROM ledger AS intent WHERE mark = 1 AND NOT EXISTS
                        (SELECT 1 FROM ledger AS later WHERE later.receipt = intent.receipt AND later.mark = 3)";
            let open: Option<i64> = connection
                .prepare_cached(open)?
                .query_row([], |row| row.get(0))?;
            let from = from_sql::<u64>(upto)?;
            let bound = [first_kept, open].into_iter().flatten().min();
            let bound: u64 = bound.map_or(Ok(from), from_sql)?;
            Ok::<_, StoreError>((from, (bound / TILE_LEAVES * TILE_LEAVES).max(from)))
        })?;
        let (mut upto, mut entries) = (from, 0);
        while upto < to {
            let next = (upto + CHUNK_TILES * TILE_LEAVES).min(to);
            entries += self.prune_chunk(upto, next, who)?;
            upto = next;
        }
        Ok(Pruned { entries, upto })
    }

    /// One transaction, with the entry that says so: a crash leaves nothing that is gone and not told.
    fn prune_chunk(&self, from: u64, to: u64, who: &str) -> Result<u64, StoreError> {
        let who = who.to_owned();
        self.0.change(move |txn| {
            let connection = txn.connection();
            let range = params![to_sql(from)?, to_sql(to)?];
            // Where each chain goes on: the last entry of it that is removed.
            let lasts = "SELECT session, max(seq) FROM ledger WHERE idx >= ?1 AND idx < ?2 GROUP BY session";
            let lasts: Vec<(i64, i64)> = connection
                .prepare_cached(lasts)?
                .query_map(range, |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            for (session, seq) in lasts {
                let entry = |seq: i64| -> Result<Option<Vec<u8>>, StoreError> {
                    let bytes = "SELECT bytes FROM ledger WHERE session = ?1 AND seq = ?2";
                    let bytes = connection
                        .prepare_cached(bytes)?
                        .query_row([session, seq], |row| row.get(0));
                    Ok(bytes.optional()?)
                };
                let Some(bytes) = entry(seq)? else { continue };
                let hash = named(&bytes, entry(seq + 1)?.as_deref()).map_err(damaged)?;
                put_pruned(connection, session, (from_sql(seq)?, hash))?;
            }
            connection
                .prepare_cached("UPDATE ledger_retention SET upto = ?1")?
                .execute([to_sql(to)?])?;
            tollgate_contract::stop_point("store.pruning");
            connection
                .prepare_cached("DELETE FROM ledger_items WHERE idx >= ?1 AND idx < ?2")?
                .execute(range)?;
            let removed = connection
                .prepare_cached("DELETE FROM ledger WHERE idx >= ?1 AND idx < ?2")?
                .execute(range)?;
            if removed > 0 {
                let detail = format!("the bodies of {removed} entries, up to leaf {to}");
                changed_ledger(txn, "ledger.prune", &who, &detail)?;
            }
            Ok::<_, StoreError>(u64::try_from(removed).unwrap_or(u64::MAX))
        })
    }
}
