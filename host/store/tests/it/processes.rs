//! Several processes on one store, and one that is killed.

use crate::support::*;
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};
use tollgate_receipts::*;
use tollgate_store::Store;

const PROCESSES: usize = 8;
const APPENDS: usize = 300;
const RACE: Duration = Duration::from_millis(1500);
/// How long the others may take to be there.
const START: Duration = Duration::from_secs(60);

/// The part of a child process. Not a test: the tests start it.
#[test]
#[ignore = "started by other tests"]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let directory = std::env::var(DIRECTORY).unwrap();
    match role.as_str() {
        "append" => append(&Store::open(directory.as_ref()).unwrap()),
        "race" => race(&Store::open(directory.as_ref()).unwrap()),
        "append-for-ever" => append_for_ever(&Store::open(directory.as_ref()).unwrap()),
        "hold" => {
            let store = Store::open(directory.as_ref()).unwrap();
            crate::sessions::hold(&store);
        }
        "take" => crate::quotas::take(&Store::open(directory.as_ref()).unwrap()),
        "work" => crate::kill::work(&Store::open(directory.as_ref()).unwrap()),
        "keep" => crate::earlier::write(&Store::open(directory.as_ref()).unwrap()),
        "open" => drop(Store::open(directory.as_ref()).unwrap()),
        "fill" => crate::disk::fill(&Store::open(directory.as_ref()).unwrap()),
        other => panic!("no role {other}"),
    }
}

/// Every commit of one strict intent follows at once on the one before: that starves another
/// process where there is no queue for the lock.
fn race(store: &Store) {
    let own = format!("s{}", std::process::id());
    // All at once: who began while others are still being started would have the lock alone.
    let ready = store.directory().with_extension("ready");
    std::fs::create_dir_all(&ready).unwrap();
    std::fs::write(ready.join(&own), "").unwrap();
    let waits = Instant::now();
    while std::fs::read_dir(&ready).unwrap().count() < PROCESSES {
        assert!(waits.elapsed() < START, "the others were not started");
        std::thread::sleep(Duration::from_millis(1));
    }
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < RACE {
        store
            .append_blocking(effect(&own, &receipt_id(), State::Denied))
            .unwrap();
        count += 1;
    }
    println!("COUNT {count}");
}

#[test]
fn of_processes_that_never_pause_none_starves() {
    let (_directory, store) = store();
    let children: Vec<_> = (0..PROCESSES)
        .map(|_| spawn("race", store.directory()))
        .collect();
    let counts: Vec<u64> = children
        .into_iter()
        .map(|child| said(child, "COUNT "))
        .collect();
    let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
    assert!(*least * 4 > *most, "{least} and {most} commits");
}

/// The number that a child says after `word`.
pub(crate) fn said(child: std::process::Child, word: &str) -> u64 {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let number = text.lines().find_map(|line| line.strip_prefix(word));
    number.unwrap().parse().unwrap()
}

fn append(store: &Store) {
    let own = format!("s{}", std::process::id());
    let mut slowest = Duration::ZERO;
    for _ in 0..APPENDS {
        let began = Instant::now();
        for session in [own.as_str(), "shared"] {
            store
                .append_blocking(effect(session, &receipt_id(), State::Denied))
                .unwrap();
        }
        slowest = slowest.max(began.elapsed());
    }
    println!("SLOWEST {}", slowest.as_millis());
}

fn append_for_ever(store: &Store) {
    for n in 0_u64.. {
        store
            .submit(effect("killed", &receipt_id(), State::Intended))
            .unwrap();
        if n % 50 == 0 {
            store
                .append_blocking(effect("killed", &receipt_id(), State::Denied))
                .unwrap();
            println!("DURABLE {}", n + n / 50 + 2);
        }
    }
}

#[test]
fn processes_append_to_one_dense_log_and_none_starves() {
    let (_directory, store) = store();
    let children: Vec<_> = (0..PROCESSES)
        .map(|_| spawn("append", store.directory()))
        .collect();
    for child in children {
        let pid = child.id();
        let slowest = said(child, "SLOWEST ");
        assert!(slowest < 2000, "two commits took {slowest} ms");
        let head = store.log().verify(&format!("s{pid}")).unwrap().unwrap();
        assert_eq!(head.count, APPENDS as u64);
    }
    let head = store.log().verify("shared").unwrap().unwrap();
    assert_eq!(head.count, (PROCESSES * APPENDS) as u64);
    assert_eq!(whole_log(&store).len(), 2 * PROCESSES * APPENDS);
}

#[test]
fn a_killed_process_leaves_a_whole_log() {
    let (_directory, store) = store();
    for round in 1..=3 {
        let before = store.log().size().unwrap();
        let mut child = spawn("append-for-ever", store.directory());
        let mut durable = 0;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            if let Some(count) = line.strip_prefix("DURABLE ") {
                durable = count.parse::<u64>().unwrap();
                if durable > 200 * round {
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();
        let size = store.log().size().unwrap();
        assert!(size >= before + durable, "{size} < {before} + {durable}");
        let head = store.log().verify("killed").unwrap().unwrap();
        assert_eq!(head.count, size);
        assert_eq!(whole_log(&store).len() as u64, size);
        // And it goes on.
        store
            .append_blocking(effect("killed", &receipt_id(), State::Denied))
            .unwrap();
    }
}

#[test]
fn several_processes_can_make_the_store_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let children: Vec<_> = (0..3).map(|_| spawn("append", &state)).collect();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let store = Store::open(&state).unwrap();
    assert_eq!(store.log().size().unwrap(), 2 * 3 * APPENDS as u64);
}
