//! A whole check finds whatever was changed, and a repair makes it good where the entries are still there.

use crate::support::*;
use tollgate_receipts::*;
use tollgate_store::{IntentsOf, Store, StoreError};

/// Entries of the ledger that is damaged: over the border of a tile.
const ENTRIES: u64 = 300;

/// A ledger of three sessions with every way in which an entry is found: 7 has a receipt, 10 is a read-set, 11 an open intent, 13 and 14
/// an intent and its outcome.
fn ledger(store: &Store) {
    let mut tickets = Vec::new();
    for n in 0..ENTRIES {
        let session = if n % 2 == 0 { "s" } else { "t" };
        tickets.push(store.submit(match n {
            0 => effect("early", "r0", State::Denied),
            10 => read_set("s", &["q1", "q2"]),
            11 => effect("t", "open", State::Intended),
            13 => effect("t", "done", State::Intended),
            14 => outcome("s", "done", State::Settled, OutcomeResult::Ok),
            n => effect(session, &format!("r{n}"), State::Denied),
        }));
    }
    let tickets: Vec<_> = tickets.into_iter().map(Result::unwrap).collect();
    store.durable_here(&tickets).unwrap();
    store.tree().sign().unwrap();
}

/// [`ledger`] with 302 entries and one that says that the first 256 bodies were removed.
fn pruned(store: &Store) {
    ledger(store);
    // Where an intent is open its tile stays.
    for receipt in ["open", "done"] {
        let ended = outcome("t", receipt, State::Settled, OutcomeResult::Ok);
        store.append_blocking(ended).unwrap();
    }
    assert_eq!(store.tree().prune(100, "tester").unwrap().upto, 256);
}

const UNGUARDED: &str = "PRAGMA foreign_keys = OFF;
    DROP TRIGGER ledger_no_update; DROP TRIGGER ledger_no_delete;
    DROP TRIGGER ledger_items_no_update; DROP TRIGGER ledger_items_no_delete;
    DROP TRIGGER ledger_tiles_no_update; DROP TRIGGER ledger_tiles_no_delete;
    DROP TRIGGER ledger_sessions_no_update; DROP TRIGGER ledger_sessions_no_delete;";

/// Damage, and what the check says of it.
const DAMAGES: [(&str, &str); 22] = [
    (
        "INSERT INTO ledger_heads SELECT 299, time_us, note FROM ledger_heads",
        "kept as the tree head of 299",
    ),
    (
        "UPDATE ledger SET seq = seq + 5000 WHERE idx = 7",
        "entry 7",
    ),
    ("UPDATE ledger SET receipt = 'r8' WHERE idx = 7", "entry 7"),
    ("UPDATE ledger SET receipt = NULL WHERE idx = 7", "entry 7"),
    (
        "UPDATE ledger SET receipt = 'q1' WHERE idx = 10",
        "entry 10",
    ),
    ("UPDATE ledger SET call = 'call-s' WHERE idx = 7", "entry 7"),
    ("UPDATE ledger SET call = NULL WHERE idx = 10", "entry 10"),
    ("UPDATE ledger SET time_us = 9 WHERE idx = 10", "entry 10"),
    ("UPDATE ledger SET mark = 0 WHERE idx = 11", "entry 11"),
    ("UPDATE ledger SET mark = 2 WHERE idx = 14", "entry 14"),
    ("UPDATE ledger SET session = 50 WHERE idx = 7", "no name"),
    ("DELETE FROM ledger_items WHERE receipt = 'q1'", "entry 10"),
    ("INSERT INTO ledger_items VALUES ('q9', 7)", "were added"),
    (
        "UPDATE ledger_items SET receipt = 'q9' WHERE receipt = 'q1'",
        "entry 10",
    ),
    ("DELETE FROM ledger_sessions WHERE name = 't'", "no name"),
    (
        "UPDATE ledger_sessions SET name = 'u' WHERE name = 't'",
        "session",
    ),
    ("UPDATE ledger_tiles SET hashes = zeroblob(8192)", "entry 0"),
    ("UPDATE ledger_tiles SET root = zeroblob(32)", "entry 0"),
    ("DELETE FROM ledger_tiles", "tile 0"),
    (
        "INSERT INTO ledger SELECT -1, session, 900, 'r8', call, time_us, mark, bytes FROM ledger WHERE idx = 7",
        "below entry 0",
    ),
    (
        "UPDATE ledger_sessions SET id = 9000000000000000000 WHERE name = 't'",
        "no name",
    ),
    (
        "INSERT INTO ledger_tiles (level, tile, hashes, root) SELECT 0, 1, hashes, root FROM ledger_tiles",
        "entry 300",
    ),
];

fn bytes(store: &Store) -> Vec<Vec<u8>> {
    let page = store.log().follow(0, 10_000).unwrap();
    page.into_iter().map(|entry| entry.bytes).collect()
}

/// What is found in a ledger that is in order.
fn check_found(store: &Store) {
    store.tree().check().unwrap();
    assert_eq!(store.file_faults().unwrap(), Vec::<String>::new());
    for id in ["r7", "r8", "q1", "q2", "open", "done"] {
        let receipt = store.log().receipt(id).unwrap();
        assert_eq!(receipt.unwrap().id, id);
    }
    let open = store.log().open_intents(IntentsOf::Session("t"), 10);
    let open: Vec<_> = open
        .unwrap()
        .into_iter()
        .map(|open| open.receipt.id)
        .collect();
    // An outcome in another session is none.
    assert_eq!(open, ["open", "done"]);
    assert_eq!(store.log().call("call-t", 1_000).unwrap().len(), 150);
}

#[test]
fn whatever_was_changed_is_found_and_made_good() {
    for (damage, says) in DAMAGES {
        let (directory, store) = store();
        ledger(&store);
        check_found(&store);
        let (before, key) = (bytes(&store), store.tree().key().unwrap());
        let database = database(&store);
        drop(store);
        database.execute_batch(UNGUARDED).unwrap();
        database.execute_batch(damage).unwrap();
        drop(database);

        let path = directory.path().join("state");
        if !damage.starts_with("DELETE FROM ledger_tiles") {
            // Opening makes a tile that is missing.
            let error = Store::open(&path).unwrap().tree().check().unwrap_err();
            assert!(matches!(error, StoreError::Damaged(_)), "{damage}: {error}");
            assert!(error.to_string().contains(says), "{damage}: {error}");
        }
        let repaired = tollgate_store::repair(&path, "os:ada")
            .unwrap()
            .expect(damage);
        assert_eq!((repaired.entries, repaired.lost), (ENTRIES, 0), "{damage}");
        let store = Store::open(&path).unwrap();
        assert_eq!(bytes(&store)[..before.len()], before, "{damage}");
        assert_eq!(store.tree().key().unwrap(), key, "{damage}");
        let mut sessions = store.log().sessions().unwrap();
        sessions.sort_unstable();
        assert_eq!(sessions, ["early", "host", "s", "t"], "{damage}");
        check_found(&store);
    }
}

/// What is gone cannot be made good: the ledger goes on with what stands before it, under another name.
#[test]
fn an_entry_that_is_gone_is_found() {
    for (gone, says) in [(7, "entry 7"), (ENTRIES - 1, "gone from its end")] {
        let (directory, store) = store();
        ledger(&store);
        let (before, key) = (bytes(&store), store.tree().key().unwrap());
        let database = database(&store);
        drop(store);
        database.execute_batch(UNGUARDED).unwrap();
        database
            .execute("DELETE FROM ledger WHERE idx = ?1", [gone as i64])
            .unwrap();
        drop(database);
        let path = directory.path().join("state");
        let error = Store::open(&path).unwrap().tree().check().unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        let repaired = tollgate_store::repair(&path, "os:ada").unwrap().unwrap();
        assert_eq!((repaired.entries, repaired.lost), (gone, ENTRIES - gone));
        let store = Store::open(&path).unwrap();
        assert_eq!(bytes(&store)[..gone as usize], before[..gone as usize]);
        assert_ne!(store.tree().key().unwrap().origin(), key.origin());
        store.tree().check().unwrap();
    }
}

/// Where a chain goes on whose beginning was removed is checked against the first entry that is there.
#[test]
fn a_chain_that_goes_on_elsewhere_is_found_and_made_good() {
    for damage in [
        "UPDATE ledger_pruned SET hash = zeroblob(32)",
        "UPDATE ledger_pruned SET hash = x'00'",
        "UPDATE ledger_pruned SET seq = seq + 1",
        "UPDATE ledger_pruned SET seq = -1",
        "UPDATE ledger_pruned SET session = session + 50",
        "DELETE FROM ledger_pruned",
        "DROP TRIGGER ledger_sessions_no_delete; DELETE FROM ledger_sessions",
        "DROP TRIGGER ledger_sessions_no_delete; DELETE FROM ledger_sessions WHERE name = 'early'",
        "DROP TRIGGER ledger_sessions_no_update; UPDATE ledger_sessions SET name = 'u' WHERE name = 't'",
        "INSERT INTO ledger SELECT 3, session, 900, 'r8', call, time_us, mark, bytes FROM ledger WHERE idx = 257",
        "INSERT INTO ledger SELECT -3, session, 900, 'r8', call, time_us, mark, bytes FROM ledger WHERE idx = 257",
    ] {
        let (directory, store) = store();
        pruned(&store);
        store.tree().check().unwrap();
        database(&store).execute_batch(damage).unwrap();
        store.tree().check().expect_err(damage);
        let kept = store.log().follow(256, 10_000).unwrap();
        drop(store);
        // The first entry that is there says what it follows, and the tree that it is the one.
        let path = directory.path().join("state");
        let repaired = tollgate_store::repair(&path, "os:ada")
            .unwrap()
            .expect(damage);
        assert_eq!(
            (repaired.entries, repaired.lost, repaired.anew),
            (303, 0, false),
            "{damage}"
        );
        let store = Store::open(&path).unwrap();
        assert_eq!(
            store.log().follow(256, kept.len()).unwrap(),
            kept,
            "{damage}"
        );
        store.tree().check().unwrap();
        let mut sessions = store.log().sessions().unwrap();
        sessions.sort_unstable();
        sessions.retain(|name| name != "early");
        assert_eq!(sessions, ["host", "s", "t"], "{damage}");
        // Every body of this one is gone; where it goes on nothing else knows, and that it is lost is said.
        let lost = ["x'00'", "seq = -1", "session + 50", "FROM ledger_sessions"];
        let lost = lost.iter().any(|lost| damage.contains(lost));
        let told: &[&str] = if lost { &["ledger_pruned"] } else { &[] };
        assert_eq!(repaired.tables, told, "{damage}");
        if damage.starts_with("INSERT") {
            assert_eq!(store.log().head("early").unwrap().count, 1);
        }
        for session in ["t", "early", "new"] {
            let later = effect(session, &format!("later-{session}"), State::Denied);
            store.append_blocking(later).unwrap();
        }
        store.tree().check().unwrap();
    }
}

/// Behind what was signed no entry is taken at its word for what it follows.
#[test]
fn a_session_that_no_head_proves_is_not_taken_over() {
    let renamed = r#"DROP TRIGGER ledger_no_update; UPDATE ledger
        SET bytes = cast(replace(bytes, '"session":"t"', '"session":"x"') AS BLOB) WHERE idx = 301"#;
    // Without the heads of what comes behind, and with what they are of cut off.
    for (unsigned, lost) in [
        (
            "DROP TRIGGER ledger_heads_no_delete; DELETE FROM ledger_heads WHERE size > 300",
            0,
        ),
        (
            "DROP TRIGGER ledger_heads_no_delete; DELETE FROM ledger_heads WHERE size IN (301, 302);
             DROP TRIGGER ledger_no_delete; DELETE FROM ledger WHERE idx = 302",
            2,
        ),
    ] {
        let (directory, store) = store();
        pruned(&store);
        let database = database(&store);
        drop(store);
        database.execute_batch(renamed).unwrap();
        database.execute_batch(unsigned).unwrap();
        drop(database);
        let path = directory.path().join("state");
        let repaired = tollgate_store::repair(&path, "os:ada").unwrap().unwrap();
        assert_eq!(
            (repaired.entries, repaired.lost, repaired.anew),
            (301, lost, false)
        );
        let store = Store::open(&path).unwrap();
        assert!(!store.log().sessions().unwrap().contains(&"x".to_owned()));
        store.tree().check().unwrap();
    }
}

/// An index that is not that of its table hides entries from whoever looks for them.
#[test]
fn an_index_that_is_another_is_found_and_made_good() {
    let (directory, store) = store();
    ledger(&store);
    let database = database(&store);
    drop(store);
    let other = "PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET rootpage = (SELECT sum(rootpage) FROM sqlite_schema
            WHERE name IN ('ledger_call', 'ledger_receipt')) - rootpage
        WHERE name IN ('ledger_call', 'ledger_receipt');";
    database.execute_batch(other).unwrap();
    drop(database);
    let path = directory.path().join("state");
    let store = Store::open(&path).unwrap();
    assert_eq!(store.log().receipt("r7").unwrap(), None);
    let faults = store.file_faults().unwrap();
    assert!(
        faults.iter().any(|fault| fault.contains("ledger_receipt")),
        "{faults:?}"
    );
    drop(store);
    let repaired = tollgate_store::repair(&path, "os:ada").unwrap().unwrap();
    assert_eq!((repaired.entries, repaired.lost), (ENTRIES, 0));
    check_found(&Store::open(&path).unwrap());
}
