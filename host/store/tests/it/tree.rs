//! The ledger as a signed tree: heads, proofs, exports, keys, and what is left when bodies are removed.

use crate::support::*;
use tollgate_receipts::export::{ExportError, Scope, verify};
use tollgate_receipts::log::{check_consistency, check_inclusion, leaf_hash, subtree_root};
use tollgate_receipts::*;
use tollgate_store::{Store, StoreError};

/// Appends `count` entries to two sessions in turn.
fn grow(store: &Store, from: u64, count: u64) {
    let mut tickets = Vec::new();
    for n in from..from + count {
        let session = if n.is_multiple_of(3) { "s" } else { "t" };
        let draft = effect(session, &format!("r{n}"), State::Denied);
        tickets.push(store.submit(draft).unwrap());
    }
    store.durable_here(&tickets).unwrap();
}

fn all(store: &Store) -> Vec<Vec<u8>> {
    all_from(store, 0)
}

fn all_from(store: &Store, from: u64) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let next = from + all.len() as u64;
        let page = store.log().follow(next, 10_000).unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page.into_iter().map(|entry| entry.bytes));
    }
}

#[test]
fn the_signed_root_is_that_of_all_entries() {
    let (_directory, store) = store();
    let key = store.tree().key().unwrap();
    let mut before = None;
    // Across the border of a tile, and of a tile of tiles.
    for (from, count) in [
        (0, 1),
        (1, 254),
        (255, 1),
        (256, 1),
        (257, 700),
        (957, 65_000),
    ] {
        grow(&store, from, count);
        let signed = store.tree().sign().unwrap();
        let leaves: Vec<_> = all(&store).iter().map(|entry| leaf_hash(entry)).collect();
        assert_eq!(signed.head.size, leaves.len() as u64);
        assert_eq!(signed.head.root, subtree_root(&leaves));
        assert_eq!(key.verify(&signed.note).unwrap(), signed.head);
        if let Some((size, root)) = before {
            let (old, path) = store.tree().consistency(size, &signed.head).unwrap();
            assert_eq!(old, root);
            let now = (signed.head.size, &signed.head.root);
            check_consistency(&path, now, (size, &root)).unwrap();
        }
        before = Some((signed.head.size, signed.head.root));
        let receipt = format!("r{}", from + count - 1);
        let proofs = store.tree().prove(&receipt, &signed.head).unwrap();
        assert_eq!(proofs.len(), 1);
        let proof = &proofs[0];
        let (size, root) = (signed.head.size, &signed.head.root);
        check_inclusion(&proof.path, size, root, proof.index, &proof.leaf).unwrap();
    }
    // Nothing has come: the same head.
    assert_eq!(store.tree().sign().unwrap().head.size, before.unwrap().0);
    let checked = store.tree().check().unwrap();
    assert_eq!((checked.size, checked.sessions), (before.unwrap().0, 2));
}

#[test]
fn a_process_signs_before_it_goes_and_about_every_second() {
    let (directory, store) = store();
    grow(&store, 0, 3);
    drop(store);
    let store = Store::open(&directory.path().join("state")).unwrap();
    let status = store.tree().status().unwrap();
    assert_eq!(status.head.unwrap().head.size, 3);
    assert_eq!(status.size, 3);
    // The first entry of a process, then none for a second.
    for n in 3..40 {
        grow(&store, n, 1);
    }
    let heads = store.tree().status().unwrap().heads;
    assert!((2..=6).contains(&heads), "{heads}");
}

#[test]
fn exports_are_whole_and_verified_with_the_key_alone() {
    let (_directory, store) = store();
    grow(&store, 0, 700);
    let key = store.tree().key().unwrap();
    let session = store.tree().export(Scope::Session("s".into())).unwrap();
    let found = verify(&session, &key).unwrap();
    assert_eq!(found.sessions[0].to, 234);
    assert_eq!(found.receipts, 234);
    let since = store.tree().export(Scope::Since(0)).unwrap();
    assert_eq!(verify(&since, &key).unwrap().entries, 700);
    let run = store.tree().export(Scope::Run("run-1".into())).unwrap();
    assert!(verify(&run, &key).unwrap().entries > 0);
    let none = store
        .tree()
        .export(Scope::Session("none".into()))
        .unwrap_err();
    assert!(matches!(none, StoreError::NotFound { .. }), "{none}");
}

#[test]
fn another_key_follows_and_the_old_heads_stay_valid() {
    let (directory, store) = store();
    grow(&store, 0, 10);
    let old_head = store.tree().sign().unwrap();
    let (old, new) = store.tree().rotate("tester").unwrap();
    assert_eq!(old.origin(), new.origin());
    let both = store.tree().status().unwrap();
    let head = both.head.unwrap();
    assert_eq!(
        old.verify(&head.note).unwrap(),
        new.verify(&head.note).unwrap()
    );
    assert!(old.verify(&old_head.note).is_ok() && new.verify(&old_head.note).is_err());
    assert_eq!(both.keys.len(), 2);
    drop(store);
    let store = Store::open(&directory.path().join("state")).unwrap();
    grow(&store, 10, 1);
    let later = store.tree().sign().unwrap();
    assert!(new.verify(&later.note).is_ok() && old.verify(&later.note).is_err());
    assert_eq!(store.tree().key().unwrap(), new);
    store.tree().check().unwrap();
}

#[test]
fn a_changed_entry_is_not_signed_over() {
    // In a tile that is whole, and in one that is not.
    for victim in [5, 290] {
        let (_directory, store) = store();
        grow(&store, 0, 300);
        store.tree().sign().unwrap();
        let key = store.tree().key().unwrap();
        let database = database(&store);
        database
            .execute_batch("DROP TRIGGER ledger_no_update")
            .unwrap();
        let change = "UPDATE ledger SET bytes = cast(replace(bytes, '/out/a', '/out/b') AS BLOB) WHERE idx = ?1";
        database.execute(change, [victim]).unwrap();
        let error = store.tree().check().unwrap_err().to_string();
        assert!(error.contains("changed"), "{error}");
        grow(&store, 300, 1);
        if victim == 290 {
            let error = store.tree().sign().unwrap_err().to_string();
            assert!(error.contains("not the one that was signed"), "{error}");
        }
        let export = store.tree().export(Scope::Since(0));
        match export {
            Err(error) => assert!(error.to_string().contains("changed"), "{error}"),
            Ok(file) => {
                let error = verify(&file, &key).unwrap_err();
                assert!(matches!(error, ExportError::Invalid(_)), "{error}");
            }
        }
    }
}

#[test]
fn what_is_removed_leaves_its_hashes() {
    let (directory, store) = store();
    store
        .append_blocking(effect("early", "e1", State::Denied))
        .unwrap();
    store
        .append_blocking(effect("early", "e2", State::Denied))
        .unwrap();
    grow(&store, 2, 998);
    let key = store.tree().key().unwrap();
    let before = store.tree().sign().unwrap();
    // Entries of the tests are from the beginning of time; the newest tile is never whole.
    let pruned = store.tree().prune(2, "tester").unwrap();
    assert_eq!((pruned.entries, pruned.upto), (768, 768));
    let again = store.tree().prune(2, "tester").unwrap();
    assert_eq!(again.entries, 0);
    grow(&store, 1000, 5);
    let now = store.tree().sign().unwrap();
    let (old, path) = store
        .tree()
        .consistency(before.head.size, &now.head)
        .unwrap();
    assert_eq!(old, before.head.root);
    let both = ((now.head.size, &now.head.root), (before.head.size, &old));
    check_consistency(&path, both.0, both.1).unwrap();
    store.tree().check().unwrap();
    for session in ["s", "t"] {
        store.log().verify(session).unwrap().unwrap();
    }
    let whole = store.tree().export(Scope::Session("s".into())).unwrap_err();
    assert!(whole.to_string().contains("were removed"), "{whole}");
    let since = store.tree().export(Scope::Since(0)).unwrap();
    let found = verify(&since, &key).unwrap();
    assert_eq!(found.header.first, Some(768));
    assert_eq!(
        found
            .sessions
            .iter()
            .find(|one| one.session == "s")
            .unwrap()
            .from,
        256
    );
    drop(store);
    let store = Store::open(&directory.path().join("state")).unwrap();
    // Of this session every entry is gone, and its chain goes on where it was.
    assert_eq!(store.log().head("early").unwrap().count, 2);
    store
        .append_blocking(effect("early", "late", State::Denied))
        .unwrap();
    assert_eq!(store.log().verify("early").unwrap().unwrap().count, 3);
    grow(&store, 1005, 1);
    store.log().verify("s").unwrap().unwrap();
    store.tree().check().unwrap();
    let status = store.tree().status().unwrap();
    assert_eq!((status.pruned, status.size), (768, 1008));
}

/// What nobody can work out anew is given up, and only that.
#[test]
fn where_the_hashes_of_removed_bodies_are_lost_the_rest_is_a_tree_of_its_own() {
    // A hash that was changed, one that is gone, a tile that leads to another root than was signed, and a changed hash
    // where nothing is left of what was signed.
    let changed = "UPDATE ledger_tiles SET hashes = zeroblob(8192) WHERE level = 0 AND tile = 1";
    let gone = "DELETE FROM ledger_tiles WHERE level = 0 AND tile = 2";
    let other = "UPDATE ledger_tiles SET (hashes, root) = (SELECT hashes, root FROM ledger_tiles
                 WHERE level = 0 AND tile = 1) WHERE level = 0 AND tile = 0";
    let unsigned =
        format!("{changed}; DROP TRIGGER ledger_heads_no_delete; DELETE FROM ledger_heads");
    for (damage, signed) in [(changed, 768), (gone, 768), (other, 768), (&*unsigned, 0)] {
        let (directory, store) = store();
        // A head of leaves within a tile whose bodies will be gone.
        grow(&store, 0, 700);
        store.tree().sign().unwrap();
        grow(&store, 700, 300);
        let old = store.tree().key().unwrap();
        assert_eq!(store.tree().prune(2, "tester").unwrap().upto, 768);
        grow(&store, 1000, 5);
        store.tree().sign().unwrap();
        let kept = all_from(&store, 768);
        let database = database(&store);
        // It signs before it goes.
        drop(store);
        database
            .execute_batch(
                "DROP TRIGGER ledger_tiles_no_update; DROP TRIGGER ledger_tiles_no_delete",
            )
            .unwrap();
        database.execute_batch(damage).unwrap();
        drop(database);
        let path = directory.path().join("state");
        // Opening it makes no tile of bodies that are gone.
        let checked = Store::open(&path).unwrap().tree().check();
        assert!(checked.is_err(), "{damage}");

        let repaired = tollgate_store::repair(&path, "os:ada");
        let repaired = repaired
            .unwrap_or_else(|error| panic!("{damage}: {error}"))
            .unwrap();
        assert_eq!(repaired.entries, kept.len() as u64, "{damage}");
        assert!(
            repaired.anew && repaired.lost >= signed && repaired.tables.is_empty(),
            "{repaired:?}"
        );
        let store = Store::open(&path).unwrap();
        assert_eq!(all(&store)[..kept.len()], kept);
        let checked = store.tree().check().unwrap();
        assert_eq!(checked.heads, 1);
        let new = store.tree().key().unwrap();
        assert_ne!(new.origin(), old.origin());
        grow(&store, 2000, 300);
        store.tree().check().unwrap();
        let file = store.tree().export(Scope::Since(0)).unwrap();
        assert_eq!(verify(&file, &new).unwrap().header.first, Some(0));
        assert!(verify(&file, &old).is_err());
        drop(store);
        assert_eq!(tollgate_store::repair(&path, "os:ada").unwrap(), None);
    }
}

#[test]
fn an_open_intent_is_not_removed() {
    let (_directory, store) = store();
    grow(&store, 0, 300);
    store
        .append_blocking(effect("s", "open", State::Intended))
        .unwrap();
    grow(&store, 301, 600);
    let pruned = store.tree().prune(2, "tester").unwrap();
    assert_eq!(pruned.upto, 256);
    assert!(store.log().receipt("open").unwrap().is_some());
}
