//! Stores that earlier versions wrote, kept in this repository as they were (`tests/formats`). Format 3 is the
//! first that any version wrote. [`write`] wrote them, and writes the next.

use crate::sessions::{append, create, entry};
use crate::support::*;
use std::path::PathBuf;
use tempfile::TempDir;
use tollgate_receipts::export::{Scope, verify};
use tollgate_receipts::*;
use tollgate_sessions::ports::SessionStore;
use tollgate_store::{STORE_FORMAT, Store};

/// What is kept.
pub(crate) const FORMATS: [u32; 5] = [3, 4, 5, 6, 7];
/// The entries that each holds: of the operator's five verbs, of the effects, of the session.
const ENTRIES: u64 = 308;

/// A copy of the store of a format.
pub(crate) fn kept(format: u32) -> TempDir {
    let from = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/formats/{format}"));
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("state");
    copy(&from, &to);
    directory
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// All that was written is there, and can be proven and worked on.
#[track_caller]
pub(crate) fn is_whole(store: &Store) {
    assert_eq!(store.log().size().unwrap(), ENTRIES);
    let checked = store.tree().check().unwrap();
    assert_eq!((checked.size, checked.sessions), (ENTRIES, 3));
    assert_eq!(
        store.operator().current().unwrap().unwrap().subject,
        "os:ada"
    );
    assert_eq!(store.trust().list().unwrap().len(), 1);
    assert_eq!(
        store
            .plugins()
            .get("files")
            .unwrap()
            .unwrap()
            .plugin
            .version,
        "0.1.0"
    );
    assert_eq!(store.kv().get("notes", "k").unwrap(), Some(vec![1, 2]));
    let session = tollgate_contract::SessionId::new("s").unwrap();
    assert_eq!(store.load(&session, 1, 9).unwrap().len(), 3);
    assert!(store.key(&session).is_ok());
    let receipt = store.log().receipt("done").unwrap().unwrap();
    assert_eq!(receipt.settled.unwrap().outcome.result, OutcomeResult::Ok);
    assert!(store.log().receipt("b").unwrap().is_some());
    let head = store.tree().sign().unwrap().head;
    assert_eq!(store.tree().prove("r7", &head).unwrap().len(), 1);
}

#[test]
fn a_store_of_every_earlier_format_is_opened() {
    assert_eq!(
        FORMATS.last(),
        Some(&STORE_FORMAT),
        "keep a store of the new format"
    );
    for format in FORMATS {
        let directory = kept(format);
        let path = directory.path().join("state");
        // Nothing is wrong with it, only old.
        assert_eq!(tollgate_store::repair(&path, "os:ada").unwrap(), None);
        let store = Store::open(&path).unwrap();
        is_whole(&store);
        store
            .append_blocking(effect("t", "more", State::Denied))
            .unwrap();
        drop(store);
        let store = Store::open(&path).unwrap();
        assert_eq!(store.tree().check().unwrap().size, ENTRIES + 1);
        let version: i64 = database(&store)
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap();
        assert_eq!(version, i64::from(STORE_FORMAT));
        goes_on(&store);
    }
}

/// Chains that began with an earlier schema are exported and removed as any other: before anything newer follows,
/// in the middle, and with nothing older left.
#[track_caller]
fn goes_on(store: &Store) {
    let key = store.tree().key().unwrap();
    let whole = || {
        let file = store.tree().export(Scope::Since(0)).unwrap();
        let found = verify(&file, &key).unwrap();
        assert!(found.faults.is_empty(), "{:?}", found.faults);
        store.tree().check().unwrap();
        for session in ["s", "t"] {
            let head = store.log().verify(session).unwrap().unwrap();
            assert_eq!(store.log().head(session).unwrap(), head);
        }
        found.header.first
    };
    assert_eq!(whole(), Some(0));
    let session = store.tree().export(Scope::Session("t".into())).unwrap();
    assert!(verify(&session, &key).is_ok());
    // The one effect whose outcome is not known keeps its tile.
    assert_eq!(store.tree().prune(i64::MAX, "os:ada").unwrap().upto, 256);
    let ended = outcome("t", "open", State::Settled, OutcomeResult::Ok);
    store.append_blocking(ended).unwrap();
    assert_eq!(whole(), Some(256));
    let many = |from: u32| {
        let drafts = (from..from + 300).map(|n| effect("t", &format!("n{n}"), State::Denied));
        let tickets: Vec<_> = drafts.map(|draft| store.submit(draft).unwrap()).collect();
        store.durable_here(&tickets).unwrap();
    };
    many(0);
    assert_eq!(store.tree().prune(i64::MAX, "os:ada").unwrap().upto, 512);
    assert_eq!(whole(), Some(512));
    many(300);
    assert_eq!(whole(), Some(512));
}

/// The child that wrote what is kept: `TOLLGATE_STORE_TEST_ROLE=keep` with the directory beside it.
pub(crate) fn write(store: &Store) {
    store.operator().login("os:ada", "os").unwrap();
    store
        .trust()
        .add("/p/tollgate.toml", "sha256:aa", "os:ada")
        .unwrap();
    let plugin = tollgate_store::NewPlugin {
        name: "files".into(),
        digest: "sha256:aa".into(),
        version: "0.1.0".into(),
        world: "tools".into(),
        needs: vec!["fs.read * at *".into()],
        component_path: "/p/files.wasm".into(),
        tools_json: "[]".into(),
        names: vec!["read".into()],
    };
    store.plugins().add(plugin, "os:ada").unwrap();
    store.kv().set("notes", "k", vec![1, 2]).unwrap();
    for n in 0..300 {
        store
            .append_blocking(effect("t", &format!("r{n}"), State::Denied))
            .unwrap();
    }
    store.append_blocking(read_set("t", &["a", "b"])).unwrap();
    store
        .append_blocking(effect("t", "open", State::Intended))
        .unwrap();
    store
        .append_blocking(effect("t", "done", State::Intended))
        .unwrap();
    store
        .append_blocking(outcome("t", "done", State::Settled, OutcomeResult::Ok))
        .unwrap();
    let lease = create(store, "s");
    let mut told = append(&lease, 3);
    told.transcript = vec![entry(1, 1), entry(1, 2)];
    store.append(told).unwrap();
}

#[test]
fn what_this_version_writes_is_what_is_kept_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let written = child("keep", &path).status().unwrap();
    assert!(written.success());
    is_whole(&Store::open(&path).unwrap());
}
