//! Effects of which nobody knows yet what became of them.

use super::{
    markup::Markup,
    page::Subject,
    receipt,
    table::{self, Column, Rest, fixed, long, words as column},
    tally::Fate,
    words,
};

const EFFECTS: &[Column] = &[
    fixed("Time, UTC"),
    column("Plugin"),
    column("Kind"),
    long("Target"),
    fixed("State"),
    long("Command that settles it"),
];

/// Writes the effects, if there are any.
pub(super) fn write(page: &mut Markup, subject: &Subject<'_>) {
    let receipts = subject.evidence.receipts.iter();
    let unsettled: Vec<_> = receipts
        .map(|receipt| (receipt, Fate::of(receipt)))
        .filter(|(_, fate)| matches!(fate, Fate::Waits | Fate::Unended | Fate::Indeterminate))
        .collect();
    if unsettled.is_empty() {
        page.paragraph("Nothing: of every effect it is known what became of it.");
        return;
    }
    let rest = Rest {
        noun: "effect",
        command: &subject.list(""),
    };
    table::capped(
        page,
        "Effects without a known end",
        EFFECTS,
        unsettled,
        &rest,
        |row, (receipt, fate)| {
            row.text(&words::moment(receipt.time_us))
                .code(&receipt.plugin.name)
                .code(&receipt.kind)
                .cell(|page| receipt::target(page, receipt))
                .cell(|page| {
                    page.raw(fate.tag());
                })
                .maybe(
                    match fate {
                        Fate::Indeterminate => {
                            Some(format!("tollgate receipt resolve {}", receipt.id))
                        }
                        _ => None,
                    }
                    .as_deref(),
                );
        },
    );
}
