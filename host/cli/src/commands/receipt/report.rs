//! `tollgate receipt report`: one page for a reviewer.

use super::evidence::{self, Evidence};
use super::own_keys;
use crate::app::App;
use crate::args::receipt::Report;
use crate::errors::{Context, Done};
use crate::files::{Sink, write_whole};
use crate::printer::escape;
use crate::time;
use serde_json::json;
use std::collections::BTreeMap;
use tollgate_receipts::Record;
use tollgate_report::{Checked, GrantLine, Of, Proof, STORE, SessionProof};

pub(super) fn report(app: &App, args: &Report) -> Done {
    let (found, source) = match evidence::of_file(app, &args.from)? {
        Some(found) => {
            let path = args.from.from.as_deref();
            let name = path.map(|path| path.display().to_string());
            (found, name.unwrap_or_default())
        }
        None => {
            let file = evidence::of_store(app, &args.part)?;
            let key = own_keys(app)?.pop();
            (evidence::of_bytes(&file, key)?, STORE.to_owned())
        }
    };
    let proof = proof(&found, source);
    let grants = grants(app, &found, &proof)?;
    let receipts = found.receipts.len();
    let page = tollgate_report::html(&told(found), &proof, &grants, time::now_us());
    if let Sink::File(path) = write_whole(&args.html, page.as_bytes(), args.force)? {
        app.printer
            .json(&json!({ "file": path, "bytes": page.len(), "receipts": receipts }));
        let shown = escape::line(&path.display().to_string());
        app.printer.line(format!("the page is in {shown}"));
    }
    Ok(())
}

fn proof(found: &Evidence, source: String) -> Proof {
    let header = &found.header;
    let file = match source == STORE {
        true => "FILE".to_owned(),
        false => source.clone(),
    };
    match &found.proven {
        Some(proven) => Proof {
            source,
            checked: Checked::Verified,
            origin: Some(proven.head.origin.clone()),
            key: Some(proven.key.to_string()),
            tree_size: Some(proven.head.size),
            root: Some(hex::encode(proven.head.root)),
            sessions: proven
                .sessions
                .iter()
                .map(|one| SessionProof {
                    session: one.session.clone(),
                    entries: one.to,
                    open: !one.closed,
                })
                .collect(),
            command: format!("tollgate receipt verify {file} --key {}", proven.key),
        },
        None => Proof {
            source,
            checked: Checked::NotChecked,
            origin: Some(header.origin.clone()),
            key: None,
            tree_size: Some(header.size),
            root: None,
            sessions: Vec::new(),
            command: format!("tollgate receipt verify {file} --key KEY"),
        },
    }
}

/// The grants that the evidence tells of, and those of the store if it is the store that is told of.
fn grants(app: &App, found: &Evidence, proof: &Proof) -> Done<Vec<GrantLine>> {
    let mut lines = BTreeMap::new();
    for (_, entry) in &found.entries {
        if let Record::Change(change) = &entry.record
            && change.what == "grant.add"
        {
            // PLUGIN EFFECT CAPABILITY for SCOPE …
            let mut words = change.detail.splitn(3, ' ').map(str::to_owned);
            let mut word = || words.next().unwrap_or_default();
            let line = GrantLine {
                id: change.object.clone(),
                plugin: word(),
                effect: word(),
                capability: word(),
            };
            lines.insert(line.id.clone(), line);
        }
    }
    if proof.source == STORE
        && let Some(store) = app.store_if_there()?
    {
        let listed = store.grants().list(None);
        for grant in listed.doing(|| "the grants cannot be read".into())? {
            let line = GrantLine {
                id: grant.id.clone(),
                plugin: grant.plugin.clone(),
                capability: grant.capability.to_string(),
                effect: grant.effect.as_str().to_owned(),
            };
            lines.insert(line.id.clone(), line);
        }
    }
    Ok(lines.into_values().collect())
}

/// The evidence in the form of the page.
fn told(found: Evidence) -> tollgate_report::Evidence {
    let mut told = tollgate_report::Evidence {
        receipts: found.receipts,
        ..tollgate_report::Evidence::default()
    };
    for (_, entry) in found.entries {
        let (session, seq) = (entry.session, entry.seq);
        match entry.record {
            Record::Call(record) => told.calls.push(Of {
                session,
                seq,
                record,
            }),
            Record::Change(record) => told.changes.push(Of {
                session,
                seq,
                record,
            }),
            _ => {}
        }
    }
    told
}
