//! What was refused and why, alike refusals together.

use super::{
    markup::Markup,
    page::Subject,
    table::{self, Column, Rest, long, number, words},
    tally::Fate,
};
use std::{cmp::Reverse, collections::BTreeMap};
use tollgate_receipts::Receipt;

/// Targets that are shown of a group.
const EXAMPLES_MAX: usize = 3;

const GROUPS: &[Column] = &[
    words("Plugin"),
    words("Kind"),
    words("Reason"),
    long("Nearest grant, and what it lacked"),
    long("Targets"),
    number("Count"),
];

/// What refusals of one group have in common.
type Alike<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>);

#[derive(Default)]
struct Group<'a> {
    count: u64,
    targets: Vec<&'a str>,
    has_more: bool,
}

/// Writes the groups.
pub(super) fn write(page: &mut Markup, subject: &Subject<'_>) {
    let mut groups: Vec<_> = groups(&subject.evidence.receipts).into_iter().collect();
    if groups.is_empty() {
        page.paragraph("Nothing was refused.");
        return;
    }
    groups.sort_by_key(|(_, group)| Reverse(group.count));
    let rest = Rest {
        noun: "group of refusals",
        command: &subject.list(" --decision denied"),
    };
    table::capped(
        page,
        "Refusals, the most frequent first",
        GROUPS,
        groups,
        &rest,
        |row, (alike, group)| {
            let (plugin, kind, reason, nearest) = alike;
            row.code(plugin)
                .code(kind)
                .maybe(reason)
                .maybe(nearest)
                .cell(|page| examples(page, &group))
                .number(group.count);
        },
    );
}

fn groups(receipts: &[Receipt]) -> BTreeMap<Alike<'_>, Group<'_>> {
    let mut groups: BTreeMap<Alike<'_>, Group<'_>> = BTreeMap::new();
    for receipt in receipts.iter().filter(|r| Fate::of(r) == Fate::Refused) {
        let decision = &receipt.decision;
        let alike = (
            &*receipt.plugin.name,
            &*receipt.kind,
            decision.reason.as_deref(),
            decision.nearest.as_deref(),
        );
        groups.entry(alike).or_default().add(receipt);
    }
    groups
}

impl<'a> Group<'a> {
    fn add(&mut self, receipt: &'a Receipt) {
        self.count = self.count.saturating_add(receipt.count);
        match &receipt.target {
            Some(target) if self.targets.contains(&&*target.text) => {}
            Some(target) if self.targets.len() < EXAMPLES_MAX => self.targets.push(&target.text),
            _ => self.has_more = true,
        }
    }
}

fn examples(page: &mut Markup, group: &Group<'_>) {
    for (at, target) in group.targets.iter().enumerate() {
        page.raw(if at > 0 { "<br>" } else { "" }).code(target);
    }
    if group.targets.is_empty() {
        page.raw("counted only");
    } else if group.has_more {
        page.raw("<br>and others");
    }
}
