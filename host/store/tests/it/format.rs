//! Files, format versions, and what is refused.

use crate::support::*;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use tollgate_receipts::*;
use tollgate_store::{STORE_FORMAT, Store, StoreError};

#[test]
fn everything_is_private() {
    let (_directory, store) = store();
    store
        .append_blocking(effect("s", "r", State::Denied))
        .unwrap();
    store.target_key("s").unwrap();
    let mut seen = 0;
    let mut directories = vec![store.directory().to_owned()];
    while let Some(directory) = directories.pop() {
        assert_eq!(std::fs::metadata(&directory).unwrap().mode() & 0o777, 0o700);
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let mode = std::fs::metadata(&path).unwrap().mode() & 0o777;
                assert_eq!(mode, 0o600, "{}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 6, "{seen}");
}

#[test]
fn a_directory_that_others_may_enter_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).unwrap();
    drop(Store::open(directory.path()).unwrap());
    let mode = std::fs::metadata(directory.path()).unwrap().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_newer_store_is_read_and_not_written() {
    let (directory, store) = store();
    store
        .append_blocking(effect("s", "r1", State::Denied))
        .unwrap();
    let newer = STORE_FORMAT + 1;
    database(&store)
        .pragma_update(None, "user_version", newer)
        .unwrap();
    // Also by a process that had it open when it was migrated.
    let error = store
        .append_blocking(effect("s", "r2", State::Denied))
        .unwrap_err();
    assert!(error.to_string().contains("format"), "{error}");
    drop(store);

    let store = Store::open(&directory.path().join("state")).unwrap();
    assert_eq!(store.newer_format(), Some(newer));
    assert_eq!(store.log().size().unwrap(), 1);
    assert!(store.log().receipt("r1").unwrap().is_some());
    assert!(store.submit(effect("s", "r3", State::Denied)).is_err());
    assert_eq!(
        store.operator().login("os:ada", "os"),
        Err(StoreError::NewerFormat {
            found: newer,
            known: STORE_FORMAT
        })
    );
}

#[test]
fn another_programs_database_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE t (x)").unwrap();
    drop(other);
    assert!(matches!(
        Store::open(directory.path()),
        Err(StoreError::File { .. })
    ));
    std::fs::write(
        &path,
        "this is not a database, but it is long enough to be one",
    )
    .unwrap();
    assert!(Store::open(directory.path()).is_err());
}

#[test]
fn a_reader_does_not_stop_the_writer() {
    let (_directory, store) = store();
    store
        .append_blocking(effect("s", "r1", State::Denied))
        .unwrap();
    let reader = database(&store);
    reader.execute_batch("BEGIN; SELECT * FROM ledger").unwrap();
    store
        .append_blocking(effect("s", "r2", State::Denied))
        .unwrap();
    assert_eq!(store.log().size().unwrap(), 2);
}

#[test]
fn a_foreign_lock_of_less_than_five_seconds_is_waiting() {
    let (_directory, store) = store();
    let foreign = database(&store);
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    let release = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(700));
        foreign.execute_batch("COMMIT").unwrap();
    });
    store
        .append_blocking(effect("s", "r", State::Denied))
        .unwrap();
    release.join().unwrap();
}
