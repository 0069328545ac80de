//! Real counterparts for tests, from npm at pinned versions: servers that speak the providers' formats, a
//! client of the Model Context Protocol, the compiler of JavaScript plugins, and programs for WASI that nobody
//! here wrote. Those from PyPI are in [`crate::python`].
//!
//! `tests/package.json` and its lock are the pins; `target/tools` is where they are installed.

use crate::command::{Step, say};
use crate::debian;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use tollgate_guests::find;

/// The oldest Node.js that the counterparts run on.
const NODE_VERSION_MIN: (u32, u32) = (20, 19);
/// The Node.js that is fetched from npm where the installed one is older.
const NODE_FROM_NPM: &str = "22.12.0";
/// What the inspector's command line wants to know of its parent.
const INSPECTOR_PARENT: &str =
    r#"{"name":"@modelcontextprotocol/inspector","version":"1.0.3","type":"module"}"#;
const NPM_QUIET: [&str; 4] = ["--no-audit", "--no-fund", "--loglevel", "error"];
const NODE_HINT: &str = "the tests need Node.js 20.19 or newer with npm: install it from your \
    distribution or https://nodejs.org, then run `cargo xtask test` again";

/// Where they are installed.
pub(crate) fn dir(workspace: &Workspace) -> PathBuf {
    workspace.target.join("tools")
}

/// What the tests put in front of `PATH`.
pub(crate) fn program_dirs(workspace: &Workspace) -> Vec<PathBuf> {
    let tools = dir(workspace);
    let mut dirs = vec![tools.join("node_modules/.bin"), tools.join("python/bin")];
    dirs.extend(own_node(workspace).filter(|dir| dir.join("node").is_file()));
    dirs
}

/// Installs what the lock names, if it is not there yet.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    node(workspace)?;
    let tools = dir(workspace);
    let (pins, lock) = (
        read(workspace, "package.json")?,
        read(workspace, "package-lock.json")?,
    );
    let stamp = tools.join("installed-lock.json");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    std::fs::create_dir_all(&tools)
        .with_context(|| format!("cannot create {}", tools.display()))?;
    write(&tools.join("package.json"), &pins)?;
    write(&tools.join("package-lock.json"), &lock)?;
    Step::new("npm")
        .dir(&tools)
        .args(["ci"])
        .args(NPM_QUIET)
        .hint("the packages come from the npm registry, at the versions of tests/package-lock.json")
        .run("counterparts")?;
    // The inspector's command line, published by itself, still reads the file of the package that it was
    // a part of; that package brings a web interface of 120 MB.
    let parent = tools.join("node_modules/@modelcontextprotocol/package.json");
    write(&parent, INSPECTOR_PARENT.as_bytes())?;
    write(&stamp, &lock)
}

/// Sees to it that a Node.js of the right age is there.
pub(crate) fn node(workspace: &Workspace) -> Result<()> {
    if find("node").is_none() || find("npm").is_none() {
        debian::install("Node.js", &["nodejs", "npm"]).context(NODE_HINT)?;
    }
    let printed = Step::new("node")
        .args(["--version"])
        .hint(NODE_HINT)
        .ask()?;
    if version(&printed).is_some_and(|version| version >= NODE_VERSION_MIN) {
        return Ok(());
    }
    let Some(dir) = own_node(workspace) else {
        anyhow::bail!("Node.js {} is too old\n{NODE_HINT}", printed.trim());
    };
    if dir.join("node").is_file() {
        return Ok(());
    }
    say(&format!(
        "\nNode.js {} is too old for the counterparts",
        printed.trim()
    ));
    let prefix = workspace.target.join("tools-node");
    std::fs::create_dir_all(&prefix)?;
    Step::new("npm")
        .dir(&prefix)
        .args(["install", "--no-save", "--prefix", "."])
        .args(NPM_QUIET)
        .args(npm_architecture().map(|arch| format!("node-linux-{arch}@{NODE_FROM_NPM}")))
        .hint(NODE_HINT)
        .run("Node.js")
}

/// Where a Node.js of our own is, on systems for which npm carries one.
fn own_node(workspace: &Workspace) -> Option<PathBuf> {
    let package = format!(
        "tools-node/node_modules/node-linux-{}/bin",
        npm_architecture()?
    );
    Some(workspace.target.join(package))
}

pub(crate) fn npm_architecture() -> Option<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some("x64"),
        ("linux", "aarch64") => Some("arm64"),
        _ => None,
    }
}

/// Major and minor of `v20.15.0`.
fn version(printed: &str) -> Option<(u32, u32)> {
    let mut numbers = printed.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn read(workspace: &Workspace, name: &str) -> Result<Vec<u8>> {
    let path = workspace.root.join("tests").join(name);
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_compared_as_numbers() {
        assert_eq!(version("v20.15.0\n"), Some((20, 15)));
        assert!(version("v20.9.1") < Some(NODE_VERSION_MIN));
        assert!(version("v100.0.0") > Some(NODE_VERSION_MIN));
        assert_eq!(version("20"), None);
    }
}
