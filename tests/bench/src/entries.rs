//! Durable entries per second: the ledger against raw SQLite group commit of the same rows.

use crate::report::{Report, say};
use anyhow::{Context as _, Result, ensure};
use rusqlite::Connection;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};
use tollgate_receipts::{CallRecord, Draft, Plugin, Record};
use tollgate_store::Store;

/// How long one round lasts.
const ROUND: Duration = Duration::from_millis(1_500);
/// Rounds of each side.
const ROUNDS: usize = 3;
/// The most rows of one raw commit, as many as the ledger takes.
const BATCH_ROWS_MAX: usize = 1_024;

pub(crate) fn run(report: &mut Report) -> Result<()> {
    std::fs::create_dir_all("target/bench")?;
    for producers in [1, 16, 64] {
        let (mut raw, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let home = tempfile::tempdir_in("target/bench")?;
            raw.push(raw_round(&home.path().join("raw.db"), producers)?);
            ours.push(our_round(&home.path().join("store"), producers)?);
        }
        let aim = (producers == 64).then_some(0.85);
        report.rates(
            &format!("{producers} producers, 1 process"),
            &raw,
            &ours,
            aim,
        );
    }
    let (mut raw, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let home = tempfile::tempdir_in("target/bench")?;
        raw.push(processes("raw", &home.path().join("raw.db"), 4)?);
        ours.push(processes("ours", &home.path().join("store"), 4)?);
    }
    report.rates("16 producers in each of 4 processes", &raw, &ours, None);
    Ok(())
}

pub(crate) fn draft(session: &str, producer: usize, n: u64) -> Draft {
    Draft {
        session: session.to_owned(),
        record: Record::Call(CallRecord {
            call: format!("call-{producer}-{n}"),
            time_us: 1_700_000_000_000_000,
            run: Some("run-0001".into()),
            plugin: Arc::new(Plugin {
                name: "bench".into(),
                version: "0.1.0".into(),
                digest: format!("sha256:{}", "0".repeat(64)),
            }),
            export: "tool.call read".into(),
            ended: "returned".into(),
            detail: None,
            allowed: 1,
            denied: 0,
            clock: 0,
            random_bytes: 0,
            stdio_bytes: 0,
            duration_us: 120,
            memory_bytes_peak: 1_179_648,
        }),
    }
}

fn our_round(directory: &Path, producers: usize) -> Result<f64> {
    let store = Arc::new(Store::open(directory)?);
    let size_before = store.log().size()?;
    let started = Instant::now();
    let written = produce(producers, |producer, n| {
        Ok(store.append_blocking(draft("bench", producer, n))?)
    })?;
    let rate = written as f64 / started.elapsed().as_secs_f64();
    let rows = store.log().size()? - size_before;
    ensure!(rows == written, "{rows} rows for {written} durable entries");
    Ok(rate)
}

/// Runs `append` from `producers` threads for one round; returns how many succeeded.
fn produce(
    producers: usize,
    append: impl Fn(usize, u64) -> Result<()> + Send + Sync,
) -> Result<u64> {
    let total = AtomicU64::new(0);
    let until = Instant::now() + ROUND;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..producers)
            .map(|producer| {
                let (append, total) = (&append, &total);
                scope.spawn(move || -> Result<()> {
                    let mut n = 0;
                    while Instant::now() < until {
                        append(producer, n)?;
                        n += 1;
                    }
                    total.fetch_add(n, Ordering::Relaxed);
                    Ok(())
                })
            })
            .collect();
        for thread in threads {
            thread
                .join()
                .map_err(|_| anyhow::anyhow!("a producer panicked"))??;
        }
        anyhow::Ok(())
    })?;
    Ok(total.load(Ordering::Relaxed))
}

/// Raw SQLite: one writer thread that commits all that waits.
struct RawStore {
    queue: mpsc::SyncSender<(Vec<u8>, Arc<Done>)>,
}

#[derive(Default)]
struct Done(Mutex<bool>, Condvar);

impl Done {
    fn set(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.1.notify_one();
    }

    fn wait(&self) {
        let mut done = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !*done {
            done = self.1.wait(done).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl RawStore {
    fn open(path: &Path) -> Result<(Self, std::thread::JoinHandle<Result<()>>)> {
        let mut connection = connect(path)?;
        let lock = std::fs::File::create(path.with_extension("lock"))?;
        let (queue, waiting) = mpsc::sync_channel::<(Vec<u8>, Arc<Done>)>(BATCH_ROWS_MAX);
        let writer = std::thread::spawn(move || -> Result<()> {
            let mut batch = Vec::new();
            while let Ok(first) = waiting.recv() {
                batch.push(first);
                while batch.len() < BATCH_ROWS_MAX
                    && let Ok(next) = waiting.try_recv()
                {
                    batch.push(next);
                }
                rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)?;
                let transaction = connection
                    .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
                {
                    let mut insert = transaction.prepare_cached(INSERT)?;
                    let mut last: i64 = transaction.query_row(
                        "select coalesce(max(seq), 0) from ledger",
                        [],
                        |row| row.get(0),
                    )?;
                    for (bytes, _) in &batch {
                        last += 1;
                        insert.execute(rusqlite::params!["bench", last, "call-0001", bytes])?;
                    }
                }
                transaction.commit()?;
                rustix::fs::flock(&lock, rustix::fs::FlockOperation::Unlock)?;
                for (_, done) in batch.drain(..) {
                    done.set();
                }
            }
            Ok(())
        });
        Ok((Self { queue }, writer))
    }

    fn append(&self, bytes: Vec<u8>) -> Result<()> {
        let done = Arc::new(Done::default());
        self.queue
            .send((bytes, Arc::clone(&done)))
            .map_err(|_| anyhow::anyhow!("the raw writer ended"))?;
        done.wait();
        Ok(())
    }
}

const INSERT: &str = "insert into ledger (session, seq, call, bytes) values (?1, ?2, ?3, ?4)";

fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(30))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(
        "create table if not exists ledger (idx integer primary key, session text, seq integer, call text, bytes blob);
         create unique index if not exists by_session on ledger (session, seq);
         create index if not exists by_call on ledger (call);",
    )?;
    Ok(connection)
}

fn raw_round(path: &Path, producers: usize) -> Result<f64> {
    let (store, writer) = RawStore::open(path)?;
    // The same bytes as the ledger stores, made the same way.
    let started = Instant::now();
    let written = produce(producers, |producer, n| {
        store.append(serde_json::to_vec(&draft("bench", producer, n).record)?)
    })?;
    let rate = written as f64 / started.elapsed().as_secs_f64();
    drop(store);
    writer
        .join()
        .map_err(|_| anyhow::anyhow!("the raw writer panicked"))??;
    let rows: i64 =
        connect(path)?.query_row("select count(*) from ledger", [], |row| row.get(0))?;
    ensure!(
        rows as u64 >= written,
        "{rows} rows for {written} durable entries"
    );
    Ok(rate)
}

fn processes(side: &str, path: &Path, count: usize) -> Result<f64> {
    // Made before, so that no process measures its making.
    match side {
        "raw" => drop(connect(path)?),
        _ => drop(Store::open(path)?),
    }
    let children: Vec<_> = (0..count)
        .map(|_| {
            Command::new(std::env::current_exe()?)
                .args(["internal-append", side])
                .arg(path)
                .stdout(Stdio::piped())
                .spawn()
        })
        .collect::<std::io::Result<_>>()?;
    let (mut rate, mut slowest) = (0.0, f64::INFINITY);
    for child in children {
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "a process failed");
        let own: f64 = String::from_utf8(output.stdout)?
            .trim()
            .parse()
            .context("a rate")?;
        rate += own;
        slowest = own.min(slowest);
    }
    say(&format!(
        "  {side}: slowest of {count} processes {slowest:.0}/s"
    ));
    Ok(rate)
}

/// One process of several on one store.
pub(crate) fn child(arguments: Vec<String>) -> Result<()> {
    let [side, path] = arguments.as_slice() else {
        return Err(anyhow::anyhow!("internal-append needs a side and a path"));
    };
    let path = Path::new(path);
    let rate = if side == "raw" {
        raw_round(path, 16)?
    } else {
        let store = Store::open(path)?;
        let session = format!("bench-{}", std::process::id());
        let started = Instant::now();
        let written = produce(16, |producer, n| {
            Ok(store.append_blocking(draft(&session, producer, n))?)
        })?;
        written as f64 / started.elapsed().as_secs_f64()
    };
    say(&format!("{rate}"));
    Ok(())
}
