//! `tollgate receipt export`, `verify` and `prove`.

use super::{evidence, find, store};
use crate::app::App;
use crate::args::receipt::{Export, Format, Prove, Verify};
use crate::errors::{Context, Done, Failure};
use crate::files::{Sink, write_whole};
use crate::printer::escape;
use crate::render::words;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use tollgate_receipts::export;
use tollgate_receipts::log::{HeadError, TreeHead, VerifierKey};
use tollgate_report::Seat;

pub(super) fn export(app: &App, args: &Export) -> Done {
    let file = match &args.from.from {
        Some(path) => evidence::read(path)?,
        None => evidence::of_store(app, &args.part)?,
    };
    let key = match &args.from.key {
        Some(key) => Some(evidence::parse_key(key)?),
        // Our own export is verified before it goes out.
        None if args.from.from.is_none() => own_keys(app)?.pop(),
        None => None,
    };
    let found = evidence::of_bytes(&file, key)?;
    let (bytes, what) = match args.format {
        Format::Proof => (file, format!("{} entries", found.entries.len())),
        Format::Ocsf => lines(&found, tollgate_report::ocsf),
        Format::Otel => lines(&found, tollgate_report::otel),
    };
    let sink = write_whole(&args.out, &bytes, args.force)?;
    if let Sink::File(path) = &sink {
        app.printer.json(&json!({
            "file": path,
            "bytes": bytes.len(),
            "entries": found.entries.len(),
            "receipts": found.receipts.len(),
            "tree_size": found.header.size,
            "key": found.proven.as_ref().map(|proven| proven.key.as_str()),
        }));
        let shown = escape::line(&path.display().to_string());
        app.printer.line(format!("{what} in {shown}"));
        if let (Format::Proof, Some(proven)) = (args.format, &found.proven) {
            app.printer.talk(format!(
                "anybody can check it: tollgate receipt verify {shown} --key {}",
                proven.key
            ));
        }
    }
    Ok(())
}

/// One event a line.
fn lines(
    found: &evidence::Evidence,
    event: fn(&tollgate_receipts::Receipt, &Seat) -> serde_json::Value,
) -> (Vec<u8>, String) {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let seat = Seat {
        host,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let mut lines = Vec::new();
    for receipt in &found.receipts {
        lines.extend(event(receipt, &seat).to_string().into_bytes());
        lines.push(b'\n');
    }
    (lines, words::count(found.receipts.len(), "event"))
}

pub(super) fn verify(app: &App, args: &Verify) -> Done {
    let file = evidence::read(&args.file)?;
    let failed = |error| Failure::Evidence { error };
    let found = match &args.key {
        Some(key) => export::verify(&file, &evidence::parse_key(key)?).map_err(failed)?,
        None => {
            let keys = own_keys(app)?;
            let key = signer(&file, &keys);
            let key = key.or(keys.last()).ok_or_else(|| {
                Failure::input_try(
                    "there is no ledger on this machine whose key could be tried",
                    format!("tollgate receipt verify {} --key KEY", args.file.display()),
                )
            })?;
            export::verify(&file, key).map_err(failed)?
        }
    };
    app.printer.json(&found.json());
    for line in found.told().lines() {
        app.printer.line(escape::line(line));
    }
    Ok(())
}

/// Which of the keys signed an export, as far as its head can be read.
fn signer<'k>(file: &[u8], keys: &'k [VerifierKey]) -> Option<&'k VerifierKey> {
    let export = export::Export::read(file).ok()?;
    let other =
        |key: &&VerifierKey| !matches!(key.verify(export.head), Err(HeadError::OtherKey { .. }));
    keys.iter().rev().find(other)
}

/// The keys of this machine's ledger, the one in force last; none where there is no ledger.
pub(crate) fn own_keys(app: &App) -> Done<Vec<VerifierKey>> {
    let Some(store) = app.store_if_there()? else {
        return Ok(Vec::new());
    };
    let cannot = || "the keys of the ledger cannot be read".to_owned();
    let keys = store.tree().status().doing(cannot)?.keys;
    Ok(keys.into_iter().map(|key| key.verifier).collect())
}

pub(super) fn prove(app: &App, args: &Prove) -> Done {
    let store = store(app, &args.receipt)?;
    let receipt = find(&store, &args.receipt)?;
    let cannot = || "the proof cannot be made".to_owned();
    let signed = store.tree().sign().doing(cannot)?;
    let proofs = store
        .tree()
        .prove(&receipt.id, &signed.head)
        .doing(cannot)?;
    let key = own_keys(app)?.pop();
    let hashes = |path: &[tollgate_receipts::log::Hash]| -> Vec<String> {
        path.iter().map(|hash| BASE64.encode(hash)).collect()
    };
    let shown: Vec<_> = proofs
        .iter()
        .map(|proof| {
            json!({
                "index": proof.index,
                "entry": String::from_utf8_lossy(&proof.entry),
                "leaf_hash": BASE64.encode(proof.leaf),
                "path": hashes(&proof.path),
            })
        })
        .collect();
    let TreeHead { size, root, .. } = &signed.head;
    app.printer.json(&json!({
        "receipt": receipt.id,
        "tree_size": size,
        "root": BASE64.encode(root),
        "head": signed.note,
        "key": key.as_ref().map(VerifierKey::as_str),
        "entries": shown,
    }));
    for proof in &proofs {
        app.printer.line(format!(
            "entry {} of {size}  leaf {}",
            proof.index,
            BASE64.encode(proof.leaf)
        ));
        for hash in hashes(&proof.path) {
            app.printer.line(format!("  {hash}"));
        }
    }
    app.printer.line(format!("root {}", BASE64.encode(root)));
    app.printer.line(signed.note.trim_end());
    Ok(())
}
