//! `cargo xtask bench`: Tollgate beside the raw limit, or beside its peers, in one run.
//!
//! Calls: raw wasmtime (pooled, pre-linked, the same component) against Tollgate inside the host.
//! Ledger: raw SQLite group commit of the same rows against the ledger, and what a receipt costs beside SHA-256 and
//! an insert. Tools and providers: see [`tools`],
//! [`providers`]; only when asked for. All sides are interleaved, so that the machine's noise meets all; figures are ratios with p50 and p99,
//! and no test reads them.
//! After each benchmark rows and syncs are counted, so that nothing was skipped.

mod calls;
mod entries;
mod evidence;
mod host;
mod providers;
mod raw;
mod report;
mod stats;
mod tools;

use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    let result = match first.as_deref() {
        // The sandbox compiles components in a child process: this program, started again.
        Some("internal-compile") => return compile(arguments.next()),
        Some("internal-append") => entries::child(arguments.collect()),
        Some("calls") => run(&[calls::run]),
        Some("ledger") => run(&[entries::run, evidence::run]),
        Some("tools") => run(&[tools::run]),
        Some("providers") => match arguments.next().as_deref() {
            None => run(&[|report| providers::run(report, false)]),
            Some("--quick") => run(&[|report| providers::run(report, true)]),
            Some(other) => Err(anyhow::anyhow!(
                "unknown argument {other:?}: use `--quick` or nothing"
            )),
        },
        None => run(&[calls::run, entries::run, evidence::run]),
        Some(other) => Err(anyhow::anyhow!(
            "unknown argument {other:?}: use `calls`, `ledger`, `tools`, `providers` or nothing"
        )),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::talk(&format!("bench failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn compile(out: Option<String>) -> ExitCode {
    let (code, message) = match out {
        Some(out) => tollgate_sandbox::compile_child(&PathBuf::from(out)),
        None => (2, "internal-compile needs a path".to_owned()),
    };
    if !message.is_empty() {
        report::talk(&message);
    }
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

fn run(benchmarks: &[fn(&mut report::Report) -> Result<()>]) -> Result<()> {
    let mut report = report::Report::default();
    for benchmark in benchmarks {
        benchmark(&mut report)?;
    }
    let path = std::env::var_os("TOLLGATE_BENCH_RATIOS")
        .map_or_else(|| PathBuf::from("target/bench/ratios.json"), PathBuf::from);
    report
        .write(&path)
        .with_context(|| format!("cannot write {}", path.display()))
}
