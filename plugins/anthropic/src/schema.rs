//! JSON Schemas as the API takes them, in the order in which they were written.

use crate::fields::Fields;
use serde_json::Error;
use serde_json::value::{RawValue, to_raw_value};
use tollgate_sdk::ProviderError;

/// Where a schema holds others by name.
const NAMED: [&str; 3] = ["properties", "$defs", "definitions"];
/// Where a schema holds others, one or in a row.
const HELD: [&str; 5] = ["items", "prefixItems", "anyOf", "oneOf", "allOf"];
/// How deep schemas in a schema are looked at; below that they go as they are.
const LEVELS_MAX: usize = 64;

/// The schema of a tool's arguments, which has to say that they are an object.
pub(crate) fn arguments(schema: &RawValue) -> Result<Box<RawValue>, ProviderError> {
    with_type(schema).map_err(invalid)
}

fn with_type(schema: &RawValue) -> Result<Box<RawValue>, Error> {
    let mut fields: Fields = serde_json::from_str(schema.get())?;
    if fields.get("type").is_none() {
        fields.set("type", to_raw_value("object")?);
    }
    to_raw_value(&fields)
}

/// The schema of an answer, in which every object has to say that it has no other properties; here it says
/// so where it was left open.
pub(crate) fn closed(schema: &RawValue) -> Result<Box<RawValue>, ProviderError> {
    close(schema, LEVELS_MAX).map_err(invalid)
}

fn invalid(error: Error) -> ProviderError {
    ProviderError::invalid(format!("a schema cannot be read: {error}"))
}

fn close(schema: &RawValue, levels: usize) -> Result<Box<RawValue>, Error> {
    let Some(levels) = levels.checked_sub(1) else {
        return Ok(schema.to_owned());
    };
    if schema.get().starts_with('[') {
        let row: Vec<Box<RawValue>> = serde_json::from_str(schema.get())?;
        let row: Result<Vec<_>, _> = row.iter().map(|held| close(held, levels)).collect();
        return to_raw_value(&row?);
    }
    if !schema.get().starts_with('{') {
        return Ok(schema.to_owned());
    }
    let mut fields: Fields = serde_json::from_str(schema.get())?;
    fields.change(|name, value| {
        Ok::<_, Error>(if NAMED.contains(&name) && value.get().starts_with('{') {
            let mut named: Fields = serde_json::from_str(value.get())?;
            named.change(|_, held| close(held, levels).map(Some))?;
            Some(to_raw_value(&named)?)
        } else if HELD.contains(&name) {
            Some(close(value, levels)?)
        } else {
            None
        })
    })?;
    let is_object = fields
        .get("type")
        .is_some_and(|kind| kind.get() == "\"object\"");
    let is_open = fields.get("additionalProperties").is_none();
    if is_open && (is_object || fields.get("properties").is_some()) {
        fields.set("additionalProperties", to_raw_value(&false)?);
    }
    to_raw_value(&fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).unwrap()
    }

    #[test]
    fn arguments_are_an_object_unless_the_schema_says_otherwise() {
        for (schema, wanted) in [
            ("{}", r#"{"type":"object"}"#),
            (
                r#"{"title":"b","a": 1.0}"#,
                r#"{"title":"b","a":1.0,"type":"object"}"#,
            ),
            (r#"{"type":"string"}"#, r#"{"type":"string"}"#),
        ] {
            assert_eq!(arguments(&raw(schema)).unwrap().get(), wanted);
        }
    }

    #[test]
    fn every_object_is_closed_unless_it_says_otherwise() {
        let schema = json!({
            "type": "object",
            "properties": {
                "type": {"type": "string"},
                "a": {"type": "array", "items": {"type": "object", "properties": {}}},
                "b": {"anyOf": [{"properties": {"c": {"type": "null"}}}, {"type": "integer"}]},
                "d": {"type": "object", "additionalProperties": true},
                "e": {"const": {"type": "object"}},
            },
            "$defs": {"f": {"type": "object"}},
        });
        let closed = closed(&raw(&schema.to_string())).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(closed.get()).unwrap(),
            json!({
                "type": "object", "additionalProperties": false,
                "properties": {
                    "type": {"type": "string"},
                    "a": {"type": "array",
                        "items": {"type": "object", "properties": {}, "additionalProperties": false}},
                    "b": {"anyOf": [
                        {"properties": {"c": {"type": "null"}}, "additionalProperties": false},
                        {"type": "integer"}]},
                    "d": {"type": "object", "additionalProperties": true},
                    "e": {"const": {"type": "object"}},
                },
                "$defs": {"f": {"type": "object", "additionalProperties": false}},
            })
        );
    }

    #[test]
    fn the_order_of_properties_stays() {
        let schema = raw(r#"{"properties":{"z":{},"a":{"type":"object"}},"type":"object"}"#);
        assert_eq!(
            closed(&schema).unwrap().get(),
            r#"{"properties":{"z":{},"a":{"type":"object","additionalProperties":false}},"type":"object","additionalProperties":false}"#
        );
    }

    #[test]
    fn a_schema_that_is_deeper_than_any_goes_as_it_is() {
        let deep = format!("{}{{}}{}", r#"{"items":"#.repeat(3_000), "}".repeat(3_000));
        assert_eq!(closed(&raw(&deep)).unwrap().get(), deep);
    }
}
