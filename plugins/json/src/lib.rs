//! Tools over JSON: `query` runs a filter in the language of jq, `transform` makes one document of
//! another.
//!
//! The document comes with the call or from a file that the operator mounts; a refusal of the file comes
//! back as a typed error. Nothing is written: what a tool makes is its answer.
//!
//! Invariants: numbers and the order of members are kept as they were written; every input and output is
//! bounded; a filter sees no environment variable and no file.
//!
//! Not here: a limit of time inside a filter. The language can loop for ever, and the host's limits of
//! processor time and memory end that.

mod bounds;
mod filter;
mod input;
mod merge;
mod patch;
mod pointer;
mod query;
mod transform;
mod write;

use tollgate_sdk::{Tool, Tools};

/// The plugin.
#[derive(Debug)]
pub struct Json;

impl Tools for Json {
    fn tools() -> Vec<Tool> {
        vec![query::tool(), transform::tool()]
    }
}

tollgate_sdk::export_tools!(Json);

#[cfg(test)]
mod testing {
    use crate::Json;
    use tollgate_sdk::{OutputBlock, ToolError, Tools, testing};

    /// Calls a tool and joins its blocks with LF.
    pub(crate) fn call(name: &str, arguments: serde_json::Value) -> Result<String, ToolError> {
        let output = Json::call(name, &arguments.to_string(), &testing::context())?;
        let texts = output.content.into_iter().map(|block| match block {
            OutputBlock::Text(text) | OutputBlock::Json(text) => text,
            OutputBlock::Blob(blob) => format!("{} bytes", blob.data.len()),
        });
        Ok(texts.collect::<Vec<_>>().join("\n"))
    }

    /// What a failed call says.
    #[track_caller]
    pub(crate) fn refusal(name: &str, arguments: serde_json::Value) -> String {
        match call(name, arguments) {
            Err(ToolError::InvalidArguments(text) | ToolError::Failed(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_tool_is_there_with_a_schema_of_an_object() {
        let specs = Json::list();
        let names: Vec<_> = specs.iter().map(|spec| spec.name.as_str()).collect();
        assert_eq!(names, ["query", "transform"]);
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
