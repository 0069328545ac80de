//! A disk that is full, and one that is full no longer.

use crate::support::*;
use std::process::Command;
use tollgate_receipts::*;
use tollgate_store::Store;

/// Runs a child in a small file system of its own; needs namespaces, which some machines forbid.
#[test]
fn a_full_disk_is_said_with_the_reserve_and_its_end_too() {
    let directory = tempfile::tempdir().unwrap();
    let mount = directory.path().join("small");
    std::fs::create_dir(&mount).unwrap();
    let child = child("fill", &mount);
    let script = format!(
        "mount -t tmpfs -o size=24m tmpfs '{}' && exec \"$@\"",
        mount.display()
    );
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .arg(child.get_program())
        .args(child.get_args());
    for (name, value) in child.get_envs() {
        command.env(name, value.unwrap());
    }
    match command.output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            if text.contains("Operation not permitted") {
                eprintln!("skipped: this machine forbids mount namespaces");
                return;
            }
            assert!(output.status.success(), "{text}");
            assert!(text.contains("FILLED"), "{text}");
        }
        Err(error) => eprintln!("skipped: no unshare ({error})"),
    }
}

/// The child.
pub(crate) fn fill(store: &Store) {
    store
        .append_blocking(effect("s", "first", State::Denied))
        .unwrap();
    let ballast = store.directory().join("ballast");
    let fill = |bytes: usize| {
        // However much fits.
        let _ = std::fs::write(&ballast, vec![1_u8; bytes]);
    };
    fill(64 * 1024 * 1024);
    let mut refused = 0_u64;
    for n in 0..5000 {
        let draft = effect("s", &format!("r{n}"), State::Denied);
        match store.append_blocking(draft) {
            Ok(()) => assert_eq!(refused, 0, "entry {n} took the place of the reserve"),
            Err(LedgerError::Unavailable(why)) => {
                assert!(why.contains("full"), "{why}");
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
        if refused == 20 {
            break;
        }
    }
    assert_eq!(refused, 20);
    // It says so already, with the space that was kept; what is urgent can be written too.
    let unavailable = |entry: &Entry| matches!(&entry.record, Record::Change(c) if c.what == "ledger.unavailable");
    assert!(whole_log(store).iter().any(unavailable));
    store.operator().login("os:ada", "os").unwrap();
    assert!(store.kv().set("n", "k", vec![0; 10]).is_err());

    std::fs::remove_file(&ballast).unwrap();
    store
        .append_blocking(effect("s", "last", State::Denied))
        .unwrap();
    let log = whole_log(store);
    let told: Vec<_> = log
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Change(change) => Some((change.what.as_str(), change.detail.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(told[0].0, "ledger.unavailable");
    assert_eq!(told[1].0, "auth.login");
    assert_eq!(
        told[2],
        ("ledger.available", "20 entries were refused meanwhile")
    );
    store.log().verify("s").unwrap().unwrap();
    store.log().verify(HOST_SESSION).unwrap().unwrap();
    println!("FILLED");
}
