//! Every receipt, in the order of time.

use super::{
    markup::Markup,
    page::Subject,
    receipt,
    table::{self, Column, Rest, fixed, long, words as column},
    tally::{self, Fate},
    words,
};

/// Receipts that are shown; browsers are slow with more.
pub(super) const RECEIPTS_MAX: usize = 5_000;

const RECEIPTS: &[Column] = &[
    fixed("Time, UTC"),
    column("Session"),
    column("Plugin"),
    column("Kind"),
    long("Target"),
    fixed("Decision"),
    long("Outcome"),
];

/// Writes the timeline.
pub(super) fn write(page: &mut Markup, subject: &Subject<'_>) {
    let receipts = &subject.evidence.receipts;
    if receipts.is_empty() {
        page.paragraph("There are no receipts.");
        return;
    }
    let (chosen, left) = table::chosen(
        receipts,
        RECEIPTS_MAX,
        |receipt| Fate::of(receipt).is_notable(),
        |receipt| receipt.time_us,
    );
    if left > 0 {
        page.raw("<p class=\"note\">")
            .text(&format!(
                "{} of {} are shown: first of all those that were not simply done, then the latest. ",
                words::number(chosen.len() as u64),
                words::count(receipts.len() as u64, "receipt"),
            ))
            .raw("</p>\n");
        let rest = Rest {
            noun: "receipt",
            command: &subject.list(""),
        };
        table::left_out(page, left, &rest);
    }
    page.raw("<p class=\"paper\">On paper, a receipt is printed whole only if it was opened on the screen. The command <code>tollgate receipt show</code> and the end of its id show any of them.</p>\n");
    table::write(page, "Receipts", RECEIPTS, chosen, |row, receipt| {
        row.text(&words::moment(receipt.time_us))
            .code(&receipt.session)
            .code(&receipt.plugin.name)
            .code(&receipt.kind)
            .cell(|page| receipt::target(page, receipt))
            .cell(|page| {
                page.raw(tally::verdict(receipt));
            })
            .cell(|page| receipt::outcome(page, receipt))
            .beneath(|page| receipt::rest(page, receipt));
    });
}
