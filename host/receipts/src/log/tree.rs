//! Leaves, nodes, roots and proofs (RFC 6962, section 2.1). The arithmetic is the library's; this is the only
//! file that names it.

use crate::HASH_BYTES;
use sha2::{Digest, Sha256};
use tlog_tiles::tlog;

/// A hash of the tree: SHA-256.
pub type Hash = [u8; HASH_BYTES];
/// How many hashes a whole tile has (C2SP tlog-tiles: tiles of height 8).
pub const TILE_LEAVES: u64 = 256;
/// The root of the tree without leaves (RFC 6962, section 2.1): the hash of nothing.
pub const EMPTY_ROOT: Hash = tlog::EMPTY_HASH.0;

/// Why a proof cannot be made or does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A node of the tree could not be read.
    #[error("a node of the tree cannot be read: {0}")]
    Unreadable(String),
    /// The tree has no such place.
    #[error("there is no {what} {index} in a tree of {size}")]
    NoPlace {
        /// What was asked for: `leaf` or `tree`.
        what: &'static str,
        /// Which.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// The proof does not lead to the root.
    #[error("the proof does not lead to the root")]
    Invalid,
}

/// Where the nodes of a tree are read.
pub trait Nodes {
    /// The node `index` of `level`: the root of the leaves `index << level` up to `(index + 1) << level`,
    /// all of which there are.
    ///
    /// # Errors
    ///
    /// Why it cannot be read, in words.
    fn node(&self, level: u8, index: u64) -> Result<Hash, String>;
}

/// The hash of a leaf: of a zero byte and the stored bytes (RFC 6962, section 2.1).
#[must_use]
pub fn leaf_hash(stored: &[u8]) -> Hash {
    let mut hash = Sha256::new_with_prefix([0]);
    hash.update(stored);
    hash.finalize().into()
}

/// The hash of an inner node: of a one byte and both children (RFC 6962, section 2.1).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hash = Sha256::new_with_prefix([1]);
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

/// The root of nodes of one level that follow each other, from an index that is a multiple of their number
/// rounded up to a power of two.
#[must_use]
pub fn subtree_root(nodes: &[Hash]) -> Hash {
    match nodes {
        [] => EMPTY_ROOT,
        [one] => *one,
        many => {
            // The largest power of two below the number.
            let half = many.len().next_power_of_two() / 2;
            let (left, right) = many.split_at(half);
            node_hash(&subtree_root(left), &subtree_root(right))
        }
    }
}

struct Reader<'a, N>(&'a N);

impl<N: Nodes> tlog::HashReader for Reader<'_, N> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        indexes
            .iter()
            .map(|stored| {
                let (level, index) = tlog::split_stored_hash_index(*stored);
                let hash = self.0.node(level, index);
                hash.map(tlog::Hash).map_err(tlog::Error::InvalidInput)
            })
            .collect()
    }
}

fn unreadable(error: tlog::Error) -> TreeError {
    match error {
        tlog::Error::InvalidInput(why) => TreeError::Unreadable(why),
        other => TreeError::Unreadable(other.to_string()),
    }
}

/// The root of the first `size` leaves.
///
/// # Errors
///
/// [`TreeError::Unreadable`].
pub fn root(size: u64, nodes: &impl Nodes) -> Result<Hash, TreeError> {
    let root = tlog::tree_hash(size, &Reader(nodes));
    root.map(|hash| hash.0).map_err(unreadable)
}

/// The audit path of leaf `index` in the tree of `size` leaves (RFC 6962, section 2.1.1), from the leaf up.
///
/// # Errors
///
/// [`TreeError::NoPlace`], [`TreeError::Unreadable`].
pub fn inclusion_path(size: u64, index: u64, nodes: &impl Nodes) -> Result<Vec<Hash>, TreeError> {
    if index >= size {
        let what = "leaf";
        return Err(TreeError::NoPlace { what, index, size });
    }
    let path = tlog::prove_record(size, index, &Reader(nodes)).map_err(unreadable)?;
    Ok(path.into_iter().map(|hash| hash.0).collect())
}

/// Checks that leaf `index` of the tree with this size and root has this hash.
///
/// # Errors
///
/// [`TreeError::NoPlace`], [`TreeError::Invalid`].
pub fn check_inclusion(
    path: &[Hash],
    size: u64,
    root: &Hash,
    index: u64,
    leaf: &Hash,
) -> Result<(), TreeError> {
    if index >= size {
        let what = "leaf";
        return Err(TreeError::NoPlace { what, index, size });
    }
    let path: Vec<_> = path.iter().map(|hash| tlog::Hash(*hash)).collect();
    let (root, leaf) = (tlog::Hash(*root), tlog::Hash(*leaf));
    tlog::check_record(&path, size, root, index, leaf).map_err(|_| TreeError::Invalid)
}

/// The proof that the first `old` leaves are those of an earlier tree (RFC 6962, section 2.1.2).
///
/// # Errors
///
/// [`TreeError::NoPlace`], [`TreeError::Unreadable`].
pub fn consistency_path(size: u64, old: u64, nodes: &impl Nodes) -> Result<Vec<Hash>, TreeError> {
    if old == 0 || old > size {
        let (what, index) = ("tree", old);
        return Err(TreeError::NoPlace { what, index, size });
    }
    let path = tlog::prove_tree(size, old, &Reader(nodes)).map_err(unreadable)?;
    Ok(path.into_iter().map(|hash| hash.0).collect())
}

/// Checks that the tree of `old` leaves with its root is the beginning of the one of `size`.
///
/// # Errors
///
/// [`TreeError::NoPlace`], [`TreeError::Invalid`].
pub fn check_consistency(
    path: &[Hash],
    (size, root): (u64, &Hash),
    (old, old_root): (u64, &Hash),
) -> Result<(), TreeError> {
    if old == 0 || old > size {
        let (what, index) = ("tree", old);
        return Err(TreeError::NoPlace { what, index, size });
    }
    let path: Vec<_> = path.iter().map(|hash| tlog::Hash(*hash)).collect();
    let (root, old_root) = (tlog::Hash(*root), tlog::Hash(*old_root));
    tlog::check_tree(&path, size, root, old, old_root).map_err(|_| TreeError::Invalid)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ct_merkle::{HashableLeaf, mem_backed_tree::MemoryBackedTree};
    use proptest::prelude::*;
    use sha2_11::Sha256 as OtherSha256;

    /// All nodes of a small tree.
    pub(crate) struct Leaves(pub(crate) Vec<Hash>);

    impl Nodes for Leaves {
        fn node(&self, level: u8, index: u64) -> Result<Hash, String> {
            let width = 1_usize << level;
            let start = usize::try_from(index).unwrap() * width;
            let leaves = self.0.get(start..start + width);
            leaves
                .map(subtree_root)
                .ok_or_else(|| "beyond the tree".into())
        }
    }

    #[derive(Clone)]
    struct Bytes(Vec<u8>);

    impl HashableLeaf for Bytes {
        fn hash<H: ct_merkle::digest::Update>(&self, hasher: &mut H) {
            hasher.update(&self.0);
        }
    }

    fn leaves(max: usize) -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..max)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Another implementation of RFC 6962 comes to the same roots, and takes our proofs.
        #[test]
        fn roots_and_proofs_are_those_of_another_implementation(
            all in leaves(700), at in any::<prop::sample::Index>(), old in any::<prop::sample::Index>(),
        ) {
            let mut theirs = MemoryBackedTree::<OtherSha256, Bytes>::new();
            let mut roots = Vec::new();
            for bytes in &all {
                theirs.push(Bytes(bytes.clone()));
                roots.push(theirs.root());
            }
            let nodes = Leaves(all.iter().map(|bytes| leaf_hash(bytes)).collect());
            let size = all.len() as u64;
            let root = root(size, &nodes).unwrap();
            prop_assert_eq!(root.to_vec(), theirs.root().as_bytes().to_vec());
            prop_assert_eq!(root, subtree_root(&nodes.0));

            let at = at.index(all.len());
            let path = inclusion_path(size, at as u64, &nodes).unwrap();
            let theirs_path = theirs.prove_inclusion(at);
            prop_assert_eq!(path.concat(), theirs_path.as_bytes().to_vec());
            prop_assert!(check_inclusion(&path, size, &root, at as u64, &nodes.0[at]).is_ok());

            let old = old.index(all.len()) + 1;
            let path = consistency_path(size, old as u64, &nodes).unwrap();
            let old_root = subtree_root(&nodes.0[..old]);
            prop_assert_eq!(old_root.to_vec(), roots[old - 1].as_bytes().to_vec());
            prop_assert!(check_consistency(&path, (size, &root), (old as u64, &old_root)).is_ok());
        }

        /// A proof of something else, for another place, or with another hash in it does not hold.
        #[test]
        fn a_proof_of_something_else_does_not_hold(
            all in leaves(300), at in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(),
            bit in 0_usize..256,
        ) {
            let nodes = Leaves(all.iter().map(|bytes| leaf_hash(bytes)).collect());
            let size = all.len() as u64;
            let root = root(size, &nodes).unwrap();
            let at = at.index(all.len());
            let path = inclusion_path(size, at as u64, &nodes).unwrap();
            let mut leaf = nodes.0[at];
            leaf[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(check_inclusion(&path, size, &root, at as u64, &leaf).is_err());
            let elsewhere = other.index(all.len());
            if nodes.0[elsewhere] != nodes.0[at] {
                let found = check_inclusion(&path, size, &root, elsewhere as u64, &nodes.0[at]);
                prop_assert!(found.is_err());
            }
            for step in 0..path.len() {
                let mut changed = path.clone();
                changed[step][bit / 8] ^= 1 << (bit % 8);
                let found = check_inclusion(&changed, size, &root, at as u64, &nodes.0[at]);
                prop_assert!(found.is_err());
            }
        }
    }
}
