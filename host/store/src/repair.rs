//! Repair: a store whose database is damaged is copied, as far as it can be read, into a new one. Only an
//! operator's command does it, the ledger says so, and the damaged files are kept.
//!
//! Invariants: what is kept of the ledger is a prefix of it, without gaps, in which every chain and every signed
//! head of that length holds; what finds an entry is made anew from the entry. A ledger that lost entries which were signed goes on under another name, so that
//! nobody takes it for the one that was signed. Where the hashes of removed bodies are lost it is a new tree, of the
//! entries whose bodies are there, and always under another name.

mod ledger;

use crate::files::{WriterLock, private_directory, sync_directory, try_lock};
use crate::signing::Signing;
use crate::{DATABASE, HOSTS, LOCK, Store, StoreError, format, now_us};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The directory in which the new database is made.
const FRESH: &str = "repair";
/// Tables that are taken over by [`ledger`], or made anew.
const APART: [&str; 6] = [
    "ledger",
    "ledger_items",
    "ledger_heads",
    "ledger_tiles",
    "ledger_sessions",
    "ledger_pruned",
];

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// What was wrong, as far as it is told.
    pub faults: Vec<String>,
    /// Entries that the ledger keeps.
    pub entries: u64,
    /// Entries that were signed and are lost.
    pub lost: u64,
    /// Whether the hashes of removed bodies are lost: then the entries that are kept are a new tree, and no head
    /// that was signed before proves them.
    pub anew: bool,
    /// Tables that could not be read whole.
    pub tables: Vec<String>,
    /// Where the damaged files are.
    pub kept: PathBuf,
}

impl Repaired {
    /// Whether the ledger goes on under another name: whoever has a head of the old tree shall not take the new one
    /// for it.
    pub fn is_another(&self) -> bool {
        self.lost > 0 || self.anew
    }
}

/// Repairs the store in `directory`; none if nothing is wrong with it.
///
/// # Errors
///
/// [`StoreError::Refused`] while another process uses it; [`StoreError`] if the new one cannot be written: then
/// everything is as it was.
pub fn repair(directory: &Path, who: &str) -> Result<Option<Repaired>, StoreError> {
    let lock = WriterLock::open(&directory.join(LOCK))?;
    let _held = lock.take()?;
    nobody_else(&directory.join(HOSTS))?;
    let database = directory.join(DATABASE);
    // First of all: who opens a database may already move what is in its log.
    let kept = directory.join(format!("damaged-{}", now_us()));
    keep(&database, &kept)?;
    let faults = faults(&database);
    if faults.is_empty() {
        let _ = std::fs::remove_dir_all(&kept);
        return Ok(None);
    }
    let fresh = directory.join(FRESH);
    let mut keep = Keep {
        most: u64::MAX,
        proven: u64::MAX,
        removed: true,
    };
    let copied = loop {
        let _ = std::fs::remove_dir_all(&fresh);
        private_directory(&fresh)?;
        let copied = copy(&database, &fresh.join(DATABASE), keep)?;
        if let Some(proven) = copied.unproven
            && proven < keep.proven
        {
            keep.proven = proven;
            continue;
        }
        match copied.holds {
            // What comes behind the last head that holds cannot be told from what was changed.
            Some(size) if size < keep.most && size >= copied.removed => keep.most = size,
            // Not even the hashes of removed bodies are what was signed.
            Some(_) if keep.removed && copied.removed > 0 => {
                keep = Keep {
                    most: u64::MAX,
                    proven: 0,
                    removed: false,
                }
            }
            _ => break copied.repaired,
        }
    };
    let repaired = Repaired {
        faults,
        kept,
        ..copied
    };
    tell(&fresh, directory, who, &repaired)?;
    // The write-ahead log first: it would be taken for the new database's.
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(database.with_file_name(format!("{DATABASE}{suffix}")));
    }
    std::fs::rename(fresh.join(DATABASE), &database)
        .map_err(|error| StoreError::file(&database, error))?;
    sync_directory(directory)?;
    let _ = std::fs::remove_dir_all(&fresh);
    drop(_held);
    Store::open(directory)?.tree().sign()?;
    Ok(Some(repaired))
}

/// Writes into the new ledger, before it takes the place of the old one, what happened; under another name where
/// it has to be, with the key in the directory that it will be in.
fn tell(fresh: &Path, directory: &Path, who: &str, repaired: &Repaired) -> Result<(), StoreError> {
    let store = Store::open(fresh)?;
    let (who, signing) = (who.to_owned(), Signing::new(directory));
    let detail = format!(
        "{} entries kept, {} that were signed are lost{}; not whole: {}; first fault: {}; the damaged files are in {}",
        repaired.entries,
        repaired.lost,
        if repaired.anew {
            ", with the hashes of removed bodies: those kept are a new tree that no earlier head proves"
        } else {
            ""
        },
        if repaired.tables.is_empty() {
            "none".to_owned()
        } else {
            repaired.tables.join(", ")
        },
        repaired.faults.first().map_or("none", String::as_str),
        repaired.kept.display(),
    );
    let another = repaired.is_another();
    store.change(move |txn| {
        if another || crate::signing::in_force(txn.connection())?.is_none() {
            signing.begin_again(txn.connection())?;
        }
        crate::changed_ledger(txn, "ledger.repair", &who, &detail)
    })?;
    drop(store);
    // All of it in the one file that is moved.
    whole(&fresh.join(DATABASE))
}

/// Moves what is in the write-ahead log into the database.
fn whole(database: &Path) -> Result<(), StoreError> {
    let connection = Connection::open(database)?;
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy != 0 {
        return Err(StoreError::Unavailable("the new database is in use".into()));
    }
    Ok(())
}

/// Refuses while a process holds its host file.
fn nobody_else(hosts: &Path) -> Result<(), StoreError> {
    let Ok(entries) = std::fs::read_dir(hosts) else {
        return Ok(());
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if File::open(&path).is_ok_and(|file| try_lock(&file) == Ok(false)) {
            return Err(StoreError::Refused(
                "another process uses the store: stop it, then repair".into(),
            ));
        }
    }
    Ok(())
}

/// What is wrong with a database, in SQLite's words and ours.
fn faults(database: &Path) -> Vec<String> {
    let found = || -> Result<Vec<String>, StoreError> {
        let connection = format::open_for_reading(database)?;
        let found = format::faults(&connection)?;
        // An earlier format has no tree yet.
        if found.is_empty() && format::format_of(&connection)? == format::STORE_FORMAT {
            crate::tree::check(&connection)?;
        }
        Ok(found)
    };
    found().unwrap_or_else(|error| vec![error.to_string()])
}

/// Copies the files of the damaged database, before anything opens it for writing.
fn keep(database: &Path, kept: &Path) -> Result<(), StoreError> {
    private_directory(kept)?;
    for suffix in ["", "-wal"] {
        let from = database.with_file_name(format!("{DATABASE}{suffix}"));
        let to = kept.join(format!("{DATABASE}{suffix}"));
        match std::fs::copy(&from, &to) {
            Ok(_) => File::open(&to)
                .and_then(|file| file.sync_all())
                .map_err(|error| StoreError::file(&to, error))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::file(&from, error)),
        }
    }
    sync_directory(kept)
}

/// What of a ledger is kept.
#[derive(Clone, Copy)]
struct Keep {
    /// At most so many entries of its beginning.
    most: u64,
    /// How far signed heads are taken as proof of entries, at most.
    proven: u64,
    /// Whether the leaves whose bodies were removed still count.
    removed: bool,
}

/// What was copied.
struct Copied {
    repaired: Repaired,
    /// As [`ledger::Taken::unproven`].
    unproven: Option<u64>,
    /// How far the signed heads hold, if not all do.
    holds: Option<u64>,
    /// Leaves whose bodies were removed.
    removed: u64,
}

fn copy(from: &Path, to: &Path, keep: Keep) -> Result<Copied, StoreError> {
    drop(crate::files::private_file(to)?);
    let format::Opened::Current(new) = format::open_for_writing(to)? else {
        return Err(StoreError::Damaged(
            "a new database is of a newer format".into(),
        ));
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let old = Connection::open_with_flags(from, flags)?;
    // What cannot even be asked for its format is as this one, as far as it can be read.
    match format::format_of(&old) {
        Ok(found) if found > format::STORE_FORMAT => {
            return Err(StoreError::NewerFormat {
                found,
                known: format::STORE_FORMAT,
            });
        }
        _ => {}
    }
    new.execute_batch(
        "PRAGMA foreign_keys = OFF; BEGIN; DELETE FROM authority; DELETE FROM ledger_retention",
    )?;
    let mut tables = Vec::new();
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table'
                 AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'refinery_%' ORDER BY name";
    let names: Vec<String> = new
        .prepare(names)?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for name in names.iter().filter(|name| !APART.contains(&name.as_str())) {
        if !table(&old, &new, name)? {
            tables.push(name.clone());
        }
    }
    new.execute_batch(
        "INSERT OR IGNORE INTO ledger_retention (id, upto) VALUES (1, 0);
         INSERT OR IGNORE INTO authority (id, generation) VALUES (1, 1);",
    )?;
    let removed = crate::tiles::removed(&new)?;
    let keep = Keep {
        removed: keep.removed && crate::tiles::copy_removed(&old, &new)?,
        ..keep
    };
    if !keep.removed {
        new.execute("UPDATE ledger_retention SET upto = 0", [])?;
    }
    let taken = ledger::take(&old, &new, keep, removed)?;
    if !taken.whole {
        tables.push("ledger_pruned".to_owned());
    }
    crate::tiles::complete_all(&new, u64::MAX)?;
    let holds = crate::tree::heads_hold_to(&new)?;
    new.execute_batch("COMMIT")?;
    let repaired = Repaired {
        faults: Vec::new(),
        entries: taken.entries,
        lost: taken.signed.saturating_sub(taken.entries),
        anew: !keep.removed,
        tables,
        kept: PathBuf::new(),
    };
    Ok(Copied {
        repaired,
        unproven: taken.unproven,
        holds,
        removed,
    })
}

/// Copies what can be read of a table: from its beginning, and, behind what cannot be read, from its end.
/// False if something could not.
fn table(old: &Connection, new: &Connection, name: &str) -> Result<bool, StoreError> {
    let mut columns = Vec::new();
    let mut key = Vec::new();
    let mut info = new.prepare("SELECT name, pk FROM pragma_table_info(?1)")?;
    let mut rows = info.query([name])?;
    while let Some(row) = rows.next()? {
        let column: String = row.get(0)?;
        if row.get::<_, i64>(1)? > 0 {
            key.push(column.clone());
        }
        columns.push(column);
    }
    let (list, marks) = (columns.join(", "), vec!["?"; columns.len()].join(", "));
    let mut insert = new.prepare(&format!(
        "INSERT OR IGNORE INTO {name} ({list}) VALUES ({marks})"
    ))?;
    let mut pass = |direction: &str| -> Result<bool, StoreError> {
        let order: Vec<String> = key
            .iter()
            .map(|column| format!("{column} {direction}"))
            .collect();
        let query = format!("SELECT {list} FROM {name} ORDER BY {}", order.join(", "));
        let Ok(mut select) = old.prepare(&query) else {
            return Ok(false);
        };
        let Ok(mut rows) = select.query([]) else {
            return Ok(false);
        };
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(true),
                Err(_) => return Ok(false),
            };
            let values: Result<Vec<Value>, _> = (0..columns.len()).map(|at| row.get(at)).collect();
            let Ok(values) = values else { return Ok(false) };
            // What the format does not take was damaged as well.
            match insert.execute(params_from_iter(values)) {
                Ok(0) if direction == "DESC" => return Ok(true),
                Ok(_) => {}
                Err(_) => return Ok(false),
            }
        }
    };
    let whole = pass("ASC")?;
    if !whole {
        pass("DESC")?;
    }
    Ok(whole)
}
