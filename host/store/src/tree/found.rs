//! What finds an entry, against what the entry says: the columns beside its bytes, and the receipts of a read-set.

use super::damaged;
use crate::StoreError;
use crate::error::to_sql;
use crate::txn::mark_number;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};
use tollgate_receipts::Indexed;

/// The columns beside the bytes, as [`check`] reads them.
pub(super) const COLUMNS: &str = "receipt, call, time_us, mark";

/// Checks the [`COLUMNS`] of an entry, which begin at `column` of `row`, and the receipts inside it. How many these
/// are.
pub(super) fn check(
    connection: &Connection,
    index: u64,
    row: &Row<'_>,
    column: usize,
    bytes: &[u8],
) -> Result<u64, StoreError> {
    let said = Indexed::of(bytes).map_err(damaged)?;
    let text = |at: usize, said: Option<&str>| -> Result<bool, StoreError> {
        Ok(match (row.get_ref(column + at)?, said) {
            (ValueRef::Null, None) => true,
            (ValueRef::Text(kept), Some(said)) => kept == said.as_bytes(),
            _ => false,
        })
    };
    let number = |at: usize, said: i64| -> Result<bool, StoreError> {
        Ok(matches!(row.get_ref(column + at)?, ValueRef::Integer(kept) if kept == said))
    };
    let holds = text(0, said.receipt.as_deref())?
        && text(1, said.call.as_deref())?
        && number(2, said.time_us)?
        && number(3, mark_number(said.mark))?;
    if !holds {
        return Err(misled(index));
    }
    let mut items = said.items;
    items.sort_unstable();
    items.dedup();
    for item in &items {
        let kept = connection
            .prepare_cached("SELECT 1 FROM ledger_items WHERE receipt = ?1 AND idx = ?2")?
            .exists(params![item, to_sql(index)?])?;
        if !kept {
            return Err(misled(index));
        }
    }
    Ok(u64::try_from(items.len()).unwrap_or(u64::MAX))
}

/// Checks that there is no more than what was looked at: no entry below the first, `kept`, no receipts but the `items`
/// inside entries, no removed beginning but of a session.
pub(super) fn check_no_others(
    connection: &Connection,
    kept: u64,
    items: u64,
) -> Result<(), StoreError> {
    let count = |sql: &str| -> Result<i64, StoreError> {
        Ok(connection
            .prepare_cached(sql)?
            .query_row([], |row| row.get(0))?)
    };
    let below: bool = connection
        .prepare_cached("SELECT 1 FROM ledger WHERE idx < ?1")?
        .exists([to_sql(kept)?])?;
    if below {
        return Err(damaged(format!(
            "the ledger has entries below entry {kept}, the first whose body is there: they were added"
        )));
    }
    if count("SELECT count(*) FROM ledger_items")? != to_sql(items)? {
        return Err(damaged(
            "the ledger has receipts of read-sets that none of its entries has: they were added",
        ));
    }
    let nameless =
        "SELECT count(*) FROM ledger_pruned WHERE session NOT IN (SELECT id FROM ledger_sessions)";
    if count(nameless)? != 0 {
        return Err(damaged(
            "a chain that goes on is of a session that has no name",
        ));
    }
    Ok(())
}

/// What finds an entry is not what the entry says.
pub(super) fn misled(index: u64) -> StoreError {
    damaged(format!(
        "entry {index} of the ledger is found by what it does not say: what finds it was changed"
    ))
}
