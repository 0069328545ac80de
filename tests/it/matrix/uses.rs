//! The imports that are no effect of their own: what works on a handle, what is counted, what only builds a
//! value. One guest calls them all; handles are open when something goes wrong.

use super::scene::{Bench, Column, attempt, came_of, fits};
use crate::hostile::outcome;
use crate::inside::trouble::{Ill, When};
use std::collections::BTreeMap;
use std::fmt::Write;
use tollgate_sandbox::table::{EffectKind, TABLE, TargetForm, Treatment};

/// What the guest of this matrix is granted.
pub(super) const GRANTS: &str = r#""fs.full {MOUNT} at /data", "http * http://127.0.0.1:{PORT}/**",
    "http GET http://{PRIVATE}:*/**", "env HOSTILE_PLAIN", "kv notes", "dns localhost",
    "tcp connect 127.0.0.3:*", "tcp bind 127.0.0.3:*", "udp connect 127.0.0.3:*", "udp bind 127.0.0.3:*""#;

/// Functions that end the call, or want a handle that no guest is ever given: each in a call of its own.
const ENDS: [&str; 9] = [
    "exit.exit",
    "exit.exit-with-code",
    "incoming-request.method",
    "incoming-request.path-with-query",
    "incoming-request.scheme",
    "incoming-request.authority",
    "incoming-request.headers",
    "incoming-request.consume",
    "response-outparam.set",
];

/// A function's name as a receipt has it: `[method]descriptor.read` is `descriptor.read`.
pub(super) fn function(row: &str) -> String {
    match row.strip_prefix("[constructor]") {
        Some(resource) => format!("{resource}.constructor"),
        None => row
            .trim_start_matches("[method]")
            .trim_start_matches("[static]")
            .to_owned(),
    }
}

/// What came of the calls.
pub(super) struct Uses {
    columns: [Column; 4],
    ends: BTreeMap<&'static str, String>,
}

impl Uses {
    pub(super) fn drive(bench: &Bench) -> Self {
        let mark = || When::After("kv.set".into());
        let everything = attempt("imports", "everything", GRANTS);
        let nothing = attempt("imports", "nothing", "");
        let revoked = bench.attempt("imports", "revoked", Ill::Revoked, mark());
        // Whatever the guest was told, its body did not arrive.
        assert_eq!(bench.sent(), 0);
        let no_ledger = bench.attempt("imports", "no ledger", Ill::NoLedger, mark());
        // An open request goes on while the ledger is lost; so the body is one that can arrive.
        assert_eq!(bench.sent(), 1);
        let columns = [everything, nothing, revoked, no_ledger];
        let ends = ENDS.map(|function| (function, bench.ended("imports", function)));
        Self {
            columns,
            ends: ends.into(),
        }
    }

    /// The verdicts of one row.
    pub(super) fn show(&self, shown: &mut String, import: &str, treatment: Treatment) {
        let (name, kinds): (_, &[EffectKind]) = match treatment {
            Treatment::Effect { .. } => panic!("{import} is an effect"),
            Treatment::Handle { kinds } => ("handle", kinds),
            Treatment::Counted => ("counted", &[]),
            Treatment::Inert => ("inert", &[]),
        };
        let end = self.ends.iter().find(|(short, _)| is(import, short));
        if let Some((_, end)) = end {
            return writeln!(shown, "{import}  {name}\n    call ends: {end}").unwrap();
        }
        if kinds.is_empty() {
            writeln!(shown, "{import}  {name}").unwrap();
            self.verdicts(shown, import, None);
        }
        for kind in kinds {
            let (class, target) = (kind.class.label(), kind.target.label());
            writeln!(shown, "{import}  {name}, {}  {class}  {target}", kind.name).unwrap();
            self.verdicts(shown, import, Some(kind.name));
        }
    }

    fn verdicts(&self, shown: &mut String, import: &str, kind: Option<&str>) {
        let saw = self.columns.each_ref().map(|column| {
            let said = column.said.iter().find_map(|line| {
                let (what, saw) = line.split_once(": ")?;
                let (short, of_kind) = match what.split_once(' ') {
                    Some((short, of_kind)) => (short, Some(of_kind)),
                    None => (what, None),
                };
                // Of what is the same for streams of every kind, the first is enough.
                (is(import, short) && of_kind == kind).then(|| saw.to_owned())
            });
            // What is to be sent waits for a task, which refuses it: a guest may be told before or after that.
            let queued = column.name == "revoked"
                && kind == Some("http.use")
                && import.contains(".output-stream.");
            let said = said.map(|said| match said.as_str() {
                "ok" | "closed" if queued => "ok or closed, and nothing is sent".to_owned(),
                _ => said,
            });
            let said = said.or_else(|| column.silent.clone());
            said.unwrap_or_else(|| panic!("{}: no guest calls {import} {kind:?}", column.name))
        });
        for (column, saw) in self.columns.iter().zip(saw) {
            writeln!(shown, "    {:<12}{saw}", column.name).unwrap();
        }
    }

    /// How often a use of what was open left which receipt after the grants were gone.
    pub(super) fn show_receipts(&self, shown: &mut String) {
        let mut counts = BTreeMap::new();
        for column in &self.columns {
            for receipt in &column.receipts {
                let kind = receipt["kind"].as_str().unwrap();
                if kind.ends_with(".use") || kind == "http.connect" {
                    let target = receipt["target"]["text"].as_str().unwrap();
                    assert!(fits(target_of(kind), target), "{kind}: {target:?}");
                    let line = outcome::line(receipt);
                    let verdict = came_of(&line);
                    let line = format!(
                        "{} {kind}: {}, {verdict}",
                        column.name,
                        receipt["import"].as_str().unwrap()
                    );
                    *counts.entry(line).or_insert(0) += 1;
                }
            }
        }
        for (line, count) in counts {
            writeln!(shown, "{line}, {count} times").unwrap();
        }
    }
}

/// What the targets of a kind name.
fn target_of(kind: &str) -> TargetForm {
    let rows = TABLE.iter().flat_map(|interface| interface.rows);
    let mut kinds = rows.flat_map(|row| match row.treatment {
        Treatment::Effect { kinds, .. } | Treatment::Handle { kinds } => kinds,
        Treatment::Counted | Treatment::Inert => &[],
    });
    kinds.find(|one| one.name == kind).unwrap().target
}

/// Whether an import ends with this name, at a border of names.
fn is(import: &str, short: &str) -> bool {
    let rest = import.strip_suffix(short);
    rest.is_some_and(|rest| rest.ends_with(['/', '.']))
}
