//! The memory of one long stream: this process, which holds host and server, and the component's own.

use super::ours::Ours;
use super::{Asked, Side, server};
use crate::report::{Figures, Report, say};
use anyhow::{Context as _, Result};
use tollgate_receipts::Record;

const MEBIBYTES: &str = "MiB at most";
/// Sets the peak of this process to what it has now (proc(5)).
const RESET_PEAK: (&str, &str) = ("/proc/self/clear_refs", "5");
const PAGE: usize = 1_000;

pub(super) fn run(
    report: &mut Report,
    ours: &mut Ours,
    others: &mut [Box<dyn Side>],
    tokens: usize,
) -> Result<()> {
    let size = ours.host.store.log().size()?;
    std::fs::write(RESET_PEAK.0, RESET_PEAK.1)?;
    let before = status("VmRSS:")?;
    let sample = ours.read_whole(1, Asked::tokens(tokens))?;
    let peak = status("VmHWM:")?;
    say(&format!(
        "{tokens} tokens ({} bytes of text): {:.1} s; this process had {before:.1} MiB before and {peak:.1} MiB at most",
        tokens.saturating_mul(server::TOKEN.len()),
        sample.seconds
    ));
    let name = format!("memory of {tokens} tokens, process");
    let mine = Figures::one(peak);
    let mut compared = false;
    for other in others {
        if other.peak_mib().is_some() {
            other.read_whole(1, Asked::tokens(tokens))?;
            let theirs = other.peak_mib().map(Figures::one);
            let against = theirs.map(|theirs| (other.name(), theirs));
            report.row(&name, MEBIBYTES, against, mine, None);
            compared = true;
        }
    }
    if !compared {
        report.row(&name, MEBIBYTES, None, mine, None);
    }
    let name = format!("memory of {tokens} tokens, component");
    let linear = Figures::one(linear_mib(ours, size)?);
    report.row(&name, MEBIBYTES, None, linear, None);
    Ok(())
}

/// A value of this process in mebibytes.
fn status(field: &str) -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib.with_context(|| format!("no {field}"))?.parse()?;
    Ok(kib / 1024.0)
}

/// The most linear memory of a call that came after this many entries of the ledger.
fn linear_mib(ours: &Ours, mut after: u64) -> Result<f64> {
    let log = ours.host.store.log();
    let mut most = 0;
    loop {
        let page = log.follow(after, PAGE)?;
        if page.is_empty() {
            return Ok(most as f64 / f64::from(1 << 20));
        }
        after += page.len() as u64;
        for stored in page {
            if let Record::Call(call) = tollgate_receipts::decode(&stored.bytes)?.record {
                most = most.max(call.memory_bytes_peak);
            }
        }
    }
}
