//! From stored bytes to an entry.

use crate::chain::digest;
use crate::entry::ENTRY_SCHEMA_1;
use crate::log::{Hash, leaf_hash};
use crate::{ENTRY_BYTES_MAX, ENTRY_SCHEMA, HASH_BYTES, Record, clip};
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
    /// Hash of the session's previous entry, as the schema names it; [`crate::GENESIS_HASH`] for the first.
    pub prev: Hash,
    /// Its leaf hash.
    pub hash: Hash,
    /// SHA-256 of the stored bytes, of an entry of schema 1: so the next of that schema names it.
    pub digest: Option<Hash>,
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
        seq: envelope.seq,
        prev: previous(&envelope.prev)?,
        hash: leaf_hash(sealed),
        digest: digest_of(&envelope.schema, sealed),
        session: envelope.session.into_owned(),
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
            Ok(Schema { schema }) if !is_known(&schema) => other_schema(&schema),
            _ => damaged(error),
        }
    })?;
    match schema(&read) {
        known if is_known(known) => Ok(read),
        other => Err(other_schema(other)),
    }
}

/// Whether this version reads entries of a schema.
pub(crate) fn is_known(schema: &str) -> bool {
    [ENTRY_SCHEMA, ENTRY_SCHEMA_1].contains(&schema)
}

/// SHA-256 of an entry of schema 1.
pub(crate) fn digest_of(schema: &str, sealed: &[u8]) -> Option<Hash> {
    (schema == ENTRY_SCHEMA_1).then(|| digest(sealed))
}

/// The previous entry's hash.
pub(crate) fn previous(in_hex: &str) -> Result<Hash, DecodeError> {
    if let Some(prev) = quick_previous(in_hex.as_bytes()) {
        return Ok(prev);
    }
    let mut prev = [0; HASH_BYTES];
    hex::decode_to_slice(in_hex.as_bytes(), &mut prev)
        .map_err(|error| DecodeError::Damaged(format!("the previous hash: {error}")))?;
    Ok(prev)
}

/// The hash as we write it, in lower case, all digits at once; anything else is left.
fn quick_previous(in_hex: &[u8]) -> Option<Hash> {
    let digits: &[u8; 2 * HASH_BYTES] = in_hex.try_into().ok()?;
    let is_digit = |digit: &u8| digit.wrapping_sub(b'0') < 10 || digit.wrapping_sub(b'a') < 6;
    if !digits.iter().fold(true, |all, digit| all & is_digit(digit)) {
        return None;
    }
    // Letters have the bit of 64, and a stands for 10.
    let value = |digit: u8| (digit & 0x0f) + 9 * (digit >> 6);
    let (pairs, _) = digits.as_chunks::<2>();
    let mut prev = [0; HASH_BYTES];
    for (byte, [high, low]) in prev.iter_mut().zip(pairs) {
        *byte = value(*high) << 4 | value(*low);
    }
    Some(prev)
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
            decode(br#"{"schema":"tollgate.entry/3","seq":"later, a string"}"#),
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
        fn a_hash_is_read_as_the_library_reads_it(hash in any::<Hash>(), at in 0_usize..64, byte in any::<u8>()) {
            let mut text = hex::encode(hash).into_bytes();
            prop_assert_eq!(quick_previous(&text), Some(hash));
            text[at] = byte;
            if let Some(quick) = quick_previous(&text) {
                prop_assert_eq!(hex::decode(&text).unwrap(), quick);
            }
        }

        #[test]
        fn reading_rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = decode(&bytes);
        }
    }
}
