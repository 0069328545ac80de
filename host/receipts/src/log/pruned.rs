//! The tree with most of it left out: some leaves, and the roots of the largest subtrees that have none of
//! them. Together they lead to the root, and not one hash is too many.

use super::tree::{Hash, Nodes, TreeError, node_hash};
use crate::cores;

/// The largest subtrees of a tree that have none of some leaves, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover(pub Vec<(u64, u64)>);

/// Why leaves and hashes are not those of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrunedTreeError {
    /// Leaves are not in rising order, or lie beyond the tree.
    #[error("leaf {0} is out of order or beyond the tree")]
    Misplaced(u64),
    /// A hash is missing.
    #[error("a hash for the leaves from {from} to {to} is missing")]
    Missing {
        /// The first leaf below it.
        from: u64,
        /// The leaf after the last below it.
        to: u64,
    },
    /// There are more hashes than places for them.
    #[error("there are {0} hashes too many")]
    Surplus(usize),
}

/// What of the tree of `size` leaves must be given besides the leaves `indexes`, which rise.
#[must_use]
pub fn cover(size: u64, indexes: &[u64]) -> Cover {
    let mut found = Vec::new();
    if size > 0 {
        cover_range(0, size, indexes, &mut found);
    }
    Cover(found)
}

fn cover_range(from: u64, to: u64, indexes: &[u64], found: &mut Vec<(u64, u64)>) {
    if indexes.is_empty() {
        found.push((from, to));
        return;
    }
    if to - from == 1 {
        return;
    }
    let middle = split(from, to);
    let (left, right) = indexes.split_at(indexes.partition_point(|index| *index < middle));
    cover_range(from, middle, left, found);
    cover_range(middle, to, right, found);
}

/// Where the leaves of a subtree are divided: after the largest power of two below their number.
fn split(from: u64, to: u64) -> u64 {
    let width = to - from;
    from + (1_u64 << (u64::BITS - 1 - (width - 1).leading_zeros()))
}

impl Cover {
    /// Its hashes.
    ///
    /// # Errors
    ///
    /// [`TreeError::Unreadable`].
    pub fn hashes(&self, nodes: &impl Nodes) -> Result<Vec<Hash>, TreeError> {
        let hashes = self
            .0
            .iter()
            .map(|(from, to)| range_root(*from, *to, nodes));
        hashes.collect()
    }
}

/// The root of a subtree of the tree, which at its right edge need not be whole.
fn range_root(from: u64, to: u64, nodes: &impl Nodes) -> Result<Hash, TreeError> {
    let width = to - from;
    if width.is_power_of_two() {
        let level = u8::try_from(width.trailing_zeros()).unwrap_or(u8::MAX);
        return nodes
            .node(level, from >> level)
            .map_err(TreeError::Unreadable);
    }
    let middle = split(from, to);
    let left = range_root(from, middle, nodes)?;
    Ok(node_hash(&left, &range_root(middle, to, nodes)?))
}

/// Leaves and hashes, as somebody gave them.
#[derive(Debug, Clone, Copy)]
pub struct PrunedTree<'a> {
    /// Leaves of the whole tree.
    pub size: u64,
    /// Index and hash of each leaf that is there, rising.
    pub leaves: &'a [(u64, Hash)],
    /// The hashes of the cover, in order.
    pub hashes: &'a [Hash],
}

impl PrunedTree<'_> {
    /// The root that they lead to.
    ///
    /// # Errors
    ///
    /// [`PrunedTreeError`].
    pub fn root(&self) -> Result<Hash, PrunedTreeError> {
        let mut last = None;
        for (index, _) in self.leaves {
            if last.is_some_and(|last| last >= *index) || *index >= self.size {
                return Err(PrunedTreeError::Misplaced(*index));
            }
            last = Some(*index);
        }
        let mut hashes = self.hashes.iter();
        let root = match self.size {
            0 => super::tree::EMPTY_ROOT,
            size => range(0, size, self.leaves, &mut hashes)?,
        };
        match hashes.len() {
            0 => Ok(root),
            surplus => Err(PrunedTreeError::Surplus(surplus)),
        }
    }
}

/// Fewer leaves than this are hashed on one core.
const SHARE_MIN: usize = 1 << 12;

/// The root of the leaves, all of which are there, on all cores.
fn whole(leaves: &[(u64, Hash)], cores: usize) -> Hash {
    match leaves {
        [] => super::tree::EMPTY_ROOT,
        [(_, leaf)] => *leaf,
        many => {
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            let (left, right) = match cores > 1 && many.len() >= SHARE_MIN {
                true => std::thread::scope(|scope| {
                    let half = cores.div_ceil(2);
                    let left = scope.spawn(move || whole(left, half));
                    let right = whole(right, half);
                    (cores::joined(left.join()), right)
                }),
                false => (whole(left, 1), whole(right, 1)),
            };
            node_hash(&left, &right)
        }
    }
}

fn range<'a>(
    from: u64,
    to: u64,
    leaves: &[(u64, Hash)],
    hashes: &mut impl Iterator<Item = &'a Hash>,
) -> Result<Hash, PrunedTreeError> {
    let Some((_, leaf)) = leaves.first() else {
        let missing = PrunedTreeError::Missing { from, to };
        return hashes.next().copied().ok_or(missing);
    };
    if to - from == 1 {
        return Ok(*leaf);
    }
    // They rise, so if there are as many as places, each is in its own.
    if usize::try_from(to - from) == Ok(leaves.len()) {
        let cores = match leaves.len() >= SHARE_MIN {
            true => cores::available(),
            false => 1,
        };
        return Ok(whole(leaves, cores));
    }
    let middle = split(from, to);
    let (left, right) = leaves.split_at(leaves.partition_point(|(index, _)| *index < middle));
    let left = range(from, middle, left, hashes)?;
    Ok(node_hash(&left, &range(middle, to, right, hashes)?))
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::Leaves;
    use super::super::tree::{leaf_hash, root};
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn root_of(
        size: usize,
        leaves: &[(u64, &[u8])],
        hashes: &[Hash],
    ) -> Result<Hash, PrunedTreeError> {
        let leaves: Vec<_> = leaves
            .iter()
            .map(|(at, bytes)| (*at, leaf_hash(bytes)))
            .collect();
        PrunedTree {
            size: size as u64,
            leaves: &leaves,
            hashes,
        }
        .root()
    }

    proptest! {
        #[test]
        fn any_choice_of_leaves_leads_to_the_root(
            size in 1_usize..600, chosen in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
            broken in any::<prop::sample::Index>(),
        ) {
            let all: Vec<Vec<u8>> = (0..size).map(|n| n.to_be_bytes().to_vec()).collect();
            let nodes = Leaves(all.iter().map(|bytes| leaf_hash(bytes)).collect());
            let chosen: BTreeSet<usize> = chosen.iter().map(|index| index.index(size)).collect();
            let indexes: Vec<u64> = chosen.iter().map(|index| *index as u64).collect();
            let hashes = cover(size as u64, &indexes).hashes(&nodes).unwrap();
            let leaves: Vec<(u64, &[u8])> =
                chosen.iter().map(|index| (*index as u64, all[*index].as_slice())).collect();
            let whole = root(size as u64, &nodes).unwrap();
            prop_assert_eq!(root_of(size, &leaves, &hashes), Ok(whole));

            // One hash changed, left out or added, one leaf left out: another root, or none.
            if !hashes.is_empty() {
                let at = broken.index(hashes.len());
                let mut changed = hashes.clone();
                changed[at][0] ^= 1;
                prop_assert_ne!(root_of(size, &leaves, &changed), Ok(whole));
                changed.remove(at);
                prop_assert!(root_of(size, &leaves, &changed) != Ok(whole));
            }
            let mut more = hashes.clone();
            more.push([7; 32]);
            prop_assert_eq!(root_of(size, &leaves, &more), Err(PrunedTreeError::Surplus(1)));
            if !leaves.is_empty() {
                let mut fewer = leaves.clone();
                fewer.remove(broken.index(leaves.len()));
                prop_assert_ne!(root_of(size, &fewer, &hashes), Ok(whole));
            }
        }
    }
}
