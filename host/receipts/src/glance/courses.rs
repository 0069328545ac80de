//! The courses of receipts, from glances: how many there are, and what does not fit.

use super::{Glance, Kind, Part};
use crate::fold::{Course, FoldFault};
use crate::{OutcomeResult, State};
use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::collections::HashMap;

/// What one entry says of one receipt.
#[derive(Debug)]
pub(crate) struct Said<'a> {
    /// The place of its session among all.
    pub(crate) session: u32,
    seq: u64,
    receipt: Cow<'a, str>,
    state: State,
    result: Option<OutcomeResult>,
    /// Whether it opens the receipt; otherwise it goes on with it.
    opens: bool,
}

impl<'a> Glance<'a> {
    /// Hands over what it says of receipts, in order.
    pub(crate) fn said(self, session: u32, mut take: impl FnMut(Said<'a>)) {
        let seq = self.seq;
        let mut one = |part: Part<'a>, opens| {
            take(Said {
                session,
                seq,
                state: part.state(),
                result: part.result(),
                receipt: part.receipt,
                opens,
            });
        };
        match self.kind {
            Kind::Opens(part) => one(part, true),
            // What one of many says of an effect that is closed is how it was closed, as `fold` has it.
            Kind::OpensMany(parts) => parts.into_iter().for_each(|mut part| {
                part.outcome = part.outcome.filter(|_| part.state != Some(State::Closed));
                one(part, true);
            }),
            Kind::Observes(part) => one(part, false),
            Kind::Call(_) | Kind::Change(_) => {}
        }
    }
}

/// What has been said of receipts.
pub(crate) struct Courses<'g> {
    /// The sessions by their places.
    names: &'g [&'g str],
    known: HashMap<(u32, &'g str), Course, RandomState>,
    /// With the place of what was said.
    faults: Vec<(usize, FoldFault)>,
}

impl<'g> Courses<'g> {
    /// Of these sessions, with room for so many receipts.
    pub(crate) fn new(names: &'g [&'g str], receipts: usize) -> Self {
        Self {
            names,
            known: HashMap::with_capacity_and_hasher(receipts, RandomState::default()),
            faults: Vec::new(),
        }
    }

    /// How many receipts there are, and what does not fit, with its place.
    pub(crate) fn found(self) -> (usize, Vec<(usize, FoldFault)>) {
        (self.known.len(), self.faults)
    }

    /// Takes what is said next, at `place`.
    pub(crate) fn take(&mut self, place: usize, said: &'g Said<'_>) {
        let fault = match said.opens {
            true => self.open(said),
            false => self.observe(said),
        };
        self.faults.extend(fault.map(|fault| (place, fault)));
    }

    fn open(&mut self, said: &'g Said<'_>) -> Option<FoldFault> {
        let course = Course::opened(said.state, said.result);
        match self.known.entry((said.session, &said.receipt)) {
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(course);
            }
            std::collections::hash_map::Entry::Occupied(mut known) if known.get().is_asked() => {
                known.insert(course);
            }
            std::collections::hash_map::Entry::Occupied(known) => {
                let from = known.get().state();
                return Some(self.contradiction(said, from));
            }
        }
        None
    }

    fn observe(&mut self, said: &'g Said<'_>) -> Option<FoldFault> {
        let Some(known) = self.known.get_mut(&(said.session, &*said.receipt)) else {
            return Some(FoldFault::Orphan {
                session: self.name(said),
                seq: said.seq,
                receipt: said.receipt.clone().into_owned(),
            });
        };
        let from = known.state();
        let result = said.result.unwrap_or(OutcomeResult::Ok);
        let fits = known.observe(said.state, result).is_some();
        (!fits).then(|| self.contradiction(said, from))
    }

    fn contradiction(&self, said: &Said<'_>, from: State) -> FoldFault {
        FoldFault::Contradiction {
            session: self.name(said),
            seq: said.seq,
            receipt: said.receipt.clone().into_owned(),
            from,
            to: said.state,
        }
    }

    fn name(&self, said: &Said<'_>) -> String {
        let name = usize::try_from(said.session).ok();
        let name = name.and_then(|place| self.names.get(place));
        name.copied().unwrap_or_default().to_owned()
    }
}
