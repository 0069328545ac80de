//! Opening the database: what must hold before anything is written, and the version of its format.
//!
//! Invariants: a connection that writes has WAL and `synchronous=FULL`, read back; a store of a newer
//! format is never written, and can be read.

use crate::{StoreError, tiles};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;
use tollgate_contract::stop_point;

/// The format that this version writes: the number of its last migration.
pub const STORE_FORMAT: u32 = 7;

/// What marks a database as ours (`PRAGMA application_id`): "tlgg".
const APPLICATION_ID: i64 = 0x746c_6767;
/// How long another program may keep the database locked before that is a failure.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Pages in the write-ahead log after which a commit moves them into the database.
const CHECKPOINT_PAGES: i64 = 4096;
/// To what size the write-ahead log is cut back after it was moved.
const WAL_BYTES_KEPT: i64 = 64 * 1024 * 1024;
/// Tiles of the tree that one transaction writes when a store is opened.
const TILES_AT_ONCE: u64 = 64;
const STATEMENTS_CACHED: usize = 64;
/// Faults of a database that are told.
const FAULTS_MAX: usize = 20;
/// `PRAGMA synchronous` reads back as this for FULL.
const SYNCHRONOUS_FULL: i64 = 2;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// A database that was opened.
pub(crate) enum Opened {
    /// Of the current format.
    Current(Connection),
    /// Of a newer format, to be read only.
    Newer { found: u32 },
}

/// Opens the database for writing and brings it to the current format. The caller holds the lock.
pub(crate) fn open_for_writing(path: &Path) -> Result<Opened, StoreError> {
    let mut connection = connect(path)?;
    let found = format_of(&connection)?;
    if found > STORE_FORMAT {
        return Ok(Opened::Newer { found });
    }
    require_ours(&connection, path)?;
    make_durable(&connection)?;
    if found < STORE_FORMAT {
        migrate(&mut connection)?;
    }
    complete_tiles(&mut connection)?;
    Ok(Opened::Current(connection))
}

/// Opens the database for reading.
pub(crate) fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// The format version of the database.
pub(crate) fn format_of(connection: &Connection) -> Result<u32, StoreError> {
    let version: i64 = connection
        .prepare_cached("PRAGMA user_version")?
        .query_row([], |row| row.get(0))?;
    u32::try_from(version)
        .map_err(|_| StoreError::Damaged(format!("the format version is {version}")))
}

/// What is wrong with the database file, in SQLite's words: pages, indexes, what the tables may hold.
pub(crate) fn faults(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({FAULTS_MAX})"))?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut found: Vec<String> = lines.collect::<Result<_, _>>()?;
    found.retain(|line| line != "ok");
    Ok(found)
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    // The file exists; SQLite's own creation would give it the mode of the umask.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    Ok(connection)
}

fn require_ours(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let id: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    // A migration that was interrupted leaves tables and no mark yet.
    let interrupted = || {
        connection.query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'",
            [],
            |row| row.get::<_, i64>(0),
        )
    };
    if id == APPLICATION_ID || tables == 0 || (id == 0 && interrupted()? == 1) {
        return Ok(());
    }
    Err(StoreError::file(
        path,
        "is a database of another program: move it away",
    ))
}

fn make_durable(connection: &Connection) -> Result<(), StoreError> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::NotDurable(format!(
            "the journal mode is {mode}, not wal: put the store on a local file system"
        )));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    if synchronous != SYNCHRONOUS_FULL {
        return Err(StoreError::NotDurable(format!(
            "synchronous reads back as {synchronous}, not {SYNCHRONOUS_FULL} (FULL)"
        )));
    }
    connection.pragma_update(None, "foreign_keys", true)?;
    // `INSERT OR REPLACE` passes the append-only triggers otherwise.
    connection.pragma_update(None, "recursive_triggers", true)?;
    // What a removed session said shall not stay in free pages.
    connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
    connection.query_row(
        &format!("PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}"),
        [],
        |_| Ok(()),
    )?;
    connection.query_row(
        &format!("PRAGMA journal_size_limit = {WAL_BYTES_KEPT}"),
        [],
        |_| Ok(()),
    )?;
    Ok(())
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    // One after the other: each is a transaction, and a crash leaves the ones before it.
    for version in 1..=i32::try_from(STORE_FORMAT).unwrap_or(i32::MAX) {
        embedded::migrations::runner()
            .set_target(refinery::Target::Version(version))
            .run(connection)
            .map_err(|error| StoreError::Unavailable(format!("the migration failed: {error}")))?;
        stop_point("store.migrating");
    }
    connection.pragma_update(None, "user_version", STORE_FORMAT)?;
    Ok(())
}

/// Writes the tiles of a ledger that an earlier version wrote, in transactions of a bounded size.
fn complete_tiles(connection: &mut Connection) -> Result<(), StoreError> {
    loop {
        let transaction = connection.transaction()?;
        let written = tiles::complete_all(&transaction, TILES_AT_ONCE)?;
        stop_point("store.completing_tiles");
        transaction.commit()?;
        if written < TILES_AT_ONCE {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_number_of_the_last_migration() {
        let runner = embedded::migrations::runner();
        let last = runner.get_migrations().iter().map(|m| m.version()).max();
        assert_eq!(last.and_then(|v| u32::try_from(v).ok()), Some(STORE_FORMAT));
    }
}
