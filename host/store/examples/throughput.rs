//! How fast the ledger takes entries, against a plain group commit of the same rows.
//!
//! `cargo run -p tollgate-store --example throughput [PRODUCERS [ROUNDS]]`; the directory is `TMPDIR`'s.
//! Rounds are short and alternate, because other work on the machine changes the rate of both.

use rusqlite::{Connection, params};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tollgate_receipts::*;
use tollgate_store::Store;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long one round of each takes.
const ROUND: Duration = Duration::from_millis(400);

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let producers: u64 = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let rounds: u64 = arguments.next().map_or(Ok(9), |text| text.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut out = std::io::stdout().lock();
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let directory = tempfile::tempdir()?;
        let raw = runtime.block_on(raw(directory.path(), producers, ROUND))?;
        let directory = tempfile::tempdir()?;
        let store = runtime.block_on(store(directory.path(), producers, ROUND))?;
        ratios.push(100.0 * store / raw);
        writeln!(
            out,
            "raw {raw:.0}/s  store {store:.0}/s  {:.0} %",
            100.0 * store / raw
        )?;
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    writeln!(out, "median {median:.0} %")?;
    Ok(())
}

fn draft(producer: u64) -> Draft {
    Draft {
        session: format!("session-{}", producer % 8),
        record: Record::Effect(Box::new(EffectRecord {
            receipt: receipt_id(),
            state: State::Intended,
            time_us: 1_763_000_000_000_000,
            run: Some("0199a1b2-0000-7000-8000-000000000001".into()),
            call: format!("0199a1b2-0000-7000-8000-{producer:012}"),
            plugin: Arc::new(Plugin {
                name: "openai".into(),
                version: "0.1.0".into(),
                digest: format!("sha256:{}", "ab".repeat(32)),
            }),
            import: "wasi:http/outgoing-handler.handle".into(),
            kind: "http.request".into(),
            class: Class::Strict,
            action: Action::ProviderAction,
            target: Target {
                text: "POST https://api.openai.com:443/v1/responses".into(),
                hmac: None,
            },
            decision: Decided {
                verdict: Verdict::Allowed,
                grant: Some("user:plugins.openai.grants[0]".replace(['[', ']'], ".")),
                reason: None,
                nearest: None,
                command: None,
            },
            policy: format!("sha256:{}", "cd".repeat(32)),
            generation: 7,
            transport: Transport::Live,
            budget_left: 999,
            outcome: None,
        })),
    }
}

async fn store(directory: &Path, producers: u64, length: Duration) -> Result<f64, Failure> {
    let store = Arc::new(Store::open(directory)?);
    let end = Instant::now() + length;
    let done = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..producers)
        .map(|producer| {
            let (store, done) = (Arc::clone(&store), Arc::clone(&done));
            tokio::spawn(async move {
                while Instant::now() < end {
                    let ticket = store.submit(draft(producer))?;
                    store.durable(&[ticket]).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, LedgerError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(done.load(Ordering::Relaxed) as f64 / length.as_secs_f64())
}

struct Row {
    receipt: String,
    call: String,
    bytes: Vec<u8>,
    done: oneshot::Sender<()>,
}

async fn raw(directory: &Path, producers: u64, length: Duration) -> Result<f64, Failure> {
    // The store's own tables, so that the rows cost the same.
    drop(Store::open(directory)?);
    let path = directory.join("store.db");
    let (rows, queue) = channel();
    let writer = std::thread::spawn(move || raw_writer(&path, &queue));
    let end = Instant::now() + length;
    let done = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..producers)
        .map(|producer| {
            let (rows, done) = (rows.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let encoded = draft(producer).encode()?;
                let bytes = seal(&encoded.session, 1, &GENESIS_HASH, &encoded.body);
                let call = encoded.call.unwrap_or_default();
                while Instant::now() < end {
                    let (sender, answer) = oneshot::channel();
                    rows.send(Row {
                        receipt: receipt_id(),
                        call: call.clone(),
                        bytes: bytes.clone(),
                        done: sender,
                    })?;
                    answer.await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    drop(rows);
    for task in tasks {
        task.await??;
    }
    writer.join().map_err(|_| "the writer panicked")??;
    Ok(done.load(Ordering::Relaxed) as f64 / length.as_secs_f64())
}

fn raw_writer(path: &Path, queue: &Receiver<Row>) -> Result<(), Failure> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.query_row("PRAGMA wal_autocheckpoint = 4096", [], |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(16);
    let mut idx = 0_i64;
    while let Ok(first) = queue.recv() {
        let mut waiting = Vec::new();
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut insert = connection.prepare_cached(
            "INSERT INTO ledger (idx, session, seq, receipt, call, time_us, mark, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        for row in std::iter::once(first).chain(queue.try_iter().take(4095)) {
            insert.execute(params![
                idx,
                idx % 8,
                idx,
                row.receipt,
                row.call,
                1,
                1,
                row.bytes
            ])?;
            idx += 1;
            waiting.push(row.done);
        }
        connection.execute_batch("COMMIT")?;
        for done in waiting {
            let _ = done.send(());
        }
    }
    Ok(())
}
