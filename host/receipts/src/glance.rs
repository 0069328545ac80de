//! What verifying needs of an entry, and no more: read in one pass, and nothing of it copied.

use crate::decode::{self, DecodeError};
use crate::fold::{Course, FoldFault};
use crate::{HASH_BYTES, OutcomeResult, State, entry_hash};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashMap;

/// An entry, glanced at.
#[derive(Debug)]
pub(crate) struct Glance<'a> {
    pub(crate) session: Cow<'a, str>,
    pub(crate) seq: u64,
    pub(crate) prev: [u8; HASH_BYTES],
    pub(crate) hash: [u8; HASH_BYTES],
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
#[derive(Debug, Deserialize)]
pub(crate) struct Part<'a> {
    #[serde(borrow)]
    receipt: Cow<'a, str>,
    /// A counted group has none: it is denied.
    #[serde(default)]
    state: Option<State>,
    #[serde(default)]
    outcome: Option<Result_>,
}

#[derive(Debug, Deserialize)]
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

#[derive(Deserialize)]
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
    let read: Read<'_> = decode::read(sealed, |read: &Read<'_>| &read.schema)?;
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
        hash: entry_hash(sealed),
        kind,
    })
}

/// The courses of receipts: how many there are, and what does not fit.
#[derive(Default)]
pub(crate) struct Courses<'g> {
    known: HashMap<(&'g str, &'g str), Course>,
    /// With the place of the entry.
    faults: Vec<(usize, FoldFault)>,
}

impl<'g> Courses<'g> {
    /// With room for so many.
    pub(crate) fn with_capacity(receipts: usize) -> Self {
        Self {
            known: HashMap::with_capacity(receipts),
            faults: Vec::new(),
        }
    }

    /// How many receipts there are, and what does not fit, with the place of the entry.
    pub(crate) fn found(self) -> (usize, Vec<(usize, FoldFault)>) {
        (self.known.len(), self.faults)
    }

    /// Takes the next entry, which stands at `place`.
    pub(crate) fn take(&mut self, place: usize, entry: &'g Glance<'_>) {
        let fault = match &entry.kind {
            Kind::Opens(part) => self.open(entry, part),
            Kind::OpensMany(parts) => {
                for part in parts {
                    let fault = self.open(entry, part);
                    self.faults.extend(fault.map(|fault| (place, fault)));
                }
                None
            }
            Kind::Observes(part) => self.observe(entry, part),
            Kind::Call(_) | Kind::Change(_) => None,
        };
        self.faults.extend(fault.map(|fault| (place, fault)));
    }

    fn open(&mut self, entry: &'g Glance<'_>, part: &'g Part<'_>) -> Option<FoldFault> {
        let course = Course::opened(part.state(), part.result());
        let key = (&*entry.session, &*part.receipt);
        match self.known.get_mut(&key) {
            None => {
                self.known.insert(key, course);
            }
            Some(known) if known.is_asked() => *known = course,
            Some(known) => {
                return Some(contradiction(entry, part, known.state(), part.state()));
            }
        }
        None
    }

    fn observe(&mut self, entry: &'g Glance<'_>, part: &'g Part<'_>) -> Option<FoldFault> {
        let (session, receipt) = (&*entry.session, &*part.receipt);
        let Some(known) = self.known.get_mut(&(session, receipt)) else {
            return Some(FoldFault::Orphan {
                session: session.to_owned(),
                seq: entry.seq,
                receipt: receipt.to_owned(),
            });
        };
        let from = known.state();
        let result = part.result().unwrap_or(OutcomeResult::Ok);
        let fits = known.observe(part.state(), result).is_some();
        (!fits).then(|| contradiction(entry, part, from, part.state()))
    }
}

fn contradiction(entry: &Glance<'_>, part: &Part<'_>, from: State, to: State) -> FoldFault {
    FoldFault::Contradiction {
        session: entry.session.clone().into_owned(),
        seq: entry.seq,
        receipt: part.receipt.clone().into_owned(),
        from,
        to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::{chain_of, records};
    use crate::{Record, decode, fold};
    use proptest::prelude::*;

    proptest! {
        /// A glance sees what reading the whole entry sees.
        #[test]
        fn a_glance_agrees_with_a_whole_reading(records in records(0..40)) {
            let sealed = chain_of("s", records);
            let entries: Vec<_> = sealed.iter().map(|bytes| decode(bytes).unwrap()).collect();
            let glances: Vec<_> = sealed.iter().map(|bytes| glance(bytes).unwrap()).collect();
            let mut courses = Courses::default();
            for (place, (entry, glance)) in entries.iter().zip(&glances).enumerate() {
                prop_assert_eq!(&entry.session, &glance.session);
                prop_assert_eq!((entry.seq, entry.prev, entry.hash), (glance.seq, glance.prev, glance.hash));
                match (&entry.record, &glance.kind) {
                    (Record::Effect(_) | Record::Collapsed(_), Kind::Opens(_))
                    | (Record::ReadSet(_), Kind::OpensMany(_))
                    | (Record::Outcome(_), Kind::Observes(_)) => {}
                    (Record::Call(call), Kind::Call(seen)) => prop_assert_eq!(&call.call, seen),
                    (Record::Change(change), Kind::Change(seen)) => prop_assert_eq!(&change.what, seen),
                    other => prop_assert!(false, "{:?}", other),
                }
                courses.take(place, glance);
            }
            let folded = fold(&entries);
            let (receipts, faults) = courses.found();
            let faults: Vec<_> = faults.into_iter().map(|(_, fault)| fault).collect();
            prop_assert_eq!(receipts, folded.receipts.len());
            prop_assert_eq!(faults, folded.faults);
        }

        #[test]
        fn glancing_at_rubbish_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = glance(&bytes);
        }
    }
}
