//! From stored bytes to an entry.

use crate::{ENTRY_BYTES_MAX, ENTRY_SCHEMA, HASH_BYTES, Record, clip, entry_hash};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// One stored entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The session whose chain it is part of.
    pub session: String,
    /// Its place in the session, from 1, without gaps.
    pub seq: u64,
    /// Hash of the session's previous entry; [`crate::GENESIS_HASH`] for the first.
    pub prev: [u8; HASH_BYTES],
    /// Hash of the stored bytes.
    pub hash: [u8; HASH_BYTES],
    /// The content.
    pub record: Record,
}

/// Why stored bytes are not an entry that this version can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Longer than any entry.
    #[error("the entry has {bytes} bytes, more than the {ENTRY_BYTES_MAX} that an entry may have")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Written by a newer version.
    #[error(
        "the entry has schema {found:?}, newer than {ENTRY_SCHEMA}: read it with a newer tollgate"
    )]
    NewerSchema {
        /// Its schema.
        found: String,
    },
    /// Not an entry at all.
    #[error("the entry has schema {found:?}, expected {ENTRY_SCHEMA}")]
    OtherSchema {
        /// What stands in place of the schema.
        found: String,
    },
    /// Damaged.
    #[error("the entry cannot be read: {0}")]
    Damaged(String),
}

#[derive(Deserialize)]
struct Schema {
    schema: String,
}

/// What every entry has around its record, and what kind of record that is.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    schema: Cow<'a, str>,
    seq: u64,
    #[serde(borrow)]
    prev: Cow<'a, str>,
    #[serde(borrow)]
    session: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

/// Reads the stored bytes of one entry.
pub fn decode(sealed: &[u8]) -> Result<Entry, DecodeError> {
    let envelope: Envelope<'_> = read(sealed, |envelope: &Envelope<'_>| &envelope.schema)?;
    Ok(Entry {
        record: record(&envelope.kind, sealed)?,
        session: envelope.session.into_owned(),
        seq: envelope.seq,
        prev: previous(&envelope.prev)?,
        hash: entry_hash(sealed),
    })
}

/// Reads of an entry what `T` wants of it, if it is one that this version can read.
pub(crate) fn read<'a, T: Deserialize<'a>>(
    sealed: &'a [u8],
    schema: impl Fn(&T) -> &str,
) -> Result<T, DecodeError> {
    if sealed.len() > ENTRY_BYTES_MAX {
        return Err(DecodeError::TooLong {
            bytes: sealed.len(),
        });
    }
    let read: T = serde_json::from_slice(sealed).map_err(|error| {
        // The rest of a newer entry may look different.
        match serde_json::from_slice::<Schema>(sealed) {
            Ok(Schema { schema }) if schema != ENTRY_SCHEMA => other_schema(&schema),
            _ => damaged(error),
        }
    })?;
    match schema(&read) {
        ENTRY_SCHEMA => Ok(read),
        other => Err(other_schema(other)),
    }
}

/// The previous entry's hash.
pub(crate) fn previous(in_hex: &str) -> Result<[u8; HASH_BYTES], DecodeError> {
    let mut prev = [0; HASH_BYTES];
    hex::decode_to_slice(in_hex.as_bytes(), &mut prev)
        .map_err(|error| DecodeError::Damaged(format!("the previous hash: {error}")))?;
    Ok(prev)
}

/// The record of a kind. Read as that kind at once: [`Record`] by itself keeps every field until it has found out
/// which it is.
fn record(kind: &str, sealed: &[u8]) -> Result<Record, DecodeError> {
    fn of<T: DeserializeOwned>(sealed: &[u8]) -> Result<T, DecodeError> {
        serde_json::from_slice(sealed).map_err(damaged)
    }
    Ok(match kind {
        "effect" => Record::Effect(of(sealed)?),
        "outcome" => Record::Outcome(of(sealed)?),
        "read_set" => Record::ReadSet(of(sealed)?),
        "collapsed" => Record::Collapsed(of(sealed)?),
        "call" => Record::Call(of(sealed)?),
        "change" => Record::Change(of(sealed)?),
        _ => of(sealed)?,
    })
}

fn damaged(error: serde_json::Error) -> DecodeError {
    // The message can quote the entry, which a stranger may have written.
    DecodeError::Damaged(clip(&error.to_string(), 256))
}

fn other_schema(found: &str) -> DecodeError {
    let version = |schema: &str| {
        let (name, version) = schema.split_once('/')?;
        Some((name.to_owned(), version.parse::<u32>().ok()?))
    };
    let shown = clip(found, 64);
    match (version(found), version(ENTRY_SCHEMA)) {
        (Some((name, theirs)), Some((own, ours))) if name == own && theirs > ours => {
            DecodeError::NewerSchema { found: shown }
        }
        _ => DecodeError::OtherSchema { found: shown },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_newer_schema_is_told_from_a_foreign_one() {
        assert!(matches!(
            decode(br#"{"schema":"tollgate.entry/2","seq":"later, a string"}"#),
            Err(DecodeError::NewerSchema { .. })
        ));
        for other in [
            "tollgate.entry/0",
            "tollgate.entry",
            "else/2",
            "tollgate.entry/x",
        ] {
            assert!(matches!(
                decode(format!(r#"{{"schema":"{other}"}}"#).as_bytes()),
                Err(DecodeError::OtherSchema { .. })
            ));
        }
        assert!(matches!(decode(b"{"), Err(DecodeError::Damaged(_))));
        assert!(matches!(
            decode(&vec![b' '; ENTRY_BYTES_MAX + 1]),
            Err(DecodeError::TooLong { .. })
        ));
    }

    proptest! {
        #[test]
        fn reading_rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = decode(&bytes);
        }
    }
}
