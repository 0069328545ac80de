//! Every record of an export, glanced at and hashed, on all cores: that is nearly all of the work of verifying.

use super::format::{Export, Span};
use super::verify::{ExportError, closes};
use crate::cores::{self, joined};
use crate::glance::{Courses, Said, glance};
use crate::log::{Hash, leaf_hash};
use crate::{ChainHead, DecodeError, FoldFault, HASH_BYTES, Segment};
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// Fewer records than this are read on one core.
pub(super) const SHARE_MIN: usize = 1_024;

/// The records, seen.
pub(super) struct Seen<'a> {
    /// Index and hash of each leaf.
    pub(super) leaves: Vec<(u64, Hash)>,
    shares: Vec<Share<'a>>,
    names: &'a [&'a str],
}

/// What one core has seen; the first record that is no entry ends it.
struct Share<'a> {
    said: Vec<Said<'a>>,
    /// By the places of their sessions; none if some entry does not follow.
    parts: Option<Vec<Option<Part>>>,
    bad: Option<(u64, DecodeError)>,
}

/// A part of a session's chain.
struct Part {
    segment: Segment,
    /// Whether its last word on that is that the session has ended.
    closed: Option<bool>,
}

impl<'a> Seen<'a> {
    /// Looks at all of them. `names` are the sessions.
    ///
    /// # Errors
    ///
    /// [`ExportError::Invalid`] names the first that is no entry.
    pub(super) fn of(export: &Export<'a>, names: &'a [&'a str]) -> Result<Self, ExportError> {
        let records = export.records.as_slice();
        let places = (0_u32..).zip(names).map(|(place, name)| (*name, place));
        let places: Places<'_> = places.collect();
        let look = |(records, leaves)| look(records, leaves, names, &places);
        let mut leaves = vec![(0, [0; HASH_BYTES]); records.len()];
        let mut shares: Vec<_> = if records.len() < SHARE_MIN {
            vec![look((records, &mut leaves))]
        } else {
            let share = records.len().div_ceil(cores::available()).max(SHARE_MIN);
            std::thread::scope(|scope| {
                let looks = records.chunks(share).zip(leaves.chunks_mut(share));
                let looks: Vec<_> = looks
                    .map(|share| scope.spawn(move || look(share)))
                    .collect();
                looks.into_iter().map(|look| joined(look.join())).collect()
            })
        };
        if let Some((index, error)) = shares.iter_mut().find_map(|share| share.bad.take()) {
            let why = format!("the record of leaf {index}: {error}");
            return Err(ExportError::Invalid(why));
        }
        Ok(Self {
            leaves,
            shares,
            names,
        })
    }

    /// The end of the chain at `place`, which goes on from `head`, and whether its session has ended. None if some
    /// entry does not follow.
    pub(super) fn end(&self, place: usize, mut head: ChainHead) -> Option<(ChainHead, bool)> {
        let mut closed = false;
        for share in &self.shares {
            let Some(part) = share.parts.as_ref()?.get(place)? else {
                continue;
            };
            head.join(part.segment.clone()).ok()?;
            closed = part.closed.unwrap_or(closed);
        }
        Some((head, closed))
    }

    /// How many receipts there are, and what does not fit, in the order of the records. A receipt is of one session,
    /// so sessions are divided among the cores.
    pub(super) fn courses(&self) -> (usize, Vec<FoldFault>) {
        let cores = u32::try_from(self.shares.len()).unwrap_or(1);
        let divided = |mine: u32| {
            let all = self.shares.iter().flat_map(|share| &share.said);
            let room = self.leaves.len() / self.shares.len().max(1);
            let mut courses = Courses::new(self.names, room);
            for (place, said) in all.enumerate() {
                if said.session % cores == mine {
                    courses.take(place, said);
                }
            }
            courses.found()
        };
        let (mut receipts, mut faults) = (0, Vec::new());
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..cores)
                .map(|mine| scope.spawn(move || divided(mine)))
                .collect();
            let own = std::iter::once(divided(0));
            let others = others.into_iter().map(|other| joined(other.join()));
            for (count, found) in own.chain(others) {
                receipts += count;
                faults.extend(found);
            }
        });
        faults.sort_by_key(|(place, _)| *place);
        let faults = faults.into_iter().map(|(_, fault)| fault);
        (receipts, faults.collect())
    }
}

/// Sessions by their names.
type Places<'a> = HashMap<&'a str, u32, RandomState>;

fn look<'a>(
    records: &[(u64, &'a [u8])],
    leaves: &mut [(u64, Hash)],
    names: &[&str],
    places: &Places<'_>,
) -> Share<'a> {
    let mut share = Share {
        said: Vec::with_capacity(records.len()),
        parts: Some(names.iter().map(|_| None).collect()),
        bad: None,
    };
    for ((index, stored), place) in records.iter().zip(leaves) {
        let glance = match glance(stored) {
            Ok(glance) => glance,
            Err(error) => {
                share.bad = Some((*index, error));
                break;
            }
        };
        let leaf = leaf_hash(stored);
        *place = (*index, leaf);
        let Some(place) = places.get(&*glance.session).copied() else {
            share.parts = None;
            continue;
        };
        let part = share.parts.as_mut();
        let part = part.and_then(|parts| parts.get_mut(usize::try_from(place).ok()?));
        if let Some(part) = part {
            let link = glance.link(leaf);
            let (session, closes) = (&*glance.session, closes(&glance));
            let follows = match part {
                Some(part) => {
                    part.closed = closes.or(part.closed);
                    part.segment.take(session, &link)
                }
                None => Segment::of(session, session, link).map(|segment| {
                    *part = Some(Part {
                        segment,
                        closed: closes,
                    });
                }),
            };
            if follows.is_err() {
                share.parts = None;
            }
        }
        glance.said(place, |said| share.said.push(said));
    }
    share
}

/// Where the chain of a span begins.
pub(super) fn begin(span: &Span, prev: Hash) -> ChainHead {
    ChainHead::at(&span.session, span.from.saturating_sub(1), prev)
}
