//! Grants that were used, and those that were not.

use super::{
    GrantLine,
    markup::Markup,
    page::Subject,
    table::{self, Column, Rest, long, number, words as column},
    tally::Fate,
};
use std::collections::{BTreeMap, BTreeSet};
use tollgate_receipts::Receipt;

const USED: &[Column] = &[
    long("Grant"),
    long("Of what"),
    long("Plugins"),
    long("Kinds"),
    number("Allowed"),
    number("Refused"),
    number("Put to an operator"),
];

const UNUSED: &[Column] = &[
    long("Grant"),
    column("Plugin"),
    column("Effect"),
    long("Of what"),
];

/// What a grant did.
#[derive(Default)]
struct Use<'a> {
    plugins: BTreeSet<&'a str>,
    kinds: BTreeSet<&'a str>,
    allowed: u64,
    refused: u64,
    asked: u64,
}

/// Writes both.
pub(super) fn write(page: &mut Markup, subject: &Subject<'_>) {
    let used = uses(&subject.evidence.receipts);
    page.raw("<h3>Used</h3>\n");
    let unused: Vec<&GrantLine> = subject
        .grants
        .iter()
        .filter(|grant| !used.contains_key(&*grant.id))
        .collect();
    write_used(page, subject, used);
    page.raw("<h3>Not used</h3>\n");
    write_unused(page, subject, unused);
}

fn uses(receipts: &[Receipt]) -> BTreeMap<&str, Use<'_>> {
    let mut uses: BTreeMap<&str, Use<'_>> = BTreeMap::new();
    for receipt in receipts {
        if let Some(grant) = &receipt.decision.grant {
            uses.entry(grant).or_default().add(receipt);
        }
    }
    uses
}

impl<'a> Use<'a> {
    fn add(&mut self, receipt: &'a Receipt) {
        self.plugins.insert(&receipt.plugin.name);
        self.kinds.insert(&receipt.kind);
        let sum = match Fate::of(receipt) {
            Fate::Refused => &mut self.refused,
            Fate::Waits => &mut self.asked,
            _ => &mut self.allowed,
        };
        *sum = sum.saturating_add(receipt.count);
    }
}

fn write_used(page: &mut Markup, subject: &Subject<'_>, used: BTreeMap<&str, Use<'_>>) {
    if used.is_empty() {
        page.paragraph("No receipt names a grant.");
        return;
    }
    let known: BTreeMap<&str, &GrantLine> = subject
        .grants
        .iter()
        .map(|grant| (&*grant.id, grant))
        .collect();
    let rest = Rest {
        noun: "grant",
        command: &subject.list(""),
    };
    let rows = used.into_iter().collect();
    table::capped(
        page,
        "Grants that decided",
        USED,
        rows,
        &rest,
        |row, (grant, used)| {
            row.code(grant)
                .maybe(known.get(grant).map(|grant| &*grant.capability))
                .names(&used.plugins)
                .names(&used.kinds)
                .number(used.allowed)
                .number(used.refused)
                .number(used.asked);
        },
    );
}

fn write_unused(page: &mut Markup, subject: &Subject<'_>, unused: Vec<&GrantLine>) {
    if subject.grants.is_empty() {
        page.paragraph(
            "It is not known here which grants were in force, so none can be called unused.",
        );
        return;
    }
    if unused.is_empty() {
        page.paragraph("Every grant that was in force was used.");
        return;
    }
    page.paragraph(
        "These were in force and decided nothing here. Somebody may want to revoke them.",
    );
    let rest = Rest {
        noun: "grant",
        command: "tollgate grant list",
    };
    table::capped(
        page,
        "Grants that decided nothing",
        UNUSED,
        unused,
        &rest,
        |row, grant| {
            row.code(&grant.id)
                .code(&grant.plugin)
                .code(&grant.effect)
                .code(&grant.capability);
        },
    );
}
