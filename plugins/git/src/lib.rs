//! Tools over the history of a Git repository: `log`, `show`, `diff`, `blame`, `refs`.
//!
//! The repository is read through a mount, file by file: references, loose objects and packs. There is no
//! `git` and no way to run one; nothing is ever written.
//!
//! Invariants: what is read is below the repository's directory, and nothing that a file there names leads
//! elsewhere (`.git` files, `commondir` and `alternates` are refused by name); every object, walk and answer
//! is bounded.
//!
//! Not here: the working tree and the index, configuration (`.git/config` is never read), SHA-256
//! repositories, similarity of renamed files, and the checking of hashes: who can write in the repository
//! can make it say anything.

mod blame;
mod bounds;
mod changes;
mod history;
mod id;
mod loose;
mod object;
mod odb;
mod pack;
mod patch;
mod refs;
mod repository;
mod revision;
mod text;
mod tools;
mod window;

use tollgate_sdk::{Tool, Tools};

/// The plugin.
#[derive(Debug)]
pub struct Git;

impl Tools for Git {
    fn tools() -> Vec<Tool> {
        vec![
            tools::log::tool(),
            tools::show::tool(),
            tools::diff::tool(),
            tools::blame::tool(),
            tools::refs::tool(),
        ]
    }
}

tollgate_sdk::export_tools!(Git);

#[cfg(test)]
mod testing;
