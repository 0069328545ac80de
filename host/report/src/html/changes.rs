//! Changes of authority and of sessions: who changed what.

use super::{
    markup::Markup,
    page::Subject,
    table::{self, Column, Rest, fixed, long, words as column},
    words,
};

/// Changes that are shown.
const CHANGES_MAX: usize = 1_000;

const CHANGES: &[Column] = &[
    fixed("Time, UTC"),
    column("Who"),
    column("What"),
    long("Object"),
    long("Detail"),
    long("Session, entry"),
];

/// Writes the changes.
pub(super) fn write(page: &mut Markup, subject: &Subject<'_>) {
    let changes = &subject.evidence.changes;
    if changes.is_empty() {
        page.paragraph("No authority was changed.");
        return;
    }
    // What became of sessions is of less weight than who may do what.
    let (chosen, left) = table::chosen(
        changes,
        CHANGES_MAX,
        |change| !change.record.what.starts_with("session."),
        |change| change.record.time_us,
    );
    table::write(page, "Changes", CHANGES, chosen, |row, change| {
        let record = &change.record;
        row.text(&words::moment(record.time_us))
            .code(&record.who)
            .code(&record.what)
            .code(&record.object)
            .code(&record.detail)
            .cell(|page| {
                page.code(&change.session).raw(", ").number(change.seq);
            });
    });
    let rest = Rest {
        noun: "change",
        command: &subject.list(""),
    };
    table::left_out(page, left, &rest);
}
