//! JSON as component values: what a caller hands over, judged by the shape of the parameter.
//!
//! Invariants: a value that is returned fits the shape, so that the engine never refuses it; what does
//! not fit is refused with its place; the number of values is bounded.

use super::schema::FLOAT_WORDS;
use super::shape::{Int, Shape};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use wasmtime::component::Val;

/// Values that the arguments of one call may have: each takes some tens of bytes in the host.
pub(crate) const ARGUMENT_VALUES_MAX: usize = 4 * 1024 * 1024;
/// Characters of a word of the caller's that a refusal shows.
const SHOWN_CHARS_MAX: usize = 60;

/// An argument that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// Where, from the inside out.
    place: Vec<String>,
    why: String,
}

impl Misfit {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self {
            place: Vec::new(),
            why: why.into(),
        }
    }

    pub(crate) fn within(mut self, name: &str) -> Self {
        self.place.push(format!(".{name}"));
        self
    }

    fn at(mut self, index: usize) -> Self {
        self.place.push(format!("[{index}]"));
        self
    }
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place: String = self.place.iter().rev().map(String::as_str).collect();
        match place.trim_start_matches('.') {
            "" => f.write_str(&self.why),
            place => write!(f, "{place}: {}", self.why),
        }
    }
}

/// What is left of [`ARGUMENT_VALUES_MAX`].
#[derive(Debug)]
pub(crate) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(ARGUMENT_VALUES_MAX)
    }
}

impl Room {
    fn take(&mut self, values: usize) -> Result<(), Misfit> {
        self.0 = self.0.checked_sub(values).ok_or_else(|| {
            Misfit::new(format!(
                "the arguments have more than {ARGUMENT_VALUES_MAX} values"
            ))
        })?;
        Ok(())
    }
}

/// The component value of `json`.
pub(crate) fn value(shape: &Shape, json: &Value, room: &mut Room) -> Result<Val, Misfit> {
    room.take(1)?;
    match shape {
        Shape::Bool => json
            .as_bool()
            .map(Val::Bool)
            .ok_or_else(|| expected("true or false", json)),
        Shape::Int(int) => integer(*int, json),
        Shape::F32 => float(json).and_then(|wide| {
            let narrow = wide as f32;
            if narrow.is_infinite() && wide.is_finite() {
                return Err(expected("a number that an f32 holds", json));
            }
            Ok(Val::Float32(narrow))
        }),
        Shape::F64 => float(json).map(Val::Float64),
        Shape::Char => character(json),
        Shape::String => text(json).map(|text| Val::String(text.to_owned())),
        Shape::Bytes => bytes(json, room),
        Shape::List(element) => {
            let items = array(json)?.iter().enumerate();
            let items = items.map(|(i, item)| value(element, item, room).map_err(|e| e.at(i)));
            items.collect::<Result<_, _>>().map(Val::List)
        }
        Shape::Record(fields) => members(fields, json, room).map(Val::Record),
        Shape::Tuple(shapes) => {
            let items = array(json)?;
            if items.len() != shapes.len() {
                return Err(expected(&format!("an array of {}", shapes.len()), json));
            }
            let parts = shapes.iter().zip(items).enumerate();
            let parts =
                parts.map(|(i, (shape, item))| value(shape, item, room).map_err(|e| e.at(i)));
            parts.collect::<Result<_, _>>().map(Val::Tuple)
        }
        Shape::Variant(cases) => variant(cases, json, room),
        Shape::Enum(names) => named(names, json).map(Val::Enum),
        Shape::Option(some) => match json {
            Value::Null => Ok(Val::Option(None)),
            _ => {
                let inner = match some.is_nullable() {
                    true => {
                        only(json, "some").ok_or_else(|| expected("null or {\"some\": …}", json))?
                    }
                    false => json,
                };
                value(some, inner, room).map(|some| Val::Option(Some(Box::new(some))))
            }
        },
        Shape::Result(ok, err) => match (only(json, "ok"), only(json, "err")) {
            (Some(inner), _) => payload(ok, inner, room)
                .map(|ok| Val::Result(Ok(ok)))
                .map_err(|e| e.within("ok")),
            (_, Some(inner)) => payload(err, inner, room)
                .map(|err| Val::Result(Err(err)))
                .map_err(|e| e.within("err")),
            (None, None) => Err(expected("{\"ok\": …} or {\"err\": …}", json)),
        },
        Shape::Flags(names) => {
            let mut set: Vec<String> = Vec::new();
            for (i, item) in array(json)?.iter().enumerate() {
                let name = named(names, item).map_err(|e| e.at(i))?;
                if set.contains(&name) {
                    return Err(Misfit::new(format!("{name} is set twice")).at(i));
                }
                set.push(name);
            }
            Ok(Val::Flags(set))
        }
    }
}

/// The members of an object, in the order of their shapes.
fn members(
    shapes: &[(String, Shape)],
    json: &Value,
    room: &mut Room,
) -> Result<Vec<(String, Val)>, Misfit> {
    let object = json
        .as_object()
        .ok_or_else(|| expected("an object", json))?;
    if let Some(stray) = object
        .keys()
        .find(|key| !shapes.iter().any(|(name, _)| name == *key))
    {
        let known: Vec<&str> = shapes.iter().map(|(name, _)| name.as_str()).collect();
        return Err(self::stray(stray, &known));
    }
    shapes
        .iter()
        .map(|(name, shape)| {
            let json = match object.get(name) {
                Some(json) => json,
                None if shape.is_nullable() => &Value::Null,
                None => return Err(Misfit::new(format!("{name} is missing"))),
            };
            let value = value(shape, json, room).map_err(|e| e.within(name))?;
            Ok((name.clone(), value))
        })
        .collect()
}

/// A member that nobody asked for.
pub(crate) fn stray(name: &str, known: &[&str]) -> Misfit {
    Misfit::new(match known {
        [] => format!("{:?} is not known; there are none", short(name)),
        known => format!(
            "{:?} is not known; known are {}",
            short(name),
            known.join(", ")
        ),
    })
}

fn variant(
    cases: &[(String, Option<Shape>)],
    json: &Value,
    room: &mut Room,
) -> Result<Val, Misfit> {
    let (name, inner) = match json {
        Value::String(name) => (name.as_str(), None),
        Value::Object(object) if object.len() == 1 => {
            let member = object.iter().next();
            member.map_or(("", None), |(name, inner)| (name.as_str(), Some(inner)))
        }
        _ => return Err(expected("a case: \"name\" or {\"name\": …}", json)),
    };
    let Some((case, shape)) = cases.iter().find(|(case, _)| case == name) else {
        let known: Vec<&str> = cases.iter().map(|(case, _)| case.as_str()).collect();
        return Err(Misfit::new(format!(
            "{:?} is no case; cases are {}",
            short(name),
            known.join(", ")
        )));
    };
    let payload = match (shape, inner) {
        (None, None) => None,
        (Some(shape), Some(inner)) => Some(Box::new(
            value(shape, inner, room).map_err(|e| e.within(case))?,
        )),
        (None, Some(_)) => {
            return Err(Misfit::new(format!(
                "{case} has no payload; write {case:?}"
            )));
        }
        (Some(_), None) => {
            return Err(Misfit::new(format!(
                "{case} has a payload; write {{{case:?}: …}}"
            )));
        }
    };
    Ok(Val::Variant(case.clone(), payload))
}

/// The payload of a case of a result; null where it has none.
fn payload(
    shape: &Option<Box<Shape>>,
    json: &Value,
    room: &mut Room,
) -> Result<Option<Box<Val>>, Misfit> {
    match shape {
        Some(shape) => value(shape, json, room).map(|value| Some(Box::new(value))),
        None if json.is_null() => Ok(None),
        None => Err(expected("null", json)),
    }
}

fn integer(int: Int, json: &Value) -> Result<Val, Misfit> {
    let (least, greatest) = int.bounds();
    let wanted = || expected(&format!("an integer from {least} to {greatest}"), json);
    let number: i128 = match json {
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => number.into(),
            (_, Some(number), _) => number.into(),
            // `5.0` and `1e3` are integers for JSON Schema (2020-12 validation, section 6.1.1).
            (_, _, Some(float)) if float.fract() == 0.0 && float.abs() <= EXACT_FLOAT => {
                float as i128
            }
            _ => return Err(wanted()),
        },
        Value::String(digits) if int.is_wide() && digits.len() <= DIGITS_MAX => {
            let plain = digits
                .trim_start_matches('-')
                .bytes()
                .all(|b| b.is_ascii_digit());
            digits.parse().ok().filter(|_| plain).ok_or_else(wanted)?
        }
        _ => return Err(wanted()),
    };
    if number < least || number > greatest {
        return Err(wanted());
    }
    let fit = |value: Option<Val>| value.ok_or_else(wanted);
    match int {
        Int::S8 => fit(number.try_into().ok().map(Val::S8)),
        Int::U8 => fit(number.try_into().ok().map(Val::U8)),
        Int::S16 => fit(number.try_into().ok().map(Val::S16)),
        Int::U16 => fit(number.try_into().ok().map(Val::U16)),
        Int::S32 => fit(number.try_into().ok().map(Val::S32)),
        Int::U32 => fit(number.try_into().ok().map(Val::U32)),
        Int::S64 => fit(number.try_into().ok().map(Val::S64)),
        Int::U64 => fit(number.try_into().ok().map(Val::U64)),
    }
}

/// Digits of a 64-bit integer with its sign.
const DIGITS_MAX: usize = 20;
/// The greatest float that stands for one integer only.
const EXACT_FLOAT: f64 = 9_007_199_254_740_991.0;

fn float(json: &Value) -> Result<f64, Misfit> {
    match json {
        Value::Number(number) => number.as_f64().ok_or_else(|| expected("a number", json)),
        Value::String(word) => match FLOAT_WORDS.iter().position(|known| known == word) {
            Some(0) => Ok(f64::NAN),
            Some(1) => Ok(f64::INFINITY),
            Some(_) => Ok(f64::NEG_INFINITY),
            None => Err(expected(
                "a number, or \"NaN\", \"Infinity\", \"-Infinity\"",
                json,
            )),
        },
        _ => Err(expected("a number", json)),
    }
}

fn character(json: &Value) -> Result<Val, Misfit> {
    let mut chars = text(json)?.chars();
    match (chars.next(), chars.next()) {
        (Some(one), None) => Ok(Val::Char(one)),
        _ => Err(expected("one character", json)),
    }
}

fn bytes(json: &Value, room: &mut Room) -> Result<Val, Misfit> {
    let bytes = match json {
        Value::String(text) => STANDARD
            .decode(text)
            .map_err(|error| Misfit::new(format!("not base64: {error}")))?,
        Value::Array(items) => {
            let byte = |item: &Value| item.as_u64().and_then(|byte| u8::try_from(byte).ok());
            let bytes: Option<Vec<u8>> = items.iter().map(byte).collect();
            bytes.ok_or_else(|| Misfit::new("expected integers from 0 to 255"))?
        }
        _ => return Err(expected("bytes in base64", json)),
    };
    room.take(bytes.len())?;
    Ok(Val::List(bytes.into_iter().map(Val::U8).collect()))
}

fn named(names: &[String], json: &Value) -> Result<String, Misfit> {
    let word = text(json)?;
    names
        .iter()
        .find(|name| *name == word)
        .cloned()
        .ok_or_else(|| Misfit::new(format!("{:?} is none of {}", short(word), names.join(", "))))
}

fn text(json: &Value) -> Result<&str, Misfit> {
    json.as_str().ok_or_else(|| expected("a string", json))
}

fn array(json: &Value) -> Result<&Vec<Value>, Misfit> {
    json.as_array().ok_or_else(|| expected("an array", json))
}

/// The one member of an object, if it is called `name`.
fn only<'a>(json: &'a Value, name: &str) -> Option<&'a Value> {
    json.as_object()
        .filter(|object| object.len() == 1)?
        .get(name)
}

fn expected(what: &str, json: &Value) -> Misfit {
    let got = match json {
        Value::Null => "null".to_owned(),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
        scalar => short(&scalar.to_string()),
    };
    Misfit::new(format!("expected {what}, got {got}"))
}

fn short(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
