//! The chain of one session: dense sequence, each entry with the hash of the one before.
//!
//! A chain alone shows a change, a gap or a new order of what is there. That the end is the end only
//! an [`Anchor`] shows: without it entries cut off at the end, or a change of the last one, are not
//! found. Whoever can rewrite the whole chain can also rewrite its head; tree heads answer that.

use crate::glance::glance;
use crate::{DecodeError, Entry, GENESIS_HASH, HASH_BYTES, decode};

/// How far a session's chain goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    /// The session.
    pub session: String,
    /// Number of entries, which is the sequence of the last.
    pub count: u64,
    /// Hash of the last entry.
    pub hash: [u8; HASH_BYTES],
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
        Self {
            session: session.into(),
            count: 0,
            hash: GENESIS_HASH,
        }
    }

    /// Checks that `sealed` comes next, and moves on to it.
    pub fn advance(&mut self, sealed: &[u8]) -> Result<Entry, ChainError> {
        let session = || self.session.clone();
        let after = self.count;
        let entry = decode(sealed).map_err(|source| ChainError::Unreadable {
            session: session(),
            after,
            source,
        })?;
        self.take(&entry.session, entry.seq, &entry.prev, &entry.hash)?;
        Ok(entry)
    }

    /// [`ChainHead::advance`] for whoever does not need the entry, which is only glanced at.
    pub fn pass(&mut self, sealed: &[u8]) -> Result<(), ChainError> {
        let entry = glance(sealed).map_err(|source| ChainError::Unreadable {
            session: self.session.clone(),
            after: self.count,
            source,
        })?;
        self.take(&entry.session, entry.seq, &entry.prev, &entry.hash)
    }

    /// Checks that an entry comes next, and moves on to it.
    pub(crate) fn take(
        &mut self,
        of: &str,
        seq: u64,
        prev: &[u8; HASH_BYTES],
        hash: &[u8; HASH_BYTES],
    ) -> Result<(), ChainError> {
        let session = || self.session.clone();
        let after = self.count;
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
        if *prev != self.hash {
            return Err(ChainError::Relinked {
                session: session(),
                seq,
            });
        }
        self.count = seq;
        self.hash = *hash;
        Ok(())
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
    use crate::arbitrary::{chain_of, records};
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
