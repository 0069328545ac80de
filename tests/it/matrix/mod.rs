//! Import × verdict: every import, with everything granted, with reading granted, with nothing granted, with
//! the grants revoked and with the ledger lost in the middle of the call. The snapshot is reviewed; a row of
//! the classification table that no guest calls fails the test.

mod scene;
mod uses;

use crate::inside::trouble::Ill;
use scene::{Bench, GRANTED, attempt, when};
pub(crate) use scene::{free_port, visit};
use std::fmt::Write;
use tollgate_receipts::Class;
use tollgate_sandbox::table::{TABLE, Treatment};
use uses::Uses;

#[test]
fn every_import_has_its_verdict() {
    let columns = GRANTED.map(|(name, grants)| attempt("matrix", name, grants));
    let bench = Bench::new();
    let uses = Uses::drive(&bench);
    let mut shown = String::new();
    for interface in TABLE {
        let (name, _version) = interface.name.split_once('@').unwrap();
        for row in interface.rows {
            let import = format!("{name}.{}", uses::function(row.function));
            let Treatment::Effect { kinds, .. } = row.treatment else {
                uses.show(&mut shown, &import, row.treatment);
                continue;
            };
            for kind in kinds {
                let (class, target) = (kind.class, kind.target.label());
                let title = format!("{import}  {}  {}  {target}", kind.name, class.label());
                writeln!(shown, "{title}").unwrap();
                for column in &columns {
                    let (came, saw) = column.came(&import, kind);
                    writeln!(shown, "    {:<12}{came:<34}{saw}", column.name).unwrap();
                }
                for (name, ill) in [("revoked", Ill::Revoked), ("no ledger", Ill::NoLedger)] {
                    let when = when(&import, kind.name, class);
                    let column = bench.attempt("matrix", name, ill, when);
                    if class == Class::Strict {
                        let done = bench.performed(&import, kind.name);
                        assert!(!done, "{name}: {import} {}", kind.name);
                    }
                    let (mut came, saw) = column.came(&import, kind);
                    // That it was given up is written when the ledger is there again, or not in time.
                    let given_up = ["allowed open", "allowed settled cancelled"];
                    if ill == Ill::NoLedger && given_up.contains(&came.as_str()) {
                        came = "allowed open or cancelled".to_owned();
                    }
                    writeln!(shown, "    {name:<12}{came:<34}{saw}").unwrap();
                }
            }
        }
    }
    uses.show_receipts(&mut shown);
    insta::assert_snapshot!(shown);
}
