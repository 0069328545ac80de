//! What a receipt costs beside the least that any ledger does: SHA-256 of its bytes, and an insert. CPU and bytes
//! for each, a million verified, proofs, and opening by the length of the log.

use crate::report::{Aim, Figures, RAW, Report, say};
use crate::stats::Times;
use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, params};
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tollgate_receipts::export::{Scope, verify};
use tollgate_receipts::{
    Action, Class, Decided, Draft, EffectRecord, Ledger as _, Outcome, OutcomeResult, Plugin,
    Record, State, Target, Transport, Verdict,
};
use tollgate_store::Store;

/// Receipts whose CPU is counted, in one round.
const COUNTED: u64 = 50_000;
const ROUNDS: usize = 5;
/// Entries of one commit.
const BATCH: usize = 1_024;
/// Receipts that are made at a time, so that they are at hand when they are counted, as in the gate.
const MADE: u64 = 32;
/// Receipts of the long log.
const MANY: u64 = 1_000_000;
/// Sessions of the long log.
const SESSIONS: u64 = 64;
/// Lengths of log at which opening is timed.
const LENGTHS: [u64; 3] = [1_000, 100_000, MANY];
/// Openings at each.
const OPENINGS: usize = 21;
/// Proofs that are made.
const PROOFS: u64 = 1_000;
/// Most bytes of a proof.
const PROOF_BYTES: f64 = 2_048.0;

pub(crate) fn run(report: &mut Report) -> Result<()> {
    std::fs::create_dir_all("target/bench")?;
    cpu(report)?;
    let home = tempfile::tempdir_in("target/bench")?;
    let path = home.path().join("store");
    let mut written = 0;
    for length in LENGTHS {
        let store = Store::open(&path)?;
        write(&store, written, length)?;
        written = length;
        ensure!(
            store.log().size()? >= length,
            "entries are missing in the log"
        );
        store.tree().sign()?;
        drop(store);
        opening(report, &path, length)?;
    }
    size(report, &path)?;
    proofs(report, &path)?;
    verifying(report, &path)
}

/// Who opens the files; all receipts of a call share it.
fn plugin() -> Arc<Plugin> {
    Arc::new(Plugin {
        name: "files".into(),
        version: "0.1.0".into(),
        digest: format!("sha256:{}", "0".repeat(64)),
    })
}

/// One receipt that is whole in one entry: a file that was opened to be read.
fn receipt(plugin: &Arc<Plugin>, n: u64) -> Draft {
    Draft {
        // A run, and so each of its calls, is of one session.
        session: format!("agent_{:02}", n / 100 % SESSIONS),
        record: Record::Effect(Box::new(EffectRecord {
            receipt: format!("{n:032x}"),
            state: State::Settled,
            time_us: 1_700_000_000_000_000 + i64::try_from(n).unwrap_or(i64::MAX),
            run: Some(format!("run_{:08x}", n / 100)),
            call: format!("call_{:032x}", n / 10),
            plugin: Arc::clone(plugin),
            import: "wasi:filesystem/types.descriptor.open-at".into(),
            kind: "fs.open.read".into(),
            class: Class::Buffered,
            action: Action::SandboxAction,
            target: Target {
                text: format!("/project/src/module_{n}.rs"),
                hmac: None,
            },
            decision: Decided {
                verdict: Verdict::Allowed,
                grant: Some("user:files:1".into()),
                reason: None,
                nearest: None,
                command: None,
            },
            policy: format!("sha256:{}", "1".repeat(64)),
            generation: 7,
            transport: Transport::Live,
            budget_left: 1_000,
            outcome: Some(Outcome {
                result: OutcomeResult::Ok,
                error: None,
                status: None,
                bytes_in: None,
                bytes_out: None,
                duration_us: 12,
                address: None,
                detail: None,
            }),
        })),
    }
}

/// Appends receipts, many to a commit.
fn write(store: &Store, from: u64, to: u64) -> Result<()> {
    let plugin = plugin();
    let drafts: Vec<Draft> = (from..to).map(|n| receipt(&plugin, n)).collect();
    append(store, drafts)
}

fn append(store: &Store, drafts: Vec<Draft>) -> Result<()> {
    let mut drafts = drafts.into_iter().peekable();
    let mut tickets = Vec::with_capacity(BATCH);
    while drafts.peek().is_some() {
        tickets.clear();
        for draft in drafts.by_ref().take(BATCH) {
            tickets.push(store.submit(draft)?);
        }
        store.durable_here(&tickets)?;
    }
    Ok(())
}

/// CPU time of this process, all threads.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

fn per_receipt_us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6 / COUNTED as f64
}

fn cpu(report: &mut Report) -> Result<()> {
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let home = tempfile::tempdir_in("target/bench")?;
        let store = Store::open(&home.path().join("store"))?;
        ours.push(per_receipt_us(append_counted(&store)?));
        let rows = rows(&home.path().join("store/store.db"))?;
        ensure!(
            rows.len() as u64 >= COUNTED,
            "{} rows for {COUNTED} receipts",
            rows.len()
        );
        drop(store);
        let mut connection = bare_database(&home.path().join("bare.db"))?;
        bare.push(per_receipt_us(insert_counted(&mut connection, &rows)?));
    }
    let (bare, ours) = (Figures::of_times_us(&bare), Figures::of_times_us(&ours));
    let unit = "microseconds of CPU per receipt";
    report.row(
        "a receipt, SHA-256 and insert",
        unit,
        Some((RAW, bare)),
        ours,
        None,
    );
    report.row(
        "what a receipt adds to that",
        unit,
        None,
        ours.less(bare),
        Some(Aim::OursAtMost(2.0)),
    );
    Ok(())
}

/// The CPU time of receipts, without that of making them.
fn append_counted(store: &Store) -> Result<Duration> {
    let plugin = plugin();
    let mut counted = Duration::ZERO;
    let mut tickets = Vec::with_capacity(BATCH);
    for from in (0..COUNTED).step_by(usize::try_from(MADE)?) {
        let upto = COUNTED.min(from + MADE);
        let drafts: Vec<Draft> = (from..upto).map(|n| receipt(&plugin, n)).collect();
        let before = cpu_time();
        for draft in drafts {
            tickets.push(store.submit(draft)?);
        }
        if tickets.len() >= BATCH || upto == COUNTED {
            store.durable_here(&tickets)?;
            tickets.clear();
        }
        counted += cpu_time().saturating_sub(before);
    }
    Ok(counted)
}

#[derive(Clone)]
struct Row {
    session: i64,
    seq: i64,
    receipt: Option<String>,
    call: Option<String>,
    time_us: i64,
    mark: i64,
    bytes: Vec<u8>,
}

fn rows(path: &Path) -> Result<Vec<Row>> {
    let connection = Connection::open(path)?;
    let mut statement = connection.prepare(
        "SELECT session, seq, receipt, call, time_us, mark, bytes FROM ledger ORDER BY idx",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Row {
            session: row.get(0)?,
            seq: row.get(1)?,
            receipt: row.get(2)?,
            call: row.get(3)?,
            time_us: row.get(4)?,
            mark: row.get(5)?,
            bytes: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The same table with the same indexes, and nothing that guards it.
fn bare_database(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(
        "CREATE TABLE ledger (idx INTEGER PRIMARY KEY, session INTEGER NOT NULL, seq INTEGER NOT NULL,
             receipt TEXT, call TEXT, time_us INTEGER NOT NULL, mark INTEGER NOT NULL, bytes BLOB NOT NULL,
             hash BLOB NOT NULL) STRICT;
         CREATE UNIQUE INDEX ledger_chain ON ledger (session, seq);
         CREATE INDEX ledger_receipt ON ledger (receipt) WHERE receipt IS NOT NULL;
         CREATE INDEX ledger_call ON ledger (call) WHERE call IS NOT NULL;",
    )?;
    Ok(connection)
}

/// The CPU time of rows, without that of bringing them to hand.
fn insert_counted(connection: &mut Connection, rows: &[Row]) -> Result<Duration> {
    let mut counted = Duration::ZERO;
    for batch in rows.chunks(BATCH) {
        let mut before = cpu_time();
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut statement = transaction.prepare_cached(
            "INSERT INTO ledger (session, seq, receipt, call, time_us, mark, bytes, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        counted += cpu_time().saturating_sub(before);
        for made in batch.chunks(usize::try_from(MADE)?) {
            let made = made.to_vec();
            before = cpu_time();
            for row in made {
                let hash = Sha256::digest(&row.bytes);
                statement.execute(params![
                    row.session,
                    row.seq,
                    row.receipt,
                    row.call,
                    row.time_us,
                    row.mark,
                    row.bytes,
                    hash.as_slice()
                ])?;
            }
            counted += cpu_time().saturating_sub(before);
        }
        before = cpu_time();
        drop(statement);
        transaction.commit()?;
        counted += cpu_time().saturating_sub(before);
    }
    Ok(counted)
}

fn opening(report: &mut Report, path: &Path, length: u64) -> Result<()> {
    let mut times = Times::default();
    for _ in 0..OPENINGS {
        let started = Instant::now();
        let store = Store::open(path)?;
        let size = store.log().size()?;
        times.push(started.elapsed());
        ensure!(size >= length, "entries are missing in the log");
    }
    report.row(
        &format!("opening a ledger of {length}"),
        "microseconds",
        None,
        Figures::of_times(&times),
        None,
    );
    Ok(())
}

fn size(report: &mut Report, path: &Path) -> Result<()> {
    let store = Store::open(path)?;
    let status = store.tree().status()?;
    drop(store);
    let whole = std::fs::metadata(path.join("store.db"))?.len();
    let entries = status.size as f64;
    report.row(
        "a receipt on disk, its entry alone",
        "bytes",
        Some(("entry", Figures::one(status.bytes as f64 / entries))),
        Figures::one(whole as f64 / entries),
        None,
    );
    Ok(())
}

fn proofs(report: &mut Report, path: &Path) -> Result<()> {
    let store = Store::open(path)?;
    let head = store.tree().sign()?;
    let (mut times, mut bytes) = (Times::default(), Vec::new());
    for n in 0..PROOFS {
        let id = format!("{:032x}", n.wrapping_mul(999_983) % MANY);
        let started = Instant::now();
        let found = store.tree().prove(&id, &head.head)?;
        times.push(started.elapsed());
        let proof = found.first().context("no proof")?;
        bytes.push((head.note.len() + proof.path.len() * 32 + size_of::<u64>()) as f64);
    }
    let row = |report: &mut Report, name: &str, unit, figures, aim| {
        report.row(name, unit, None, figures, aim);
    };
    let times = Figures::of_times(&times);
    row(report, "a proof is made", "microseconds", times, None);
    let bytes = Figures::of_times_us(&bytes);
    let aim = Some(Aim::OursAtMost(PROOF_BYTES));
    row(report, "a proof with its head", "bytes", bytes, aim);
    Ok(())
}

/// The same entries hashed, checked in the store, and verified as a file that has left the machine.
fn verifying(report: &mut Report, path: &Path) -> Result<()> {
    let all: Vec<Vec<u8>> = rows(&path.join("store.db"))?
        .into_iter()
        .map(|row| row.bytes)
        .collect();
    let store = Store::open(path)?;
    let file = store.tree().export(Scope::Since(0))?;
    let key = store.tree().key()?;
    say(&format!("  the export has {} MB", file.len() / 1_000_000));
    let (mut bare, mut checked, mut verified) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        let started = Instant::now();
        let mut last = 0;
        for bytes in &all {
            last ^= Sha256::digest(bytes).first().copied().unwrap_or_default();
        }
        std::hint::black_box(last);
        bare.push(started.elapsed().as_secs_f64() * 1e6);
        let started = Instant::now();
        store.tree().check()?;
        checked.push(started.elapsed().as_secs_f64() * 1e6);
        let started = Instant::now();
        let found = verify(&file, &key)?;
        verified.push(started.elapsed().as_secs_f64() * 1e6);
        ensure!(found.entries as u64 >= MANY, "entries are missing");
    }
    let bare = Figures::of_times_us(&bare);
    for (name, times) in [
        ("a million checked in the store", checked),
        ("a million verified from a file", verified),
    ] {
        report.row(
            name,
            "microseconds",
            Some(("hashing", bare)),
            Figures::of_times_us(&times),
            Some(Aim::Ratio(2.0)),
        );
    }
    Ok(())
}
