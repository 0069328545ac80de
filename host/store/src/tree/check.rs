//! The whole ledger, checked: every entry against the chain of its session, the tile of its leaf and what finds it,
//! every tile against those below it, every signed head against the tree. Entries are read once, on all cores.

use super::{TreeLog, check_heads, damaged, found};
use crate::StoreError;
use crate::error::{from_sql, to_sql};
use crate::tiles::{self, size};
use rusqlite::{Connection, params};
use std::collections::HashMap;
use std::ops::Range;
use tollgate_receipts::log::{Hash, TILE_LEAVES};
use tollgate_receipts::{ChainHead, Segment};

/// Fewer entries than this are checked on one core.
const SHARE_MIN: u64 = 16 * TILE_LEAVES;

/// What a check of the whole ledger found in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Entries in the tree.
    pub size: u64,
    /// Signed heads, each by one of the ledger's keys, each of a beginning of the tree.
    pub heads: u64,
    /// Chains of sessions.
    pub sessions: u64,
}

impl TreeLog<'_> {
    /// Checks everything: the chains of all sessions, tiles against entries, every signed head against the tree
    /// and the keys.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] says what was changed; [`StoreError::Unavailable`] if bodies were removed meanwhile.
    pub fn check(&self) -> Result<Checked, StoreError> {
        let readers = &self.0.readers;
        readers.read(|connection| {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            let plan = Plan::of(connection, u64::try_from(cores).unwrap_or(1))?;
            let seen = std::thread::scope(|scope| {
                let share = |range: &Range<u64>| readers.read(|own| plan.entries(own, range));
                let others = plan.shares.iter().skip(1);
                let others: Vec<_> = others
                    .map(|range| scope.spawn(move || share(range)))
                    .collect();
                let own = plan.shares.iter().take(1).map(share).collect::<Vec<_>>();
                let others = others.into_iter().map(|other| {
                    let panicked = |panic| std::panic::resume_unwind(panic);
                    other.join().unwrap_or_else(panicked)
                });
                own.into_iter().chain(others).collect::<Result<Vec<_>, _>>()
            })?;
            plan.conclude(connection, seen)
        })
    }
}

/// [`TreeLog::check`] of a database that nobody else uses.
pub(crate) fn check(connection: &Connection) -> Result<Checked, StoreError> {
    let plan = Plan::of(connection, 1)?;
    let shares = plan.shares.iter();
    let seen = shares.map(|range| plan.entries(connection, range));
    let seen = seen.collect::<Result<_, _>>()?;
    plan.conclude(connection, seen)
}

/// The chains, by the number of their session: each with its name, before the first entry whose body is there.
fn chains(connection: &Connection) -> Result<HashMap<i64, ChainHead>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT s.id, s.name, p.seq, p.hash FROM ledger_sessions s
         LEFT JOIN ledger_pruned p ON p.session = s.id",
    )?;
    let mut rows = statement.query([])?;
    let mut chains = HashMap::new();
    while let Some(row) = rows.next()? {
        let (session, name): (i64, String) = (row.get(0)?, row.get(1)?);
        let removed: (Option<i64>, Option<Hash>) = (row.get(2)?, row.get(3)?);
        let head = match removed {
            (Some(seq), Some(hash)) => ChainHead::at(name, from_sql(seq)?, hash),
            _ => ChainHead::genesis(name),
        };
        chains.insert(session, head);
    }
    Ok(chains)
}

/// What is to be checked.
struct Plan {
    size: u64,
    /// The first entry whose body must be there.
    kept: u64,
    chains: HashMap<i64, ChainHead>,
    /// Entries, in parts of whole tiles.
    shares: Vec<Range<u64>>,
}

/// What one core has seen.
struct Seen {
    segments: Segments,
    /// Receipts inside read-sets.
    items: u64,
}

/// Of each session, by its number, the entries that follow each other.
type Segments = HashMap<i64, Segment, foldhash::fast::RandomState>;

impl Plan {
    fn of(connection: &Connection, cores: u64) -> Result<Self, StoreError> {
        let (size, kept) = (size(connection)?, tiles::removed(connection)?);
        let share = (size - kept).div_ceil(cores).max(SHARE_MIN);
        let share = share.next_multiple_of(TILE_LEAVES);
        let begins = (kept..size).step_by(usize::try_from(share).unwrap_or(usize::MAX));
        Ok(Self {
            size,
            kept,
            chains: chains(connection)?,
            shares: begins
                .map(|begin| begin..(begin + share).min(size))
                .collect(),
        })
    }

    /// Checks the entries of a part.
    fn entries(&self, connection: &Connection, range: &Range<u64>) -> Result<Seen, StoreError> {
        if tiles::removed(connection)? != self.kept {
            let why = "bodies of the ledger were removed meanwhile: check again";
            return Err(StoreError::Unavailable(why.into()));
        }
        let mut segments = Segments::default();
        let mut leaves = Vec::new();
        let mut items = 0;
        let mut index = range.start;
        let mut statement = connection.prepare_cached(
            &format!(
                "SELECT idx, session, seq, bytes, {} FROM ledger WHERE idx >= ?1 AND idx < ?2 ORDER BY idx",
                found::COLUMNS
            ),
        )?;
        let mut rows = statement.query(params![to_sql(range.start)?, to_sql(range.end)?])?;
        while let Some(row) = rows.next()? {
            if row.get::<_, i64>(0)? != to_sql(index)? {
                break;
            }
            let session: i64 = row.get(1)?;
            let bytes = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
            let (seq, leaf) = self.entry(&mut segments, session, bytes)?;
            if row.get::<_, i64>(2)? != to_sql(seq)? {
                return Err(found::misled(index));
            }
            items += found::check(connection, index, row, 4, bytes)?;
            leaves.push(leaf);
            index += 1;
            if index.is_multiple_of(TILE_LEAVES) {
                tiles::check_whole(connection, index / TILE_LEAVES - 1, &leaves)?;
                leaves.clear();
            }
        }
        if index < range.end {
            return Err(changed("entry", index));
        }
        Ok(Seen { segments, items })
    }

    /// Checks one entry against its session's; its sequence and leaf hash.
    fn entry(
        &self,
        segments: &mut Segments,
        session: i64,
        bytes: &[u8],
    ) -> Result<(u64, Hash), StoreError> {
        if let Some(segment) = segments.get_mut(&session) {
            let leaf = segment.pass(bytes).map_err(damaged)?;
            return Ok((segment.last(), leaf));
        }
        let nameless = || damaged("an entry is of a session that has no name");
        let chain = self.chains.get(&session).ok_or_else(nameless)?;
        let (begun, leaf) = Segment::begin(&chain.session, bytes).map_err(damaged)?;
        let last = begun.last();
        segments.insert(session, begun);
        Ok((last, leaf))
    }

    /// Checks how the parts follow each other, and what is above them.
    fn conclude(self, connection: &Connection, seen: Vec<Seen>) -> Result<Checked, StoreError> {
        let mut chains = self.chains;
        let mut items = 0;
        for seen in seen {
            items += seen.items;
            for (session, segment) in seen.segments {
                if let Some(chain) = chains.get_mut(&session) {
                    chain.join(segment).map_err(damaged)?;
                }
            }
        }
        found::check_no_others(connection, self.kept, items)?;
        tiles::check_none_beyond(connection, self.size)?;
        tiles::check_above(connection, self.kept)?;
        Ok(Checked {
            size: self.size,
            heads: check_heads(connection)?,
            sessions: u64::try_from(chains.len()).unwrap_or(u64::MAX),
        })
    }
}

/// What was stored first is not there as it was.
pub(crate) fn changed(what: &str, index: u64) -> StoreError {
    StoreError::Damaged(format!(
        "{what} {index} of the ledger is not the one that was stored first: it was changed or removed"
    ))
}
