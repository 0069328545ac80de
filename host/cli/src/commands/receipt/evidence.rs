//! What there is to read of an export, or of a part of the store: entries, receipts, and what was proven.

use crate::app::App;
use crate::args::receipt::{From, Part};
use crate::errors::{Context, Done, Failure};
use crate::time;
use std::path::Path;
use tollgate_receipts::export::{Header, Scope, VerifiedSession, read_unverified, verify};
use tollgate_receipts::log::{TreeHead, VerifierKey};
use tollgate_receipts::{Entry, Receipt};

/// Entries and receipts.
pub(super) struct Evidence {
    pub(super) header: Header,
    pub(super) entries: Vec<(u64, Entry)>,
    pub(super) receipts: Vec<Receipt>,
    /// What was proven, if there was a key.
    pub(super) proven: Option<Proven>,
}

/// What a key has proven.
pub(super) struct Proven {
    pub(super) key: VerifierKey,
    pub(super) head: TreeHead,
    pub(super) sessions: Vec<VerifiedSession>,
}

/// What the file holds that the flags name, if they name one.
pub(super) fn of_file(app: &App, from: &From) -> Done<Option<Evidence>> {
    let Some(path) = &from.from else {
        return Ok(None);
    };
    let file = read(path)?;
    let key = from.key.as_deref().map(parse_key).transpose()?;
    let evidence = of_bytes(&file, key)?;
    if evidence.proven.is_none() {
        app.printer
            .warn("the export was read and not verified; name the ledger's public key with --key");
    }
    Ok(Some(evidence))
}

/// What an export holds; verified if there is a key.
pub(super) fn of_bytes(file: &[u8], key: Option<VerifierKey>) -> Done<Evidence> {
    let failed = |error| Failure::Evidence { error };
    let proven = match key {
        Some(key) => {
            let found = verify(file, &key).map_err(failed)?;
            Some(Proven {
                key,
                head: found.head,
                sessions: found.sessions,
            })
        }
        None => None,
    };
    let read = read_unverified(file).map_err(failed)?;
    Ok(Evidence {
        header: read.header,
        entries: read.entries,
        receipts: read.receipts,
        proven,
    })
}

/// A part of this machine's ledger, as it is exported.
pub(super) fn of_store(app: &App, part: &Part) -> Done<Vec<u8>> {
    let scope = scope(part)?;
    let Some(store) = app.store_if_there()? else {
        return Err(Failure::input_try(
            "there is no ledger on this machine",
            "tollgate call files list path=/project",
        ));
    };
    store.tree().export(scope).map_err(|error| match error {
        tollgate_store::StoreError::NotFound { name, .. } => Failure::NotFound {
            kind: "session or run with receipts",
            name,
            remedy: "tollgate receipt list".into(),
        },
        tollgate_store::StoreError::Refused(what) => Failure::Input {
            what,
            rule: Some("a session is exported whole or not at all".into()),
            remedy: Some("tollgate receipt export --since WHEN --out FILE".into()),
        },
        other => Failure::failed("the export was not made", other),
    })
}

fn scope(part: &Part) -> Done<Scope> {
    Ok(match part {
        Part {
            session: Some(session),
            ..
        } => Scope::Session(session.clone()),
        Part { run: Some(run), .. } => Scope::Run(run.clone()),
        Part {
            since: Some(since), ..
        } => Scope::Since(time::before(since, time::now_us()).map_err(Failure::input)?),
        _ => Scope::Since(0),
    })
}

/// A file of evidence.
pub(super) fn read(path: &Path) -> Done<Vec<u8>> {
    std::fs::read(path).doing(|| format!("{} cannot be read", path.display()))
}

/// A key as it was typed, or the one in the file that was typed.
pub(super) fn parse_key(typed: &str) -> Done<VerifierKey> {
    let text = std::fs::read_to_string(typed).unwrap_or_else(|_| typed.to_owned());
    VerifierKey::parse(&text)
        .map_err(|error| Failure::input_try(error.to_string(), "tollgate ledger key"))
}
