//! `tollgate ledger`: the signed tree in which receipts stand.

use crate::app::App;
use crate::args::ledger::{Consistency, Ledger as Verb, Prune, Publish};
use crate::errors::{Context, Done, Failure};
use crate::files::{Sink, write_whole};
use crate::printer::escape;
use crate::render::words;
use crate::time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use std::sync::Arc;
use tollgate_receipts::log::{TreeHead, check_consistency};
use tollgate_store::{SignedHead, Store, StoreError};

/// The most bytes of a published head that are read.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Carries out one verb.
pub(crate) fn run(app: &App, verb: Verb) -> Done {
    match verb {
        Verb::Status => status(app),
        Verb::Head => head(app),
        Verb::Key => key(app),
        Verb::Publish(args) => publish(app, &args),
        Verb::Consistency(args) => match args.head.is_some() {
            true => consistency(app, &args),
            false => check(app),
        },
        Verb::RotateKey(args) => rotate_key(app, args.lost),
        Verb::Prune(args) => prune(app, &args),
        Verb::Repair => repair(app),
    }
}

/// The ledger, which has to be there.
fn ledger(app: &App) -> Done<Arc<Store>> {
    app.store_if_there()?.ok_or_else(|| {
        Failure::input_try(
            "there is no ledger on this machine yet",
            "tollgate call files list path=/project",
        )
    })
}

fn failed(error: StoreError) -> Failure {
    match error {
        StoreError::Damaged(_) => Failure::Failed {
            what: error.to_string(),
            remedy: Some(
                "keep the state directory as it is, and compare it with a copy and with heads that were published; `tollgate ledger repair` goes on with what can be read"
                    .into(),
            ),
            source: error.into(),
        },
        other => Failure::failed("the ledger cannot be read or signed", other),
    }
}

fn status(app: &App) -> Done {
    let store = ledger(app)?;
    let status = store.tree().status().map_err(failed)?;
    let head = status.head.as_ref();
    app.printer.json(&json!({
        "entries": status.size,
        "bytes": status.bytes,
        "pruned": status.pruned,
        "heads": status.heads,
        "head": head.map(shown),
        "keys": status.keys.iter().map(|key| json!({
            "key": key.verifier.as_str(),
            "since_us": key.since_us,
        })).collect::<Vec<_>>(),
    }));
    let line = |label: &str, value: String| {
        let label = app.printer.dim(&format!("{label:<9}"));
        app.printer
            .line(format!("{label} {}", escape::line(&value)));
    };
    line(
        "entries",
        format!("{}, {}", status.size, words::bytes(status.bytes)),
    );
    if status.pruned > 0 {
        line(
            "pruned",
            format!("the bodies of entries 0 to {}", status.pruned - 1),
        );
    }
    match head {
        Some(signed) => line(
            "signed",
            format!(
                "{} of them, {} ({} in all)",
                signed.head.size,
                time::moment(signed.time_us),
                words::count(usize::try_from(status.heads).unwrap_or(usize::MAX), "head")
            ),
        ),
        None => line("signed", "nothing yet".into()),
    }
    for key in &status.keys {
        line(
            "key",
            format!("{}, since {}", key.verifier, time::moment(key.since_us)),
        );
    }
    Ok(())
}

fn shown(signed: &SignedHead) -> serde_json::Value {
    json!({
        "origin": signed.head.origin,
        "tree_size": signed.head.size,
        "root": BASE64.encode(signed.head.root),
        "time_us": signed.time_us,
        "note": signed.note,
    })
}

fn head(app: &App) -> Done {
    let signed = ledger(app)?.tree().sign().map_err(failed)?;
    app.printer.json(&shown(&signed));
    app.printer.line(signed.note.trim_end());
    Ok(())
}

fn key(app: &App) -> Done {
    let key = app.store()?.tree().key().map_err(failed)?;
    app.printer
        .json(&json!({ "key": key.as_str(), "origin": key.origin() }));
    app.printer.line(&key);
    Ok(())
}

fn publish(app: &App, args: &Publish) -> Done {
    let store = ledger(app)?;
    let signed = store.tree().sign().map_err(failed)?;
    let own = std::fs::canonicalize(&app.home.state);
    let to = std::fs::canonicalize(&args.to);
    let to = to.doing(|| format!("{} is no directory", args.to.display()))?;
    if own.is_ok_and(|own| to.starts_with(own)) {
        return Err(Failure::Input {
            what: format!("{} is in this machine's own state", args.to.display()),
            rule: Some("a head is published where this machine cannot take it back".into()),
            remedy: Some("tollgate ledger publish --to DIR".into()),
        });
    }
    let path = to.join(format!("{}.head", signed.head.size));
    let known = std::fs::read_to_string(&path);
    if known.is_ok_and(|known| known == signed.note) {
        app.printer
            .json(&json!({ "file": path, "head": shown(&signed) }));
        app.printer
            .line("nothing has come since that head was published");
        return Ok(());
    }
    if let Sink::File(path) = write_whole(&path, signed.note.as_bytes(), false)? {
        app.printer
            .json(&json!({ "file": path, "head": shown(&signed) }));
        app.printer.line(format!(
            "the head of {} entries is in {}",
            signed.head.size,
            escape::line(&path.display().to_string())
        ));
        app.printer.talk(
            "what this machine can still write there it can take back: move the file to somebody else",
        );
    }
    Ok(())
}

fn check(app: &App) -> Done {
    let store = ledger(app)?;
    // Pages and indexes first: what they hide no other check sees.
    if let Some(fault) = store.file_faults().map_err(failed)?.first() {
        return Err(failed(StoreError::Damaged(format!(
            "the database: {fault}"
        ))));
    }
    let checked = store.tree().check().map_err(failed)?;
    app.printer.json(&json!({
        "entries": checked.size,
        "sessions": checked.sessions,
        "heads": checked.heads,
    }));
    app.printer.line(format!(
        "{} entries of {} sessions are as they were written and signed ({} heads), and are found by what they say",
        checked.size, checked.sessions, checked.heads
    ));
    Ok(())
}

fn consistency(app: &App, args: &Consistency) -> Done {
    let path = args
        .head
        .as_deref()
        .unwrap_or_else(|| std::path::Path::new(""));
    let store = ledger(app)?;
    let cannot = || format!("{} cannot be read", path.display());
    let note = std::fs::read_to_string(path).doing(cannot)?;
    let keys = store.tree().status().map_err(failed)?.keys;
    let old = (note.len() <= HEAD_BYTES_MAX)
        .then(|| keys.iter().find_map(|key| key.verifier.verify(&note).ok()))
        .flatten();
    let Some(old) = old else {
        return Err(Failure::Input {
            what: format!(
                "{} is no head that a key of this ledger signed",
                path.display()
            ),
            rule: Some("a head is compared with the ledger that it is of".into()),
            remedy: Some("tollgate ledger status".into()),
        });
    };
    let now = store.tree().sign().map_err(failed)?.head;
    let differs = |old: &TreeHead| Failure::Evidence {
        error: tollgate_receipts::export::ExportError::Invalid(format!(
            "the ledger of {} entries that was published is not the beginning of this one",
            old.size
        )),
    };
    if old.size > now.size {
        return Err(differs(&old));
    }
    let path = match old.size {
        0 => Vec::new(),
        size => {
            let (root, path) = store.tree().consistency(size, &now).map_err(failed)?;
            let both = ((now.size, &now.root), (size, &old.root));
            let proven = check_consistency(&path, both.0, both.1);
            if root != old.root || proven.is_err() {
                return Err(differs(&old));
            }
            path
        }
    };
    app.printer.json(&json!({
        "from": old.size,
        "to": now.size,
        "path": path.iter().map(|hash| BASE64.encode(hash)).collect::<Vec<_>>(),
    }));
    app.printer.line(format!(
        "the {} entries of that head are the beginning of these {}",
        old.size, now.size
    ));
    Ok(())
}

fn rotate_key(app: &App, lost: bool) -> Done {
    let operator = app.operator("ledger rotate-key")?;
    let store = ledger(app)?;
    let (old, new) = match lost {
        true => store.tree().replace_lost_key(&operator.subject),
        false => store.tree().rotate(&operator.subject),
    }
    .map_err(|error| match error {
        StoreError::Refused(why) => Failure::input_try(why, "tollgate ledger rotate-key"),
        other => failed(other),
    })?;
    app.printer
        .json(&json!({ "old": old.as_str(), "new": new.as_str() }));
    app.printer.line(&new);
    app.printer
        .talk(format!("heads until now stay valid under {}", old.id()));
    Ok(())
}

fn prune(app: &App, args: &Prune) -> Done {
    let operator = app.operator("ledger prune")?;
    let before = time::before(&args.before, time::now_us()).map_err(Failure::input)?;
    let store = ledger(app)?;
    let pruned = store
        .tree()
        .prune(before, &operator.subject)
        .map_err(failed)?;
    app.printer
        .json(&json!({ "removed": pruned.entries, "upto": pruned.upto }));
    app.printer.line(match pruned.entries {
        0 => "no whole tile of 256 entries is that old; nothing was removed".to_owned(),
        removed => format!(
            "the bodies of {removed} entries were removed, up to entry {}; their hashes stay",
            pruned.upto
        ),
    });
    Ok(())
}

/// Needs no login: whether somebody is logged in is a part of what may be unreadable.
fn repair(app: &App) -> Done {
    if !app.home.exists() {
        return ledger(app).map(drop);
    }
    let repaired =
        tollgate_store::repair(&app.home.store(), &app.identity.subject).map_err(|error| {
            match error {
                StoreError::Refused(why) => Failure::Input {
                    what: format!("the store cannot be repaired now: {why}"),
                    rule: Some("a store is repaired while nobody else uses it".into()),
                    remedy: Some("tollgate agent list".into()),
                },
                other => Failure::failed("the store cannot be repaired", other),
            }
        })?;
    let Some(repaired) = repaired else {
        app.printer.json(&json!({ "repaired": false }));
        app.printer
            .line("nothing is wrong with the store; nothing was done");
        return Ok(());
    };
    app.printer.json(&json!({
        "repaired": true,
        "faults": repaired.faults,
        "entries": repaired.entries,
        "lost": repaired.lost,
        "anew": repaired.anew,
        "tables": repaired.tables,
        "kept": repaired.kept,
    }));
    for fault in &repaired.faults {
        app.printer.line(format!("found: {}", escape::line(fault)));
    }
    app.printer.line(format!(
        "{} entries of the ledger are taken over",
        repaired.entries
    ));
    if repaired.lost > 0 {
        app.printer.warn(format!(
            "{} entries that were signed are lost",
            repaired.lost
        ));
    }
    if repaired.anew {
        app.printer.warn(
            "the hashes of removed bodies are lost: the entries taken over are a new tree, which no head signed before proves",
        );
    }
    if repaired.is_another() {
        app.printer
            .warn("the ledger goes on under another key, see `tollgate ledger key`");
    }
    for table in &repaired.tables {
        app.printer.warn(match table.as_str() {
            "grants" => {
                "not whole: grants; denials may be lost, see `tollgate grant list`".to_owned()
            }
            table => format!("not whole: {table}"),
        });
    }
    app.printer.line(format!(
        "the damaged files are in {}",
        escape::line(&repaired.kept.display().to_string())
    ));
    Ok(())
}
