//! Shapes, schemas, reading and writing held against the engine: for a random type a real component is
//! made whose function gives back what it takes, and values go through JSON and through it.

use super::read::{self, Room};
use super::shape::{Int, SHAPE_DEPTH_MAX, Shape};
use super::{Functions, Gives, Param, ToolsError, schema, write};
use crate::engine::{self, Pool};
use crate::gate::linker;
use crate::inspect::{Inspection, inspect};
use proptest::collection::vec;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::sync::LazyLock;
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Engine, Store};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| engine::build(Pool::CompileOnly).unwrap());
/// More parameters than an engine passes in registers, so that a value goes through memory both ways
/// (canonical ABI, `MAX_FLAT_PARAMS`); then giving a value back is giving back its address.
const BALLAST: usize = 17;

fn functions(text: &str) -> Result<Functions, ToolsError> {
    let bytes = wat::parse_str(text).unwrap();
    let component = Component::new(&ENGINE, &bytes).unwrap();
    let pre = linker::build(&ENGINE)
        .unwrap()
        .instantiate_pre(&component)
        .unwrap();
    Functions::of(pre, &inspect(&bytes).unwrap())
}

/// A component with `f: func(value: T, …) -> T'` for each type, lifted from a function that traps.
fn exporting(types: &str, exports: &str) -> String {
    format!(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export "f") (param i32) (result i32) unreachable))
            (core instance $i (instantiate $m))
            {types}
            {exports})"#
    )
}

/// Types in WebAssembly's text format.
#[derive(Default)]
struct Types {
    text: String,
    count: usize,
}

impl Types {
    /// Defines the type of a shape; what may be exported only by name is.
    fn define(&mut self, shape: &Shape) -> String {
        let (body, named) = match shape {
            Shape::Bool => return "bool".into(),
            Shape::Int(int) => return format!("{int:?}").to_lowercase(),
            Shape::F32 => return "f32".into(),
            Shape::F64 => return "f64".into(),
            Shape::Char => return "char".into(),
            Shape::String => return "string".into(),
            Shape::Bytes => ("(list u8)".to_owned(), false),
            Shape::List(element) => (format!("(list {})", self.define(element)), false),
            Shape::Option(some) => (format!("(option {})", self.define(some)), false),
            Shape::Tuple(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.define(part)).collect();
                (format!("(tuple {})", parts.join(" ")), false)
            }
            Shape::Result(ok, err) => {
                let mut body = "(result".to_owned();
                if let Some(ok) = ok {
                    body.push_str(&format!(" {}", self.define(ok)));
                }
                if let Some(err) = err {
                    body.push_str(&format!(" (error {})", self.define(err)));
                }
                (body + ")", false)
            }
            Shape::Record(fields) => {
                let mut body = "(record".to_owned();
                for (name, shape) in fields {
                    body.push_str(&format!(" (field \"{name}\" {})", self.define(shape)));
                }
                (body + ")", true)
            }
            Shape::Variant(cases) => {
                let mut body = "(variant".to_owned();
                for (name, shape) in cases {
                    let payload = shape
                        .as_ref()
                        .map(|shape| self.define(shape))
                        .unwrap_or_default();
                    body.push_str(&format!(" (case \"{name}\" {payload})"));
                }
                (body + ")", true)
            }
            Shape::Enum(names) => (format!("(enum {})", quoted(names)), true),
            Shape::Flags(names) => (format!("(flags {})", quoted(names)), true),
        };
        self.count += 1;
        let n = self.count;
        writeln!(self.text, "(type $t{n} {body})").unwrap();
        if !named {
            return format!("$t{n}");
        }
        writeln!(self.text, "(export $e{n} \"type{n}\" (type $t{n}))").unwrap();
        format!("$e{n}")
    }
}

fn quoted(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    names.join(" ")
}

/// A component with a function that gives back the value that it takes.
fn identity(shape: &Shape) -> String {
    let mut types = Types::default();
    let ty = types.define(shape);
    let ballast = "u8 ".repeat(BALLAST);
    format!(
        r#"(component
            (core module $m
                (memory (export "memory") 64)
                (global $next (mut i32) (i32.const 1024))
                (func (export "realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32)
                    (result i32)
                    (global.set $next (i32.and
                        (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
                    (global.get $next)
                    (global.set $next (i32.add (global.get $next) (local.get $size))))
                (func (export "f") (param i32) (result i32) (local.get 0)))
            (core instance $i (instantiate $m))
            {types}
            (type $whole (tuple {ty} {ballast}))
            (func (export "f") (param "value" $whole) (result $whole)
                (canon lift (core func $i "f") (memory (core memory $i "memory"))
                    (realloc (core func $i "realloc")) string-encoding=utf8)))"#,
        types = types.text,
    )
}

fn name(i: usize) -> String {
    format!("n{i}")
}

/// Any type, a few levels deep.
fn shapes() -> impl Strategy<Value = Shape> {
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
    let names = |most: usize| (1..=most).prop_map(|n| (0..n).map(name).collect::<Vec<_>>());
    let leaf = prop_oneof![
        Just(Shape::Bool),
        proptest::sample::select(ints.to_vec()).prop_map(Shape::Int),
        Just(Shape::F32),
        Just(Shape::F64),
        Just(Shape::Char),
        Just(Shape::String),
        Just(Shape::Bytes),
        names(5).prop_map(Shape::Enum),
        names(32).prop_map(Shape::Flags),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let payload = proptest::option::of(inner.clone());
        let boxed = payload.clone().prop_map(|payload| payload.map(Box::new));
        prop_oneof![
            inner.clone().prop_map(|shape| match shape {
                Shape::Int(Int::U8) => Shape::Bytes,
                shape => Shape::List(Box::new(shape)),
            }),
            inner
                .clone()
                .prop_map(|shape| Shape::Option(Box::new(shape))),
            vec(inner.clone(), 1..4).prop_map(Shape::Tuple),
            vec(inner, 1..4).prop_map(|all| {
                Shape::Record(
                    all.into_iter()
                        .enumerate()
                        .map(|(i, s)| (name(i), s))
                        .collect(),
                )
            }),
            vec(payload, 1..4).prop_map(|all| {
                Shape::Variant(
                    all.into_iter()
                        .enumerate()
                        .map(|(i, s)| (name(i), s))
                        .collect(),
                )
            }),
            (boxed.clone(), boxed).prop_map(|(ok, err)| Shape::Result(ok, err)),
        ]
    })
}

/// Any value of a type.
fn values(shape: &Shape) -> BoxedStrategy<Val> {
    let payload = |shape: &Option<Box<Shape>>| match shape {
        None => Just(None).boxed(),
        Some(shape) => values(shape)
            .prop_map(|value| Some(Box::new(value)))
            .boxed(),
    };
    match shape {
        Shape::Bool => any::<bool>().prop_map(Val::Bool).boxed(),
        Shape::Int(Int::S8) => any::<i8>().prop_map(Val::S8).boxed(),
        Shape::Int(Int::U8) => any::<u8>().prop_map(Val::U8).boxed(),
        Shape::Int(Int::S16) => any::<i16>().prop_map(Val::S16).boxed(),
        Shape::Int(Int::U16) => any::<u16>().prop_map(Val::U16).boxed(),
        Shape::Int(Int::S32) => any::<i32>().prop_map(Val::S32).boxed(),
        Shape::Int(Int::U32) => any::<u32>().prop_map(Val::U32).boxed(),
        Shape::Int(Int::S64) => prop_oneof![
            any::<i64>(),
            Just(1_i64 << 53),
            Just((1_i64 << 53) - 1),
            Just(i64::MIN)
        ]
        .prop_map(Val::S64)
        .boxed(),
        Shape::Int(Int::U64) => prop_oneof![any::<u64>(), Just(1_u64 << 53), Just(u64::MAX)]
            .prop_map(Val::U64)
            .boxed(),
        Shape::F32 => any::<u32>()
            .prop_map(|bits| Val::Float32(f32::from_bits(bits)))
            .boxed(),
        Shape::F64 => any::<u64>()
            .prop_map(|bits| Val::Float64(f64::from_bits(bits)))
            .boxed(),
        Shape::Char => any::<char>().prop_map(Val::Char).boxed(),
        Shape::String => any::<String>().prop_map(Val::String).boxed(),
        Shape::Bytes => vec(any::<u8>().prop_map(Val::U8), 0..9)
            .prop_map(Val::List)
            .boxed(),
        Shape::List(element) => vec(values(element), 0..4).prop_map(Val::List).boxed(),
        Shape::Option(some) => proptest::option::of(values(some))
            .prop_map(|some| Val::Option(some.map(Box::new)))
            .boxed(),
        Shape::Tuple(parts) => parts
            .iter()
            .map(values)
            .collect::<Vec<_>>()
            .prop_map(Val::Tuple)
            .boxed(),
        Shape::Record(fields) => {
            let names: Vec<_> = fields.iter().map(|(name, _)| name.clone()).collect();
            let values: Vec<_> = fields.iter().map(|(_, shape)| values(shape)).collect();
            values
                .prop_map(move |values| Val::Record(names.iter().cloned().zip(values).collect()))
                .boxed()
        }
        Shape::Variant(cases) => {
            let cases = cases.iter().map(|(name, shape)| {
                let name = name.clone();
                payload(&shape.clone().map(Box::new))
                    .prop_map(move |payload| Val::Variant(name.clone(), payload))
                    .boxed()
            });
            proptest::strategy::Union::new(cases.collect::<Vec<_>>()).boxed()
        }
        Shape::Enum(names) => proptest::sample::select(names.clone())
            .prop_map(Val::Enum)
            .boxed(),
        Shape::Result(ok, err) => prop_oneof![
            payload(ok).prop_map(|ok| Val::Result(Ok(ok))),
            payload(err).prop_map(|err| Val::Result(Err(err))),
        ]
        .boxed(),
        Shape::Flags(names) => proptest::sample::subsequence(names.clone(), 0..=names.len())
            .prop_map(Val::Flags)
            .boxed(),
    }
}

/// The value inside of the ballast, through the engine and the component.
fn through(component: &Component, value: &Val) -> Val {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut store = Store::new(&ENGINE, ());
        store.set_epoch_deadline(1_000_000);
        let linker: Linker<()> = Linker::new(&ENGINE);
        let instance = linker
            .instantiate_async(&mut store, component)
            .await
            .unwrap();
        let f = instance.get_func(&mut store, "f").unwrap();
        let mut whole = vec![value.clone()];
        whole.extend((0..BALLAST).map(|_| Val::U8(7)));
        let mut results = [Val::Bool(false)];
        f.call_async(&mut store, &[Val::Tuple(whole)], &mut results)
            .await
            .unwrap();
        let [Val::Tuple(whole)] = results else {
            panic!("{results:?}")
        };
        whole.into_iter().next().unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_value_goes_through_json_and_a_component_as_it_is(
        (shape, value) in shapes().prop_flat_map(|shape| {
            let values = values(&shape);
            (Just(shape), values)
        })
    ) {
        let text = identity(&shape);
        let bytes = wat::parse_str(&text).unwrap();
        let component = Component::new(&ENGINE, &bytes).unwrap();
        // The engine's type is the shape that it was made of.
        let pre = linker::build(&ENGINE).unwrap().instantiate_pre(&component).unwrap();
        let functions = Functions::of(pre, &Inspection::default()).unwrap();
        let function = &functions.functions["f"];
        let (Param::Value(Shape::Tuple(param)), Gives::Value(Shape::Tuple(result))) =
            (&function.params[0].1, &function.gives) else { panic!("{text}") };
        prop_assert_eq!(&param[0], &shape);
        prop_assert_eq!(&result[0], &shape);

        let written = write::json(&shape, &value, usize::MAX).unwrap();
        let json: serde_json::Value = serde_json::from_str(&written).unwrap();
        let read = read::value(&shape, &json, &mut Room::default()).unwrap();
        let came = through(&component, &read);
        prop_assert_eq!(write::json(&shape, &came, usize::MAX).unwrap(), written.clone());
        // A value that holds no NaN is equal to itself.
        if value == value.clone() {
            prop_assert_eq!(&came, &value);
        }
        // One byte less is refused, not cut.
        prop_assert!(write::json(&shape, &value, written.len() - 1).is_err());
    }

    #[test]
    fn no_json_makes_reading_panic(
        (shape, text) in (shapes(), "[\\[\\]{}\":,0-9a-z. -]{0,40}")
    ) {
        if let Ok(json) = serde_json::from_str(&text) {
            let _ = read::value(&shape, &json, &mut Room::default());
        }
        let _ = schema::of(&shape);
    }
}

fn refusal(shape: &Shape, json: serde_json::Value) -> String {
    read::value(shape, &json, &mut Room::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn a_refusal_names_the_place() {
    use serde_json::json;
    let point = Shape::Record(vec![
        ("x".into(), Shape::Int(Int::U8)),
        (
            "at".into(),
            Shape::List(Box::new(Shape::Tuple(vec![
                Shape::Bool,
                Shape::Int(Int::S64),
            ]))),
        ),
    ]);
    let cases = [
        (
            json!({"x": 256, "at": []}),
            "x: expected an integer from 0 to 255, got 256",
        ),
        (
            json!({"x": "1", "at": []}),
            "x: expected an integer from 0 to 255, got \"1\"",
        ),
        (json!({"at": []}), "x is missing"),
        (
            json!({"x": 1, "at": [], "y": 1}),
            "\"y\" is not known; known are x, at",
        ),
        (
            json!({"x": 1, "at": [[true, 1], [true]]}),
            "at[1]: expected an array of 2, got an array of 1",
        ),
        (
            json!({"x": 1, "at": [[true, "9223372036854775808"]]}),
            "at[0][1]: expected an integer from -9223372036854775808 to 9223372036854775807, got \"9223372036854775808\"",
        ),
        (json!([1]), "expected an object, got an array of 1"),
    ];
    for (json, why) in cases {
        assert_eq!(refusal(&point, json), why);
    }
    assert_eq!(
        refusal(&Shape::Char, json!("ab")),
        "expected one character, got \"ab\""
    );
    assert_eq!(
        refusal(&Shape::F32, json!(1e300)),
        "expected a number that an f32 holds, got 1e+300"
    );
    assert_eq!(
        refusal(&Shape::Bytes, json!([256])),
        "expected integers from 0 to 255"
    );
    let either = Shape::Variant(vec![("a".into(), None), ("b".into(), Some(Shape::Bool))]);
    assert_eq!(
        refusal(&either, json!("c")),
        "\"c\" is no case; cases are a, b"
    );
    assert_eq!(
        refusal(&either, json!("b")),
        "b has a payload; write {\"b\": …}"
    );
    assert_eq!(
        refusal(&either, json!({"a": 1})),
        "a has no payload; write \"a\""
    );
    let flags = Shape::Flags(vec!["r".into(), "w".into()]);
    assert_eq!(refusal(&flags, json!(["r", "r"])), "[1]: r is set twice");
}

#[test]
fn integers_are_numbers_or_digits() {
    use serde_json::json;
    let wide = Shape::Int(Int::U64);
    for json in [json!(9007199254740993u64), json!("9007199254740993")] {
        let value = read::value(&wide, &json, &mut Room::default()).unwrap();
        assert_eq!(value, Val::U64(9007199254740993));
        assert_eq!(
            write::json(&wide, &value, 100).unwrap(),
            "\"9007199254740993\""
        );
    }
    assert_eq!(
        read::value(&wide, &json!(1e3), &mut Room::default()).unwrap(),
        Val::U64(1000)
    );
    for bad in [
        json!("+1"),
        json!("1.0"),
        json!(""),
        json!("-"),
        json!(1.5),
        json!(-1),
    ] {
        assert!(
            read::value(&wide, &bad, &mut Room::default()).is_err(),
            "{bad}"
        );
    }
}

#[test]
fn types_that_grow_without_bound_are_left_out() {
    let mut doubling = "(type $d0 (tuple u8 u8))".to_owned();
    for i in 1..=13 {
        writeln!(
            doubling,
            "(type $d{i} (tuple $d{before} $d{before}))",
            before = i - 1
        )
        .unwrap();
    }
    let mut nesting = "(type $n0 (list bool))".to_owned();
    for i in 1..=SHAPE_DEPTH_MAX {
        writeln!(nesting, "(type $n{i} (list $n{before}))", before = i - 1).unwrap();
    }
    let lift = |name: &str, ty: &str| {
        format!(
            r#"(func (export "{name}") (result {ty})
                (canon lift (core func $i "g") (memory (core memory $i "memory"))))"#
        )
    };
    let text = exporting(
        &format!("{doubling} {nesting}"),
        &format!(
            "{} {} {}",
            lift("wide", "$d13"),
            lift("deep", &format!("$n{SHAPE_DEPTH_MAX}")),
            lift("fine", "string"),
        ),
    )
    .replace(
        r#"(func (export "f")"#,
        r#"(func (export "g") (result i32) unreachable)
           (func (export "f")"#,
    );
    let functions = functions(&text).unwrap();
    let names: Vec<_> = functions
        .specs()
        .into_iter()
        .map(|spec| spec.name)
        .collect();
    assert_eq!(names, ["fine"]);
    assert_eq!(
        functions.left_out(),
        [
            "wide is left out: its types have more than 4096 parts",
            "deep is left out: its types nest more than 24 deep",
        ]
    );
}

/// A component with an interface for each name, whose one function is `f`.
fn interfaces(names: &[&str]) -> String {
    let mut text = String::new();
    for (i, name) in names.iter().enumerate() {
        writeln!(
            text,
            r#"(component $c{i}
                (core module $m (func (export "f")))
                (core instance $i (instantiate $m))
                (func (export "f") (canon lift (core func $i "f"))))
            (instance $i{i} (instantiate $c{i}))
            (export "{name}" (instance $i{i}))"#
        )
        .unwrap();
    }
    format!("(component {text})")
}

#[test]
fn names_that_collide_or_do_not_fit_are_refused() {
    let names = |text: &str| {
        functions(text).map(|found| {
            found
                .specs()
                .into_iter()
                .map(|spec| spec.name)
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(
        names(&interfaces(&["a:b/c@1.0.0", "a:b/d"])).unwrap(),
        ["c_f", "d_f"]
    );
    let collision = names(&interfaces(&["a:b/c@1.0.0", "x:y/c@2.0.0"])).unwrap_err();
    assert_eq!(
        collision.to_string(),
        "its functions a:b/c@1.0.0#f and x:y/c@2.0.0#f would both be the tool c_f; tools are named \
         interface_function, without package and version"
    );
    let long = format!("a:b/{}", "long-".repeat(20) + "x");
    assert!(matches!(
        names(&interfaces(&[&long])),
        Err(ToolsError::Name(_))
    ));
    let nothing = names("(component)").unwrap_err();
    assert!(
        nothing.to_string().starts_with("it offers nothing to call"),
        "{nothing}"
    );
}
