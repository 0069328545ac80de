//! The world that an interpreted plugin is built for.
//!
//! An interpreter's component imports whatever its world names, used or not. So the world is written
//! from what the project declares: HTTP and the key-value store are there only if a need names them, and
//! a plugin that imports one without declaring it fails when it is built.

use super::super::embedded;
use super::super::project::Project;
use crate::errors::{Context, Done};
use std::path::{Path, PathBuf};

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

/// Takes imports of unstable interfaces out of the standard packages, for a tool that cannot parse them. No
/// plugin can use one.
pub(super) fn leave_out_unstable(wit: &Path) -> Done {
    let packages = wit.join("deps");
    let cannot = || format!("{} cannot be read", packages.display());
    for entry in std::fs::read_dir(&packages).doing(cannot)? {
        let path = entry.doing(cannot)?.path();
        if path.extension().is_some_and(|end| end == "wit") {
            let text = std::fs::read_to_string(&path).doing(cannot)?;
            embedded::write(&path, stable(&text).as_bytes())?;
        }
    }
    Ok(())
}

/// A package's text without imports that a line before marks as unstable.
fn stable(text: &str) -> String {
    let is_import =
        |line: Option<&&str>| line.is_some_and(|line| line.trim().starts_with("import "));
    let mut kept = String::with_capacity(text.len());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim().starts_with("@unstable") && is_import(lines.peek()) {
            lines.next();
            continue;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept
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
        format!("package tollgate:plugin@{};", tollgate_guests::CONTRACT),
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
        import("request-options");
        lines.push("  export model;".into());
    } else {
        import("progress");
        lines.push("  export tool;".into());
    }
    lines.push("}".into());
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unstable_imports_are_left_out() {
        let text = "@unstable(feature = a)\ninterface a {}\nworld w {\n  @unstable(feature = a)\n  import a;\n  import b;\n}\n";
        let left = "@unstable(feature = a)\ninterface a {}\nworld w {\n  import b;\n}\n";
        assert_eq!(stable(text), left);
    }
}
