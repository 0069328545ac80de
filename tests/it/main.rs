//! Black-box tests: the built binary, real components, real servers on loopback.
//!
//! - [`hostile`]: each component of `tests/hostile` is contained, on record, and harms no neighbour.
//!   [`inside`] does the same within one host; [`matrix`] prints import × verdict.
//! - [`any`]: components that were not made for Tollgate, and programs that nobody here wrote.
//! - [`agent`]: a session from prompt to receipts, the demo, what the command line promises.
//! - [`author`]: plugins from nothing, in each language; the contract's promises to old components.
//! - [`cells`]: access × operation on files, by a guest that tries every cell.
//! - [`credential`]: secrets reach their audience and nobody else.
//! - [`dns`]: names that lead to private addresses, or turn to them.
//! - [`getting`]: wheel, npm package and archive, installed where there is nothing else.
//! - [`kill`]: what a crash and a second process do to store and session.
//! - [`mcp`]: official clients of the Model Context Protocol, and clients that misbehave.
//! - [`oracle`]: what the kernel saw of a call is what its receipts say.
//! - [`plugins`]: the first-party plugins under the gate, with their smallest grants.
//! - [`provider`]: the adapters to models, and the verbs that look after them.
//! - [`sockets`]: a connection whose grant is revoked while it is used.
//! - [`readme`]: the README's console blocks, its links, the arrows between crates.
//!
//! `cargo xtask test` builds what they need and says where it is. The scaffolding is in [`support`];
//! it reads the ledger by itself, so that what the binary says of its own records is not believed.

#![cfg(test)]

mod agent;
mod any;
mod author;
mod cells;
mod credential;
mod dns;
mod getting;
mod hostile;
mod inside;
mod kill;
mod ledger;
mod matrix;
mod mcp;
mod oracle;
mod plugins;
mod provider;
mod readme;
mod sockets;
mod support;
