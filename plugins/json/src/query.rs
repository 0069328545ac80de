//! The tool `query`.

use crate::bounds::{OUTPUT_BYTES_MAX, VALUES, VALUES_MAX};
use crate::filter::Filter;
use crate::input::Source;
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
struct Query {
    /// A filter in the language of jq, such as `.items[] | select(.price > 10) | {name, price}`.
    filter: String,
    /// The document as a JSON value. Give exactly one of input, text and path.
    #[serde(default)]
    input: Option<Value>,
    /// The document as JSON text, or many documents one after the other, such as lines of JSON.
    #[serde(default)]
    text: Option<String>,
    /// The file that holds the document or documents, such as /project/package.json.
    #[serde(default)]
    path: Option<String>,
    /// Values that the filter sees as $name, by name without the $.
    #[serde(default)]
    variables: BTreeMap<String, Value>,
    /// Whether the documents are given to the filter as one array instead of one after the other.
    #[serde(default)]
    slurp: bool,
    /// Whether a result that is a string is given as plain text instead of JSON.
    #[serde(default)]
    raw: bool,
    /// How many results to give at most; 100 if not given, and never more than 1000.
    #[serde(default = "values")]
    values_max: usize,
}

fn values() -> usize {
    VALUES
}

pub(crate) fn tool() -> Tool {
    Tool::new::<Query>(
        "query",
        "Asks a JSON document with a filter in the language of jq: picks, filters, counts, groups and \
         reshapes. Each result is a JSON value of its own. Reads the document from the arguments or from a \
         file, at most 4 MiB, and gives at most 256 KiB.",
        query,
    )
    .title("Query JSON")
    .read_only()
}

fn query(arguments: Query, _: &Context) -> Result<ToolOutput, ToolError> {
    if !(1..=VALUES_MAX).contains(&arguments.values_max) {
        return Err(ToolError::invalid(format!(
            "values_max: is from 1 to {VALUES_MAX}"
        )));
    }
    let filter = Filter::new(&arguments.filter, &arguments.variables)?;
    let source = Source {
        input: arguments.input,
        text: arguments.text,
        path: arguments.path,
    };
    let mut inputs = source.values()?;
    if arguments.slurp {
        inputs = vec![Val::Arr(inputs.into())];
    }
    let mut results = Results {
        values_max: arguments.values_max,
        raw: arguments.raw,
        bytes: 0,
        blocks: Vec::new(),
        note: None,
    };
    for input in inputs {
        if filter
            .run(input, &mut |value| results.take(&value))?
            .is_break()
        {
            break;
        }
    }
    Ok(results.into_output())
}

/// The results so far.
struct Results {
    values_max: usize,
    raw: bool,
    bytes: usize,
    blocks: Vec<OutputBlock>,
    note: Option<String>,
}

impl Results {
    fn take(&mut self, value: &Val) -> Result<ControlFlow<()>, ToolError> {
        if self.blocks.len() >= self.values_max {
            self.note = Some(format!(
                "[stopped after {} results; there are more]",
                self.values_max
            ));
            return Ok(ControlFlow::Break(()));
        }
        let block = match value {
            Val::TStr(bytes) if self.raw => {
                OutputBlock::Text(String::from_utf8_lossy(bytes).into_owned())
            }
            other => OutputBlock::Json(json(other)?),
        };
        let (OutputBlock::Text(text) | OutputBlock::Json(text)) = &block else {
            return Ok(ControlFlow::Break(()));
        };
        let bytes = self.bytes.saturating_add(text.len());
        if bytes > OUTPUT_BYTES_MAX {
            self.note = Some(format!(
                "[stopped after {} results: the next one exceeds {OUTPUT_BYTES_MAX} bytes in all; ask \
                 for less]",
                self.blocks.len()
            ));
            return Ok(ControlFlow::Break(()));
        }
        self.bytes = bytes;
        self.blocks.push(block);
        Ok(ControlFlow::Continue(()))
    }

    fn into_output(self) -> ToolOutput {
        let none = self.blocks.is_empty() && self.note.is_none();
        let output = ToolOutput {
            content: self.blocks,
            is_error: false,
        };
        match self.note {
            Some(note) => output.and_text(note),
            None if none => output.and_text("[no results]"),
            None => output,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{call, refusal};
    use serde_json::json;

    #[test]
    fn each_result_is_a_value_of_its_own() {
        let made = call(
            "query",
            json!({"filter": ".[]", "input": [1, "a", {"b": null}]}),
        );
        assert_eq!(made.unwrap(), "1\n\"a\"\n{\"b\":null}");
        let made = call("query", json!({"filter": "empty", "input": 1}));
        assert_eq!(made.unwrap(), "[no results]");
        let made = call(
            "query",
            json!({"filter": ".s", "input": {"s": "a\nb"}, "raw": true}),
        );
        assert_eq!(made.unwrap(), "a\nb");
    }

    #[test]
    fn lines_of_json_are_taken_one_by_one_or_together() {
        let text = "{\"n\":1}\n{\"n\":2}\n";
        let made = call("query", json!({"filter": ".n", "text": text}));
        assert_eq!(made.unwrap(), "1\n2");
        let made = call(
            "query",
            json!({"filter": "map(.n)|add", "text": text, "slurp": true}),
        );
        assert_eq!(made.unwrap(), "3");
    }

    #[test]
    fn numbers_and_order_survive_in_text() {
        let text = r#"{"z":12345678901234567890123,"a":1.10}"#;
        assert_eq!(
            call("query", json!({"filter": ".", "text": text})).unwrap(),
            text
        );
    }

    #[test]
    fn results_are_bounded_and_say_so() {
        let made = call(
            "query",
            json!({"filter": "repeat(1)", "input": 1, "values_max": 2}),
        );
        assert_eq!(
            made.unwrap(),
            "1\n1\n[stopped after 2 results; there are more]"
        );
        let made = call(
            "query",
            json!({"filter": "\"x\" * 200000, \"y\" * 100000", "input": 1}),
        );
        assert!(made.unwrap().contains("[stopped after 1 results"));
        let one = refusal("query", json!({"filter": "[range(100000)]", "input": 1}));
        assert!(one.contains("larger than 262144 bytes"), "{one}");
        assert!(
            refusal("query", json!({"filter": ".", "input": 1, "values_max": 0})).contains("1 to")
        );
    }
}
