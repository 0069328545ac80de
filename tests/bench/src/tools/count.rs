//! Every call of ours left its record, every read its receipt.

use crate::report::say;
use crate::tools::Tool;
use crate::tools::load::Sample;
use crate::tools::side::Side;
use anyhow::{Context as _, Result, ensure};
use tollgate_receipts::Record;
use tollgate_store::Store;

/// Entries read at once.
const PAGE: usize = 5_000;

/// What must be in the ledger.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    calls: u64,
    reads: u64,
}

impl Expected {
    pub(crate) fn add(&mut self, tool: Tool, rounds: &[Sample]) {
        let calls: u64 = rounds.iter().map(|round| round.calls as u64).sum();
        self.calls += calls;
        if tool == Tool::Read {
            self.reads += calls;
        }
    }
}

pub(crate) fn check(ours: &Side, expected: &Expected) -> Result<()> {
    let directory = ours.store.as_ref().context("our side has no store")?;
    let store = Store::open(directory)?;
    let (mut calls, mut reads, mut seen) = (0_u64, 0_u64, 0_u64);
    loop {
        let page = store.log().follow(seen, PAGE)?;
        if page.is_empty() {
            break;
        }
        seen += page.len() as u64;
        for stored in &page {
            match &tollgate_receipts::decode(&stored.bytes)?.record {
                // Adding the plugin asked it for its tools.
                Record::Call(call) => calls += u64::from(call.export.starts_with("tool.call")),
                Record::ReadSet(set) => reads += set.items.len() as u64,
                _ => {}
            }
        }
    }
    say(&format!(
        "counted: {calls} calls, {reads} reads, {seen} entries"
    ));
    ensure!(
        calls == expected.calls,
        "{calls} of {} calls have a record",
        expected.calls
    );
    ensure!(
        reads == expected.reads,
        "{reads} of {} reads have a receipt",
        expected.reads
    );
    Ok(())
}
