//! What the tests share: a store in a directory of its own, drafts, and child processes.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;
use tollgate_receipts::*;
use tollgate_store::Store;

/// Names the role of a child process; see [`crate::processes::child`].
pub(crate) const ROLE: &str = "TOLLGATE_STORE_TEST_ROLE";
/// Names the store of a child process.
pub(crate) const DIRECTORY: &str = "TOLLGATE_STORE_TEST_DIRECTORY";

pub(crate) fn store() -> (TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("state")).unwrap();
    (directory, store)
}

pub(crate) fn database(store: &Store) -> rusqlite::Connection {
    rusqlite::Connection::open(store.directory().join("store.db")).unwrap()
}

/// This test binary again, as a child that plays `role`.
pub(crate) fn child(role: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "processes::child", "--ignored", "--nocapture"])
        .env(ROLE, role)
        .env(DIRECTORY, directory);
    command
}

pub(crate) fn spawn(role: &str, directory: &Path) -> Child {
    child(role, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

pub(crate) fn plugin() -> Arc<Plugin> {
    Arc::new(Plugin {
        name: "files".into(),
        version: "0.1.0".into(),
        digest: "sha256:00".into(),
    })
}

pub(crate) fn decided(verdict: Verdict) -> Decided {
    Decided {
        verdict,
        grant: None,
        reason: (verdict == Verdict::Denied).then(|| "no_grant".into()),
        nearest: None,
        command: None,
    }
}

pub(crate) fn effect(session: &str, receipt: &str, state: State) -> Draft {
    let verdict = match state {
        State::Denied => Verdict::Denied,
        State::Asked => Verdict::Asked,
        _ => Verdict::Allowed,
    };
    Draft {
        session: session.into(),
        record: Record::Effect(Box::new(EffectRecord {
            receipt: receipt.into(),
            state,
            time_us: 1,
            run: Some("run-1".into()),
            call: format!("call-{session}"),
            plugin: plugin(),
            import: "wasi:filesystem/types.open-at".into(),
            kind: "fs.open.write".into(),
            class: Class::Strict,
            action: Action::SandboxAction,
            target: Target {
                text: "/out/a".into(),
                hmac: None,
            },
            decision: decided(verdict),
            policy: "sha256:01".into(),
            generation: 1,
            transport: Transport::Live,
            budget_left: 9,
            outcome: None,
        })),
    }
}

pub(crate) fn outcome(session: &str, receipt: &str, state: State, result: OutcomeResult) -> Draft {
    Draft {
        session: session.into(),
        record: Record::Outcome(OutcomeRecord {
            receipt: receipt.into(),
            state,
            time_us: 2,
            call: format!("call-{session}"),
            outcome: observed(result),
        }),
    }
}

pub(crate) fn observed(result: OutcomeResult) -> Outcome {
    Outcome {
        result,
        error: None,
        status: None,
        bytes_in: Some(1),
        bytes_out: None,
        duration_us: 3,
        address: None,
        detail: None,
    }
}

pub(crate) fn read_set(session: &str, receipts: &[&str]) -> Draft {
    let item = |receipt: &&str| ReadItem {
        receipt: (*receipt).into(),
        state: State::Settled,
        time_us: 3,
        import: "wasi:filesystem/types.open-at".into(),
        kind: "fs.open.read".into(),
        action: Action::SandboxAction,
        target: Target {
            text: "/in/b".into(),
            hmac: None,
        },
        decision: decided(Verdict::Allowed),
        outcome: Some(observed(OutcomeResult::Ok)),
    };
    Draft {
        session: session.into(),
        record: Record::ReadSet(ReadSet {
            run: None,
            call: format!("call-{session}"),
            plugin: plugin(),
            policy: "sha256:01".into(),
            generation: 1,
            items: receipts.iter().map(item).collect(),
        }),
    }
}

/// Every entry of the ledger, decoded; fails unless the index is dense.
pub(crate) fn whole_log(store: &Store) -> Vec<Entry> {
    let mut entries = Vec::new();
    loop {
        let page = store.log().follow(entries.len() as u64, 1000).unwrap();
        if page.is_empty() {
            return entries;
        }
        for stored in page {
            assert_eq!(stored.idx, entries.len() as u64, "the index has a gap");
            entries.push(decode(&stored.bytes).unwrap());
        }
    }
}

/// The changes in the host's chain, as `what object`.
pub(crate) fn host_changes(store: &Store) -> Vec<String> {
    let of_host = |entry: Entry| match entry.record {
        Record::Change(change) if entry.session == HOST_SESSION => {
            Some(format!("{} {}", change.what, change.object))
        }
        _ => None,
    };
    whole_log(store).into_iter().filter_map(of_host).collect()
}
