//! Component values as JSON text: what a component gives back.
//!
//! Invariants: the text is JSON (RFC 8259) and what [`super::schema`] says; it never grows beyond the
//! bytes that the caller gives, however the value was made.

use super::schema::EXACT_MAX;
use super::shape::Shape;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wasmtime::component::Val;

/// A value that has no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unwritten {
    /// It is larger than the caller takes.
    #[error("the value is larger than the limit of output")]
    Large,
    /// It is not of the shape that its function has.
    #[error("the value does not fit its type")]
    Shape,
}

/// The JSON of `value`, of at most `bytes_max` bytes.
pub(crate) fn json(shape: &Shape, value: &Val, bytes_max: usize) -> Result<String, Unwritten> {
    let mut writer = Writer {
        text: String::new(),
        bytes_max,
    };
    writer.value(shape, value)?;
    Ok(writer.text)
}

/// The bytes of a `list<u8>`.
pub(crate) fn bytes(value: &Val) -> Result<Vec<u8>, Unwritten> {
    let Val::List(items) = value else {
        return Err(Unwritten::Shape);
    };
    let byte = |item: &Val| match item {
        Val::U8(byte) => Ok(*byte),
        _ => Err(Unwritten::Shape),
    };
    items.iter().map(byte).collect()
}

struct Writer {
    text: String,
    bytes_max: usize,
}

impl Writer {
    fn raw(&mut self, text: &str) -> Result<(), Unwritten> {
        if self.text.len().saturating_add(text.len()) > self.bytes_max {
            return Err(Unwritten::Large);
        }
        self.text.push_str(text);
        Ok(())
    }

    fn quoted(&mut self, text: &str) -> Result<(), Unwritten> {
        // Escaping never shortens a text.
        if text.len() > self.bytes_max {
            return Err(Unwritten::Large);
        }
        self.raw(&serde_json::Value::from(text).to_string())
    }

    fn value(&mut self, shape: &Shape, value: &Val) -> Result<(), Unwritten> {
        match (shape, value) {
            (Shape::Bool, Val::Bool(truth)) => self.raw(if *truth { "true" } else { "false" }),
            (Shape::Int(_), number) => self.integer(number),
            (Shape::F32, Val::Float32(float)) => self.float32(*float),
            (Shape::F64, Val::Float64(float)) => self.float64(*float),
            (Shape::Char, Val::Char(one)) => self.quoted(one.encode_utf8(&mut [0; 4])),
            (Shape::String, Val::String(text)) => self.quoted(text),
            (Shape::Bytes, list) => {
                let bytes = bytes(list)?;
                // Four characters for three bytes: looked at before they are made.
                if bytes.len() > self.bytes_max {
                    return Err(Unwritten::Large);
                }
                self.quoted(&STANDARD.encode(bytes))
            }
            (Shape::List(element), Val::List(items)) => {
                self.array(items.iter().map(|item| (element.as_ref(), item)))
            }
            (Shape::Tuple(shapes), Val::Tuple(items)) if shapes.len() == items.len() => {
                self.array(shapes.iter().zip(items))
            }
            (Shape::Record(shapes), Val::Record(fields)) if shapes.len() == fields.len() => {
                self.raw("{")?;
                for (i, ((name, shape), (_, value))) in shapes.iter().zip(fields).enumerate() {
                    self.member(i, name)?;
                    self.value(shape, value)?;
                }
                self.raw("}")
            }
            (Shape::Variant(cases), Val::Variant(name, payload)) => {
                let case = cases.iter().find(|(case, _)| case == name);
                match (case, payload) {
                    (Some((_, Some(shape))), Some(value)) => self.only(name, Some((shape, value))),
                    (Some((_, None)), None) => self.quoted(name),
                    _ => Err(Unwritten::Shape),
                }
            }
            (Shape::Enum(_), Val::Enum(name)) => self.quoted(name),
            (Shape::Option(_), Val::Option(None)) => self.raw("null"),
            (Shape::Option(some), Val::Option(Some(value))) if some.is_nullable() => {
                self.only("some", Some((some, value)))
            }
            (Shape::Option(some), Val::Option(Some(value))) => self.value(some, value),
            (Shape::Result(ok, _), Val::Result(Ok(value))) => self.case("ok", ok, value),
            (Shape::Result(_, err), Val::Result(Err(value))) => self.case("err", err, value),
            (Shape::Flags(_), Val::Flags(names)) => {
                self.raw("[")?;
                for (i, name) in names.iter().enumerate() {
                    self.raw(if i == 0 { "" } else { "," })?;
                    self.quoted(name)?;
                }
                self.raw("]")
            }
            _ => Err(Unwritten::Shape),
        }
    }

    fn array<'a>(
        &mut self,
        items: impl Iterator<Item = (&'a Shape, &'a Val)>,
    ) -> Result<(), Unwritten> {
        self.raw("[")?;
        for (i, (shape, value)) in items.enumerate() {
            self.raw(if i == 0 { "" } else { "," })?;
            self.value(shape, value)?;
        }
        self.raw("]")
    }

    fn member(&mut self, index: usize, name: &str) -> Result<(), Unwritten> {
        self.raw(if index == 0 { "" } else { "," })?;
        self.quoted(name)?;
        self.raw(":")
    }

    fn case(
        &mut self,
        name: &str,
        shape: &Option<Box<Shape>>,
        value: &Option<Box<Val>>,
    ) -> Result<(), Unwritten> {
        match (shape, value) {
            (Some(shape), Some(value)) => self.only(name, Some((shape, value))),
            (None, None) => self.only(name, None),
            _ => Err(Unwritten::Shape),
        }
    }

    fn only(&mut self, name: &str, value: Option<(&Shape, &Val)>) -> Result<(), Unwritten> {
        self.raw("{")?;
        self.member(0, name)?;
        match value {
            Some((shape, value)) => self.value(shape, value)?,
            None => self.raw("null")?,
        }
        self.raw("}")
    }

    fn integer(&mut self, value: &Val) -> Result<(), Unwritten> {
        let number: i128 = match value {
            Val::S8(n) => (*n).into(),
            Val::U8(n) => (*n).into(),
            Val::S16(n) => (*n).into(),
            Val::U16(n) => (*n).into(),
            Val::S32(n) => (*n).into(),
            Val::U32(n) => (*n).into(),
            Val::S64(n) => (*n).into(),
            Val::U64(n) => (*n).into(),
            _ => return Err(Unwritten::Shape),
        };
        if number.abs() <= EXACT_MAX {
            self.raw(&number.to_string())
        } else {
            self.raw(&format!("\"{number}\""))
        }
    }

    fn float32(&mut self, float: f32) -> Result<(), Unwritten> {
        // The shortest digits of an f32 are shorter than those of the f64 that is equal to it.
        let short: f64 = float.to_string().parse().unwrap_or(f64::NAN);
        if short as f32 == float {
            self.float64(short)
        } else {
            self.float64(float.into())
        }
    }

    fn float64(&mut self, float: f64) -> Result<(), Unwritten> {
        match serde_json::Number::from_f64(float) {
            Some(number) => self.raw(&number.to_string()),
            None if float.is_nan() => self.raw("\"NaN\""),
            None if float > 0.0 => self.raw("\"Infinity\""),
            None => self.raw("\"-Infinity\""),
        }
    }
}
