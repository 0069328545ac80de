//! The ledger of a damaged database, taken over into a new one: the longest beginning of it that holds. All but the
//! bytes of entries, the heads and where chains go on whose beginning was removed is made anew.

use super::Keep;
use crate::StoreError;
use crate::error::to_sql;
use crate::tree::LedgerKey;
use crate::txn::{INSERT, INSERT_ITEM, INSERT_SESSION, mark_number, put_pruned};
use rusqlite::{Connection, Row, params};
use std::collections::HashMap;
use tollgate_receipts::log::Hash;
use tollgate_receipts::{ChainHead, Entry, GENESIS_HASH, Indexed, decode};

/// What was taken over.
pub(super) struct Taken {
    /// Entries in the new ledger, those whose bodies were removed among them.
    pub(super) entries: u64,
    /// Entries that were signed.
    pub(super) signed: u64,
    /// If a chain was taken to go on where its first entry says, and no head proves that entry: how far heads do.
    pub(super) unproven: Option<u64>,
    /// Whether it is known of all chains whose beginning was removed where they go on.
    pub(super) whole: bool,
}

/// Takes over what `keep` says. Where the `removed` leaves are not kept the next one is the first.
pub(super) fn take(
    old: &Connection,
    new: &Connection,
    keep: Keep,
    removed: u64,
) -> Result<Taken, StoreError> {
    let (first, shift) = match keep.removed {
        true => (removed, 0),
        false => (0, removed),
    };
    let keys = crate::tree::keys(new).unwrap_or_default();
    let heads = heads(old, &keys);
    let signed = heads.last().map_or(0, |head| head.size);
    // Only under a head, and only where bodies were removed, an entry is taken at its word.
    let proven = match keep.removed && removed > 0 {
        true => keep.proven.min(signed),
        false => 0,
    };
    let mut chains = Chains::of(old);
    let mut insert = new.prepare(INSERT)?;
    let mut insert_item = new.prepare(INSERT_ITEM)?;
    let mut size = first;
    let entries = "SELECT idx, bytes FROM ledger WHERE idx >= ?1 ORDER BY idx";
    if let Ok(mut select) = old.prepare(entries) {
        let mut rows = select.query([to_sql(removed)?])?;
        while size < keep.most
            && let Ok(Some(row)) = rows.next()
        {
            let (Ok(index), Ok(bytes)) = (row.get::<_, i64>(0), row.get::<_, Vec<u8>>(1)) else {
                break;
            };
            let (Ok(entry), Ok(said)) = (decode(&bytes), Indexed::of(&bytes)) else {
                break;
            };
            let (index, seq) = (u64::try_from(index).ok(), i64::try_from(entry.seq));
            let (Some(index), Ok(seq)) = (index.and_then(|i| i.checked_sub(shift)), seq) else {
                break;
            };
            if index != size {
                break;
            }
            let Some(session) = chains.advance(new, index, &entry, &bytes, index < proven)? else {
                break;
            };
            insert.execute(params![
                to_sql(size)?,
                session,
                seq,
                said.receipt,
                said.call,
                said.time_us,
                mark_number(said.mark),
                &*bytes,
            ])?;
            for receipt in &said.items {
                insert_item.execute(params![receipt, to_sql(size)?])?;
            }
            size += 1;
        }
    }
    let (believed, whole) = (chains.believed, chains.whole);
    chains.finish(new)?;
    let mut held = 0;
    // A head is of leaves from the first on.
    for head in heads.iter().filter(|head| shift == 0 && head.size <= size) {
        new.execute(
            "INSERT OR IGNORE INTO ledger_heads (size, time_us, note) VALUES (?1, ?2, ?3)",
            params![to_sql(head.size)?, head.time_us, head.note],
        )?;
        held = head.size;
    }
    Ok(Taken {
        entries: size,
        signed,
        unproven: believed.filter(|last| *last >= held).map(|_| held),
        whole: whole || removed == 0,
    })
}

struct Head {
    size: u64,
    time_us: i64,
    note: String,
}

/// The signed heads, as far as they can be read, in order. Of how many leaves one is its note says.
fn heads(old: &Connection, keys: &[LedgerKey]) -> Vec<Head> {
    let mut heads = Vec::new();
    read(
        old,
        "SELECT size, time_us, note FROM ledger_heads ORDER BY size",
        |row| {
            let (size, note): (i64, String) = (row.get(0).ok()?, row.get(2).ok()?);
            let signed = keys.iter().find_map(|key| key.verifier.verify(&note).ok());
            heads.push(Head {
                // One that no key signed stays where it is, and does not hold.
                size: signed.map_or(u64::try_from(size).ok(), |head| Some(head.size))?,
                time_us: row.get(1).ok()?,
                note,
            });
            Some(())
        },
    );
    heads.sort_by_key(|head| head.size);
    heads
}

/// Hands over the rows of a query until one cannot be read or is not taken; whether all were.
fn read(old: &Connection, sql: &str, mut take: impl FnMut(&Row<'_>) -> Option<()>) -> bool {
    let Ok(mut select) = old.prepare(sql) else {
        return false;
    };
    let Ok(mut rows) = select.query([]) else {
        return false;
    };
    loop {
        match rows.next() {
            Ok(None) => return true,
            Ok(Some(row)) if take(row).is_some() => {}
            _ => return false,
        }
    }
}

/// The sequence of the last entry of a chain whose body was removed, and how the next one names it.
type Before = (u64, Hash);

/// The chains, by the names of their sessions.
struct Chains {
    /// Of those whose beginning was removed, where they go on, as far as that can be read.
    removed: HashMap<String, Before>,
    /// Those that have an entry, each with the number of its session.
    begun: HashMap<String, (i64, ChainHead)>,
    /// The last entry that was taken at its word.
    believed: Option<u64>,
    /// Whether all of `removed` could be read.
    whole: bool,
}

impl Chains {
    fn of(old: &Connection) -> Self {
        let (removed, whole) = removed(old);
        Self {
            removed,
            whole,
            begun: HashMap::new(),
            believed: None,
        }
    }

    /// Goes on with an entry; the number of its session, or none if it does not come next. The first entry that is
    /// there is taken at its word for what it follows if it is `proven`: then it is the one that was signed.
    fn advance(
        &mut self,
        new: &Connection,
        index: u64,
        entry: &Entry,
        bytes: &[u8],
        proven: bool,
    ) -> Result<Option<i64>, StoreError> {
        if let Some((session, chain)) = self.begun.get_mut(&entry.session) {
            return Ok(chain.advance(bytes).is_ok().then_some(*session));
        }
        let kept = self.removed.get(&entry.session).copied();
        let says = (entry.seq.saturating_sub(1), entry.prev);
        let is_kept = kept.unwrap_or((0, GENESIS_HASH)) == says;
        let mut chain = ChainHead::at(&*entry.session, says.0, says.1);
        if !(is_kept || proven) || chain.advance(bytes).is_err() {
            return Ok(None);
        }
        if !is_kept {
            self.believed = Some(index);
        }
        let session = begin(new, &entry.session)?;
        if says.0 > 0 {
            put_pruned(new, session, says)?;
        }
        self.removed.remove(&entry.session);
        // Where another name was given to this chain, that one is of none.
        self.removed.retain(|_, other| *other != says);
        let begun = (session, chain);
        self.begun.insert(entry.session.clone(), begun);
        Ok(Some(session))
    }

    /// Keeps where the chains go on of which every body was removed.
    fn finish(self, new: &Connection) -> Result<(), StoreError> {
        let mut removed: Vec<_> = self.removed.into_iter().collect();
        removed.sort_unstable();
        for (name, before) in removed {
            let session = begin(new, &name)?;
            put_pruned(new, session, before)?;
        }
        Ok(())
    }
}

fn begin(new: &Connection, session: &str) -> Result<i64, StoreError> {
    new.prepare_cached(INSERT_SESSION)?.execute([session])?;
    Ok(new.last_insert_rowid())
}

/// Where chains go on whose beginning was removed, and whether that is all that there was: what is of no session, or no
/// number or hash, is left.
fn removed(old: &Connection) -> (HashMap<String, Before>, bool) {
    let mut removed = HashMap::new();
    let mut whole = true;
    let all = "SELECT s.name, p.seq, p.hash FROM ledger_pruned p LEFT JOIN ledger_sessions s ON s.id = p.session";
    whole &= read(old, all, |row| {
        match (
            row.get(0),
            row.get::<_, i64>(1).map(u64::try_from),
            row.get(2),
        ) {
            (Ok(name), Ok(Ok(seq)), Ok(hash)) => drop(removed.insert(name, (seq, hash))),
            _ => whole = false,
        }
        Some(())
    });
    (removed, whole)
}
