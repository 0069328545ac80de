//! What every build of a plugin does the same way: `cargo xtask guests` for those of this repository,
//! `tollgate plugin build` for those of everybody else.
//!
//! - [`manifest`] reads what a plugin declares of itself,
//! - [`toolchain`] finds a compiler for `wasm32-wasip2`,
//! - [`artifact`] reads what cargo built and writes components,
//! - [`sections`] puts needs and metadata into a component.
//!
//! Invariant: nothing is installed and nothing is printed here; who may do that decides it.

pub mod artifact;
pub mod debian;
pub mod manifest;
pub mod sections;
pub mod toolchain;

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The target that guests are compiled for.
pub const TARGET: &str = "wasm32-wasip2";
/// The version of the contract in `wit/`.
pub const CONTRACT: &str = "0.1.2";

/// The path of a program in `PATH`.
pub fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|dir| dir.join(program))
        .find(|path| path.is_file())
}

/// Asks a program something, unseen. An error if it is missing or fails.
fn ask<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = S>,
) -> Result<String> {
    let shown = program.as_ref().to_string_lossy().into_owned();
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}` failed ({})", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed what is not UTF-8"))
}
