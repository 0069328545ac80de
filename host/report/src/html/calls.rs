//! Calls that have ended: of what, how, how long, with how much memory.

use super::{
    markup::Markup,
    page::Subject,
    table::{self, Column, Rest, fixed, long, number, words as column},
    words,
};
use std::collections::BTreeMap;

/// Calls that are shown.
const CALLS_MAX: usize = 1_000;

/// How a call ends that went well.
const RETURNED: &str = "returned";

const CALLS: &[Column] = &[
    fixed("Ended, UTC"),
    column("Plugin"),
    long("Export"),
    long("How it ended"),
    number("Took"),
    number("Most memory"),
    number("Allowed"),
    number("Refused"),
];

/// Writes the calls.
pub(super) fn write(page: &mut Markup, subject: &Subject<'_>) {
    let calls = &subject.evidence.calls;
    if calls.is_empty() {
        page.paragraph("No call has ended.");
        return;
    }
    ends(page, subject);
    let (chosen, left) = table::chosen(
        calls,
        CALLS_MAX,
        |call| call.record.ended != RETURNED,
        |call| call.record.time_us,
    );
    table::write(page, "Calls", CALLS, chosen, |row, call| {
        let record = &call.record;
        row.text(&words::moment(record.time_us))
            .code(&record.plugin.name)
            .code(&record.export)
            .cell(|page| {
                page.raw(if record.ended == RETURNED {
                    "<b class=\"tag free\">"
                } else {
                    "<b class=\"tag mark free\">"
                })
                .text(&record.ended)
                .raw("</b>");
                if let Some(detail) = &record.detail {
                    page.raw(" ").code(detail);
                }
            })
            .text(&words::duration(record.duration_us))
            .text(&words::bytes(record.memory_bytes_peak))
            .number(record.allowed)
            .number(record.denied);
    });
    let rest = Rest {
        noun: "call",
        command: &subject.list(""),
    };
    table::left_out(page, left, &rest);
}

/// Says how many calls ended how.
fn ends(page: &mut Markup, subject: &Subject<'_>) {
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    for call in &subject.evidence.calls {
        *ends.entry(&call.record.ended).or_default() += 1;
    }
    let total = words::count(subject.evidence.calls.len() as u64, "call");
    page.raw("<p>").text(&total).raw(" ended: ");
    for (at, (ended, many)) in ends.into_iter().take(10).enumerate() {
        page.raw(if at > 0 { ", " } else { "" })
            .number(many)
            .raw(" ")
            .code(ended);
    }
    page.raw(".</p>\n");
}
