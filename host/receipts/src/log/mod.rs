//! The ledger as a Merkle log (RFC 6962, section 2; C2SP tlog-tiles): its leaves, roots and proofs, and its
//! signed tree heads (C2SP tlog-checkpoint in a C2SP signed-note).

mod head;
mod pruned;
mod tree;
#[cfg(test)]
pub(crate) use tree::tests as tests_of_tree;

pub use head::{HeadError, SigningKey, TreeHead, VerifierKey};
pub use pruned::{Cover, PrunedTree, PrunedTreeError, cover};
pub use tree::{
    EMPTY_ROOT, Hash, Nodes, TILE_LEAVES, TreeError, check_consistency, check_inclusion,
    consistency_path, inclusion_path, leaf_hash, node_hash, root, subtree_root,
};
