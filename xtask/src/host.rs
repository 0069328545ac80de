//! Building the host's programs, always with the same selection of packages.
//!
//! Cargo unifies features over the packages that a command selects. `cargo build -p tollgate` would
//! compile wasmtime with other features than `cargo test --workspace`, and so twice. Therefore every
//! build here selects the workspace and only narrows the targets. What the tests depend on has to be
//! in `[dependencies]` of `tests/`, because dev-dependencies count for test builds only.

use crate::command::Step;
use crate::workspace::Workspace;
use anyhow::Result;
use std::path::PathBuf;

/// Builds programs of the workspace.
pub(crate) fn build(workspace: &Workspace, programs: &[&str]) -> Result<()> {
    let bins = programs.iter().flat_map(|program| ["--bin", *program]);
    Step::cargo(&workspace.root)
        .args(["build", "--workspace"])
        .args(bins)
        .hint(
            "the compiler's words are above. A C compiler is needed as well as Rust; dependencies come \
             from crates.io. The first build takes minutes, a later one continues where it stopped",
        )
        .run("host")
}

/// Builds the programs in another profile than everything else.
pub(crate) fn build_in(workspace: &Workspace, profile: &str) -> Result<()> {
    Step::cargo(&workspace.root)
        .args(["build", "--locked", "--package", "tollgate", "--package", "tollgate-receipts"])
        .args(["--bins", "--profile", profile])
        .hint("the compiler's words are above; a missing compiler for the plugins is made by `cargo xtask guests`")
        .run("host")
}

/// The path of a built program.
pub(crate) fn program(workspace: &Workspace, name: &str) -> PathBuf {
    workspace
        .host_programs()
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
