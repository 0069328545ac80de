//! A tool as a client is shown it.
//!
//! Everything in a tool's spec is a stranger's word: what could move a cursor, hide or reverse is
//! escaped, lengths are bounded, and the description says whose words it is. A schema that is no plain
//! object schema, is too large, or refers outside itself becomes the schema of any object; the tool
//! judges its arguments itself in either case.

use serde_json::{Map, Value, json};
use tollgate_contract::ToolHints;
use tollgate_receipts::clip;
use tollgate_sessions::catalog::Offered;

/// The most bytes of a title.
const TITLE_BYTES_MAX: usize = 128;
/// The most bytes of a description.
const DESCRIPTION_BYTES_MAX: usize = 4096;
/// The most bytes of a text inside a schema.
const SCHEMA_TEXT_BYTES_MAX: usize = 1024;
/// The most bytes of a schema.
const SCHEMA_BYTES_MAX: usize = 64 * 1024;
/// The most levels of a schema.
const SCHEMA_DEPTH_MAX: usize = 32;

/// What a client is shown of one tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The name under which it is called.
    pub name: String,
    /// A short title for people.
    pub title: Option<String>,
    /// What it does, in its plugin's words.
    pub description: String,
    /// JSON Schema of the arguments.
    pub input_schema: Map<String, Value>,
    /// JSON Schema of a structured answer.
    pub output_schema: Option<Map<String, Value>>,
    /// Hints.
    pub hints: ToolHints,
}

impl Card {
    /// The card of an offered tool.
    pub fn of(offered: &Offered) -> Self {
        let spec = &offered.spec;
        let words = lines(&spec.description, DESCRIPTION_BYTES_MAX);
        Self {
            name: spec.name.clone(),
            title: spec.title.as_deref().map(|t| clip(t, TITLE_BYTES_MAX)),
            description: format!("[words of plugin {}] {words}", offered.plugin),
            input_schema: schema(&spec.input_schema_json).unwrap_or_else(any_object),
            output_schema: spec.output_schema_json.as_deref().and_then(schema),
            hints: spec.hints.clone(),
        }
    }
}

/// A text of several lines, escaped and cut.
fn lines(text: &str, bytes_max: usize) -> String {
    let mut shown = String::new();
    for line in text.lines() {
        let left = bytes_max.saturating_sub(shown.len());
        if left == 0 {
            break;
        }
        if !shown.is_empty() {
            shown.push('\n');
        }
        shown.push_str(&clip(line, left));
    }
    shown
}

/// The schema, if it can be shown.
fn schema(text: &str) -> Option<Map<String, Value>> {
    if text.len() > SCHEMA_BYTES_MAX {
        return None;
    }
    let Value::Object(mut schema) = serde_json::from_str(text).ok()? else {
        return None;
    };
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return None;
    }
    for value in schema.values_mut() {
        tidy(value, SCHEMA_DEPTH_MAX)?;
    }
    for (key, value) in &mut schema {
        tidy_text(key, value)?;
    }
    Some(schema)
}

/// Escapes the texts of a schema; `None` if it is too deep or refers outside itself.
fn tidy(value: &mut Value, depth: usize) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::Array(all) => all.iter_mut().try_for_each(|one| tidy(one, depth)),
        Value::Object(all) => all.iter_mut().try_for_each(|(key, value)| {
            tidy(value, depth)?;
            tidy_text(key, value)
        }),
        _ => Some(()),
    }
}

fn tidy_text(key: &str, value: &mut Value) -> Option<()> {
    let Value::String(text) = value else {
        return Some(());
    };
    match key {
        "title" | "description" | "$comment" => {
            *text = lines(text, SCHEMA_TEXT_BYTES_MAX);
            Some(())
        }
        // Whoever follows it would ask a server that the plugin chose.
        "$ref" | "$dynamicRef" => text.starts_with('#').then_some(()),
        _ => Some(()),
    }
}

fn any_object() -> Map<String, Value> {
    Map::from_iter([("type".to_owned(), json!("object"))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_contract::{PluginName, ToolSpec};

    fn card(description: &str, input: &str, output: Option<&str>) -> Card {
        let spec = ToolSpec {
            name: "p__t".into(),
            title: Some("T\u{1b}[2J".into()),
            description: description.into(),
            input_schema_json: input.into(),
            output_schema_json: output.map(str::to_owned),
            hints: ToolHints::default(),
        };
        Card::of(&Offered {
            plugin: PluginName::new("p").unwrap(),
            tool: "t".into(),
            spec,
        })
    }

    #[test]
    fn words_are_marked_escaped_and_cut() {
        let shown = card("one\u{202e}\ntwo", "{}", None);
        assert_eq!(shown.description, "[words of plugin p] one\\u{202e}\ntwo");
        assert_eq!(shown.title.unwrap(), "T\\u{1b}[2J");
        let long = card(&"word\n".repeat(10_000), "{}", None).description;
        assert!(long.len() < DESCRIPTION_BYTES_MAX + 64, "{}", long.len());
    }

    #[test]
    fn a_schema_keeps_its_meaning_and_loses_what_hides() {
        let input = r##"{"type":"object","title":"a\u0007","properties":{"title":{"type":"string","description":"b\u200b","enum":["\u200b"]},"x":{"$ref":"#/$defs/x"}}}"##;
        let shown = card("", input, None).input_schema;
        assert_eq!(shown["title"], "a\\u{7}");
        assert_eq!(shown["properties"]["title"]["description"], "b\\u{200b}");
        assert_eq!(shown["properties"]["title"]["enum"][0], "\u{200b}");
        assert_eq!(shown["properties"]["x"]["$ref"], "#/$defs/x");
    }

    #[test]
    fn what_is_no_plain_object_schema_becomes_any_object() {
        let deep = format!(
            r#"{{"type":"object","a":{}1{}}}"#,
            "[".repeat(60),
            "]".repeat(60)
        );
        let large = format!(r#"{{"type":"object","a":"{}"}}"#, "x".repeat(70_000));
        let outside = r#"{"type":"object","properties":{"x":{"$ref":"https://evil.example/x"}}}"#;
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"type":"string"}"#,
            outside,
            &deep,
            &large,
        ] {
            let shown = card("", bad, Some(bad));
            assert_eq!(Value::Object(shown.input_schema), json!({"type": "object"}));
            assert_eq!(shown.output_schema, None);
        }
    }
}
