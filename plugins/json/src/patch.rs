//! JSON Patch (RFC 6902).
//!
//! The operations are this file and not a library's, because those work on a type that sorts members
//! and rounds numbers.

use crate::bounds::OPERATIONS_MAX;
use crate::input::value_of;
use crate::pointer::Pointer;
use jaq_json::Val;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tollgate_sdk::ToolError;

/// One operation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(crate) enum Operation {
    /// Puts a value at a place; in an array before what is there.
    Add { path: String, value: Value },
    /// Takes away what is at a place.
    Remove { path: String },
    /// Replaces what is at a place.
    Replace { path: String, value: Value },
    /// Takes away what is at `from` and adds it at `path`.
    Move { from: String, path: String },
    /// Adds what is at `from` at `path` too.
    Copy { from: String, path: String },
    /// Fails unless the value is at the place.
    Test { path: String, value: Value },
}

/// Applies the operations in order. The first that fails fails the whole.
pub(crate) fn apply(document: &mut Val, operations: &[Operation]) -> Result<(), ToolError> {
    if operations.len() > OPERATIONS_MAX {
        return Err(ToolError::invalid(format!(
            "patch: has more than {OPERATIONS_MAX} operations"
        )));
    }
    for (number, operation) in (1..).zip(operations) {
        one(document, operation).map_err(|error| match error {
            ToolError::Failed(message) => {
                ToolError::failed(format!("operation {number} of the patch: {message}"))
            }
            ToolError::InvalidArguments(message) => {
                ToolError::invalid(format!("patch: operation {number}: {message}"))
            }
            other => other,
        })?;
    }
    Ok(())
}

fn one(document: &mut Val, operation: &Operation) -> Result<(), ToolError> {
    match operation {
        Operation::Add { path, value } => {
            Pointer::parse(path)?.add(document, value_of("value", value)?)
        }
        Operation::Remove { path } => Pointer::parse(path)?.remove(document).map(drop),
        Operation::Replace { path, value } => {
            Pointer::parse(path)?.replace(document, value_of("value", value)?)
        }
        Operation::Move { from, path } => {
            let (from, to) = (Pointer::parse(from)?, Pointer::parse(path)?);
            if from.is_above(&to) {
                return Err(ToolError::failed("a value cannot move into itself"));
            }
            let value = from.remove(document)?;
            to.add(document, value)
        }
        Operation::Copy { from, path } => {
            let value = Pointer::parse(from)?.get(document)?.clone();
            Pointer::parse(path)?.add(document, value)
        }
        Operation::Test { path, value } => {
            let there = Pointer::parse(path)?.get(document)?;
            match *there == value_of("value", value)? {
                true => Ok(()),
                false => Err(ToolError::failed(format!(
                    "the test failed: there is another value at {path:?}"
                ))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(document: Value, patch: Value) -> Result<Value, ToolError> {
        let mut value = value_of("document", &document)?;
        let patch: Vec<Operation> = serde_json::from_value(patch).unwrap();
        apply(&mut value, &patch)?;
        Ok(serde_json::from_str(&value.to_string()).unwrap())
    }

    #[test]
    fn the_examples_of_the_standard_hold() {
        // RFC 6902, appendix A, by number.
        let cases = [
            (
                1,
                json!({"foo": "bar"}),
                json!([{"op": "add", "path": "/baz", "value": "qux"}]),
                json!({"baz": "qux", "foo": "bar"}),
            ),
            (
                2,
                json!({"foo": ["bar", "baz"]}),
                json!([{"op": "add", "path": "/foo/1", "value": "qux"}]),
                json!({"foo": ["bar", "qux", "baz"]}),
            ),
            (
                3,
                json!({"baz": "qux", "foo": "bar"}),
                json!([{"op": "remove", "path": "/baz"}]),
                json!({"foo": "bar"}),
            ),
            (
                4,
                json!({"foo": ["bar", "qux", "baz"]}),
                json!([{"op": "remove", "path": "/foo/1"}]),
                json!({"foo": ["bar", "baz"]}),
            ),
            (
                5,
                json!({"baz": "qux", "foo": "bar"}),
                json!([{"op": "replace", "path": "/baz", "value": "boo"}]),
                json!({"baz": "boo", "foo": "bar"}),
            ),
            (
                6,
                json!({"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}}),
                json!([{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}]),
                json!({"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}}),
            ),
            (
                7,
                json!({"foo": ["all", "grass", "cows", "eat"]}),
                json!([{"op": "move", "from": "/foo/1", "path": "/foo/3"}]),
                json!({"foo": ["all", "cows", "eat", "grass"]}),
            ),
            (
                8,
                json!({"baz": "qux", "foo": ["a", 2, "c"]}),
                json!([{"op": "test", "path": "/baz", "value": "qux"}, {"op": "test", "path": "/foo/1", "value": 2}]),
                json!({"baz": "qux", "foo": ["a", 2, "c"]}),
            ),
            (
                10,
                json!({"foo": "bar"}),
                json!([{"op": "add", "path": "/child", "value": {"grandchild": {}}}]),
                json!({"foo": "bar", "child": {"grandchild": {}}}),
            ),
            (
                11,
                json!({"foo": "bar"}),
                json!([{"op": "add", "path": "/baz", "value": "qux", "xyz": 123}]),
                json!({"foo": "bar", "baz": "qux"}),
            ),
            (
                14,
                json!({"/": 9, "~1": 10}),
                json!([{"op": "test", "path": "/~01", "value": 10}]),
                json!({"/": 9, "~1": 10}),
            ),
            (
                16,
                json!({"foo": ["bar"]}),
                json!([{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}]),
                json!({"foo": ["bar", ["abc", "def"]]}),
            ),
        ];
        for (number, document, patch, result) in cases {
            assert_eq!(patched(document, patch).unwrap(), result, "A.{number}");
        }
    }

    #[test]
    fn what_cannot_be_applied_fails_and_says_which() {
        for (document, patch) in [
            (
                json!({"baz": "qux"}),
                json!([{"op": "test", "path": "/baz", "value": "bar"}]),
            ),
            (
                json!({"foo": "bar"}),
                json!([{"op": "add", "path": "/baz/bat", "value": "qux"}]),
            ),
            (
                json!({"/": 9, "~1": 10}),
                json!([{"op": "test", "path": "/~01", "value": "10"}]),
            ),
            (json!([1]), json!([{"op": "add", "path": "/2", "value": 0}])),
            (json!([1]), json!([{"op": "remove", "path": "/-"}])),
            (
                json!({"a": {}}),
                json!([{"op": "move", "from": "/a", "path": "/a/b"}]),
            ),
            (
                json!({}),
                json!([{"op": "replace", "path": "/a", "value": 1}]),
            ),
        ] {
            let error = patched(document, patch.clone()).unwrap_err().to_string();
            assert!(error.contains("operation 1"), "{patch}: {error}");
        }
    }

    #[test]
    fn the_whole_document_can_be_replaced_and_null_is_a_value() {
        let patch = json!([{"op": "add", "path": "", "value": {"a": 1}}, {"op": "copy", "from": "/a", "path": "/b"},
            {"op": "replace", "path": "/a", "value": null}]);
        assert_eq!(
            patched(json!(0), patch).unwrap(),
            json!({"a": null, "b": 1})
        );
    }
}
