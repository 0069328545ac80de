//! What allowed effects reached: hosts, files and other targets.

use super::{
    markup::Markup,
    page::Subject,
    sort::{Sort, host},
    table::{self, Column, Rest, long, number},
    tally::Fate,
    words,
};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};
use tollgate_receipts::{Receipt, Transport};

const HOSTS: &[Column] = &[
    long("Host"),
    long("Kinds"),
    long("Plugins"),
    number("Allowed"),
    number("Done"),
    number("Received"),
    number("Sent"),
    long("Answered by"),
];

const OTHERS: &[Column] = &[
    long("Target"),
    long("Kinds"),
    long("Plugins"),
    number("Allowed"),
    number("Done"),
];

const FILES: &[Column] = &[
    long("Path"),
    long("Kinds"),
    long("Plugins"),
    number("Allowed"),
    number("Done"),
];

/// What was done with one target.
#[derive(Default)]
struct Touched<'a> {
    kinds: BTreeSet<&'a str>,
    plugins: BTreeSet<&'a str>,
    allowed: u64,
    done: u64,
    bytes_in: u64,
    bytes_out: u64,
    live: bool,
    fixture: bool,
}

type ByTarget<'a> = BTreeMap<Cow<'a, str>, Touched<'a>>;

/// The targets of allowed effects.
pub(super) struct Reached<'a>(BTreeMap<Sort, ByTarget<'a>>);

impl<'a> Reached<'a> {
    /// Gathers them.
    pub(super) fn of(receipts: &'a [Receipt]) -> Self {
        let mut reached = Self(BTreeMap::new());
        for receipt in receipts.iter().filter(|r| Fate::of(r).is_allowed()) {
            let Some(target) = &receipt.target else {
                continue;
            };
            let sort = Sort::of(&receipt.kind);
            let name = match sort {
                Sort::Host => host(&target.text),
                _ => Cow::Borrowed(&*target.text),
            };
            let targets = reached.0.entry(sort).or_default();
            targets.entry(name).or_default().add(receipt);
        }
        reached
    }

    fn take(&mut self, sort: Sort) -> Vec<(Cow<'a, str>, Touched<'a>)> {
        self.0
            .remove(&sort)
            .unwrap_or_default()
            .into_iter()
            .collect()
    }

    /// Writes the hosts.
    pub(super) fn hosts(&mut self, page: &mut Markup, subject: &Subject<'_>) {
        let hosts = self.take(Sort::Host);
        if hosts.is_empty() {
            page.paragraph("No host was reached.");
            return;
        }
        let rest = Rest {
            noun: "host",
            command: &subject.list(""),
        };
        table::capped(
            page,
            "Hosts reached",
            HOSTS,
            hosts,
            &rest,
            |row, (host, touched)| {
                row.code(&host)
                    .names(&touched.kinds)
                    .names(&touched.plugins)
                    .number(touched.allowed)
                    .number(touched.done)
                    .text(&words::bytes(touched.bytes_in))
                    .text(&words::bytes(touched.bytes_out))
                    .text(touched.answered_by());
            },
        );
    }

    /// Writes the files, changed ones first.
    pub(super) fn files(&mut self, page: &mut Markup, subject: &Subject<'_>) {
        let command = subject.list(" --kind fs");
        let rest = Rest {
            noun: "path",
            command: &command,
        };
        page.raw("<h3>Changed</h3>\n");
        let changed = self.take(Sort::Changed);
        plain(
            page,
            "Files changed",
            FILES,
            changed,
            &rest,
            "No file was changed.",
        );
        page.raw("<h3>Read</h3>\n");
        let read = self.take(Sort::Read);
        plain(
            page,
            "Files and directories read",
            FILES,
            read,
            &rest,
            "No file was read.",
        );
    }

    /// Writes what is neither host nor file.
    pub(super) fn others(&mut self, page: &mut Markup, subject: &Subject<'_>) {
        let rest = Rest {
            noun: "target",
            command: &subject.list(""),
        };
        let none = "There were no other targets.";
        let others = self.take(Sort::Other);
        plain(
            page,
            "Variables, keys, sockets, names looked up",
            OTHERS,
            others,
            &rest,
            none,
        );
    }
}

fn plain(
    page: &mut Markup,
    caption: &'static str,
    columns: &'static [Column],
    rows: Vec<(Cow<'_, str>, Touched<'_>)>,
    rest: &Rest<'_>,
    none: &'static str,
) {
    if rows.is_empty() {
        page.paragraph(none);
        return;
    }
    table::capped(
        page,
        caption,
        columns,
        rows,
        rest,
        |row, (target, touched)| {
            row.code(&target)
                .names(&touched.kinds)
                .names(&touched.plugins)
                .number(touched.allowed)
                .number(touched.done);
        },
    );
}

impl<'a> Touched<'a> {
    fn add(&mut self, receipt: &'a Receipt) {
        let more = |sum: &mut u64, by: u64| *sum = sum.saturating_add(by);
        self.kinds.insert(&receipt.kind);
        self.plugins.insert(&receipt.plugin.name);
        more(&mut self.allowed, receipt.count);
        if Fate::of(receipt) == Fate::Performed {
            more(&mut self.done, receipt.count);
        }
        more(&mut self.bytes_in, receipt.bytes_in().unwrap_or(0));
        more(&mut self.bytes_out, receipt.bytes_out().unwrap_or(0));
        self.live |= receipt.transport == Some(Transport::Live);
        self.fixture |= receipt.transport == Some(Transport::Fixture);
    }

    fn answered_by(&self) -> &'static str {
        match (self.live, self.fixture) {
            (true, false) => "the host",
            (false, true) => "a fixture; the host was not reached",
            (true, true) => "the host, and fixtures",
            (false, false) => "not recorded",
        }
    }
}
