//! Hundreds of hostile and honest calls in one host, round after round: all contained, all right, nothing
//! kept.

use super::host::Host;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tollgate_grants::CallLimits;

/// The hostile ones, and how each ends.
const HOSTILE: [(&str, &str); 6] = [
    ("trap", "trapped"),
    ("memory", "limit memory"),
    ("output_flood", "limit output"),
    ("endless_wait", "limit wall"),
    ("endless_loop", "limit cpu"),
    ("dotdot", "returned"),
];
/// Calls of each sort in a round.
const CALLS: usize = 200;
/// Rounds; the first two fill what is kept for the next call.
const ROUNDS: usize = 10;
const WARM: usize = 2;
/// What memory may grow by from round to round, in all: less than one instance per round.
const GROWTH_BYTES_MAX: u64 = 24 * 1024 * 1024;
/// How long threads that have nothing to do may live on.
const THREADS_END_SECONDS: usize = 20;
/// Calls after which nothing may be left.
const MANY: usize = 10_000;

/// A round must not take minutes on two cores.
fn short(limits: &mut CallLimits) {
    limits.cpu_us = limits.cpu_us.min(50_000);
    limits.wall_us = limits.wall_us.min(3_000_000);
    limits.memory_bytes = limits.memory_bytes.min(8 * 1024 * 1024);
    limits.effects = limits.effects.min(50);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn heavy_hundreds_of_hostile_calls_harm_no_honest_one() {
    let folders = HOSTILE.map(|(folder, _)| folder);
    let host = Host::with(&folders, short);
    let runtime = runtime();
    let mut times = Vec::new();
    let mut sizes = Vec::new();
    for _ in 0..ROUNDS {
        runtime.block_on(round(&host, &mut times));
        sizes.push(memory_bytes());
    }
    times.sort();
    let at = |part: usize| times[times.len() * part / 100];
    println!(
        "{} honest calls beside as many hostile ones: p50 {:.2?}, p99 {:.2?}, slowest {:.2?}",
        times.len(),
        at(50),
        at(99),
        times[times.len() - 1]
    );
    let sizes: Vec<u64> = sizes.iter().map(|bytes| bytes / (1024 * 1024)).collect();
    println!("MiB after each round: {sizes:?}");
    let (warm, last) = (sizes[WARM], sizes[ROUNDS - 1]);
    assert!(last <= warm + GROWTH_BYTES_MAX / (1024 * 1024), "{sizes:?}");
}

async fn round(host: &Arc<Host>, times: &mut Vec<Duration>) {
    let mut hostile = Vec::new();
    let mut honest = Vec::new();
    for call in 0..CALLS {
        let (folder, end) = HOSTILE[call % HOSTILE.len()];
        hostile.push((tokio::spawn(host.hostile(folder)), folder, end));
        let host = Arc::clone(host);
        honest.push(tokio::spawn(async move {
            let started = Instant::now();
            host.neighbour().await;
            started.elapsed()
        }));
    }
    for call in honest {
        times.push(call.await.unwrap());
    }
    for (call, folder, end) in hostile {
        let ended = call.await.unwrap();
        assert!(ended.starts_with(end), "{folder}: {ended}");
    }
}

#[test]
fn heavy_ten_thousand_calls_leave_nothing() {
    let host = Host::with(&["trap", "output_flood", "endless_wait"], |limits| {
        limits.wall_us = limits.wall_us.min(20_000);
    });
    let runtime = runtime();
    let calls = |count: usize| {
        runtime.block_on(async {
            for batch in 0..count / 20 {
                let mut calls = Vec::new();
                for call in 0..20 {
                    let folder = match (batch, call) {
                        (_, 0) => Some("trap"),
                        (_, 1) => Some("output_flood"),
                        (batch, 2) if batch % 10 == 0 => Some("endless_wait"),
                        _ => None,
                    };
                    let host = Arc::clone(&host);
                    calls.push(tokio::spawn(async move {
                        match folder {
                            Some(folder) => drop(host.hostile(folder).await),
                            None => host.neighbour().await,
                        }
                    }));
                }
                for call in calls {
                    call.await.unwrap();
                }
            }
            host.sandbox.settled().await;
        });
    };
    calls(400);
    let before = Held::now();
    calls(MANY);
    let mut after = Held::now();
    // Threads for blocking work end ten seconds after their last task.
    for _ in 0..THREADS_END_SECONDS {
        if after.threads <= before.threads {
            break;
        }
        after = Held::now();
    }
    println!("before {before:?}, after {after:?}");
    assert_eq!(after.files, before.files);
    assert!(after.threads <= before.threads, "{before:?} {after:?}");
    assert!(
        after.bytes <= before.bytes + GROWTH_BYTES_MAX,
        "{before:?} {after:?}"
    );
    // Every place in the pool was given back: as many calls as ever run at once.
    runtime.block_on(async {
        let calls: Vec<_> = (0..tollgate_sandbox::LIVE_CALLS_MAX)
            .map(|_| {
                let host = Arc::clone(&host);
                tokio::spawn(async move { host.neighbour().await })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
    });
}

/// What this process holds.
#[derive(Debug)]
struct Held {
    files: usize,
    threads: usize,
    bytes: u64,
}

impl Held {
    fn now() -> Self {
        std::thread::sleep(Duration::from_secs(1));
        let count = |path: &str| std::fs::read_dir(path).unwrap().count();
        Self {
            files: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
            bytes: memory_bytes(),
        }
    }
}

/// Resident memory of this process.
fn memory_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * rustix::param::page_size() as u64
}
