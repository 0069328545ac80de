//! The page for a reviewer: one HTML file that asks for nothing else.
//!
//! Invariants: the page has no script, no address to load anything from, and a content security policy that
//! allows its own style sheet only. Markup is made of literals; what a record says is always text (see
//! [`markup`]).

mod calls;
mod changes;
mod escape;
mod grants;
mod markup;
mod page;
mod receipt;
mod refused;
mod sort;
mod summary;
mod table;
mod tally;
mod timeline;
mod touched;
mod unsettled;
mod verdict;
mod words;

#[cfg(test)]
mod tests;

use crate::Evidence;

/// The [`Proof::source`] of a page that tells of this machine's own store and of no file.
pub const STORE: &str = "the store of this machine";

/// What was found of the file or the store that the page tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The name of the file, or [`STORE`].
    pub source: String,
    /// Whether it was checked, and what came of it.
    pub checked: Checked,
    /// The origin line of the tree head.
    pub origin: Option<String>,
    /// The verifier key (C2SP signed-note).
    pub key: Option<String>,
    /// The size of the tree up to which the ledger is complete.
    pub tree_size: Option<u64>,
    /// The root hash of that tree.
    pub root: Option<String>,
    /// The sessions of the ledger.
    pub sessions: Vec<SessionProof>,
    /// The command that checks it.
    pub command: String,
}

/// What was found of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionProof {
    /// The session.
    pub session: String,
    /// How many entries its chain has.
    pub entries: u64,
    /// Whether more entries may follow.
    pub open: bool,
}

/// Whether a ledger was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// Checked, and whole.
    Verified,
    /// Nobody has checked it.
    NotChecked,
    /// Checked, and not as it should be: why.
    Failed(String),
}

/// A grant that was in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantLine {
    /// Its id.
    pub id: String,
    /// The plugin that has it.
    pub plugin: String,
    /// What it is of.
    pub capability: String,
    /// What it does: allow, deny, ask.
    pub effect: String,
}

/// The whole page. `now_us` is when it is made, microseconds since the Unix epoch.
#[must_use]
pub fn html(evidence: &Evidence, proof: &Proof, grants: &[GrantLine], now_us: i64) -> String {
    page::write(&page::Subject {
        evidence,
        proof,
        grants,
        now_us,
    })
}
