//! Whether a schema is one that OpenAI can hold a model to.
//!
//! With `strict` the answer is certain to fit, but a schema outside the subset that OpenAI supports is refused.
//! So it is asked for where the schema is surely inside it, and otherwise the schema is only shown to the model.

use serde_json::Value;

/// Keywords of the subset.
const KEYWORDS: &[&str] = &[
    "$defs",
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "multipleOf",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
];

/// Whether the schema is an object's, and every object in it requires all its members and admits no others.
pub(crate) fn is_strict(schema: &str) -> bool {
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    schema.get("type").is_some_and(|kind| kind == "object")
        && schema.get("anyOf").is_none()
        && fits(&schema)
}

fn fits(schema: &Value) -> bool {
    let Some(members) = schema.as_object() else {
        return false;
    };
    let known = members.keys().all(|key| KEYWORDS.contains(&key.as_str()));
    let of = |name: &str| members.get(name);
    let each = |name: &str| {
        let schemas = of(name).map(|value| match value {
            Value::Object(members) => members.values().collect(),
            Value::Array(list) => list.iter().collect(),
            _ => Vec::new(),
        });
        schemas.into_iter().flatten().all(fits)
    };
    known
        && closed(schema)
        && of("items").is_none_or(fits)
        && ["properties", "$defs", "anyOf"].into_iter().all(each)
}

fn closed(schema: &Value) -> bool {
    let is_object = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        kind => kind.is_some_and(|kind| kind == "object") || schema.get("properties").is_some(),
    };
    if !is_object {
        return true;
    }
    let none = Vec::new();
    let required = schema
        .get("required")
        .and_then(Value::as_array)
        .unwrap_or(&none);
    let properties = schema.get("properties").and_then(Value::as_object);
    schema.get("additionalProperties") == Some(&Value::Bool(false))
        && properties
            .into_iter()
            .flat_map(|properties| properties.keys())
            .all(|name| required.iter().any(|required| required == name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(properties: Value, required: Value) -> Value {
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    }

    #[test]
    fn only_what_is_surely_supported_is_strict() {
        let inner = object(json!({"b": {"type": "string"}}), json!(["b"]));
        let open = json!({"type": "object", "properties": {}});
        for (schema, wanted) in [
            (object(json!({}), json!([])), true),
            (
                object(json!({"a": {"type": ["string", "null"]}}), json!(["a"])),
                true,
            ),
            (object(json!({"a": inner.clone()}), json!(["a"])), true),
            (
                object(
                    json!({"a": {"anyOf": [inner.clone(), {"type": "null"}]}}),
                    json!(["a"]),
                ),
                true,
            ),
            (
                object(
                    json!({"a": {"type": "array", "items": inner.clone()}}),
                    json!(["a"]),
                ),
                true,
            ),
            (object(json!({"a": {"type": "string"}}), json!([])), false),
            (
                object(
                    json!({"a": {"type": "string", "minLength": 1}}),
                    json!(["a"]),
                ),
                false,
            ),
            (object(json!({"a": open.clone()}), json!(["a"])), false),
            (
                object(
                    json!({"a": {"type": "array", "items": open.clone()}}),
                    json!(["a"]),
                ),
                false,
            ),
            (
                object(json!({"a": {"anyOf": [open.clone()]}}), json!(["a"])),
                false,
            ),
            (object(json!({"a": true}), json!(["a"])), false),
            (open, false),
            (json!({"type": "array", "items": inner.clone()}), false),
            (json!({"anyOf": [inner]}), false),
        ] {
            assert_eq!(is_strict(&schema.to_string()), wanted, "{schema}");
        }
    }
}
