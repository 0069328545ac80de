//! The chain of one session: dense sequence, each entry with the hash of the one before.
//!
//! A chain alone shows a change, a gap or a new order of what is there. That the end is the end only
//! an [`Anchor`] shows: without it entries cut off at the end, or a change of the last one, are not
//! found. Whoever can rewrite the whole chain can also rewrite its head; tree heads answer that.
//!
//! An entry names the one before it by its leaf hash, which the tree needs anyway. Entries of schema 1 named it by
//! SHA-256 of its bytes; they are read as they stand, and only follow each other.

use crate::glance::{Glance, glance};
use crate::log::{Hash, leaf_hash};
use crate::{DecodeError, Entry, GENESIS_HASH, decode};
use sha2::{Digest, Sha256};

/// How far a session's chain goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    /// The session.
    pub session: String,
    /// Number of entries, which is the sequence of the last.
    pub count: u64,
    /// Leaf hash of the last entry.
    pub hash: Hash,
    /// SHA-256 of the last entry's bytes, if it is of schema 1: so another of that schema names it.
    digest: Option<Hash>,
}

/// Some entries of a chain that follow each other, before it is known what they follow.
#[derive(Debug, Clone)]
pub struct Segment {
    first: Link,
    head: ChainHead,
}

/// An entry as its chain sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) seq: u64,
    pub(crate) prev: Hash,
    pub(crate) hash: Hash,
    pub(crate) digest: Option<Hash>,
}

/// SHA-256 (FIPS 180-4) of an entry's stored bytes, which is how one of schema 1 names it.
pub(crate) fn digest(sealed: &[u8]) -> Hash {
    Sha256::digest(sealed).into()
}

/// The hash by which `next`, or whatever comes next, names the entry `sealed`.
///
/// # Errors
///
/// [`DecodeError`] if `next` is no entry.
pub fn named(sealed: &[u8], next: Option<&[u8]>) -> Result<Hash, DecodeError> {
    let by_digest = match next {
        Some(next) => glance(next)?.digest.is_some(),
        None => false,
    };
    Ok(if by_digest {
        digest(sealed)
    } else {
        leaf_hash(sealed)
    })
}

/// What the end of a chain is known to be.
pub type Anchor = ChainHead;

/// How a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// An entry cannot be read.
    #[error("session {session}: the entry after {after}: {source}")]
    Unreadable {
        /// The session.
        session: String,
        /// Sequence of the last good entry, 0 for none.
        after: u64,
        /// Why.
        source: DecodeError,
    },
    /// An entry belongs to another session.
    #[error("session {session}: the entry after {after} belongs to session {found}")]
    OtherSession {
        /// The session.
        session: String,
        /// Sequence of the last good entry, 0 for none.
        after: u64,
        /// The session that the entry names.
        found: String,
    },
    /// Entries are missing, repeated or out of order.
    #[error(
        "session {session}: entry {expected} was expected and {found} follows: entries are missing or out of order"
    )]
    Gap {
        /// The session.
        session: String,
        /// The sequence that should come.
        expected: u64,
        /// The sequence that came.
        found: u64,
    },
    /// An entry names another predecessor than the one before it.
    #[error("session {session}: entry {seq} does not follow from entry {}: one of them was changed", seq - 1)]
    Relinked {
        /// The session.
        session: String,
        /// The entry whose predecessor differs.
        seq: u64,
    },
    /// The chain does not end where it is known to end.
    #[error("session {session}: {found} entries, and {expected} are known to exist")]
    Incomplete {
        /// The session.
        session: String,
        /// Entries known to exist.
        expected: u64,
        /// Entries found.
        found: u64,
    },
    /// The last entry is not the one that is known.
    #[error("session {session}: entry {seq} is not the last entry that is known: it was changed")]
    OtherHead {
        /// The session.
        session: String,
        /// Sequence of the last entry.
        seq: u64,
    },
}

impl ChainHead {
    /// The head of a session without entries.
    pub fn genesis(session: impl Into<String>) -> Self {
        Self::at(session, 0, GENESIS_HASH)
    }

    /// The head of a session of whose last entry only is known by which hash the next one names it.
    pub fn at(session: impl Into<String>, count: u64, named: Hash) -> Self {
        Self {
            session: session.into(),
            count,
            hash: named,
            digest: Some(named),
        }
    }

    /// The head of a session whose last entry is `sealed`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if it is no entry.
    pub fn of(sealed: &[u8]) -> Result<Self, DecodeError> {
        let entry = glance(sealed)?;
        Ok(Self {
            session: entry.session.clone().into_owned(),
            count: entry.seq,
            hash: leaf_hash(sealed),
            digest: entry.digest,
        })
    }

    /// By which hash an export of version 1 knows the last entry.
    pub(crate) fn digest(&self) -> Option<Hash> {
        self.digest
    }

    /// Checks that `sealed` comes next, and moves on to it.
    pub fn advance(&mut self, sealed: &[u8]) -> Result<Entry, ChainError> {
        let entry = decode(sealed).map_err(|source| self.unreadable(source))?;
        let link = Link {
            seq: entry.seq,
            prev: entry.prev,
            hash: entry.hash,
            digest: entry.digest,
        };
        self.take(&entry.session, &link)?;
        Ok(entry)
    }

    /// [`ChainHead::advance`] for whoever does not need the entry, which is only glanced at. Gives its leaf hash.
    pub fn pass(&mut self, sealed: &[u8]) -> Result<Hash, ChainError> {
        let entry = glance(sealed).map_err(|source| self.unreadable(source))?;
        let link = entry.link(leaf_hash(sealed));
        self.take(&entry.session, &link)?;
        Ok(link.hash)
    }

    /// Checks that the entries of `segment` come next, and moves on behind them.
    pub fn join(&mut self, segment: Segment) -> Result<(), ChainError> {
        self.take(&segment.head.session, &segment.first)?;
        *self = segment.head;
        Ok(())
    }

    fn unreadable(&self, source: DecodeError) -> ChainError {
        ChainError::Unreadable {
            session: self.session.clone(),
            after: self.count,
            source,
        }
    }

    /// Checks that an entry comes next, and moves on to it.
    pub(crate) fn take(&mut self, of: &str, link: &Link) -> Result<(), ChainError> {
        let session = || self.session.clone();
        let (after, seq) = (self.count, link.seq);
        if of != self.session {
            return Err(ChainError::OtherSession {
                session: session(),
                after,
                found: crate::clip(of, crate::ID_BYTES_MAX),
            });
        }
        let expected = after.saturating_add(1);
        if seq != expected {
            return Err(ChainError::Gap {
                session: session(),
                expected,
                found: seq,
            });
        }
        let own = match link.digest {
            Some(_) => self.digest,
            None => Some(self.hash),
        };
        if own != Some(link.prev) {
            return Err(ChainError::Relinked {
                session: session(),
                seq,
            });
        }
        self.count = seq;
        self.hash = link.hash;
        self.digest = link.digest;
        Ok(())
    }
}

impl Glance<'_> {
    /// What the chain sees of it.
    pub(crate) fn link(&self, hash: Hash) -> Link {
        Link {
            seq: self.seq,
            prev: self.prev,
            hash,
            digest: self.digest,
        }
    }
}

impl Segment {
    /// Begins with an entry of `session`. Gives its leaf hash, too.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if it is none, or another session's.
    pub fn begin(session: &str, sealed: &[u8]) -> Result<(Self, Hash), ChainError> {
        let unknown = ChainHead::genesis(session);
        let entry = glance(sealed).map_err(|source| unknown.unreadable(source))?;
        let first = entry.link(leaf_hash(sealed));
        let segment = Self::of(session, &entry.session, first)?;
        Ok((segment, first.hash))
    }

    /// Begins with an entry `of` a session, which must be `session`.
    pub(crate) fn of(session: &str, of: &str, first: Link) -> Result<Self, ChainError> {
        let mut head = ChainHead::at(session, first.seq.saturating_sub(1), first.prev);
        head.take(of, &first)?;
        Ok(Self { first, head })
    }

    /// Checks that an entry comes next, and moves on to it.
    pub(crate) fn take(&mut self, of: &str, link: &Link) -> Result<(), ChainError> {
        self.head.take(of, link)
    }

    /// Goes on with the next entry. Gives its leaf hash.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if it does not come next.
    pub fn pass(&mut self, sealed: &[u8]) -> Result<Hash, ChainError> {
        self.head.pass(sealed)
    }

    /// Sequence of the last entry.
    pub fn last(&self) -> u64 {
        self.head.count
    }
}

/// Verifies the entries of one session from its first; `anchor` is what is known of its end.
pub fn verify_chain<B: AsRef<[u8]>>(
    session: &str,
    entries: impl IntoIterator<Item = B>,
    anchor: Option<&Anchor>,
) -> Result<ChainHead, ChainError> {
    let mut head = ChainHead::genesis(session);
    for sealed in entries {
        head.pass(sealed.as_ref())?;
    }
    match anchor {
        Some(anchor) if anchor.count != head.count => Err(ChainError::Incomplete {
            session: session.to_owned(),
            expected: anchor.count,
            found: head.count,
        }),
        Some(anchor) if anchor.hash != head.hash => Err(ChainError::OtherHead {
            session: session.to_owned(),
            seq: head.count,
        }),
        _ => Ok(head),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::{chain_as, chain_of, records};
    use crate::entry::ENTRY_SCHEMA_1;
    use crate::{ENTRY_SCHEMA, HASH_BYTES};
    use proptest::prelude::*;
    use proptest::sample::Index;

    #[derive(Debug, Clone)]
    enum Tamper {
        Flip(Index, Index, u8),
        Drop(Index),
        Swap(Index, Index),
        Repeat(Index),
        Insert(Index, Index),
    }

    fn tamper() -> impl Strategy<Value = Tamper> {
        let i = any::<Index>;
        prop_oneof![
            (i(), i(), 0_u8..8).prop_map(|(a, b, c)| Tamper::Flip(a, b, c)),
            i().prop_map(Tamper::Drop),
            (i(), i()).prop_map(|(a, b)| Tamper::Swap(a, b)),
            i().prop_map(Tamper::Repeat),
            (i(), i()).prop_map(|(a, b)| Tamper::Insert(a, b)),
        ]
    }

    fn apply(chain: &mut Vec<Vec<u8>>, tamper: &Tamper) {
        let n = chain.len();
        match tamper {
            Tamper::Flip(at, byte, bit) => {
                let entry = &mut chain[at.index(n)];
                let byte = byte.index(entry.len());
                entry[byte] ^= 1 << bit;
            }
            Tamper::Drop(at) => drop(chain.remove(at.index(n))),
            Tamper::Swap(a, b) => chain.swap(a.index(n), b.index(n)),
            Tamper::Repeat(at) => chain.insert(at.index(n), chain[at.index(n)].clone()),
            Tamper::Insert(at, from) => {
                let entry = chain[from.index(n)].clone();
                chain.insert(at.index(n + 1), entry);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn any_single_change_is_found(records in records(1..8), tamper in tamper()) {
            let chain = chain_of("s", records);
            let anchor = verify_chain("s", &chain, None).unwrap();
            prop_assert_eq!(anchor.count, chain.len() as u64);
            prop_assert!(verify_chain("s", &chain, Some(&anchor)).is_ok());
            let mut changed = chain.clone();
            apply(&mut changed, &tamper);
            prop_assert_eq!(
                verify_chain("s", &changed, Some(&anchor)).is_err(),
                changed != chain
            );
        }
    }

    proptest! {
        /// A chain that began with schema 1 goes on with 2, and never back; wherever it is cut, the parts join.
        #[test]
        fn a_chain_goes_on_with_the_next_schema(records in records(2..9), at in any::<Index>(), cut in any::<Index>()) {
            let before = at.index(records.len());
            let schema = |place: usize| if place < before { ENTRY_SCHEMA_1 } else { ENTRY_SCHEMA };
            let chain = chain_as("s", records.clone(), schema);
            let head = verify_chain("s", &chain, None).unwrap();
            prop_assert_eq!(&head, &ChainHead::of(chain.last().unwrap()).unwrap());
            let cut = cut.index(chain.len());
            let mut joined = ChainHead::genesis("s");
            for part in [&chain[..cut], &chain[cut..]] {
                let Some((first, rest)) = part.split_first() else { continue };
                let (mut segment, hash) = Segment::begin("s", first).unwrap();
                prop_assert_eq!(hash, leaf_hash(first));
                for sealed in rest {
                    segment.pass(sealed).unwrap();
                }
                joined.join(segment).unwrap();
            }
            prop_assert_eq!(&joined, &head);
            for (place, pair) in chain.windows(2).enumerate() {
                let [one, next] = pair else { unreachable!() };
                prop_assert_eq!(named(one, Some(next)).unwrap(), decode(next).unwrap().prev, "{}", place);
            }
            // The other way round: what the newer entry has no name for cannot be followed.
            let back = chain_as("s", records, |place| if place == 0 { ENTRY_SCHEMA } else { ENTRY_SCHEMA_1 });
            let found = verify_chain("s", &back, None);
            let unlinked = matches!(found, Err(ChainError::Relinked { seq: 2, .. }));
            prop_assert!(unlinked);
        }
    }

    #[test]
    fn a_segment_joins_only_what_it_follows() {
        let chain = chain_of("s", vec![crate::arbitrary::change("x"); 4]);
        let part = |from: usize| {
            let (mut segment, _) = Segment::begin("s", &chain[from]).unwrap();
            chain[from + 1..].iter().for_each(|sealed| {
                segment.pass(sealed).unwrap();
            });
            segment
        };
        let mut head = ChainHead::genesis("s");
        head.pass(&chain[0]).unwrap();
        assert!(matches!(
            head.clone().join(part(2)),
            Err(ChainError::Gap {
                expected: 2,
                found: 3,
                ..
            })
        ));
        let mut other = ChainHead::at("s", 1, [7; HASH_BYTES]);
        assert!(matches!(
            other.join(part(1)),
            Err(ChainError::Relinked { seq: 2, .. })
        ));
        head.join(part(1)).unwrap();
        assert_eq!(head, verify_chain("s", &chain, None).unwrap());
        assert!(Segment::begin("t", &chain[0]).is_err());
    }

    #[test]
    fn another_sessions_entry_is_found() {
        let record = || crate::arbitrary::change("x");
        let own = chain_of("s", vec![record()]);
        let other = chain_of("t", vec![record()]);
        assert!(verify_chain("s", &own, None).is_ok());
        assert!(matches!(
            verify_chain("s", &other, None),
            Err(ChainError::OtherSession { .. })
        ));
    }
}
