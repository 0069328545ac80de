//! What verifying needs of an entry, and no more: read in one pass, and nothing of it copied.

mod courses;
mod indexed;
mod quick;

pub(crate) use courses::{Courses, Said};
pub use indexed::Indexed;

use crate::decode::{self, DecodeError};
use crate::log::Hash;
use crate::{ENTRY_BYTES_MAX, OutcomeResult, State};
use serde::Deserialize;
use std::borrow::Cow;

/// An entry, glanced at.
#[derive(Debug)]
pub(crate) struct Glance<'a> {
    pub(crate) session: Cow<'a, str>,
    pub(crate) seq: u64,
    pub(crate) prev: Hash,
    /// As [`crate::Entry::digest`].
    pub(crate) digest: Option<Hash>,
    pub(crate) kind: Kind<'a>,
}

/// What kind of entry it is.
#[derive(Debug)]
pub(crate) enum Kind<'a> {
    /// Opens a receipt.
    Opens(Part<'a>),
    /// Opens several.
    OpensMany(Vec<Part<'a>>),
    /// Goes on with one.
    Observes(Part<'a>),
    /// The record of a call.
    Call(Cow<'a, str>),
    /// A change.
    Change(Cow<'a, str>),
}

/// What it says of a receipt.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct Part<'a> {
    #[serde(borrow)]
    receipt: Cow<'a, str>,
    /// A counted group has none: it is denied.
    #[serde(default)]
    state: Option<State>,
    #[serde(default)]
    outcome: Option<Result_>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Result_ {
    result: OutcomeResult,
}

impl Part<'_> {
    fn state(&self) -> State {
        self.state.unwrap_or(State::Denied)
    }

    fn result(&self) -> Option<OutcomeResult> {
        self.outcome.as_ref().map(|outcome| outcome.result)
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
struct Read<'a> {
    #[serde(borrow)]
    schema: Cow<'a, str>,
    seq: u64,
    #[serde(borrow)]
    prev: Cow<'a, str>,
    #[serde(borrow)]
    session: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    receipt: Option<Cow<'a, str>>,
    #[serde(default)]
    state: Option<State>,
    #[serde(default)]
    outcome: Option<Result_>,
    #[serde(borrow, default)]
    items: Option<Vec<Part<'a>>>,
    #[serde(borrow, default)]
    call: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    what: Option<Cow<'a, str>>,
}

/// Glances at the stored bytes of one entry.
pub(crate) fn glance(sealed: &[u8]) -> Result<Glance<'_>, DecodeError> {
    let quick = quick::read(sealed).filter(|read| decode::is_known(&read.schema));
    let read: Read<'_> = match quick {
        Some(read) if sealed.len() <= ENTRY_BYTES_MAX => read,
        _ => decode::read(sealed, |read: &Read<'_>| &read.schema)?,
    };
    let prev = decode::previous(&read.prev)?;
    let part = read.receipt.map(|receipt| Part {
        receipt,
        state: read.state,
        outcome: read.outcome,
    });
    let kind = match (&*read.kind, part) {
        ("effect" | "collapsed", Some(part)) => Kind::Opens(part),
        ("outcome", Some(part)) => Kind::Observes(part),
        ("read_set", _) => Kind::OpensMany(read.items.unwrap_or_default()),
        ("call", _) => Kind::Call(read.call.unwrap_or_default()),
        ("change", _) => Kind::Change(read.what.unwrap_or_default()),
        _ => {
            let what = format!("it is no {}", crate::clip(&read.kind, 64));
            return Err(DecodeError::Damaged(what));
        }
    };
    Ok(Glance {
        session: read.session,
        seq: read.seq,
        prev,
        digest: decode::digest_of(&read.schema, sealed),
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::{chain_of, changes, damage, records};
    use crate::{Record, decode, fold};
    use proptest::prelude::*;
    use std::iter::zip;

    impl Read<'_> {
        /// Without what its kind of record has and a glance does not need.
        fn of_its_kind(mut self) -> Self {
            if self.kind != "call" {
                self.call = None;
            }
            self
        }
    }

    proptest! {
        /// A glance sees what reading the whole entry sees.
        #[test]
        fn a_glance_agrees_with_a_whole_reading(records in records(0..40)) {
            let sealed = chain_of("s", records);
            let entries: Vec<_> = sealed.iter().map(|bytes| decode(bytes).unwrap()).collect();
            let glances: Vec<_> = sealed.iter().map(|bytes| glance(bytes).unwrap()).collect();
            for (entry, glance) in zip(&entries, &glances) {
                prop_assert_eq!(&entry.session, &glance.session);
                prop_assert_eq!((entry.seq, entry.prev, entry.digest), (glance.seq, glance.prev, glance.digest));
                match (&entry.record, &glance.kind) {
                    (Record::Effect(_) | Record::Collapsed(_), Kind::Opens(_))
                    | (Record::ReadSet(_), Kind::OpensMany(_))
                    | (Record::Outcome(_), Kind::Observes(_)) => {}
                    (Record::Call(call), Kind::Call(seen)) => prop_assert_eq!(&call.call, seen),
                    (Record::Change(change), Kind::Change(seen)) => prop_assert_eq!(&change.what, seen),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            let mut said = Vec::new();
            glances.into_iter().for_each(|glance| glance.said(0, |one| said.push(one)));
            let mut courses = Courses::new(&["s"], said.len());
            said.iter().enumerate().for_each(|(place, one)| courses.take(place, one));
            for sealed in &sealed {
                let slow: Read<'_> = serde_json::from_slice(sealed).unwrap();
                // Only records of other than one receipt are left to the slow reading, and what only that one wants
                // is not there.
                match quick::read(sealed) {
                    Some(quick) => prop_assert_eq!(quick, slow.of_its_kind()),
                    None => prop_assert!(["collapsed", "read_set", "change"].contains(&&*slow.kind)),
                }
            }
            let folded = fold(&entries);
            let (receipts, faults) = courses.found();
            let faults: Vec<_> = faults.into_iter().map(|(_, fault)| fault).collect();
            prop_assert_eq!(receipts, folded.receipts.len());
            prop_assert_eq!(faults, folded.faults);
        }

        /// Where the slow reading takes what the quick one takes, it sees the same in it.
        #[test]
        fn what_is_changed_is_not_read_quickly_as_something_else(
            records in records(1..3), changes in changes(1..4),
        ) {
            let mut sealed = chain_of("s", records).remove(0);
            damage(&mut sealed, changes);
            if let (Some(quick), Ok(slow)) = (quick::read(&sealed), serde_json::from_slice::<Read<'_>>(&sealed)) {
                prop_assert_eq!(quick, slow.of_its_kind());
            }
        }

        #[test]
        fn glancing_at_rubbish_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = glance(&bytes);
        }
    }
}
