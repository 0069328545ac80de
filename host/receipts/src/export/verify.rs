//! Whether an export is what its host signed: nothing changed, nothing left out.

use super::format::{Export, Header, Scope, Span, UnreadableExport, header_extension};
use super::seen::{SHARE_MIN, Seen, begin};
use crate::cores::joined;
use crate::glance::{Glance, Kind, glance};
use crate::log::{Hash, HeadError, PrunedTree, PrunedTreeError, TreeHead, VerifierKey, leaf_hash};
use crate::{ChainError, ChainHead, Entry, FoldFault, HASH_BYTES, Receipt, fold, named};
use std::collections::HashMap;

/// Why an export does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// It cannot be read.
    #[error("the export cannot be read: {0}")]
    Unreadable(#[from] UnreadableExport),
    /// Records that should be there are not.
    #[error("the export is not complete: {0}")]
    Incomplete(String),
    /// Something was changed, or is of another log.
    #[error("the export is not valid: {0}")]
    Invalid(String),
}

/// A session's chain, verified.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct VerifiedSession {
    /// The session.
    pub session: String,
    /// Sequence of the first entry.
    pub from: u64,
    /// Sequence of the last entry.
    pub to: u64,
    /// How many entries the session had at the tree size.
    pub chain: u64,
    /// Whether the session had ended: stopped, archived or removed, and not started again.
    pub closed: bool,
}

/// What an export proves.
#[derive(Debug, Clone)]
pub struct Verified {
    /// What the header says.
    pub header: Header,
    /// The signed tree head.
    pub head: TreeHead,
    /// The sessions.
    pub sessions: Vec<VerifiedSession>,
    /// How many entries it holds.
    pub entries: usize,
    /// How many receipts they fold to.
    pub receipts: usize,
    /// Entries that contradict others, which no honest host writes. Those of a part of a session may
    /// continue receipts that began before it.
    pub faults: Vec<FoldFault>,
}

/// What an export says, with nothing checked but that it can be read.
#[derive(Debug, Clone)]
pub struct Unverified {
    /// What the header says.
    pub header: Header,
    /// The entries, in the ledger's order.
    pub entries: Vec<(u64, Entry)>,
    /// What they fold to.
    pub receipts: Vec<Receipt>,
}

/// Reads an export without a key. Nothing that it says is proven.
///
/// # Errors
///
/// [`ExportError::Unreadable`]; [`ExportError::Invalid`] if a record is no entry.
pub fn read_unverified(file: &[u8]) -> Result<Unverified, ExportError> {
    let export = Export::read(file)?;
    let entries = export.records.iter().map(|(index, stored)| {
        let entry = crate::decode(stored);
        let entry = entry.map_err(|error| {
            ExportError::Invalid(format!("the record of leaf {index}: {error}"))
        })?;
        Ok((*index, entry))
    });
    let entries = entries.collect::<Result<Vec<_>, ExportError>>()?;
    let receipts = fold(entries.iter().map(|(_, entry)| entry)).receipts;
    Ok(Unverified {
        header: export.header,
        entries,
        receipts,
    })
}

impl Verified {
    /// What was found, in lines.
    #[must_use]
    pub fn told(&self) -> String {
        let mut told = String::new();
        for one in &self.sessions {
            let state = if one.closed { "closed" } else { "open" };
            let (session, from, to, size) = (&one.session, one.from, one.to, self.head.size);
            told.push_str(&match (from, to == one.chain) {
                (1, true) => {
                    format!("session {session}: complete to {to}, {state} at tree size {size}\n")
                }
                _ => format!(
                    "session {session}: complete from {from} to {to} of {}, {state} there; tree size {size}\n",
                    one.chain
                ),
            });
        }
        let root = hex::encode(self.head.root);
        told.push_str(&format!(
            "entries: {}, receipts: {}, all as signed by {} (root {root})\n",
            self.entries, self.receipts, self.head.origin,
        ));
        for fault in &self.faults {
            told.push_str(&format!("strange: {fault}\n"));
        }
        told
    }

    /// The same for programs.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let faults: Vec<String> = self.faults.iter().map(ToString::to_string).collect();
        serde_json::json!({
            "verified": true,
            "origin": self.head.origin,
            "tree_size": self.head.size,
            "root": hex::encode(self.head.root),
            "created_us": self.header.created_us,
            "scope": self.header.scope,
            "sessions": self.sessions,
            "entries": self.entries,
            "receipts": self.receipts,
            "faults": faults,
        })
    }
}

/// Verifies an export with the public key of the ledger.
///
/// # Errors
///
/// [`ExportError`]; the first bad record is named.
pub fn verify(file: &[u8], key: &VerifierKey) -> Result<Verified, ExportError> {
    let export = Export::read(file)?;
    let head = signed(&export, key)?;
    placed(&export)?;
    let names = export.header.sessions.iter();
    let names: Vec<&str> = names.map(|span| span.session.as_str()).collect();
    let seen = Seen::of(&export, &names)?;
    let sessions = match held(&export, &seen) {
        Some(sessions) => sessions,
        // One after the other, to tell which of them was changed.
        None => chained(&export)?,
    };
    let intact = || export.intact(&seen.leaves);
    let intact = match seen.leaves.len() < SHARE_MIN {
        true => rooted(&export, &seen.leaves, &head).map(|()| intact())?,
        false => std::thread::scope(|scope| {
            let intact = scope.spawn(intact);
            rooted(&export, &seen.leaves, &head).map(|()| joined(intact.join()))
        })?,
    };
    if !intact {
        let why = "the digest at its end is not that of the file".to_owned();
        return Err(ExportError::Invalid(why));
    }
    let entries = seen.leaves.len();
    let (receipts, faults) = seen.courses();
    let whole = matches!(export.header.scope, Scope::Session(_));
    let faults = faults.into_iter();
    Ok(Verified {
        sessions,
        entries,
        receipts,
        faults: faults
            .filter(|fault| whole || !matches!(fault, FoldFault::Orphan { .. }))
            .collect(),
        header: export.header,
        head,
    })
}

/// The head is signed by the key, and binds the header.
fn signed(export: &Export<'_>, key: &VerifierKey) -> Result<TreeHead, ExportError> {
    let head = key.verify(export.head).map_err(|error| match error {
        HeadError::Malformed(why) => ExportError::Invalid(format!("its tree head: {why}")),
        other => ExportError::Invalid(other.to_string()),
    })?;
    let header = &export.header;
    if head.extension != header_extension(export.header_line) {
        let why = "its header is not the one that was signed";
        return Err(ExportError::Invalid(why.to_owned()));
    }
    if head.size != header.size || head.origin != header.origin {
        let why = "its header is of another tree than its head";
        return Err(ExportError::Invalid(why.to_owned()));
    }
    Ok(head)
}

/// The records stand in the order of the ledger, and where all of it must be there, all of it is.
fn placed(export: &Export<'_>) -> Result<(), ExportError> {
    let mut expected = export.header.first;
    let mut last = None;
    for (index, _) in &export.records {
        if last.is_some_and(|last| last >= *index) {
            let why = format!("the record of leaf {index} is repeated or out of order");
            return Err(ExportError::Invalid(why));
        }
        if let Some(expected) = expected.filter(|expected| expected != index) {
            let why = format!("the record of leaf {expected} is missing");
            return Err(ExportError::Incomplete(why));
        }
        last = Some(*index);
        expected = expected.map(|expected| expected.saturating_add(1));
    }
    match expected {
        Some(expected) if expected != export.header.size => {
            let why = format!("the record of leaf {expected} is missing");
            Err(ExportError::Incomplete(why))
        }
        _ => Ok(()),
    }
}

/// One session's chain on the way through the records.
struct Link<'a> {
    span: &'a Span,
    head: ChainHead,
    closed: bool,
    /// Places of its records.
    places: Vec<usize>,
}

/// The sessions, if every chain holds.
fn held(export: &Export<'_>, seen: &Seen<'_>) -> Option<Vec<VerifiedSession>> {
    let sessions = export.header.sessions.iter().enumerate();
    let sessions = sessions.map(|(place, span)| {
        let (head, closed) = seen.end(place, begin(span, hash_of(&span.prev).ok()?))?;
        let link = Link {
            span,
            head,
            closed,
            places: Vec::new(),
        };
        ended(export, span, Some(&link)).ok()
    });
    sessions.collect()
}

fn chained(export: &Export<'_>) -> Result<Vec<VerifiedSession>, ExportError> {
    let mut links = HashMap::new();
    for span in &export.header.sessions {
        let head = begin(span, hash_of(&span.prev)?);
        let link = Link {
            span,
            head,
            closed: false,
            places: Vec::new(),
        };
        links.insert(span.session.as_str(), link);
    }
    for (place, (index, stored)) in export.records.iter().enumerate() {
        let entry = glance(stored).map_err(|error| {
            ExportError::Invalid(format!("the record of leaf {index}: {error}"))
        })?;
        let Some(link) = links.get_mut(&*entry.session) else {
            let session = crate::clip(&entry.session, crate::ID_BYTES_MAX);
            let why = format!(
                "the record of leaf {index} is of session {session}, which the header does not name"
            );
            return Err(ExportError::Invalid(why));
        };
        link.places.push(place);
        if let Err(error) = link
            .head
            .take(&entry.session, &entry.link(leaf_hash(stored)))
        {
            return Err(broken(export, link, error));
        }
        link.closed = closes(&entry).unwrap_or(link.closed);
    }
    let sessions = export.header.sessions.iter();
    let sessions = sessions.map(|span| ended(export, span, links.get(span.session.as_str())));
    sessions.collect()
}

/// Which of two records was changed when one does not follow from the other.
fn broken(export: &Export<'_>, link: &Link<'_>, error: ChainError) -> ExportError {
    match error {
        ChainError::Gap {
            expected, found, ..
        } if found > expected => {
            let session = &link.span.session;
            let why = format!("session {session}: entry {expected} is missing, {found} follows");
            ExportError::Incomplete(why)
        }
        ChainError::Relinked { session, seq } => {
            let of = |place: usize| export.records.get(place);
            let changed = |place: usize, seq: u64| {
                let leaf = of(place).map_or(0, |(index, _)| *index);
                let why = format!("session {session}: entry {seq}, leaf {leaf}, was changed");
                ExportError::Invalid(why)
            };
            let (before, this) = match link.places.as_slice() {
                [.., before, this] => (before, this),
                first => return changed(first.first().copied().unwrap_or_default(), seq),
            };
            // If the next entry confirms this one, the one before it was changed.
            let stored = of(*this).map_or(&[][..], |(_, stored)| stored);
            let rest = export.records.get(this + 1..).unwrap_or_default();
            let next = rest
                .iter()
                .filter_map(|(_, stored)| Some((*stored, crate::decode(stored).ok()?)))
                .find(|(_, entry)| entry.session == session);
            let confirmed = match next {
                Some((next, entry)) => named(stored, Some(next)) == Ok(entry.prev),
                None => ChainHead::of(stored).is_ok_and(|head| ends_with(export, link.span, &head)),
            };
            match confirmed {
                true => changed(*before, seq - 1),
                false => changed(*this, seq),
            }
        }
        other => ExportError::Invalid(other.to_string()),
    }
}

/// A chain ends where the header says.
fn ended(
    export: &Export<'_>,
    span: &Span,
    link: Option<&Link<'_>>,
) -> Result<VerifiedSession, ExportError> {
    let session = &span.session;
    let count = link.map_or(span.from.saturating_sub(1), |link| link.head.count);
    if count < span.to {
        let why = format!(
            "session {session}: entry {} is missing at its end",
            count + 1
        );
        return Err(ExportError::Incomplete(why));
    }
    hash_of(&span.last)?;
    let is_last =
        |link: &&Link<'_>| link.head.count == span.to && ends_with(export, span, &link.head);
    let Some(link) = link.filter(is_last) else {
        let leaf = link.and_then(|link| export.records.get(*link.places.last()?));
        let leaf = leaf.map_or(0, |(index, _)| *index);
        let why = format!("session {session}: entry {count}, leaf {leaf}, was changed or added");
        return Err(ExportError::Invalid(why));
    };
    if matches!(export.header.scope, Scope::Session(_)) && (span.from, span.to) != (1, span.chain) {
        let why = format!("session {session}: its chain is not all here");
        return Err(ExportError::Incomplete(why));
    }
    Ok(VerifiedSession {
        session: session.clone(),
        from: span.from,
        to: span.to,
        chain: span.chain,
        closed: link.closed,
    })
}

/// Whether an entry is the one that the header says is the last of its chain here.
fn ends_with(export: &Export<'_>, span: &Span, head: &ChainHead) -> bool {
    let own = match export.is_first_version() {
        true => head.digest(),
        false => Some(head.hash),
    };
    own.is_some() && own == hash_of(&span.last).ok()
}

/// The records are leaves of the signed tree.
fn rooted(export: &Export<'_>, leaves: &[(u64, Hash)], head: &TreeHead) -> Result<(), ExportError> {
    let tree = PrunedTree {
        size: head.size,
        leaves,
        hashes: &export.hashes,
    };
    match tree.root() {
        Ok(root) if root == head.root => Ok(()),
        Ok(_) => Err(ExportError::Invalid(
            "its records and hashes do not lead to the signed root".to_owned(),
        )),
        Err(error @ PrunedTreeError::Missing { .. }) => {
            Err(ExportError::Incomplete(error.to_string()))
        }
        Err(error) => Err(ExportError::Invalid(error.to_string())),
    }
}

/// Whether an entry ends its session (true), begins it again (false), or neither. A session of one call has
/// the name of that call, and ends with its record.
pub(super) fn closes(entry: &Glance<'_>) -> Option<bool> {
    match &entry.kind {
        Kind::Change(what) => match &**what {
            "session.stopped" | "session.archive" | "session.rm" => Some(true),
            "session.launch" | "session.restart" => Some(false),
            _ => None,
        },
        Kind::Call(call) => (*call == entry.session).then_some(true),
        _ => None,
    }
}

fn hash_of(text: &str) -> Result<[u8; HASH_BYTES], ExportError> {
    let mut hash = [0; HASH_BYTES];
    hex::decode_to_slice(text, &mut hash)
        .map_err(|_| ExportError::Invalid("its header has a hash that is none".to_owned()))?;
    Ok(hash)
}
