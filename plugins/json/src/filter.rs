//! Filters in the language of jq, as jaq understands it.

use crate::bounds::{FILTER_BYTES_MAX, FILTER_DEPTH_MAX, FILTER_OPERATORS_MAX, VARIABLES_MAX};
use crate::input::value_of;
use jaq_core::data::JustLut;
use jaq_core::load::{Arena, Error as LoadError, File, Loader, span};
use jaq_core::{Compiler, Ctx, Vars};
use jaq_json::Val;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tollgate_sdk::ToolError;

type Data = JustLut<Val>;

/// What may begin a level of its own without a bracket.
const OPERATORS: &[u8] = b"|,+-*/%<>=";
const OPENING_WORDS: [&str; 6] = ["if", "try", "def", "reduce", "foreach", "label"];

/// Functions of the library that a filter does not get: they ask for variables and time zones of a host.
const LEFT_OUT: [&str; 3] = ["env", "localtime", "strflocaltime"];

/// A filter that can be run.
pub(crate) struct Filter {
    compiled: jaq_core::Filter<Data>,
    variables: Vec<Val>,
}

impl Filter {
    /// Reads a filter; `variables` are what it sees as `$name`.
    pub(crate) fn new(code: &str, variables: &BTreeMap<String, Value>) -> Result<Self, ToolError> {
        check(code)?;
        let names = names(variables)?;
        let values = variables
            .iter()
            .map(|(name, value)| value_of(name, value))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            compiled: compile(code, &names)?,
            variables: values,
        })
    }

    /// Gives what the filter makes of `input` to `take`, until that breaks.
    pub(crate) fn run(
        &self,
        input: Val,
        take: &mut dyn FnMut(Val) -> Result<ControlFlow<()>, ToolError>,
    ) -> Result<ControlFlow<()>, ToolError> {
        let variables = Vars::new(self.variables.iter().cloned());
        let context = Ctx::<Data>::new(&self.compiled.lut, variables);
        for made in self.compiled.id.run((context, input)) {
            let value = match made {
                Ok(value) => value,
                // `halt` ends the filter; its exit code has no meaning here.
                Err(exception) => match exception.get_err() {
                    Ok(error) => {
                        return Err(ToolError::failed(format!("the filter failed: {error}")));
                    }
                    Err(_) => return Ok(ControlFlow::Break(())),
                },
            };
            if take(value)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Refuses what would exhaust the stack of a parser that descends.
fn check(code: &str) -> Result<(), ToolError> {
    if code.len() > FILTER_BYTES_MAX {
        return Err(ToolError::invalid(format!(
            "filter: is longer than {FILTER_BYTES_MAX} bytes"
        )));
    }
    let signs = code.bytes().filter(|b| OPERATORS.contains(b)).count();
    let words = OPENING_WORDS.map(|word| code.matches(word).count());
    if words
        .iter()
        .fold(signs, |sum, count| sum.saturating_add(*count))
        > FILTER_OPERATORS_MAX
    {
        return Err(ToolError::invalid(format!(
            "filter: has more than {FILTER_OPERATORS_MAX} operators"
        )));
    }
    let mut depth = 0_usize;
    for byte in code.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth = depth.saturating_add(1),
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > FILTER_DEPTH_MAX {
            return Err(ToolError::invalid(format!(
                "filter: brackets are nested deeper than {FILTER_DEPTH_MAX} levels"
            )));
        }
    }
    Ok(())
}

fn names(variables: &BTreeMap<String, Value>) -> Result<Vec<String>, ToolError> {
    if variables.len() > VARIABLES_MAX {
        return Err(ToolError::invalid(format!(
            "variables: are at most {VARIABLES_MAX}"
        )));
    }
    let plain = |name: &str| {
        let mut bytes = name.bytes();
        bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    match variables.keys().find(|name| !plain(name)) {
        Some(name) => Err(ToolError::invalid(format!(
            "variables: {name:?} is no name; use letters, digits and _, without $"
        ))),
        None => Ok(variables.keys().map(|name| format!("${name}")).collect()),
    }
}

fn compile(code: &str, names: &[String]) -> Result<jaq_core::Filter<Data>, ToolError> {
    let definitions = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs());
    let functions = jaq_core::funs::<Data>()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs())
        .filter(|(name, ..)| !LEFT_OUT.contains(name));
    let arena = Arena::default();
    let modules = Loader::new(definitions)
        .load(&arena, File { code, path: () })
        .map_err(|errors| {
            let first = errors.into_iter().next();
            unreadable(code, first.map(|(_, error)| error))
        })?;
    Compiler::default()
        .with_funs(functions)
        .with_global_vars(names.iter().map(String::as_str))
        .compile(modules)
        .map_err(|errors| {
            let first = errors.into_iter().flat_map(|(_, errors)| errors).next();
            let what = first.map(|(name, kind)| format!("there is no {} {name}", kind.as_str()));
            invalid(&what.unwrap_or_else(|| "it cannot be compiled".into()))
        })
}

fn unreadable(code: &str, error: Option<LoadError<&str>>) -> ToolError {
    let expected = |what: &str, found: &str| {
        let at = span(code, found).start;
        let found: String = found.chars().take(20).collect();
        match found.is_empty() {
            true => format!("expected {what} at its end"),
            false => format!("expected {what} at byte {at}, found {found:?}"),
        }
    };
    let what = match error {
        Some(LoadError::Lex(errors)) => errors
            .first()
            .map(|(what, found)| expected(what.as_str(), found)),
        Some(LoadError::Parse(errors)) => errors
            .first()
            .map(|(what, found)| expected(what.as_str(), found)),
        Some(LoadError::Io(_)) => Some("modules are not loaded here".into()),
        None => None,
    };
    invalid(&what.unwrap_or_else(|| "it cannot be read".into()))
}

fn invalid(what: &str) -> ToolError {
    ToolError::invalid(format!("filter: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(code: &str, input: Value) -> Result<Vec<String>, ToolError> {
        let variables = BTreeMap::from([("x".into(), json!("$__loc__"))]);
        let filter = Filter::new(code, &variables)?;
        let mut made = Vec::new();
        let _ = filter.run(value_of("input", &input)?, &mut |value| {
            made.push(value.to_string());
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(made)
    }

    fn refusal(code: &str) -> String {
        match run(code, Value::Null) {
            Err(ToolError::InvalidArguments(text) | ToolError::Failed(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_language_is_jq_s() {
        let input = json!({"a": [{"n": 1, "s": "x"}, {"n": 2, "s": "y"}]});
        assert_eq!(
            run(".a[] | select(.n > 1).s", input.clone()).unwrap(),
            ["\"y\""]
        );
        assert_eq!(run("[.a[].n] | add", input.clone()).unwrap(), ["3"]);
        assert_eq!(
            run(".a |= map(.n)", input.clone()).unwrap(),
            ["{\"a\":[1,2]}"]
        );
        assert_eq!(
            run(r#"$x, "\(.a|length)""#, input).unwrap(),
            [r#""$__loc__""#, "\"2\""]
        );
        assert_eq!(
            run(r#""a-1" | test("[a-z]-\\d")"#, Value::Null).unwrap(),
            ["true"]
        );
        assert_eq!(run("1, halt, 2", Value::Null).unwrap(), ["1"]);
    }

    #[test]
    fn a_mistake_is_named_where_it_is() {
        assert!(
            refusal(".a[").starts_with("filter: expected"),
            "{}",
            refusal(".a[")
        );
        assert!(
            refusal(".a | | .b").contains("at byte 5, found \"|\""),
            "{}",
            refusal(".a | | .b")
        );
        assert!(
            refusal("foo(1)").contains("there is no filter foo"),
            "{}",
            refusal("foo(1)")
        );
        assert!(refusal("$y").contains("there is no variable $y"));
        assert!(refusal("import \"a\" as a; 1").contains("modules"));
        assert!(refusal(".a.b.c | keys").contains("the filter failed"));
    }

    #[test]
    fn a_filter_sees_no_environment() {
        assert!(refusal("env").contains("there is no filter env"));
        assert!(refusal("$ENV").contains("there is no variable $ENV"));
        assert!(refusal("0 | localtime").contains("there is no filter localtime"));
        assert_eq!(
            run("0 | todate", Value::Null).unwrap(),
            ["\"1970-01-01T00:00:00Z\""]
        );
    }

    #[test]
    fn filters_and_variables_are_bounded() {
        assert!(refusal(&" ".repeat(FILTER_BYTES_MAX + 1)).contains("longer than 8192"));
        assert!(refusal(&"(".repeat(65)).contains("deeper than 64"));
        for step in ["-", "1|", "try ", "def f:"] {
            assert!(
                refusal(&step.repeat(201)).contains("more than 200"),
                "{step}"
            );
        }
        let bad = BTreeMap::from([("$x".into(), Value::Null)]);
        assert!(Filter::new(".", &bad).is_err());
        let many = (0..33).map(|n| (format!("v{n}"), Value::Null)).collect();
        assert!(Filter::new(".", &many).is_err());
    }
}
