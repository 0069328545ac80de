use crate::{text, values};
use serde_json::Value;
use std::sync::LazyLock;
use tollgate_sandbox::fuzzing::{self, Int, Shape};

/// JSON becomes a value of a type or is refused; what became one is written as JSON that becomes the same.
pub fn arguments(bytes: &[u8]) {
    let Ok(json) = serde_json::from_str::<Value>(text(bytes)) else {
        return;
    };
    for (shape, schema) in TYPES.iter() {
        values::reads(shape, schema, &json);
    }
}

/// Types of parameters, with their schemas: each kind alone, those that hold others, and all in one.
static TYPES: LazyLock<Vec<(Shape, Value)>> = LazyLock::new(|| {
    let ints = [
        Int::S8,
        Int::U8,
        Int::S16,
        Int::U16,
        Int::S32,
        Int::U32,
        Int::S64,
        Int::U64,
    ];
    let mut shapes: Vec<Shape> = ints.into_iter().map(Shape::Int).collect();
    shapes.extend([
        Shape::Bool,
        Shape::F32,
        Shape::F64,
        Shape::Char,
        Shape::String,
        Shape::Bytes,
        list(Shape::Bool),
        list(option(Shape::Char)),
        list(Shape::Tuple(vec![Shape::String, option(Shape::F64)])),
        option(option(option(Shape::Bool))),
        Shape::Result(None, None),
        Shape::Result(Some(Box::new(Shape::Char)), None),
        colour(),
        permissions(),
        outline(),
        point(),
        everything(),
    ]);
    let with_schema = |shape| {
        let schema = fuzzing::schema(&shape);
        (shape, schema)
    };
    shapes.into_iter().map(with_schema).collect()
});

fn list(element: Shape) -> Shape {
    Shape::List(Box::new(element))
}

fn option(some: Shape) -> Shape {
    Shape::Option(Box::new(some))
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn colour() -> Shape {
    Shape::Enum(names(&["red", "green", "dark-blue"]))
}

fn permissions() -> Shape {
    Shape::Flags(names(&["read", "write", "exec"]))
}

fn point() -> Shape {
    record([
        ("x", Shape::Int(Int::S32)),
        ("y", Shape::Int(Int::S32)),
        ("label", option(Shape::String)),
    ])
}

fn record<const N: usize>(fields: [(&str, Shape); N]) -> Shape {
    let named = fields
        .into_iter()
        .map(|(name, shape)| (name.to_owned(), shape));
    Shape::Record(named.collect())
}

fn outline() -> Shape {
    Shape::Variant(vec![
        ("none".into(), None),
        ("circle".into(), Some(Shape::F64)),
        ("polygon".into(), Some(list(point()))),
        ("some".into(), Some(option(option(colour())))),
    ])
}

/// The record of `tests/any/values/values.wit`, with shorter names.
fn everything() -> Shape {
    record([
        ("t", Shape::Bool),
        ("s64", Shape::Int(Int::S64)),
        ("u8", Shape::Int(Int::U8)),
        ("f32", Shape::F32),
        ("f64", Shape::F64),
        ("c", Shape::Char),
        ("words", list(Shape::String)),
        ("data", Shape::Bytes),
        ("at", point()),
        (
            "pair",
            Shape::Tuple(vec![Shape::Int(Int::U8), Shape::String]),
        ),
        ("out", outline()),
        ("paint", colour()),
        ("maybe", option(option(Shape::Int(Int::U32)))),
        (
            "end",
            Shape::Result(
                Some(Box::new(Shape::Int(Int::U64))),
                Some(Box::new(Shape::String)),
            ),
        ),
        ("bare", Shape::Result(None, None)),
        ("may", permissions()),
    ])
}
