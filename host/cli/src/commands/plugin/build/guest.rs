//! The world that an interpreted plugin is built for.
//!
//! An interpreter's component imports whatever its world names, used or not. So the world is written
//! from what the project declares: HTTP and the key-value store are there only if a need names them, and
//! a plugin that imports one without declaring it fails when it is built.

use super::super::embedded;
use super::super::project::Project;
use crate::errors::Done;
use std::path::PathBuf;

/// The world's name.
pub(super) const WORLD: &str = "built";
/// Its file beside the contract.
const FILE: &str = "built.wit";
const DIRECTORY: &str = ".tollgate/wit";

/// Writes the contract with that world into the project; its directory.
pub(super) fn write(project: &Project) -> Done<PathBuf> {
    let directory = project.root.join(DIRECTORY);
    embedded::write_wit(&directory)?;
    embedded::write(&directory.join(FILE), world(project).as_bytes())?;
    Ok(directory)
}

/// Whether the project declares a need of that kind.
pub(super) fn needs(project: &Project, kind: &str) -> bool {
    let declared = project.declared.needs.iter().flatten();
    declared
        .filter_map(|need| need.split_whitespace().next())
        .any(|word| word == kind)
}

fn world(project: &Project) -> String {
    let mut lines = vec![
        "package tollgate:plugin@0.1.1;".to_owned(),
        String::new(),
        "/// What this plugin is built for; written by `tollgate plugin build` from its needs."
            .into(),
        format!("world {WORLD} {{"),
    ];
    let mut import = |name: &str| lines.push(format!("  import {name};"));
    for name in [
        "denials",
        "wasi:cli/environment@0.2.12",
        "wasi:cli/stdout@0.2.12",
        "wasi:cli/stderr@0.2.12",
        "wasi:clocks/monotonic-clock@0.2.12",
        "wasi:clocks/wall-clock@0.2.12",
        "wasi:filesystem/types@0.2.12",
        "wasi:filesystem/preopens@0.2.12",
        "wasi:random/random@0.2.12",
        "wasi:config/store@0.2.0-rc.1",
        "wasi:logging/logging@0.1.0-draft",
    ] {
        import(name);
    }
    if needs(project, "http") {
        import("wasi:http/types@0.2.12");
        import("wasi:http/outgoing-handler@0.2.12");
    }
    if needs(project, "kv") {
        import("wasi:keyvalue/store@0.2.0-draft");
    }
    if project.is_provider() {
        import("sink");
        lines.push("  export model;".into());
    } else {
        import("progress");
        lines.push("  export tool;".into());
    }
    lines.push("}".into());
    lines.join("\n") + "\n"
}
