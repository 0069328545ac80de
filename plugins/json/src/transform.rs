//! The tool `transform`.

use crate::filter::Filter;
use crate::input::{Source, value_of};
use crate::merge::merge;
use crate::patch::{self, Operation};
use crate::write::json;
use jaq_json::Val;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tollgate_sdk::{Context, OutputBlock, Tool, ToolError, ToolOutput};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Transform {
    /// The document as a JSON value. Give exactly one of input, text and path.
    #[serde(default)]
    input: Option<Value>,
    /// The document as JSON text, which keeps the order of members and every digit of a number.
    #[serde(default)]
    text: Option<String>,
    /// The file that holds the document, such as /project/package.json. It is only read.
    #[serde(default)]
    path: Option<String>,
    /// A filter in the language of jq that makes the new document, such as `.version = "2.0.0"`. Give exactly
    /// one of filter, patch and merge.
    #[serde(default)]
    filter: Option<String>,
    /// Values that the filter sees as $name, by name without the $.
    #[serde(default)]
    variables: BTreeMap<String, Value>,
    /// A JSON Patch (RFC 6902): operations that are applied in order, all or none.
    #[serde(default)]
    patch: Option<Vec<Operation>>,
    /// A JSON Merge Patch (RFC 7396): an object whose members replace those of the document; null removes one.
    #[serde(default)]
    merge: Option<Value>,
}

pub(crate) fn tool() -> Tool {
    Tool::new::<Transform>(
        "transform",
        "Makes a new JSON document of another, by a jq filter, a JSON Patch or a JSON Merge Patch, and gives \
         it whole. Writes no file. The document has at most 4 MiB, the answer 256 KiB.",
        transform,
    )
    .title("Transform JSON")
    .read_only()
}

fn transform(arguments: Transform, _: &Context) -> Result<ToolOutput, ToolError> {
    let source = Source {
        input: arguments.input,
        text: arguments.text,
        path: arguments.path,
    };
    let made = match (arguments.filter, arguments.patch, arguments.merge) {
        (Some(code), None, None) => {
            let filter = Filter::new(&code, &arguments.variables)?;
            filtered(&filter, source.document()?)?
        }
        (None, Some(operations), None) => {
            let mut document = source.document()?;
            patch::apply(&mut document, &operations)?;
            document
        }
        (None, None, Some(change)) => {
            let change = value_of("merge", &change)?;
            let mut document = source.document()?;
            merge(&mut document, change);
            document
        }
        _ => {
            return Err(ToolError::invalid(
                "give the change in exactly one of filter, patch and merge",
            ));
        }
    };
    Ok(ToolOutput {
        content: vec![OutputBlock::Json(json(&made)?)],
        is_error: false,
    })
}

/// The one document that a filter makes.
fn filtered(filter: &Filter, document: Val) -> Result<Val, ToolError> {
    let mut made = None;
    let ended = filter.run(document, &mut |value| {
        Ok(match made.replace(value) {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(()),
        })
    })?;
    match (made, ended) {
        (Some(value), ControlFlow::Continue(())) => Ok(value),
        (None, _) => Err(ToolError::failed("the filter made no document")),
        (Some(_), ControlFlow::Break(())) => Err(ToolError::failed(
            "the filter made more than one document; put them into an array with [ ], or use query",
        )),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{call, refusal};
    use serde_json::json;

    const TEXT: &str = r#"{"z":1.50,"a":{"b":[1,2]}}"#;

    #[test]
    fn three_ways_lead_to_a_new_document() {
        let by = |change: serde_json::Value| {
            let mut arguments = json!({"text": TEXT});
            let change = change.as_object().unwrap().clone();
            arguments.as_object_mut().unwrap().extend(change);
            call("transform", arguments).unwrap()
        };
        let want = r#"{"z":1.50,"a":{"b":[1]}}"#;
        assert_eq!(by(json!({"filter": "del(.a.b[1])"})), want);
        assert_eq!(
            by(json!({"patch": [{"op": "remove", "path": "/a/b/1"}]})),
            want
        );
        assert_eq!(by(json!({"merge": {"a": {"b": [1]}}})), want);
        let named = json!({"filter": ".a = $v", "variables": {"v": "x"}});
        assert_eq!(by(named), r#"{"z":1.50,"a":"x"}"#);
    }

    #[test]
    fn one_change_and_one_document_are_asked_for() {
        for bad in [
            json!({"text": TEXT}),
            json!({"text": TEXT, "filter": ".", "merge": {}}),
            json!({"text": "1 2", "filter": "."}),
            json!({"filter": "."}),
            json!({"text": TEXT, "filter": ".a, .z"}),
            json!({"text": TEXT, "filter": "empty"}),
        ] {
            refusal("transform", bad);
        }
        let error = refusal(
            "transform",
            json!({"input": 1, "patch": [{"op": "ad", "path": ""}]}),
        );
        assert!(error.starts_with("patch[0]"), "{error}");
    }
}
