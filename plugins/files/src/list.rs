//! The tool `list`.

use crate::bounds::{OUTPUT_BYTES_MAX, cut};
use crate::path::guest;
use crate::walk::{DEPTH_MAX, Filter, Kind, Walk};
use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_sdk::{Context, Tool, ToolError, ToolOutput};

/// Most entries of one listing.
const LISTED_MAX: usize = 1_000;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct List {
    /// The directory, such as /project.
    path: String,
    /// How many levels to list; 1 (the default) is the directory's own entries, 32 the most.
    #[serde(default = "one")]
    depth: u32,
    /// Globs of entries to show, such as *.rs or src/**; all if empty.
    #[serde(default)]
    include: Vec<String>,
    /// Globs of entries to leave out, and not to enter.
    #[serde(default)]
    exclude: Vec<String>,
}

fn one() -> u32 {
    1
}

pub(crate) fn tool() -> Tool {
    Tool::new::<List>(
        "list",
        "Lists a directory, one entry a line: `name/` is a directory, `name@` a symbolic link, which is \
         not followed. The inside of .git is left out.",
        list,
    )
    .title("List a directory")
    .read_only()
}

fn list(arguments: List, _: &Context) -> Result<ToolOutput, ToolError> {
    if !(1..=DEPTH_MAX).contains(&arguments.depth) {
        return Err(ToolError::invalid(format!(
            "depth: is from 1 to {DEPTH_MAX}"
        )));
    }
    let path = guest(&arguments.path)?;
    let filter = Filter::new(&arguments.include, &arguments.exclude)?;
    let mut lines = Vec::new();
    let mut walk = Walk::new(&filter, arguments.depth);
    walk.run(&path, &mut |notes, entry| {
        if lines.len() >= LISTED_MAX {
            notes.add(format!(
                "truncated after {LISTED_MAX} entries; name a smaller path, or use include"
            ));
            return false;
        }
        let mark = match entry.kind {
            Kind::File => "",
            Kind::Dir => "/",
            Kind::Symlink => "@",
            Kind::Other => "?",
        };
        lines.push(format!("{}{mark}", entry.name));
        true
    })?;
    let mut text = if lines.is_empty() {
        "(nothing)".into()
    } else {
        lines.join("\n")
    };
    if cut(&mut text, OUTPUT_BYTES_MAX) {
        walk.notes
            .add(format!("truncated after {OUTPUT_BYTES_MAX} bytes"));
    }
    let output = ToolOutput::text(text);
    Ok(match walk.notes.into_text() {
        Some(notes) => output.and_text(notes),
        None => output,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, call};
    use serde_json::json;
    use std::fs;

    #[test]
    fn a_listing_marks_what_is_not_a_file() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("src")).unwrap();
        fs::write(dir.path().join("src/lib.rs"), "").unwrap();
        fs::write(dir.path().join("README.md"), "").unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("link")).unwrap();
        let path = dir.path().to_str().unwrap();
        assert_eq!(
            call("list", json!({"path": path})).unwrap(),
            "README.md\nlink@\nsrc/"
        );
        assert_eq!(
            call(
                "list",
                json!({"path": path, "depth": 2, "include": ["*.rs"]})
            )
            .unwrap(),
            "src/lib.rs"
        );
        assert_eq!(
            call("list", json!({"path": path, "include": ["*.py"]})).unwrap(),
            "(nothing)"
        );
    }

    #[test]
    fn a_long_listing_says_that_it_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..=LISTED_MAX {
            fs::write(dir.path().join(format!("{n:04}")), "").unwrap();
        }
        let text = call("list", json!({"path": dir.path().to_str()})).unwrap();
        assert_eq!(text.lines().count(), LISTED_MAX + 1);
        assert!(
            text.ends_with("[truncated after 1000 entries; name a smaller path, or use include]")
        );
    }

    #[test]
    fn what_is_missing_is_not_found() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(
            call("list", json!({"path": at(dir.path(), "none")})),
            Err(ToolError::NotFound(_))
        ));
        assert!(matches!(
            call("list", json!({"path": "/", "depth": 0})),
            Err(ToolError::InvalidArguments(message)) if message.starts_with("depth: ")
        ));
    }
}
