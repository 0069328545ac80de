use crate::{must, values};
use serde_json::{Value, json};
use tollgate_sandbox::fuzzing::{self, Int, SHAPE_DEPTH_MAX, Shape, Val};

/// Parts of a type, so that most of the bytes are left for values.
const PARTS_MAX: usize = 32;
/// Values of one type.
const VALUES_MAX: usize = 8;

/// Any type has a schema that a client can parse, and any value of it goes to JSON and back as it is.
///
/// The bytes say a type, a letter for each kind, and then values.
pub fn wit_json(bytes: &[u8]) {
    let mut source = Source {
        bytes,
        parts: PARTS_MAX,
    };
    let shape = source.shape(0);
    let schema = fuzzing::schema(&shape);
    let told = answer(&schema);
    let heard = serde_json::from_str::<Value>(&told.to_string());
    assert_eq!(must(heard, "a client parses the schema"), told);
    for _ in 0..VALUES_MAX {
        let value = source.value(&shape);
        values::writes(&shape, &schema, &value);
        if source.bytes.is_empty() {
            return;
        }
    }
}

/// The schema where it stands in a list of tools, of a parameter of a function that makes a handle.
fn answer(schema: &Value) -> Value {
    json!({ "result": { "tools": [{ "inputSchema": { "properties": { "handle": { "oneOf": [
        { "properties": { "arguments": { "properties": { "parameter": schema } } } }
    ] } } } }] } })
}

/// Bytes that are taken for a type and for values; zeros when there are no more.
struct Source<'a> {
    bytes: &'a [u8],
    parts: usize,
}

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((byte, rest)) => {
                self.bytes = rest;
                *byte
            }
            None => 0,
        }
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// From 1 to 4.
    fn few(&mut self) -> usize {
        usize::from(self.byte() % 4) + 1
    }

    fn coin(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    fn shape(&mut self, depth: usize) -> Shape {
        self.parts = self.parts.saturating_sub(1);
        let kind = self.byte().wrapping_sub(b'a') % 22;
        let is_leaf = depth + 1 >= SHAPE_DEPTH_MAX || self.parts == 0;
        let deeper = depth + 1;
        match kind {
            1 => Shape::Int(Int::S8),
            2 => Shape::Int(Int::U8),
            3 => Shape::Int(Int::S16),
            4 => Shape::Int(Int::U16),
            5 => Shape::Int(Int::S32),
            6 => Shape::Int(Int::U32),
            7 => Shape::Int(Int::S64),
            8 => Shape::Int(Int::U64),
            9 => Shape::F32,
            10 => Shape::F64,
            11 => Shape::Char,
            12 => Shape::String,
            13 => Shape::Bytes,
            14 => Shape::Enum(self.names()),
            15 => Shape::Flags(self.names()),
            _ if is_leaf => Shape::Bool,
            16 => match self.shape(deeper) {
                Shape::Int(Int::U8) => Shape::Bytes,
                element => Shape::List(Box::new(element)),
            },
            17 => Shape::Option(Box::new(self.shape(deeper))),
            18 => {
                let named = self.names().into_iter();
                Shape::Record(named.map(|name| (name, self.shape(deeper))).collect())
            }
            19 => Shape::Tuple((0..self.few()).map(|_| self.shape(deeper)).collect()),
            20 => {
                let named = self.names().into_iter();
                let cases = named.map(|name| (name, self.coin().then(|| self.shape(deeper))));
                Shape::Variant(cases.collect())
            }
            21 => {
                let mut payload = || self.coin().then(|| Box::new(self.shape(deeper)));
                let ok = payload();
                Shape::Result(ok, payload())
            }
            _ => Shape::Bool,
        }
    }

    /// A few names, each once. Some of them are words that mean something elsewhere in the JSON.
    fn names(&mut self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for i in 0..self.few() {
            let words = ["some", "ok", "err", "null", "true", "type", "a-B", "x"];
            let word = words.get(usize::from(self.byte()) % words.len());
            let name = word.map(|&word| word.to_owned());
            let fresh = name.filter(|name| !names.contains(name));
            names.push(fresh.unwrap_or_else(|| format!("n{i}")));
        }
        names
    }

    fn value(&mut self, shape: &Shape) -> Val {
        match shape {
            Shape::Bool => Val::Bool(self.coin()),
            Shape::Int(Int::S8) => Val::S8(i8::from_le_bytes(self.array())),
            Shape::Int(Int::U8) => Val::U8(self.byte()),
            Shape::Int(Int::S16) => Val::S16(i16::from_le_bytes(self.array())),
            Shape::Int(Int::U16) => Val::U16(u16::from_le_bytes(self.array())),
            Shape::Int(Int::S32) => Val::S32(i32::from_le_bytes(self.array())),
            Shape::Int(Int::U32) => Val::U32(u32::from_le_bytes(self.array())),
            Shape::Int(Int::S64) => Val::S64(i64::from_le_bytes(self.array())),
            Shape::Int(Int::U64) => Val::U64(u64::from_le_bytes(self.array())),
            Shape::F32 => Val::Float32(f32::from_le_bytes(self.array())),
            Shape::F64 => Val::Float64(f64::from_le_bytes(self.array())),
            Shape::Char => {
                let code = u32::from_le_bytes(self.array()) % (char::MAX as u32 + 1);
                Val::Char(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
            }
            Shape::String => {
                let bytes: Vec<u8> = self.some().map(|()| self.byte()).collect();
                Val::String(String::from_utf8_lossy(&bytes).into_owned())
            }
            Shape::Bytes => Val::List(self.some().map(|()| Val::U8(self.byte())).collect()),
            Shape::List(element) => Val::List(self.some().map(|()| self.value(element)).collect()),
            Shape::Record(fields) => {
                let value = |(name, shape): &(String, Shape)| (name.clone(), self.value(shape));
                Val::Record(fields.iter().map(value).collect())
            }
            Shape::Tuple(parts) => Val::Tuple(parts.iter().map(|part| self.value(part)).collect()),
            Shape::Variant(cases) => {
                let (name, shape) = self.one(cases);
                let payload = shape.as_ref().map(|shape| Box::new(self.value(shape)));
                Val::Variant(name.clone(), payload)
            }
            Shape::Enum(names) => Val::Enum(self.one(names).clone()),
            Shape::Option(some) => Val::Option(self.coin().then(|| Box::new(self.value(some)))),
            Shape::Result(ok, err) => {
                let is_ok = self.coin();
                let shape = if is_ok { ok } else { err };
                let payload = shape.as_ref().map(|shape| Box::new(self.value(shape)));
                Val::Result(if is_ok { Ok(payload) } else { Err(payload) })
            }
            Shape::Flags(names) => {
                Val::Flags(names.iter().filter(|_| self.coin()).cloned().collect())
            }
        }
    }

    /// From none to seven.
    fn some(&mut self) -> impl Iterator<Item = ()> + use<> {
        std::iter::repeat_n((), usize::from(self.byte() % 8))
    }

    fn one<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let index = usize::from(self.byte()) % all.len().max(1);
        must(all.get(index).ok_or("none"), "a type has a case")
    }
}
