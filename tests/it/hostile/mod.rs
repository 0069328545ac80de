//! Every component of `tests/hostile`, called by the built binary beside an innocent neighbour.
//!
//! A folder is one test: the guest, the operator's policy, and what must come of it. The names below
//! are the folders; a folder without a test, or a test without a folder, fails
//! `every_folder_has_a_test`.
//!
//! `TOLLGATE_EXPECT=write` writes what was seen into `expected.json`, to be reviewed as a diff.

pub(crate) mod outcome;
mod scene;

use crate::support::{Ran, place};
use outcome::Outcome;
use scene::Scene;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A neighbour's call, a process of its own, takes a fraction of a second on an idle machine.
const NEIGHBOUR_TIME_MAX: Duration = Duration::from_secs(5);
/// Folders of `tests/hostile` that are not hostile, or have a test of their own.
const OTHERS: [&str; 4] = ["bench", "blocks", "matrix", "socket_revoked"];

macro_rules! folders {
    ($($test:ident = $folder:literal),* $(,)?) => {
        const FOLDERS: &[&str] = &[$($folder),*];
        $(#[test] fn $test() { contained($folder); })*
    };
}

folders! {
    dotdot = "dotdot",
    symlink = "symlink",
    write_read_only = "write_read_only",
    excluded_rename = "excluded_rename",
    excluded_hard_link = "excluded_hard_link",
    fifo = "fifo",
    own_store = "own_store",
    redirect = "redirect",
    private_address = "private_address",
    dot_encoded = "dot_encoded",
    name_lookup = "name_lookup",
    lookup_exfil = "lookup_exfil",
    socket_connect = "socket_connect",
    socket_other_port = "socket_other_port",
    socket_listen = "socket_listen",
    socket_metadata = "socket_metadata",
    udp_spray = "udp_spray",
    environment = "environment",
    heavy_memory = "memory",
    heavy_endless_loop = "endless_loop",
    endless_wait = "endless_wait",
    output_flood = "output_flood",
    receipt_flood = "receipt_flood",
    disk_flood = "disk_flood",
    trap = "trap",
    undeclared_need = "undeclared_need",
    heavy_compile_bomb = "compile_bomb",
    core_instances = "core_instances",
}

#[test]
fn every_folder_has_a_test() {
    let directory = place::repository().join("tests/hostile");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() && !OTHERS.contains(&name.as_str()) {
            found.insert(name);
        }
    }
    let tested: BTreeSet<String> = FOLDERS.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(found, tested);
}

/// Calls the guest of `folder` and compares what came of it with its `expected.json`.
fn contained(folder: &str) {
    let scene = Scene::set(folder);
    let expected = Outcome::expected(folder);
    let before = scene.look();
    scene.neighbour(); // compiled now, so that the time below is that of a call

    let done = AtomicBool::new(false);
    let (took, ran, slowest, neighbours) = std::thread::scope(|threads| {
        let neighbour = threads.spawn(|| neighbours(&scene, &done));
        let started = Instant::now();
        let calls: Vec<_> = (0..expected.calls)
            .map(|_| threads.spawn(|| scene.attempt()))
            .collect();
        let ran: Vec<Ran> = calls.into_iter().map(|call| call.join().unwrap()).collect();
        let took = started.elapsed();
        done.store(true, Ordering::Relaxed);
        let (slowest, count) = neighbour.join().unwrap();
        (took, ran, slowest, count)
    });
    println!("{folder}: {took:.1?}; beside it {neighbours} neighbours, slowest {slowest:.2?}");

    let seen = Outcome::seen(&scene, &expected, &before, &ran);
    if std::env::var_os("TOLLGATE_EXPECT").is_some_and(|how| how == "write") {
        seen.write(folder);
    } else {
        let (seen, expected) = (seen.shown(), expected.shown());
        assert!(
            seen == expected,
            "seen:\n{seen}\nexpected:\n{expected}\n{}",
            ran[0]
        );
    }
    scene.untouched(&before);
    let most = Duration::from_secs(expected.seconds_max);
    assert!(took < most, "it held the host for {took:?}");
    assert!(slowest < NEIGHBOUR_TIME_MAX, "a neighbour took {slowest:?}");
}

/// Calls the neighbour until told to end; the slowest call, and how many there were.
fn neighbours(scene: &Scene, done: &AtomicBool) -> (Duration, usize) {
    let (mut slowest, mut count) = (Duration::ZERO, 0);
    loop {
        let started = Instant::now();
        scene.neighbour();
        slowest = slowest.max(started.elapsed());
        count += 1;
        if done.load(Ordering::Relaxed) {
            return (slowest, count);
        }
    }
}
