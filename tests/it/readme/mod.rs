//! What the documents say is so.
//!
//! - [`page`]: every `console` block of README.md, run in order; every policy file that a document shows.
//! - [`links`]: what the documents refer to is there.
//! - [`house`]: the arrows between the crates that ARCHITECTURE.md draws.

mod house;
mod links;
mod normal;
mod page;
