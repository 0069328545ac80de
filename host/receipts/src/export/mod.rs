//! An export: one file with entries of a ledger, the proof that they are in it, a signed tree head, and what
//! shows that none of them is missing. It needs nothing else to be verified.
//!
//! The file is text, line by line:
//!
//! ```text
//! tollgate-export 2
//! {"created_us":…,"first":…,"hashes":M,"origin":…,"records":N,"scope":…,"sessions":[…],"size":S}
//! INDEX ENTRY            N lines: the leaf's index, and its bytes exactly as stored
//! HASH                   M lines: the roots of the subtrees without a record, in base64
//! head
//! ORIGIN …               the tree head, a signed note; its extension line binds the header
//! sha256 HEX             of everything before, so that a damaged copy is found without a key
//! ```
//!
//! For that digest each ENTRY counts as its leaf hash (32 bytes), which the tree needs anyway: no entry is hashed
//! twice. Version 1, which is still read, took the bytes of the file as they are, and its header named the ends of
//! chains by SHA-256 of the entries' bytes instead of their leaf hashes.
//!
//! The header's hash stands in the signed head: whoever leaves a record out cannot make the header fit.

mod assemble;
mod format;
mod seen;
#[cfg(test)]
mod tests;
mod verify;

pub use assemble::{AssembleError, assemble};
pub use format::{Export, Header, Parts, Scope, Span, UnreadableExport, header_extension};
pub use verify::{ExportError, Unverified, Verified, VerifiedSession, read_unverified, verify};
