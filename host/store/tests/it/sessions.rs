//! Sessions, as `SessionStore` promises.

use crate::support::*;
use std::io::{BufRead, BufReader, Read};
use tollgate_contract::SessionId;
use tollgate_receipts::*;
use tollgate_sessions::ports::*;
use tollgate_store::Store;

fn id(text: &str) -> SessionId {
    SessionId::new(text).unwrap()
}

fn event(kind: &str) -> NewEvent {
    NewEvent {
        id: receipt_id(),
        time_us: 1,
        kind: kind.into(),
        json: format!("{{\"type\":\"{kind}\"}}"),
    }
}

fn change(what: &str) -> ChangeRecord {
    ChangeRecord {
        time_us: 1,
        who: "os:ada".into(),
        what: what.into(),
        object: "s".into(),
        detail: String::new(),
    }
}

pub(crate) fn create(store: &Store, session: &str) -> Lease {
    store
        .create(Create {
            session: id(session),
            events: vec![event("launched"), event("bound")],
            change: change("session.launch"),
            until_us: 100,
        })
        .unwrap()
}

pub(crate) fn append(lease: &Lease, seq: u64) -> Append {
    Append {
        session: lease.session.clone(),
        fence: lease.fence,
        seq,
        events: vec![event("prompt_received")],
        transcript: Vec::new(),
        change: None,
        checkpoint: None,
    }
}

pub(crate) fn entry(generation: u64, n: u64) -> TranscriptEntry {
    TranscriptEntry {
        generation,
        n,
        json: format!("{n}"),
    }
}

/// The child: takes a session and keeps it until it is killed.
pub(crate) fn hold(store: &Store) {
    create(store, "held");
    println!("HELD {}", SessionStore::host(store).0);
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn a_session_is_its_events() {
    let (directory, store) = store();
    let lease = create(&store, "s");
    assert_eq!((lease.fence, lease.host.as_ref()), (1, Some(store.host())));
    let mut two = append(&lease, 3);
    two.events.push(event("run_opened"));
    two.transcript = vec![entry(1, 1), entry(1, 2)];
    two.change = Some(change("session.prompt"));
    two.checkpoint = Some(Checkpoint {
        seq: 4,
        json: "{}".into(),
    });
    assert_eq!(store.append(two.clone()).unwrap(), 5);
    drop(store);
    let store = Store::open(&directory.path().join("state")).unwrap();
    let events = store.load(&id("s"), 1, 100).unwrap();
    let kinds: Vec<_> = events.iter().map(|e| (e.seq, e.kind.as_str())).collect();
    assert_eq!(
        kinds,
        [
            (1, "launched"),
            (2, "bound"),
            (3, "prompt_received"),
            (4, "run_opened")
        ]
    );
    assert_eq!(store.load(&id("s"), 4, 1).unwrap(), events[3..]);
    assert_eq!(store.load(&id("s"), 9, 1).unwrap(), []);
    assert_eq!(store.transcript(&id("s"), 1, 2, 9).unwrap(), [entry(1, 2)]);
    let row = store.row(&id("s")).unwrap();
    assert_eq!((row.next_seq, row.checkpoint), (5, two.checkpoint));
    assert!(matches!(
        store.load(&id("none"), 1, 1),
        Err(StoreError::NotFound { .. })
    ));
    // Launched, removed, forgotten.
    assert_eq!(store.log().verify("s").unwrap().unwrap().count, 3);
}

#[test]
fn an_append_happens_whole_or_not_at_all() {
    let (_directory, store) = store();
    let lease = create(&store, "s");
    let attempt = |change_it: &dyn Fn(&mut Append)| {
        let mut append = append(&lease, 3);
        append.transcript = vec![entry(1, 1)];
        append.change = Some(change("session.prompt"));
        change_it(&mut append);
        store.append(append)
    };
    let fence = attempt(&|a| a.fence = 2);
    assert!(matches!(
        fence,
        Err(StoreError::FenceLost {
            held: 2,
            found: 1,
            ..
        })
    ));
    let seq = attempt(&|a| a.seq = 4);
    assert!(matches!(
        seq,
        Err(StoreError::SeqMoved {
            expected: 4,
            found: 3,
            ..
        })
    ));
    let gap = attempt(&|a| a.transcript.push(entry(1, 3)));
    assert!(matches!(gap, Err(StoreError::Refused(_))));
    let twice = attempt(&|a| a.events.push(a.events[0].clone()));
    assert!(matches!(twice, Err(StoreError::Refused(_))));
    let empty = attempt(&|a| a.events.clear());
    assert!(matches!(empty, Err(StoreError::Refused(_))));
    let long = attempt(&|a| a.events[0].json = "x".repeat(EVENT_BYTES_MAX + 1));
    assert!(matches!(long, Err(StoreError::Refused(_))));
    assert_eq!(store.row(&id("s")).unwrap().next_seq, 3);
    assert_eq!(store.transcript(&id("s"), 1, 1, 9).unwrap(), []);
    assert_eq!(store.log().size().unwrap(), 1);
    assert_eq!(attempt(&|_| ()).unwrap(), 4);
}

#[test]
fn leases_move_by_compare_and_swap_and_fences_grow() {
    let (directory, store) = store();
    let other = Store::open(&directory.path().join("state")).unwrap();
    let first = create(&store, "s");
    store.lease_want(&id("s"), 1).unwrap();
    let renewed = store.lease_renew(&id("s"), 1, 200).unwrap();
    assert!(renewed.wanted && renewed.until_us == 200);
    assert!(matches!(
        other.lease_take(&first, 300),
        Err(StoreError::LeaseMoved { .. })
    ));
    let taken = other.lease_take(&renewed, 300).unwrap();
    assert_eq!((taken.fence, taken.wanted), (2, false));
    assert_eq!(store.lease(&id("s")).unwrap(), taken);
    assert!(matches!(
        store.lease_renew(&id("s"), 1, 400),
        Err(StoreError::FenceLost {
            held: 1,
            found: 2,
            ..
        })
    ));
    // Whoever was replaced changes nothing any more.
    store.lease_release(&id("s"), 1).unwrap();
    store.lease_want(&id("s"), 1).unwrap();
    assert_eq!(store.lease(&id("s")).unwrap(), taken);
    other.lease_release(&id("s"), 2).unwrap();
    let free = store.lease(&id("s")).unwrap();
    assert_eq!((free.host.as_ref(), free.fence), (None, 2));
    assert!(matches!(
        other.append(append(&taken, 3)),
        Err(StoreError::FenceLost { .. })
    ));
    assert_eq!(store.lease_take(&free, 1).unwrap().fence, 3);
}

#[test]
fn a_removed_session_leaves_its_tombstone() {
    let (_directory, store) = store();
    let lease = create(&store, "s");
    let mut first = append(&lease, 3);
    first.transcript = vec![entry(1, 1), entry(1, 2)];
    store.append(first).unwrap();
    for namespace in ["session/s", "session/s/notes", "session/s2", "notes"] {
        store.kv().set(namespace, "k", vec![1]).unwrap();
    }
    let key = store.key(&id("s")).unwrap();
    assert_eq!(store.key(&id("s")).unwrap(), key);
    assert!(matches!(
        store.forget("s", "os:ada"),
        Err(tollgate_store::StoreError::Refused(_))
    ));
    let remove = |seq| Remove {
        session: id("s"),
        fence: 1,
        seq,
        tombstone: event("removed"),
        change: change("session.rm"),
    };
    assert!(matches!(
        store.remove(remove(9)),
        Err(StoreError::SeqMoved { .. })
    ));
    let removed = store.remove(remove(4)).unwrap();
    assert_eq!(
        removed,
        Removed {
            events: 3,
            transcript_entries: 2,
            resources: 2
        }
    );
    let left = store.load(&id("s"), 1, 9).unwrap();
    assert_eq!((left.len(), left[0].seq), (1, 4));
    assert_eq!(store.lease(&id("s")).unwrap().host, None);
    assert!(matches!(
        store.key(&id("s")),
        Err(StoreError::NotFound { .. })
    ));
    assert!(store.kv().exists("session/s2", "k").unwrap());
    let file = store.directory().join("session-keys/s.key");
    assert!(file.exists());
    assert!(store.forget("s", "os:ada").unwrap());
    assert!(!file.exists());
    assert!(!store.forget("nobody", "os:ada").unwrap());
    assert!(!store.forget("host", "os:ada").unwrap());
    let again = store.create(Create {
        session: id("s"),
        events: vec![event("launched")],
        change: change("session.launch"),
        until_us: 1,
    });
    assert!(matches!(again, Err(StoreError::Exists { .. })));
    assert_eq!(store.log().verify("s").unwrap().unwrap().count, 2);
}

#[test]
fn sessions_are_listed_by_id() {
    let (_directory, store) = store();
    for session in ["c", "a", "b"] {
        create(&store, session);
    }
    let ids = |after: Option<&SessionId>, limit| -> Vec<String> {
        let rows = store.list(after, limit).unwrap();
        rows.iter().map(|row| row.session.to_string()).collect()
    };
    assert_eq!(ids(None, 2), ["a", "b"]);
    assert_eq!(ids(Some(&id("b")), 9), ["c"]);
}

#[test]
fn a_killed_owner_is_dead_at_once() {
    let (_directory, store) = store();
    let mut child = child("hold", store.directory())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let host = lines
        .find_map(|line| line.unwrap().strip_prefix("HELD ").map(str::to_owned))
        .map(HostId)
        .unwrap();
    let lease = store.lease(&id("held")).unwrap();
    assert_eq!(lease.host.as_ref(), Some(&host));
    assert_eq!(store.liveness(&host), Liveness::Alive);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(store.liveness(&host), Liveness::Dead);
    assert_eq!(store.lease_take(&lease, 1).unwrap().fence, 2);
}

#[test]
fn open_intents_are_told_in_the_words_of_sessions() {
    let (_directory, store) = store();
    create(&store, "s");
    store
        .append_blocking(effect("s", "r1", State::Intended))
        .unwrap();
    let open = store.open_intents(&id("s"), 9).unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].receipt, "r1");
    assert_eq!(open[0].run.as_ref().unwrap().as_str(), "run-1");
    assert!(!open[0].indeterminate);
}
