//! Shapes as JSON Schema (2020-12). What a schema says is what [`super::read`] takes and
//! [`super::write`] writes.
//!
//! | WIT | JSON |
//! |---|---|
//! | bool, string, list | boolean, string, array |
//! | integers of up to 32 bits | number |
//! | s64, u64 | number where 53 bits hold it, else a string of decimal digits; both are taken |
//! | f32, f64 | number, or one of the strings `NaN`, `Infinity`, `-Infinity` |
//! | char | a string of one character (Unicode scalar value) |
//! | list\<u8\> | a string of base64 (RFC 4648, section 4); an array of numbers is taken, too |
//! | record | object; a field whose type is an option may be left out |
//! | tuple | array of exactly so many |
//! | variant | `"case"`, or `{"case": payload}` |
//! | enum | string |
//! | option | null, or the value; an option of an option is null or `{"some": value}` |
//! | result | `{"ok": value}` or `{"err": value}`, null where there is no payload |
//! | flags | array of the names that are set |

use super::shape::{Int, Shape};
use serde_json::{Map, Value, json};

/// The greatest integer up to which every integer is a number for every reader (RFC 8259, section 6).
pub(crate) const EXACT_MAX: i128 = (1 << 53) - 1;
/// The values of a float that are no numbers.
pub(crate) const FLOAT_WORDS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// The schema of a shape.
pub(crate) fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Int(int) => integer(*int),
        Shape::F32 | Shape::F64 => {
            json!({ "anyOf": [{ "type": "number" }, { "enum": FLOAT_WORDS }] })
        }
        Shape::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
        Shape::String => json!({ "type": "string" }),
        Shape::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Shape::List(element) => words([("type", "array".into()), ("items", of(element))]),
        Shape::Record(fields) => object(fields.iter().map(|(name, shape)| (name.as_str(), shape))),
        Shape::Tuple(parts) => words([
            ("type", "array".into()),
            ("prefixItems", parts.iter().map(of).collect()),
            ("items", false.into()),
            ("minItems", parts.len().into()),
        ]),
        Shape::Variant(cases) => {
            let cases = cases.iter().map(|(name, payload)| match payload {
                Some(payload) => only(name, of(payload)),
                None => json!({ "const": name }),
            });
            words([("oneOf", cases.collect())])
        }
        Shape::Enum(names) => json!({ "type": "string", "enum": names }),
        Shape::Option(some) if some.is_nullable() => {
            let null = json!({ "type": "null" });
            words([("anyOf", vec![null, only("some", of(some))].into())])
        }
        Shape::Option(some) => or_null(of(some)),
        Shape::Result(ok, err) => {
            let cases = vec![only("ok", payload(ok)), only("err", payload(err))];
            words([("oneOf", cases.into())])
        }
        Shape::Flags(names) => json!({
            "type": "array",
            "items": { "type": "string", "enum": names },
            "uniqueItems": true,
        }),
    }
}

/// The schema of an object whose members have these shapes. Options may be left out.
pub(crate) fn object<'a>(members: impl Iterator<Item = (&'a str, &'a Shape)>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, shape) in members {
        if !shape.is_nullable() {
            required.push(Value::from(name));
        }
        properties.insert(name.to_owned(), of(shape));
    }
    closed(properties, required)
}

/// The schema of an object with these members and no others.
pub(crate) fn closed(properties: Map<String, Value>, required: Vec<Value>) -> Value {
    words([
        ("type", "object".into()),
        ("properties", properties.into()),
        ("required", required.into()),
        ("additionalProperties", false.into()),
    ])
}

/// A schema of these words. Unlike `json!` it takes what is in them and copies nothing, which at every level of a
/// deep type would be a copy of all that is below.
fn words<const N: usize>(words: [(&str, Value); N]) -> Value {
    words
        .into_iter()
        .map(|(word, value)| (word.to_owned(), value))
        .collect()
}

/// The schema, or null: in the type where that is all it takes, which every reader understands.
fn or_null(mut schema: Value) -> Value {
    let is_plain = schema.get("enum").is_none();
    match schema.get_mut("type") {
        Some(ty @ Value::String(_)) if is_plain => {
            *ty = json!([ty, "null"]);
            schema
        }
        _ => words([("anyOf", vec![schema, json!({ "type": "null" })].into())]),
    }
}

/// What an absent payload looks like: null.
fn payload(shape: &Option<Box<Shape>>) -> Value {
    match shape {
        Some(shape) => of(shape),
        None => json!({ "type": "null" }),
    }
}

fn only(name: &str, schema: Value) -> Value {
    closed(
        Map::from_iter([(name.to_owned(), schema)]),
        vec![name.into()],
    )
}

fn integer(int: Int) -> Value {
    let (least, greatest) = int.bounds();
    let number = |least: i128, greatest: i128| {
        json!({
            "type": "integer",
            "minimum": i64::try_from(least).unwrap_or(i64::MIN),
            "maximum": i64::try_from(greatest).unwrap_or(i64::MAX),
        })
    };
    if !int.is_wide() {
        return number(least, greatest);
    }
    let (word, pattern) = if least < 0 {
        ("s64", "^-?[0-9]{1,19}$")
    } else {
        ("u64", "^[0-9]{1,20}$")
    };
    json!({
        "anyOf": [
            number(least.max(-EXACT_MAX), EXACT_MAX),
            { "type": "string", "pattern": pattern },
        ],
        "description": format!("{word}: a number up to 2^53 - 1, beyond it a string of decimal digits"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::shape::SHAPE_DEPTH_MAX;

    #[test]
    fn a_schema_says_what_is_taken() {
        let shape = Shape::Record(vec![
            ("id".into(), Shape::Int(Int::U64)),
            ("data".into(), Shape::Bytes),
            ("note".into(), Shape::Option(Box::new(Shape::String))),
            (
                "twice".into(),
                Shape::Option(Box::new(Shape::Option(Box::new(Shape::Bool)))),
            ),
            (
                "what".into(),
                Shape::Variant(vec![("none".into(), None), ("at".into(), Some(Shape::F32))]),
            ),
            ("flags".into(), Shape::Flags(vec!["a".into(), "b".into()])),
            (
                "both".into(),
                Shape::Tuple(vec![Shape::Char, Shape::Int(Int::S8)]),
            ),
            (
                "done".into(),
                Shape::Result(None, Some(Box::new(Shape::String))),
            ),
        ]);
        insta::assert_json_snapshot!(of(&shape));
    }

    /// A list of tools stays what every reader takes, with what stands around a schema in it.
    #[test]
    fn the_deepest_schema_is_parsed_by_who_stops_at_128_levels() {
        let nests: [fn(Shape) -> Shape; 3] = [
            |inner| Shape::Variant(vec![("a".into(), Some(inner))]),
            |inner| Shape::Option(Box::new(inner)),
            |inner| Shape::Result(None, Some(Box::new(inner))),
        ];
        for nest in nests {
            let deepest = (1..SHAPE_DEPTH_MAX).fold(Shape::F64, |inner, _| nest(inner));
            let around = (0..16).fold(of(&deepest), |inner, _| json!([inner]));
            let told = around.to_string();
            assert!(serde_json::from_str::<Value>(&told).is_ok(), "{told}");
        }
    }
}
