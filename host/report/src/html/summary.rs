//! The summary: how many effects met which fate, by which plugins, and when.

use super::{
    markup::Markup,
    page::Subject,
    table::{self, Column, Rest, long, number},
    tally::Tally,
    words,
};
use std::collections::BTreeMap;
use tollgate_receipts::{Plugin, Receipt};

const PLUGINS: &[Column] = &[
    long("Plugin"),
    long("Component"),
    number("Attempted"),
    number("Allowed"),
    number("Refused"),
    number("Indeterminate"),
];

/// Writes the summary.
pub(super) fn write(page: &mut Markup, subject: &Subject<'_>) {
    let receipts = &subject.evidence.receipts;
    let by_plugin = by_plugin(receipts);
    for sentence in sentences(&Tally::of(receipts), by_plugin.len(), when(receipts)) {
        page.paragraph(&sentence);
    }
    if by_plugin.is_empty() {
        return;
    }
    let rest = Rest {
        noun: "plugin",
        command: &subject.list(""),
    };
    let rows = by_plugin.into_values().collect();
    table::capped(
        page,
        "Effects of each plugin",
        PLUGINS,
        rows,
        &rest,
        |row, (plugin, tally)| {
            row.cell(|page| {
                page.code(&plugin.name).raw(" ").code(&plugin.version);
            })
            .code(&plugin.digest)
            .number(tally.attempted)
            .number(tally.allowed)
            .number(tally.refused)
            .number(tally.indeterminate);
        },
    );
}

fn by_plugin(receipts: &[Receipt]) -> BTreeMap<(&str, &str, &str), (&Plugin, Tally)> {
    let mut plugins = BTreeMap::new();
    for receipt in receipts {
        let plugin = &receipt.plugin;
        let key = (&*plugin.name, &*plugin.version, &*plugin.digest);
        let (_, tally) = plugins.entry(key).or_insert((&**plugin, Tally::default()));
        tally.add(receipt);
    }
    plugins
}

fn when(receipts: &[Receipt]) -> Option<(i64, i64)> {
    let times = || receipts.iter().map(|receipt| receipt.time_us);
    times().min().zip(times().max())
}

fn sentences(tally: &Tally, plugins: usize, when: Option<(i64, i64)>) -> Vec<String> {
    let Some((first, last)) = when else {
        return vec!["No effect was attempted: the ledger has no receipts.".into()];
    };
    let mut out = vec![format!(
        "{} {} attempted by {}, between {} and {} UTC.",
        words::count(tally.attempted, "effect"),
        words::were(tally.attempted),
        words::count(plugins as u64, "plugin"),
        words::moment(first),
        words::moment(last),
    )];
    let mut decided = vec![
        format!(
            "{} {} allowed",
            words::number(tally.allowed),
            words::were(tally.allowed)
        ),
        format!(
            "{} {} refused",
            words::number(tally.refused),
            words::were(tally.refused)
        ),
    ];
    if tally.waits > 0 {
        let verb = if tally.waits == 1 { "waits" } else { "wait" };
        decided.push(format!(
            "{} {verb} for an operator",
            words::number(tally.waits)
        ));
    }
    out.push(format!("{}.", words::list(&decided)));
    if tally.allowed > 0 {
        out.push(allowed(tally));
    }
    out
}

fn allowed(tally: &Tally) -> String {
    let mut parts = vec![
        format!(
            "{} {} done",
            words::number(tally.performed),
            words::were(tally.performed)
        ),
        format!(
            "{} {} tried and failed, or given up",
            words::number(tally.failed),
            words::were(tally.failed)
        ),
    ];
    if tally.unended > 0 {
        parts.push(format!(
            "{} had no outcome yet",
            words::number(tally.unended)
        ));
    }
    let lost = match tally.indeterminate {
        0 => "None is indeterminate.".to_owned(),
        1 => "1 is indeterminate: its host died on the way, and it may or may not have happened."
            .into(),
        many => format!(
            "{} are indeterminate: their host died on the way, and they may or may not have happened.",
            words::number(many)
        ),
    };
    format!("Of those allowed, {}. {lost}", words::list(&parts))
}
