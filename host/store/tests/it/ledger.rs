//! Appending and reading back.

use crate::support::*;
use std::sync::Arc;
use tollgate_receipts::*;
use tollgate_store::{IntentsOf, ReceiptFilter, Store};

#[test]
fn entries_are_dense_chained_and_survive_reopening() {
    let (directory, store) = store();
    for n in 0..5 {
        store
            .append_blocking(effect("s", &format!("r{n}"), State::Intended))
            .unwrap();
        store
            .append_blocking(effect("t", &format!("q{n}"), State::Denied))
            .unwrap();
    }
    drop(store);
    let store = Store::open(&directory.path().join("state")).unwrap();
    store
        .append_blocking(effect("s", "r5", State::Denied))
        .unwrap();
    assert_eq!(store.log().size().unwrap(), 11);
    assert_eq!(whole_log(&store).len(), 11);
    for (session, count) in [("s", 6), ("t", 5), ("none", 0)] {
        let head = store.log().verify(session).unwrap().unwrap();
        assert_eq!(head.count, count);
        assert_eq!(store.log().head(session).unwrap(), head);
    }
    let tail = store.log().session("s", 5, 10).unwrap();
    assert_eq!(tail.len(), 2);
}

#[test]
fn tickets_resolve_in_order_on_any_executor() {
    let (_directory, store) = store();
    let store = Arc::new(store);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|producer| {
            let store = Arc::clone(&store);
            runtime.spawn(async move {
                for n in 0..20 {
                    let id = format!("r{producer}-{n}");
                    let session = format!("s{}", producer % 5);
                    let first = store
                        .submit(effect(&session, &id, State::Intended))
                        .unwrap();
                    let second = store
                        .submit(outcome(&session, &id, State::Settled, OutcomeResult::Ok))
                        .unwrap();
                    assert!(first < second);
                    store.durable(&[second, first]).await.unwrap();
                    let receipt = store.log().receipt(&id).unwrap().unwrap();
                    assert_eq!(receipt.standing, Standing::Settled);
                }
            })
        })
        .collect();
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
    assert_eq!(whole_log(&store).len(), 64 * 20 * 2);
    for n in 0..5 {
        store.log().verify(&format!("s{n}")).unwrap().unwrap();
    }
}

#[test]
fn an_entry_that_breaks_its_format_is_refused_at_once() {
    let (_directory, store) = store();
    let bad = effect("not an id", "r", State::Denied);
    assert!(matches!(store.submit(bad), Err(LedgerError::Refused(_))));
    assert_eq!(store.log().size().unwrap(), 0);
}

#[test]
fn the_ledger_cannot_be_changed_even_by_sql() {
    let (_directory, store) = store();
    store.append_blocking(read_set("s", &["r1"])).unwrap();
    let database = database(&store);
    database
        .pragma_update(None, "recursive_triggers", true)
        .unwrap();
    for sql in [
        "UPDATE ledger SET bytes = x'00'",
        "DELETE FROM ledger",
        "REPLACE INTO ledger SELECT * FROM ledger",
        "UPDATE ledger_sessions SET name = 'x'",
        "DELETE FROM ledger_items",
    ] {
        let error = database.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
}

#[test]
fn receipts_are_found_by_what_they_are() {
    let (_directory, store) = store();
    let log = [
        effect("s", "r1", State::Intended),
        read_set("s", &["r2", "r3"]),
        outcome("s", "r1", State::Settled, OutcomeResult::Ok),
        effect("t", "r4", State::Denied),
        effect("s", "r5", State::Asked),
        effect("s", "r5", State::Intended),
        outcome("s", "r1", State::Closed, OutcomeResult::Ok),
    ];
    for draft in log {
        store.append_blocking(draft).unwrap();
    }
    let found = |filter: ReceiptFilter| -> Vec<String> {
        let page = store.log().receipts(&filter).unwrap();
        assert_eq!(page.faults, []);
        page.receipts.into_iter().map(|r| r.receipt.id).collect()
    };
    let all = ReceiptFilter::default;
    assert_eq!(found(all()), ["r1", "r2", "r3", "r4", "r5"]);
    let newest = ReceiptFilter {
        newest_first: true,
        limit: 2,
        ..all()
    };
    assert_eq!(found(newest), ["r5", "r4"]);
    let of = |text: &str| Some(text.to_owned());
    let session = |id| ReceiptFilter {
        session: of(id),
        ..all()
    };
    assert_eq!(found(session("t")), ["r4"]);
    assert_eq!(found(session("s")), ["r1", "r2", "r3", "r5"]);
    let kind = |kind| ReceiptFilter {
        kind: of(kind),
        ..all()
    };
    assert_eq!(found(kind("fs.open.read")), ["r2", "r3"]);
    assert_eq!(found(kind("fs")).len(), 5);
    assert_eq!(found(kind("f")).len(), 0);
    let since = ReceiptFilter {
        since_idx: Some(2),
        before_idx: Some(4),
        ..all()
    };
    assert_eq!(found(since), ["r4"]);
    let denied = ReceiptFilter {
        decision: Some(Verdict::Denied),
        plugin: of("files"),
        run: of("run-1"),
        call: of("call-t"),
        ..all()
    };
    assert_eq!(found(denied), ["r4"]);

    let r1 = store.log().receipt("r1").unwrap().unwrap();
    assert_eq!(r1.standing, Standing::Closed);
    assert_eq!(r1.seqs, [1, 3, 6]);
    let r3 = store.log().receipt("r3").unwrap().unwrap();
    assert_eq!(r3.target.unwrap().text, "/in/b");
    assert_eq!(store.log().receipt("r9").unwrap(), None);
    assert_eq!(store.log().call("call-s", 100).unwrap().len(), 6);
    assert_eq!(store.log().follow(5, 100).unwrap().len(), 2);
}

#[test]
fn open_intents_are_those_without_a_final_outcome() {
    let (_directory, store) = store();
    let log = [
        effect("s", "open", State::Intended),
        effect("s", "done", State::Intended),
        outcome("s", "done", State::Settled, OutcomeResult::Failed),
        effect("s", "lost", State::Intended),
        outcome("s", "lost", State::Settled, OutcomeResult::Indeterminate),
        effect("s", "said", State::Intended),
        outcome("s", "said", State::Settled, OutcomeResult::Indeterminate),
        outcome("s", "said", State::Settled, OutcomeResult::Resolved),
        effect("s", "denied", State::Denied),
        effect("t", "other", State::Intended),
    ];
    for draft in log {
        store.append_blocking(draft).unwrap();
    }
    let open = |of| -> Vec<(String, bool)> {
        let open = store.log().open_intents(of, 10).unwrap();
        open.into_iter()
            .map(|open| (open.receipt.id, open.indeterminate))
            .collect()
    };
    let of_s = [("open".to_owned(), false), ("lost".to_owned(), true)];
    assert_eq!(open(IntentsOf::Session("s")), of_s);
    assert_eq!(open(IntentsOf::Call("call-s")), of_s);
    assert_eq!(open(IntentsOf::Session("t")).len(), 1);
    assert_eq!(open(IntentsOf::Session("none")), []);
}

#[test]
fn dropping_the_store_writes_what_was_submitted() {
    let (directory, store) = store();
    for n in 0..1000 {
        store
            .submit(effect("s", &format!("r{n}"), State::Denied))
            .unwrap();
    }
    drop(store);
    let store = Store::open(&directory.path().join("state")).unwrap();
    assert_eq!(store.log().size().unwrap(), 1000);
}

#[test]
fn target_keys_are_made_once_and_differ() {
    let (_directory, store) = store();
    let hash = |session| store.target_key(session).unwrap().hash("x");
    assert_eq!(hash("s"), hash("s"));
    assert_ne!(hash("s"), hash(HOST_SESSION));
}
