//! The Merkle tree of the ledger, as it is kept: whole tiles of 256 hashes (C2SP tlog-tiles), each written in
//! the transaction that stores its last leaf; the rest is worked out from the entries.
//!
//! Invariant: a tile is written once, of 256 hashes, of entries that are stored in the same or an earlier transaction.

use crate::StoreError;
use crate::error::{from_sql, to_sql};
use crate::tree::changed;
use rusqlite::{Connection, OptionalExtension, params};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use tollgate_receipts::HASH_BYTES;
use tollgate_receipts::log::{Hash, Nodes, TILE_LEAVES, leaf_hash, subtree_root};

/// Levels of the tree in one level of tiles.
const TILE_HEIGHT: u8 = 8;
/// Tiles that are remembered while a proof is made.
const REMEMBERED_MAX: usize = 256;

/// Writes the tile that entry `index` has just made whole; `last` are the hashes of its last leaves, as many as are
/// known.
pub(crate) fn complete(
    connection: &Connection,
    index: u64,
    last: &[Hash],
) -> Result<(), StoreError> {
    let tile = index / TILE_LEAVES;
    let known = u64::try_from(last.len()).unwrap_or(u64::MAX);
    let mut hashes = match TILE_LEAVES.saturating_sub(known) {
        0 => Vec::new(),
        others => leaves(connection, tile * TILE_LEAVES, others)?,
    };
    hashes.extend(last);
    write(connection, 0, tile, &hashes)
}

/// Writes the tiles that have become whole, `limit` of the lowest level at most; how many of those.
pub(crate) fn complete_all(connection: &Connection, limit: u64) -> Result<u64, StoreError> {
    let size = size(connection)?;
    let next = "SELECT coalesce(max(tile) + 1, 0) FROM ledger_tiles WHERE level = 0";
    let next: i64 = connection
        .prepare_cached(next)?
        .query_row([], |row| row.get(0))?;
    // Of a tile whose bodies are gone nothing could be made: where it is missing, whoever checks says so.
    let next: u64 = from_sql(next)?;
    let next = next.max(removed(connection)? / TILE_LEAVES);
    let whole = (size / TILE_LEAVES).saturating_sub(next).min(limit);
    for tile in next..next + whole {
        let hashes = leaves(connection, tile * TILE_LEAVES, TILE_LEAVES)?;
        if !is_whole(&hashes) {
            return Ok(tile - next);
        }
        write(connection, 0, tile, &hashes)?;
    }
    Ok(whole)
}

/// Copies the tiles of entries whose bodies are gone: nothing else knows their hashes. False, and none is copied, if
/// one of them cannot be read as it was written.
pub(crate) fn copy_removed(from: &Connection, to: &Connection) -> Result<bool, StoreError> {
    let mut whole = Vec::new();
    for tile in 0..removed(to)? / TILE_LEAVES {
        let place = to_sql(tile)?;
        let read = from
            .prepare_cached("SELECT hashes, root FROM ledger_tiles WHERE level = 0 AND tile = ?1")
            .and_then(|mut statement| {
                statement.query_row([place], |row| {
                    Ok((split(row.get_ref(0)?.as_blob()?), row.get::<_, Hash>(1)?))
                })
            });
        match read {
            Ok((hashes, root)) if is_whole(&hashes) && subtree_root(&hashes) == root => {
                whole.push(hashes);
            }
            _ => return Ok(false),
        }
    }
    for (tile, hashes) in (0..).zip(&whole) {
        write(to, 0, tile, hashes)?;
    }
    Ok(true)
}

/// Entries in the ledger.
pub(crate) fn size(connection: &Connection) -> Result<u64, StoreError> {
    // Of an entry whose body is gone the tile is there.
    let size = "SELECT max((SELECT coalesce(max(idx) + 1, 0) FROM ledger),
                           (SELECT upto FROM ledger_retention))";
    let size: i64 = connection
        .prepare_cached(size)?
        .query_row([], |row| row.get(0))?;
    Ok(from_sql(size)?)
}

fn is_whole(hashes: &[Hash]) -> bool {
    u64::try_from(hashes.len()) == Ok(TILE_LEAVES)
}

fn write(connection: &Connection, level: u8, tile: u64, hashes: &[Hash]) -> Result<(), StoreError> {
    if !is_whole(hashes) {
        let known = u64::try_from(hashes.len()).unwrap_or(u64::MAX);
        let what = if level == 0 { "entry" } else { "tile" };
        return Err(changed(what, tile * TILE_LEAVES + known));
    }
    let root = subtree_root(hashes);
    connection
        .prepare_cached(
            "INSERT INTO ledger_tiles (level, tile, hashes, root) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![level, to_sql(tile)?, hashes.concat(), root])?;
    if (tile + 1).is_multiple_of(TILE_LEAVES) {
        let above = tile / TILE_LEAVES;
        let roots = roots(connection, level, above * TILE_LEAVES, TILE_LEAVES)?;
        write(connection, level + 1, above, &roots)?;
    }
    Ok(())
}

/// The hashes of `count` leaves from one on, from their entries.
fn leaves(connection: &Connection, from: u64, count: u64) -> Result<Vec<Hash>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT bytes FROM ledger WHERE idx >= ?1 AND idx < ?2 ORDER BY idx")?;
    let mut rows = statement.query(params![to_sql(from)?, to_sql(from + count)?])?;
    let mut hashes = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        hashes.push(leaf_hash(bytes));
    }
    Ok(hashes)
}

/// The roots of `count` tiles from one on, as far as they are there.
fn roots(
    connection: &Connection,
    level: u8,
    from: u64,
    count: u64,
) -> Result<Vec<Hash>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT root FROM ledger_tiles WHERE level = ?1 AND tile >= ?2 AND tile < ?3 ORDER BY tile",
    )?;
    let rows = statement.query_map(
        params![level, to_sql(from)?, to_sql(from + count)?],
        |row| row.get::<_, Hash>(0),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Hashes of tiles by level and place.
type Tiles = HashMap<(u8, u64), Rc<Vec<Hash>>>;

/// The tree, to be read in one transaction.
pub(crate) struct Tree<'c> {
    connection: &'c Connection,
    remembered: RefCell<Tiles>,
}

impl<'c> Tree<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            remembered: RefCell::default(),
        }
    }

    fn tile(&self, level: u8, tile: u64) -> Result<Rc<Vec<Hash>>, StoreError> {
        if let Some(hashes) = self.remembered.borrow().get(&(level, tile)) {
            return Ok(Rc::clone(hashes));
        }
        let whole: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT hashes FROM ledger_tiles WHERE level = ?1 AND tile = ?2")?
            .query_row(params![level, to_sql(tile)?], |row| row.get(0))
            .optional()?;
        let first = tile * TILE_LEAVES;
        let hashes = Rc::new(match (whole, level.checked_sub(1)) {
            (Some(whole), _) => split(&whole),
            (None, None) => leaves(self.connection, first, TILE_LEAVES)?,
            (None, Some(below)) => roots(self.connection, below, first, TILE_LEAVES)?,
        });
        let mut remembered = self.remembered.borrow_mut();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert((level, tile), Rc::clone(&hashes));
        Ok(hashes)
    }
}

fn split(whole: &[u8]) -> Vec<Hash> {
    let (hashes, _) = whole.as_chunks::<HASH_BYTES>();
    hashes.to_vec()
}

/// Of leaves below this index the bodies may be gone.
pub(crate) fn removed(connection: &Connection) -> Result<u64, StoreError> {
    let upto: i64 = connection
        .prepare_cached("SELECT upto FROM ledger_retention")?
        .query_row([], |row| row.get(0))?;
    Ok(from_sql(upto)?)
}

/// Checks a whole tile of the lowest level against the hashes of its leaves.
pub(crate) fn check_whole(
    connection: &Connection,
    tile: u64,
    leaves: &[Hash],
) -> Result<(), StoreError> {
    let kept: Option<(Vec<u8>, Hash)> = connection
        .prepare_cached("SELECT hashes, root FROM ledger_tiles WHERE level = 0 AND tile = ?1")?
        .query_row([to_sql(tile)?], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((hashes, root)) = kept else {
        return Err(changed("tile", tile));
    };
    holds(0, tile, leaves, &split(&hashes), root)
}

/// Checks that no tile is of leaves that a ledger of this size does not have.
pub(crate) fn check_none_beyond(connection: &Connection, size: u64) -> Result<(), StoreError> {
    let beyond: i64 = connection
        .prepare_cached("SELECT count(*) FROM ledger_tiles WHERE level = 0 AND tile >= ?1")?
        .query_row([to_sql(size / TILE_LEAVES)?], |row| row.get(0))?;
    match beyond {
        0 => Ok(()),
        _ => Err(changed("entry", size)),
    }
}

/// Checks the tiles above the lowest level against what they were made of, and those whose bodies are gone below
/// leaf `removed` in themselves.
pub(crate) fn check_above(connection: &Connection, removed: u64) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT level, tile, hashes, root FROM ledger_tiles WHERE level > 0 OR tile < ?1
         ORDER BY level, tile",
    )?;
    let mut rows = statement.query([to_sql(removed / TILE_LEAVES)?])?;
    while let Some(row) = rows.next()? {
        let (level, tile): (u8, u64) = (row.get(0)?, from_sql(row.get(1)?)?);
        let hashes = split(row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?);
        let made_of = match level.checked_sub(1) {
            None => hashes.clone(),
            Some(below) => roots(connection, below, tile * TILE_LEAVES, TILE_LEAVES)?,
        };
        holds(level, tile, &made_of, &hashes, row.get(3)?)?;
    }
    Ok(())
}

/// Whether a tile has these hashes, and leads to this root; names the first that differs.
fn holds(
    level: u8,
    tile: u64,
    found: &[Hash],
    kept: &[Hash],
    root: Hash,
) -> Result<(), StoreError> {
    if found == kept && is_whole(kept) && subtree_root(kept) == root {
        return Ok(());
    }
    let mut pairs = found.iter().zip(kept);
    let at = pairs.position(|(one, other)| one != other);
    let at = at.map_or(0, |at| u64::try_from(at).unwrap_or_default());
    let what = if level == 0 { "entry" } else { "tile" };
    Err(changed(what, tile * TILE_LEAVES + at))
}

impl Nodes for Tree<'_> {
    fn node(&self, level: u8, index: u64) -> Result<Hash, String> {
        let within = level % TILE_HEIGHT;
        let first = index << within;
        let tile = self
            .tile(level / TILE_HEIGHT, first / TILE_LEAVES)
            .map_err(|error| error.to_string())?;
        let at = usize::try_from(first % TILE_LEAVES).unwrap_or(usize::MAX);
        let hashes = tile.get(at..at + (1 << within));
        hashes.map(subtree_root).ok_or_else(|| {
            format!("the tree has no node {index} at level {level}: an entry or a tile is missing")
        })
    }
}
