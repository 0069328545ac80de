//! The schema of a stored entry as JSON Schema (2020-12), for readers in other languages.
//!
//! It is made from the types that write entries, with the bounds that writing keeps. JSON Schema counts
//! characters and we count bytes, so a text of other than ASCII is bounded more closely than it says.

use crate::body::{
    CHANGE_DETAIL_BYTES_MAX, COMMAND_BYTES_MAX, HMAC_BYTES, IMPORT_BYTES_MAX, LABEL_BYTES_MAX,
    NEAREST_BYTES_MAX, OBJECT_BYTES_MAX, OUTCOME_DETAIL_BYTES_MAX, WHO_BYTES_MAX,
};
use crate::{ENTRY_BYTES_MAX, ENTRY_SCHEMA, ID_BYTES_MAX, Record, TARGET_BYTES_MAX};
use schemars::JsonSchema;
use serde_json::{Value, json};

/// One entry of the ledger, as it is stored.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Entry {
    /// Name and version of this schema.
    schema: String,
    /// The entry's number in its session's chain, from 1, without gaps.
    seq: u64,
    /// Leaf hash (RFC 6962, section 2.1: SHA-256 of a zero byte and the stored bytes) of the session's previous
    /// entry, hexadecimal; zeros in the first. Where that entry's body was removed when it was still of
    /// schema 1: SHA-256 of the stored bytes.
    prev: String,
    /// The session whose chain it is in; `host` for what belongs to none.
    session: String,
    #[serde(flatten)]
    record: Record,
}

/// The schema of every entry that this version writes.
pub fn entry_schema() -> Value {
    let mut schema = schemars::schema_for!(Entry).to_value();
    bound(&mut schema);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let prev = format!("^[0-9a-f]{{{HMAC_BYTES}}}$");
        for (name, key, value) in [
            ("schema", "const", json!(ENTRY_SCHEMA)),
            ("prev", "pattern", json!(prev)),
        ] {
            if let Some(property) = properties.get_mut(name).and_then(Value::as_object_mut) {
                property.insert(key.into(), value);
            }
        }
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".into(), json!(ENTRY_SCHEMA));
        let size =
            format!("Deterministic JSON of integers and texts, at most {ENTRY_BYTES_MAX} bytes.");
        schema.insert("$comment".into(), json!(size));
    }
    schema
}

/// Adds to each text the bound that writing keeps.
fn bound(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let of_change = object
                .get("properties")
                .is_some_and(|properties| properties.get("who").is_some());
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                for (name, property) in properties {
                    let (Some(max), Some(property)) =
                        (bytes_max(name, of_change), property.as_object_mut())
                    else {
                        continue;
                    };
                    let is_text = property.get("type").is_some_and(|kind| {
                        kind == "string" || kind.get(0).is_some_and(|kind| kind == "string")
                    });
                    let is_closed = ["const", "enum"]
                        .iter()
                        .any(|key| property.contains_key(*key));
                    if is_text && !is_closed {
                        property.insert("maxLength".into(), json!(max));
                    }
                }
            }
            object.values_mut().for_each(bound);
        }
        Value::Array(items) => items.iter_mut().for_each(bound),
        _ => {}
    }
}

fn bytes_max(property: &str, of_change: bool) -> Option<usize> {
    Some(match property {
        "session" | "run" | "call" | "receipt" | "grant" | "policy" => ID_BYTES_MAX,
        "name" | "version" | "digest" => ID_BYTES_MAX,
        "kind" | "reason" | "error" | "address" | "what" | "ended" => LABEL_BYTES_MAX,
        "import" | "export" => IMPORT_BYTES_MAX,
        "text" => TARGET_BYTES_MAX,
        "hmac" => HMAC_BYTES,
        "nearest" => NEAREST_BYTES_MAX,
        "command" => COMMAND_BYTES_MAX,
        "who" => WHO_BYTES_MAX,
        "object" => OBJECT_BYTES_MAX,
        "detail" if of_change => CHANGE_DETAIL_BYTES_MAX,
        "detail" => OUTCOME_DETAIL_BYTES_MAX,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unbounded(path: &str, schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(object) => {
                let text = object.get("type").is_some_and(|kind| {
                    kind == "string" || kind.get(0).is_some_and(|kind| kind == "string")
                });
                let closed = ["const", "enum", "maxLength", "pattern"];
                if text && !closed.iter().any(|key| object.contains_key(*key)) {
                    found.push(path.to_owned());
                }
                for (name, value) in object {
                    unbounded(&format!("{path}/{name}"), value, found);
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    unbounded(&format!("{path}/{at}"), item, found);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn every_text_has_a_bound() {
        let mut found = Vec::new();
        unbounded("", &entry_schema(), &mut found);
        assert_eq!(found, Vec::<String>::new());
    }
}
