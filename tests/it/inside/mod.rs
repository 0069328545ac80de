//! Hostile calls and a neighbour inside one host: the same engine, pool, runtimes, clock and store.
//!
//! The black-box tests call each component in a process of its own; here more of them than the host has
//! workers run at once, and an innocent call beside them must be done in time. [`crowd`] does it with hundreds,
//! again and again, in [`race`] another process changes the files under them, in [`quota`] all write below one
//! mount, and in [`trust`] a guest asks servers that cannot say who they are.

mod crowd;
pub(crate) mod host;
mod quota;
mod race;
pub(crate) mod trouble;
mod trust;

use host::Host;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Hostile calls at once; a host has one worker for each core.
const HOSTILE_CALLS: usize = 8;
/// A neighbour's call takes a millisecond; it may wait for one tick of each spinning guest.
const NEIGHBOUR_TIME_MAX: Duration = Duration::from_secs(1);
/// All hostile calls together: their limits are one second, and two cores share their loops.
const HOSTILE_TIME_MAX: Duration = Duration::from_secs(20);

#[test]
fn heavy_loops_on_every_worker() {
    let ended = beside("endless_loop");
    assert!(
        ended.iter().all(|e| e.starts_with("limit cpu 1s")),
        "{ended:?}"
    );
}

#[test]
fn heavy_waits_without_end() {
    let ended = beside("endless_wait");
    assert!(
        ended.iter().all(|e| e.starts_with("limit wall 1s")),
        "{ended:?}"
    );
}

#[test]
fn heavy_memory_for_all() {
    let ended = beside("memory");
    assert!(
        ended.iter().all(|e| e.starts_with("limit memory")),
        "{ended:?}"
    );
}

#[test]
fn heavy_floods_of_receipts() {
    let ended = beside("receipt_flood");
    assert!(ended.iter().all(|e| e == "returned"), "{ended:?}");
}

#[test]
fn heavy_floods_of_output() {
    let ended = beside("output_flood");
    assert!(
        ended.iter().all(|e| e.starts_with("limit output")),
        "{ended:?}"
    );
}

#[test]
fn traps_one_after_the_other() {
    let ended = beside("trap");
    assert!(ended.iter().all(|e| e == "trapped"), "{ended:?}");
}

/// Runs hostile calls and a neighbour; how the hostile ones ended.
fn beside(folder: &str) -> Vec<String> {
    let host = Host::start(&[folder]);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        host.neighbour().await; // compiled now
        let done = Arc::new(AtomicBool::new(false));
        let started = Instant::now();
        let calls: Vec<_> = (0..HOSTILE_CALLS)
            .map(|_| tokio::spawn(host.hostile(folder)))
            .collect();
        let neighbours = tokio::spawn(Arc::clone(&host).neighbours(Arc::clone(&done)));
        let mut ended = Vec::new();
        for call in calls {
            ended.push(call.await.unwrap());
        }
        let took = started.elapsed();
        done.store(true, Ordering::Relaxed);
        let (count, slowest) = neighbours.await.unwrap();
        println!(
            "{folder}: {HOSTILE_CALLS} in {took:.2?}; {count} neighbours, slowest {slowest:.2?}"
        );
        assert!(took < HOSTILE_TIME_MAX, "{took:?}");
        assert!(slowest < NEIGHBOUR_TIME_MAX, "{slowest:?}");
        ended
    })
}
