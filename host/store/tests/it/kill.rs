//! kill -9 while the ledger is written, signed, given another key, pruned and migrated, twenty times each.
//!
//! The witness is outside: what the killed process had said was durable is there, nothing is there that it had
//! not begun, and heads that were signed before still hold.

use crate::support::*;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};
use tollgate_contract::STOP_AT_VARIABLE;
use tollgate_receipts::log::check_consistency;
use tollgate_receipts::*;
use tollgate_store::Store;

/// How often each point is the end of a process.
const KILLS: u32 = 20;
/// What one process appends.
const ENTRIES: u64 = 300;
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The child that does everything that the ledger knows.
pub(crate) fn work(store: &Store) {
    let (before, session) = (
        store.log().size().unwrap(),
        format!("w{}", std::process::id()),
    );
    println!("BEGAN {before}");
    let mut tickets = Vec::new();
    for n in 0..ENTRIES {
        let draft = effect(&session, &format!("r{n}"), State::Denied);
        tickets.push(store.submit(draft).unwrap());
    }
    store.durable_here(&tickets).unwrap();
    println!("DURABLE {}", store.log().size().unwrap());
    store.tree().sign().unwrap();
    store.tree().rotate("os:ada").unwrap();
    store.tree().prune(i64::MAX, "os:ada").unwrap();
    println!("END {}", store.log().size().unwrap());
}

/// Starts a child that stops where it passes `point` for the `nth` time, and kills it there. What it had said,
/// and whether it came to the point.
fn killed_at(role: &str, directory: &Path, point: &str, nth: u32) -> (Vec<String>, bool) {
    let mut command = child(role, directory);
    command.env(STOP_AT_VARIABLE, format!("{point}:{nth}"));
    let mut process = command.spawn().unwrap();
    let stopped = stops(&mut process);
    process.kill().unwrap();
    process.wait().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    (lines.map_while(Result::ok).collect(), stopped)
}

/// Waits until it has stopped itself (proc_pid_stat(5)); false if it came to its end.
fn stops(process: &mut Child) -> bool {
    let began = Instant::now();
    loop {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap_or_default();
        if stat
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('T'))
        {
            return true;
        }
        if process.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(began.elapsed() < WAIT_MAX, "neither stopped nor ended");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The number behind a word in what a process said.
fn number(said: &[String], word: &str) -> Option<u64> {
    said.iter()
        .find_map(|line| line.split_once(word)?.1.trim().parse().ok())
}

#[test]
fn a_kill_at_any_point_of_the_ledger_leaves_it_whole() {
    let (directory, store) = store();
    let path = directory.path().join("state");
    drop(store);
    let mut witness: Option<(u64, [u8; 32])> = None;
    let points = [
        "store.before_commit",
        "store.after_commit",
        "store.before_head",
        "store.after_head",
        "store.key_written",
        "store.pruning",
    ];
    for point in points {
        for kill in 0..KILLS {
            let case = format!("{point}, kill {kill}");
            // The first commits and heads of a process are of other things than the last ones.
            let nth = match point {
                "store.key_written" | "store.pruning" => 1,
                _ => 1 + kill % 3,
            };
            let (said, stopped) = killed_at("work", &path, point, nth);
            assert!(stopped || nth > 1, "{case}: never passed");
            let store = Store::open(&path).unwrap();
            let size = store.log().size().unwrap();
            let began = number(&said, "BEGAN ");
            let most = began.map_or(u64::MAX, |began| began + ENTRIES + 3);
            let least = number(&said, "END ")
                .or(number(&said, "DURABLE "))
                .or(began);
            assert!(
                least.is_none_or(|least| size >= least),
                "{case}: {size} of {least:?}"
            );
            assert!(
                size <= most,
                "{case}: {size} entries, and {most} were begun"
            );
            store
                .tree()
                .check()
                .unwrap_or_else(|error| panic!("{case}: {error}"));
            // What somebody has taken away of an earlier head still holds.
            let head = store.tree().sign().unwrap().head;
            if let Some((size, root)) = witness {
                let (_, path) = store.tree().consistency(size, &head).unwrap();
                check_consistency(&path, (head.size, &head.root), (size, &root))
                    .unwrap_or_else(|error| panic!("{case}: {error}"));
            }
            witness = Some((head.size, head.root));
        }
    }
    // It can be worked on to the end.
    let store = Store::open(&path).unwrap();
    work(&store);
    store.tree().check().unwrap();
}

#[test]
fn a_kill_while_a_store_is_migrated_leaves_one_that_can_be() {
    let mut kills = 0;
    for format in crate::earlier::FORMATS {
        for point in [
            "store.migrating",
            "store.completing_tiles",
            "store.before_commit",
        ] {
            for nth in 1..=KILLS {
                let directory = crate::earlier::kept(format);
                let path = directory.path().join("state");
                let (_, stopped) = killed_at("open", &path, point, nth);
                let store = Store::open(&path).unwrap();
                crate::earlier::is_whole(&store);
                if !stopped {
                    break;
                }
                kills += 1;
            }
        }
    }
    println!("{kills} kills");
    assert!(kills >= KILLS, "{kills}");
}
