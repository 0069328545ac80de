//! Shapes, JSON and component values held against each other.

use crate::must;
use serde_json::Value;
use tollgate_sandbox::fuzzing::{self, Int, Shape, Val};

/// The most bytes of a refusal of an argument.
const REFUSAL_BYTES_MAX: usize = 4096;

/// What is read fits the shape and is written again as what is read to the same. What the schema takes is read.
pub(crate) fn reads(shape: &Shape, schema: &Value, json: &Value) {
    match fuzzing::read(shape, json) {
        Ok(value) => {
            assert!(fits(shape, &value), "{shape:?} {value:?}");
            writes(shape, schema, &value);
        }
        Err(why) => {
            assert!(!why.is_empty() && why.len() <= REFUSAL_BYTES_MAX, "{why}");
            assert!(
                has_unschemed(shape) || !conforms(schema, json),
                "{json} is refused: {why}"
            );
        }
    }
}

/// What is written conforms to the schema and is read as what it was.
pub(crate) fn writes(shape: &Shape, schema: &Value, value: &Val) {
    let text = must(fuzzing::write(shape, value, usize::MAX), "it is written");
    assert_eq!(
        fuzzing::write(shape, value, text.len()).as_ref(),
        Ok(&text),
        "at its own length"
    );
    assert!(fuzzing::write(shape, value, text.len().saturating_sub(1)).is_err());
    let json: Value = must(serde_json::from_str(&text), "what is written is JSON");
    assert!(conforms(schema, &json), "{text} of {schema}");
    let again = must(fuzzing::read(shape, &json), "what is written is read");
    assert!(fits(shape, &again), "{shape:?} {again:?}");
    assert_eq!(
        fuzzing::write(shape, &again, usize::MAX).as_ref(),
        Ok(&text),
        "written twice"
    );
    // One that holds a NaN is not equal to itself.
    if value == &value.clone() {
        assert_eq!(&again, value);
    }
}

/// Whether a value is of a shape: what the engine asks of it.
fn fits(shape: &Shape, value: &Val) -> bool {
    let payload = |shape: Option<&Shape>, value: Option<&Val>| match (shape, value) {
        (None, None) => true,
        (Some(shape), Some(value)) => fits(shape, value),
        _ => false,
    };
    match (shape, value) {
        (Shape::Bool, Val::Bool(_))
        | (Shape::F32, Val::Float32(_))
        | (Shape::F64, Val::Float64(_))
        | (Shape::Char, Val::Char(_))
        | (Shape::String, Val::String(_)) => true,
        (Shape::Int(int), value) => matches!(
            (int, value),
            (Int::S8, Val::S8(_))
                | (Int::U8, Val::U8(_))
                | (Int::S16, Val::S16(_))
                | (Int::U16, Val::U16(_))
                | (Int::S32, Val::S32(_))
                | (Int::U32, Val::U32(_))
                | (Int::S64, Val::S64(_))
                | (Int::U64, Val::U64(_))
        ),
        (Shape::Bytes, Val::List(items)) => items.iter().all(|item| matches!(item, Val::U8(_))),
        (Shape::List(element), Val::List(items)) => items.iter().all(|item| fits(element, item)),
        (Shape::Tuple(shapes), Val::Tuple(items)) => {
            shapes.len() == items.len()
                && shapes
                    .iter()
                    .zip(items)
                    .all(|(shape, item)| fits(shape, item))
        }
        (Shape::Record(shapes), Val::Record(fields)) => {
            shapes.len() == fields.len()
                && shapes
                    .iter()
                    .zip(fields)
                    .all(|((name, shape), (given, value))| name == given && fits(shape, value))
        }
        (Shape::Variant(cases), Val::Variant(name, value)) => cases
            .iter()
            .find(|(case, _)| case == name)
            .is_some_and(|(_, shape)| payload(shape.as_ref(), value.as_deref())),
        (Shape::Enum(names), Val::Enum(name)) => names.contains(name),
        (Shape::Option(some), Val::Option(value)) => {
            value.as_ref().is_none_or(|value| fits(some, value))
        }
        (Shape::Result(ok, _), Val::Result(Ok(value))) => payload(ok.as_deref(), value.as_deref()),
        (Shape::Result(_, err), Val::Result(Err(value))) => {
            payload(err.as_deref(), value.as_deref())
        }
        (Shape::Flags(names), Val::Flags(set)) => set.iter().enumerate().all(|(i, name)| {
            names.contains(name) && !set.iter().skip(i + 1).any(|other| other == name)
        }),
        _ => false,
    }
}

/// Whether it has a part whose schema takes more than is read: no schema says what base64 is, what an f32 holds,
/// or which twenty digits are a u64.
fn has_unschemed(shape: &Shape) -> bool {
    match shape {
        Shape::Bytes | Shape::F32 | Shape::Int(Int::S64 | Int::U64) => true,
        Shape::List(part) | Shape::Option(part) => has_unschemed(part),
        Shape::Tuple(parts) => parts.iter().any(has_unschemed),
        Shape::Record(fields) => fields.iter().any(|(_, shape)| has_unschemed(shape)),
        Shape::Variant(cases) => cases
            .iter()
            .filter_map(|(_, shape)| shape.as_ref())
            .any(has_unschemed),
        Shape::Result(ok, err) => [ok, err]
            .into_iter()
            .flatten()
            .any(|shape| has_unschemed(shape)),
        _ => false,
    }
}

/// Whether a value conforms to a schema, as JSON Schema 2020-12 has it, of the words that schemas here use.
fn conforms(schema: &Value, json: &Value) -> bool {
    let word = |word: &str| schema.get(word);
    let all = |word: &str| word_list(schema, word);
    assert!(schema.is_object(), "{schema}");
    for key in schema.as_object().into_iter().flatten().map(|(key, _)| key) {
        assert!(KNOWN.contains(&key.as_str()), "no check knows {key:?}");
    }
    let of_type = match word("type") {
        Some(Value::Array(types)) => types.iter().any(|ty| is_of(ty, json)),
        Some(ty) => is_of(ty, json),
        None => true,
    };
    let among = word("enum").is_none() || all("enum").contains(json);
    let constant = word("const").is_none_or(|only| only == json);
    let matching = |word| all(word).iter().filter(|s| conforms(s, json)).count();
    let any_of = word("anyOf").is_none() || matching("anyOf") > 0;
    let one_of = word("oneOf").is_none() || matching("oneOf") == 1;
    let parts = match json {
        Value::Object(members) => {
            let properties = word("properties").and_then(Value::as_object);
            assert!(word("additionalProperties").is_none_or(|others| others == false));
            let closed = word("additionalProperties").is_some();
            let required = all("required").iter();
            required
                .clone()
                .all(|name| json.get(name.as_str().unwrap_or_default()).is_some())
                && members.iter().all(|(name, member)| {
                    match properties.and_then(|known| known.get(name)) {
                        Some(schema) => conforms(schema, member),
                        None => !closed,
                    }
                })
        }
        Value::Array(items) => {
            let first = all("prefixItems");
            let rest = items.iter().skip(first.len());
            let rest_fits = match word("items") {
                None | Some(Value::Bool(true)) => true,
                Some(Value::Bool(false)) => rest.len() == 0,
                Some(schema) => rest.clone().all(|item| conforms(schema, item)),
            };
            let repeated = |(i, item)| items.iter().skip(i + 1).any(|other| other == item);
            rest_fits
                && first
                    .iter()
                    .zip(items)
                    .all(|(schema, item)| conforms(schema, item))
                && word("minItems").is_none_or(|least| items.len() as u64 >= number(least))
                && (word("uniqueItems").is_none() || !items.iter().enumerate().any(repeated))
        }
        Value::String(text) => {
            let chars = text.chars().count() as u64;
            word("minLength").is_none_or(|least| chars >= number(least))
                && word("maxLength").is_none_or(|most| chars <= number(most))
                && word("pattern")
                    .and_then(Value::as_str)
                    .is_none_or(|pattern| is_digits(pattern, text))
        }
        Value::Number(_) => {
            word("minimum").is_none_or(|least| at_most(least, json))
                && word("maximum").is_none_or(|most| at_most(json, most))
        }
        Value::Null | Value::Bool(_) => true,
    };
    of_type && among && constant && any_of && one_of && parts
}

const KNOWN: [&str; 19] = [
    "type",
    "enum",
    "const",
    "anyOf",
    "oneOf",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "prefixItems",
    "minItems",
    "uniqueItems",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    // These two say nothing of what conforms.
    "contentEncoding",
    "description",
];

fn word_list<'a>(schema: &'a Value, word: &str) -> &'a [Value] {
    schema
        .get(word)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn is_of(ty: &Value, json: &Value) -> bool {
    match ty.as_str().unwrap_or_default() {
        "null" => json.is_null(),
        "boolean" => json.is_boolean(),
        "string" => json.is_string(),
        "array" => json.is_array(),
        "object" => json.is_object(),
        "number" => json.is_number(),
        "integer" => json.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => false,
    }
}

fn number(json: &Value) -> u64 {
    must(json.as_u64().ok_or(json), "a size is a natural number")
}

/// Compares as integers where both are, because a float does not hold all of them.
fn at_most(one: &Value, other: &Value) -> bool {
    let integer = |json: &Value| {
        let signed = json.as_i64().map(i128::from);
        signed.or_else(|| json.as_u64().map(i128::from))
    };
    match (integer(one), integer(other)) {
        (Some(one), Some(other)) => one <= other,
        _ => one.as_f64() <= other.as_f64(),
    }
}

fn is_digits(pattern: &str, text: &str) -> bool {
    let (digits, most) = match pattern {
        "^-?[0-9]{1,19}$" => (text.strip_prefix('-').unwrap_or(text), 19),
        "^[0-9]{1,20}$" => (text, 20),
        _ => (must(Err(pattern), "no check knows the pattern"), 0),
    };
    (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}
