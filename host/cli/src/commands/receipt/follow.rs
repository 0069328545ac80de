//! `tollgate receipt follow`: receipts as they are written.

use super::{filter, fits, newest};
use crate::app::App;
use crate::args::receipt::Follow;
use crate::errors::{Context, Done};
use crate::printer::escape;
use crate::render::receipts;
use std::time::Duration;
use tollgate_receipts::{Receipt, Record};

/// How often a followed ledger is looked at.
const FOLLOW_POLL: Duration = Duration::from_millis(200);
/// Entries read at a time.
const PAGE_ENTRIES: usize = 1000;

/// Prints receipts as entries come; a receipt is printed again when its outcome is known.
pub(super) async fn follow(app: &App, args: &Follow) -> Done {
    let store = app.store()?;
    let (wanted, since_us) = filter(&args.filter)?;
    let mut from = store
        .log()
        .size()
        .doing(|| "the ledger cannot be read".into())?;
    if args.last > 0 {
        for receipt in newest(&store, &args.filter, args.last)?.0 {
            say(app, &receipt);
        }
    }
    loop {
        let page = store
            .log()
            .follow(from, PAGE_ENTRIES)
            .doing(|| "the ledger cannot be read".into())?;
        if let Some(last) = page.last() {
            from = last.idx.saturating_add(1);
        }
        for id in page.iter().flat_map(|entry| touched(&entry.bytes)) {
            let receipt = store
                .log()
                .receipt(&id)
                .doing(|| "the ledger cannot be read".into())?;
            if let Some(receipt) = receipt.filter(|receipt| fits(receipt, &wanted, since_us)) {
                say(app, &receipt);
            }
        }
        if page.len() < PAGE_ENTRIES {
            tokio::time::sleep(FOLLOW_POLL).await;
        }
    }
}

fn say(app: &App, receipt: &Receipt) {
    app.printer.json_line(receipt);
    app.printer
        .line(escape::line(&receipts::row(receipt).join("  ")));
}

/// The receipts that an entry opens or changes.
fn touched(bytes: &[u8]) -> Vec<String> {
    match tollgate_receipts::decode(bytes).map(|entry| entry.record) {
        Ok(Record::Effect(effect)) => vec![effect.receipt],
        Ok(Record::Outcome(outcome)) => vec![outcome.receipt],
        Ok(Record::ReadSet(set)) => set.items.into_iter().map(|item| item.receipt).collect(),
        Ok(Record::Collapsed(group)) => vec![group.receipt],
        Ok(Record::Call(_) | Record::Change(_)) | Err(_) => Vec::new(),
    }
}
