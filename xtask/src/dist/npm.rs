//! The npm package: the programs as the package's commands, without any JavaScript.

use super::{Build, PACKAGE, SUMMARY, copy, words, write};
use crate::command::Step;
use crate::counterparts;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use serde_json::json;

pub(super) fn pack(workspace: &Workspace, build: &Build) -> Result<()> {
    counterparts::node(workspace)?;
    let cpu = counterparts::npm_architecture().context("npm has no word for this machine")?;
    let root = build.scratch.join("npm");
    let mut commands = serde_json::Map::new();
    for (program, built) in build.programs() {
        copy(built, &root.join("bin").join(program))?;
        commands.insert(program.to_owned(), json!(format!("bin/{program}")));
    }
    words(workspace, &root)?;
    let package = json!({
        "name": PACKAGE,
        "version": build.version,
        "description": SUMMARY,
        "license": "Apache-2.0",
        "bin": commands,
        "files": ["bin"],
        "os": ["linux"],
        "cpu": [cpu],
        "libc": ["glibc"],
    });
    write(
        &root.join("package.json"),
        serde_json::to_string_pretty(&package)?.as_bytes(),
    )?;
    Step::new("npm")
        .dir(&root)
        .args(["pack", "--loglevel", "error", "--pack-destination"])
        .args([&build.place])
        .hint("npm comes with Node.js")
        .run("npm package")
}
