//! Tools over notes: add, list, read, search, remove.
//!
//! Notes outlive the call and the session that wrote them. They are in one namespace of the host's
//! key-value store, which a grant must name.
//!
//! Invariants: a note is one key, written once and never changed, so that calls side by side cannot undo
//! each other's work; every answer is bounded and says what it left out.
//!
//! Not here: changing a note (add a new one and remove the old), and keeping one session's notes from
//! another: whoever is granted the namespace sees all of it.

mod bounds;
mod change;
mod id;
mod list;
mod note;
mod search;
mod shelf;

use tollgate_sdk::{Tool, Tools};

/// The namespace of the key-value store.
pub const NAMESPACE: &str = "notes";

/// The plugin.
#[derive(Debug)]
pub struct Notes;

impl Tools for Notes {
    fn tools() -> Vec<Tool> {
        vec![
            change::add(),
            list::list(),
            list::read(),
            search::tool(),
            change::remove(),
        ]
    }
}

tollgate_sdk::export_tools!(Notes);

#[cfg(test)]
mod testing {
    use crate::Notes;
    use serde_json::Value;
    use tollgate_sdk::{OutputBlock, ToolError, Tools, testing};

    /// Calls a tool of a session and joins its blocks with LF.
    pub(crate) fn call_in(
        session: &str,
        name: &str,
        arguments: Value,
    ) -> Result<String, ToolError> {
        let mut context = testing::context();
        context.session = session.into();
        let output = Notes::call(name, &arguments.to_string(), &context)?;
        let texts = output.content.into_iter().map(|block| match block {
            OutputBlock::Text(text) | OutputBlock::Json(text) => text,
            OutputBlock::Blob(blob) => format!("{} bytes", blob.data.len()),
        });
        Ok(texts.collect::<Vec<_>>().join("\n"))
    }

    /// Calls a tool.
    pub(crate) fn call(name: &str, arguments: Value) -> Result<String, ToolError> {
        call_in("test", name, arguments)
    }

    /// Adds a note and gives its identifier.
    pub(crate) fn add(title: &str, text: &str, tags: &[&str]) -> String {
        let said = call(
            "add",
            serde_json::json!({"title": title, "text": text, "tags": tags}),
        );
        let said: Value = serde_json::from_str(&said.unwrap()).unwrap();
        said["id"].as_str().unwrap().to_owned()
    }

    /// The JSON and the remark of an answer.
    pub(crate) fn parts(answer: &str) -> (Value, String) {
        let (json, note) = answer.split_once('\n').unwrap_or((answer, ""));
        (serde_json::from_str(json).unwrap(), note.to_owned())
    }

    #[test]
    fn every_tool_is_there_with_a_schema_of_an_object() {
        let specs = Notes::list();
        let names: Vec<_> = specs.iter().map(|spec| spec.name.as_str()).collect();
        assert_eq!(names, ["add", "list", "read", "search", "remove"]);
        for spec in specs {
            let schema: Value = serde_json::from_str(&spec.input_schema_json).unwrap();
            assert_eq!(schema["type"], "object", "{}", spec.name);
            assert_eq!(schema["additionalProperties"], false, "{}", spec.name);
            for (field, about) in schema["properties"].as_object().unwrap() {
                assert!(about["description"].is_string(), "{}.{field}", spec.name);
            }
        }
    }
}
