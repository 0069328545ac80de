//! Per call: (a) nothing, (b) open and read a file, (c) the same until the result has left the host,
//! (d) create a file until the result has left the host.

use crate::host::Host;
use crate::raw::Raw;
use crate::report::{Report, say};
use crate::stats::Times;
use anyhow::{Context as _, Result, ensure};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use wasmtime_wasi::filesystem::FsPerms;

/// Measured calls of each side.
const CALLS: usize = 2_000;
/// Calls of each side that write durably, measured.
const DURABLE_CALLS: usize = 600;
/// Calls of each side before measuring.
const WARM_UP: usize = 50;
/// Calls of one side before the other takes over.
const TURN: usize = 25;
/// What a raw host would write for one call, bytes.
const RAW_RECORD_BYTES: usize = 1_000;

struct Bench {
    raw: Raw,
    host: Arc<Host>,
    data: PathBuf,
    raw_out: PathBuf,
    log: File,
}

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let component = component()?;
    let home = tempfile::tempdir_in(base()?)?;
    let (data, out) = (home.path().join("data"), home.path().join("out"));
    let raw_out = home.path().join("raw-out");
    for directory in [&data, &out, &raw_out] {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(data.join("a.txt"), "hello\n".repeat(100))?;
    let host = Arc::new(Host::start(home.path(), &component, &data, &out)?);
    let bench = Arc::new(Bench {
        raw: Raw::new(&component)?,
        data,
        raw_out,
        log: File::create(home.path().join("raw.log"))?,
        host: Arc::clone(&host),
    });
    // Both sides run on the same runtime, the guests' own.
    let guests = host.sandbox.guests().clone();
    let task = guests.spawn(async move {
        let mut results = Vec::new();
        for kind in [Kind::Nothing, Kind::Read, Kind::ReadAndLeave, Kind::Create] {
            results.push((kind, measure(&bench, kind).await?));
        }
        anyhow::Ok(results)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    for (kind, (raw, ours)) in runtime.block_on(task)?? {
        report.times(kind.name(), &raw, &ours, kind.aim());
    }
    count(&host)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Read,
    ReadAndLeave,
    Create,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "(a) a call without effects",
            Self::Read => "(b) open and read a file",
            Self::ReadAndLeave => "(c) (b) until it left, raw + 1 sync",
            Self::Create => "(d) create a file until it left, raw + 2 syncs",
        }
    }

    fn aim(self) -> f64 {
        match self {
            Self::Nothing => 1.2,
            _ => 1.3,
        }
    }

    fn calls(self) -> usize {
        match self {
            Self::Nothing | Self::Read => CALLS,
            Self::ReadAndLeave | Self::Create => DURABLE_CALLS,
        }
    }
}

async fn measure(bench: &Bench, kind: Kind) -> Result<(Times, Times)> {
    for n in 0..WARM_UP {
        raw(bench, kind, usize::MAX - n).await?;
        ours(bench, kind, usize::MAX - n).await?;
    }
    let (mut raw_times, mut our_times) = (Times::default(), Times::default());
    let mut n = 0;
    while n < kind.calls() {
        for m in n..n + TURN {
            let started = Instant::now();
            raw(bench, kind, m).await?;
            raw_times.push(started.elapsed());
        }
        for m in n..n + TURN {
            let started = Instant::now();
            ours(bench, kind, m).await?;
            our_times.push(started.elapsed());
        }
        n += TURN;
    }
    Ok((raw_times, our_times))
}

async fn raw(bench: &Bench, kind: Kind, n: usize) -> Result<()> {
    let data = Some((bench.data.as_path(), FsPerms::ReadOnly));
    match kind {
        Kind::Nothing => bench.raw.call(None, "noop", "{}").await,
        Kind::Read => bench.raw.call(data, "read", READ).await,
        Kind::ReadAndLeave => {
            bench.raw.call(data, "read", READ).await?;
            sync(&bench.log)
        }
        Kind::Create => {
            sync(&bench.log)?;
            let out = Some((bench.raw_out.as_path(), FsPerms::ReadWrite));
            let arguments = format!("{{\"path\":\"/data/{n}\"}}");
            bench.raw.call(out, "create", &arguments).await?;
            sync(&bench.log)
        }
    }
}

const READ: &str = r#"{"path":"/data/a.txt"}"#;

fn sync(mut log: &File) -> Result<()> {
    log.write_all(&[b'x'; RAW_RECORD_BYTES])?;
    Ok(log.sync_data()?)
}

async fn ours(bench: &Bench, kind: Kind, n: usize) -> Result<()> {
    let (tool, arguments) = match kind {
        Kind::Nothing => ("noop", "{}".to_owned()),
        Kind::Read | Kind::ReadAndLeave => ("read", READ.to_owned()),
        Kind::Create => ("create", format!("{{\"path\":\"/out/{n}\"}}")),
    };
    let context = bench.host.context()?;
    let held = bench
        .host
        .sandbox
        .call_tool_here(context, tool.to_owned(), arguments)
        .await;
    if matches!(kind, Kind::Nothing | Kind::Read) {
        ensure!(held.answered(), "the call was not answered");
        return Ok(());
    }
    let reply = held.release().await?;
    reply.value.map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(())
}

/// Every call left its record, every read and every creation its receipt.
fn count(host: &Host) -> Result<()> {
    let log = host.store.log();
    let entries = all(&log)?;
    let mut calls = 0_u64;
    let (mut intents, mut outcomes, mut reads) = (0_u64, 0_u64, 0_u64);
    for stored in &entries {
        let entry = tollgate_receipts::decode(&stored.bytes)?;
        match &entry.record {
            tollgate_receipts::Record::Call(_) => calls += 1,
            tollgate_receipts::Record::Effect(_) => intents += 1,
            tollgate_receipts::Record::Outcome(outcome) => {
                outcomes += u64::from(outcome.state == tollgate_receipts::State::Settled);
            }
            tollgate_receipts::Record::ReadSet(set) => reads += set.items.len() as u64,
            _ => {}
        }
    }
    let each = |kind: Kind| (kind.calls() + WARM_UP) as u64;
    let expected_calls =
        each(Kind::Nothing) + each(Kind::Read) + each(Kind::ReadAndLeave) + each(Kind::Create);
    let expected_reads = each(Kind::Read) + each(Kind::ReadAndLeave);
    let created = each(Kind::Create);
    say(&format!(
        "counted: {calls} calls, {reads} reads, {intents} intents, {outcomes} outcomes, {} entries",
        entries.len()
    ));
    ensure!(
        calls == expected_calls,
        "{calls} of {expected_calls} calls have a record"
    );
    ensure!(
        reads == expected_reads,
        "{reads} of {expected_reads} reads have a receipt"
    );
    ensure!(
        intents == created && outcomes == created,
        "{intents} intents and {outcomes} outcomes for {created} creations"
    );
    Ok(())
}

/// Where the benchmarks work: on the disk of the build, not on a memory file system.
pub(crate) fn base() -> Result<PathBuf> {
    let base = Path::new("target/bench").to_owned();
    std::fs::create_dir_all(&base)?;
    Ok(base.canonicalize()?)
}

pub(crate) fn component() -> Result<PathBuf> {
    let directory = std::env::var_os("TOLLGATE_HOSTILE_DIR")
        .map_or_else(|| PathBuf::from("target/debug/hostile"), PathBuf::from);
    directory
        .join("bench.wasm")
        .canonicalize()
        .context("bench.wasm is missing; run `cargo xtask guests`")
}

/// The whole ledger, page by page.
fn all(log: &tollgate_store::Log<'_>) -> Result<Vec<tollgate_store::StoredEntry>> {
    const PAGE: usize = 5_000;
    let mut entries = Vec::new();
    loop {
        let page = log.follow(entries.len() as u64, PAGE)?;
        if page.is_empty() {
            return Ok(entries);
        }
        entries.extend(page);
    }
}
