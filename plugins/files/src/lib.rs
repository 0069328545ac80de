//! Tools over files: list, read, search, write, edit, make directory, move, remove, stat.
//!
//! Paths are guest paths, such as `/project/src/lib.rs`. They are handed to the host as the model wrote
//! them: what may be touched is decided there, and a refusal comes back as a typed error.
//!
//! Invariants: nothing is followed through a symbolic link by a walk; every output is bounded and says
//! what it left out; a change names exactly one file or directory.

mod bounds;
mod change;
mod edit;
mod list;
mod path;
mod read;
mod search;
mod walk;
mod write;

use tollgate_sdk::{Tool, Tools};

/// The plugin.
#[derive(Debug)]
pub struct Files;

impl Tools for Files {
    fn tools() -> Vec<Tool> {
        vec![
            list::tool(),
            read::tool(),
            search::tool(),
            write::tool(),
            edit::tool(),
            change::mkdir(),
            change::rename(),
            change::remove(),
            change::stat(),
        ]
    }
}

tollgate_sdk::export_tools!(Files);

#[cfg(test)]
mod testing {
    use crate::Files;
    use std::path::Path;
    use tollgate_sdk::{OutputBlock, ToolError, Tools, testing};

    /// Calls a tool and joins its blocks with LF.
    pub(crate) fn call(name: &str, arguments: serde_json::Value) -> Result<String, ToolError> {
        let output = Files::call(name, &arguments.to_string(), &testing::context())?;
        let texts = output.content.into_iter().map(|block| match block {
            OutputBlock::Text(text) | OutputBlock::Json(text) => text,
            OutputBlock::Blob(blob) => format!("{} bytes", blob.data.len()),
        });
        Ok(texts.collect::<Vec<_>>().join("\n"))
    }

    /// A path below a directory, as text.
    pub(crate) fn at(dir: &Path, name: &str) -> String {
        dir.join(name).to_str().unwrap().to_owned()
    }

    #[test]
    fn every_tool_is_there_with_a_schema_of_an_object() {
        let specs = Files::list();
        let names: Vec<_> = specs.iter().map(|spec| spec.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "list", "read", "search", "write", "edit", "mkdir", "move", "remove", "stat"
            ]
        );
        for spec in specs {
            let schema: serde_json::Value = serde_json::from_str(&spec.input_schema_json).unwrap();
            assert_eq!(schema["type"], "object", "{}", spec.name);
            assert_eq!(schema["additionalProperties"], false, "{}", spec.name);
            for (field, about) in schema["properties"].as_object().unwrap() {
                assert!(about["description"].is_string(), "{}.{field}", spec.name);
            }
        }
    }
}
