//! A command (`wasi:cli/run`) as one tool: arguments and standard input in; standard output, standard
//! error and the exit code out.
//!
//! Files are what its grants mount; the environment is what they name. Its words are kept up to the limit
//! of output, which counts both streams together.
//!
//! The exit code is the component's own where it gives one (`exit-with-code`). A WASI 0.1 module has only
//! success and failure, 0 and 1: the standard adapter tells no more.

use super::call::invalid;
use super::{Functions, schema};
use crate::answer::Answer;
use crate::gate::stdio::Exit;
use crate::inspect::Inspection;
use crate::state::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use tollgate_contract::{OutputBlock, ToolOutput, ToolSpec};
use wasmtime::Store;
use wasmtime::component::ComponentExportIndex;

/// Its name.
pub(crate) const NAME: &str = "run";
/// Arguments of one run.
const ARGUMENTS_MAX: usize = 4096;
/// What a C library's `main` takes for success.
const SUCCESS: u8 = 0;
/// What a command is that says no more than that it failed.
const FAILURE: u8 = 1;

pub(super) fn spec(inspection: &Inspection) -> ToolSpec {
    let meta = inspection.meta.as_ref();
    let described = meta.and_then(|meta| meta.description.clone());
    let words = described.unwrap_or_else(|| "Runs the command.".into());
    let bytes = |what: &str| {
        json!({
            "type": "string",
            "contentEncoding": "base64",
            "description": format!("{what} that is no text, in place of it"),
        })
    };
    let text = |what: &str| json!({ "type": "string", "description": what });
    let mut input = Map::new();
    input.insert(
        "args".into(),
        json!({
            "type": "array",
            "items": { "type": "string" },
            "description": "its arguments, without its own name",
        }),
    );
    input.insert("stdin".into(), text("its standard input"));
    input.insert("stdin_base64".into(), bytes("standard input"));
    let mut output = Map::new();
    output.insert(
        "exit_code".into(),
        json!({ "type": "integer", "minimum": 0, "maximum": 255 }),
    );
    output.insert("stdout".into(), text("its standard output, if it is text"));
    output.insert("stdout_base64".into(), bytes("standard output"));
    output.insert("stderr".into(), text("its standard error"));
    ToolSpec {
        name: NAME.into(),
        title: None,
        description: format!(
            "{words} Takes arguments and standard input; gives standard output and the exit code."
        ),
        input_schema_json: schema::closed(input, Vec::new()).to_string(),
        output_schema_json: Some(
            schema::closed(output, vec!["exit_code".into(), "stderr".into()]).to_string(),
        ),
        hints: Default::default(),
    }
}

/// What a run is given.
#[derive(Debug, Default, PartialEq, Eq)]
struct Given {
    args: Vec<String>,
    stdin: Vec<u8>,
}

/// Runs it.
pub(super) async fn call(
    store: &mut Store<State>,
    functions: &Functions,
    run: &ComponentExportIndex,
    arguments: Map<String, Value>,
) -> wasmtime::Result<Answer> {
    let given = match given(arguments) {
        Ok(given) => given,
        Err(message) => return Ok(invalid(&message)),
    };
    let state = store.data_mut();
    let name = state.scope.caller.plugin.name.clone();
    state.arguments = std::iter::once(name).chain(given.args).collect();
    state.give_stdin(given.stdin);
    let output = state.output.clone();
    output.capture();
    let ended = async {
        let instance = functions.pre.instantiate_async(&mut *store).await?;
        let run = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut *store, run)?;
        run.call_async(&mut *store, ()).await
    };
    let code = match ended.await {
        Ok((Ok(()),)) => SUCCESS,
        Ok((Err(()),)) => FAILURE,
        Err(error) => match error.downcast_ref::<Exit>() {
            Some(Exit(code)) => *code,
            None => {
                // What it said before is all that tells why.
                output.keep(&output.captured().stderr);
                return Err(error);
            }
        },
    };
    let words = output.captured();
    Ok(Answer::Command(ToolOutput {
        content: vec![OutputBlock::Json {
            json: told(code, words.stdout, &words.stderr).to_string(),
        }],
        is_error: code != SUCCESS,
    }))
}

fn told(code: u8, stdout: Vec<u8>, stderr: &[u8]) -> Value {
    let mut told = Map::new();
    told.insert("exit_code".into(), code.into());
    match String::from_utf8(stdout) {
        Ok(text) => told.insert("stdout".into(), text.into()),
        Err(bytes) => told.insert(
            "stdout_base64".into(),
            STANDARD.encode(bytes.as_bytes()).into(),
        ),
    };
    told.insert("stderr".into(), String::from_utf8_lossy(stderr).into());
    Value::Object(told)
}

fn given(arguments: Map<String, Value>) -> Result<Given, String> {
    let mut given = Given::default();
    let mut stdin = None;
    for (name, value) in arguments {
        let second = stdin.is_some();
        match (name.as_str(), value) {
            ("args", Value::Array(args)) if args.len() > ARGUMENTS_MAX => {
                return Err(format!("args: more than {ARGUMENTS_MAX}"));
            }
            ("args", Value::Array(args)) => {
                let args = args.into_iter().map(|arg| match arg {
                    Value::String(arg) if !arg.contains('\0') => Ok(arg),
                    _ => Err("args: expected an array of strings".to_owned()),
                });
                given.args = args.collect::<Result<_, _>>()?;
            }
            ("args", _) => return Err("args: expected an array of strings".into()),
            ("stdin" | "stdin_base64", Value::String(_)) if second => {
                return Err("give stdin or stdin_base64, not both".into());
            }
            ("stdin", Value::String(text)) => stdin = Some(text.into_bytes()),
            ("stdin_base64", Value::String(text)) => {
                let bytes = STANDARD.decode(text);
                stdin = Some(bytes.map_err(|error| format!("stdin_base64: not base64: {error}"))?);
            }
            ("stdin" | "stdin_base64", _) => return Err(format!("{name}: expected a string")),
            _ => {
                let shown: String = name.chars().take(60).collect();
                return Err(format!(
                    "{shown:?} is not known; known are args, stdin, stdin_base64"
                ));
            }
        }
    }
    given.stdin = stdin.unwrap_or_default();
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given_of(json: Value) -> Result<Given, String> {
        given(json.as_object().unwrap().clone())
    }

    #[test]
    fn arguments_of_a_run() {
        let taken = given_of(json!({ "args": ["-a", "b c"], "stdin": "in" })).unwrap();
        assert_eq!(taken.args, ["-a", "b c"]);
        assert_eq!(taken.stdin, b"in");
        assert_eq!(
            given_of(json!({ "stdin_base64": "AP8=" })).unwrap().stdin,
            [0, 255]
        );
        assert_eq!(given_of(json!({})).unwrap(), Given::default());
        for bad in [
            json!({ "args": "x" }),
            json!({ "args": [1] }),
            json!({ "args": ["a\u{0}b"] }),
            json!({ "stdin": 1 }),
            json!({ "stdin": "a", "stdin_base64": "AA==" }),
            json!({ "stdin_base64": "?" }),
            json!({ "env": {} }),
        ] {
            assert!(given_of(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_text_is_told_in_base64() {
        assert_eq!(
            told(3, vec![0xff], b"\xff!"),
            json!({ "exit_code": 3, "stdout_base64": "/w==", "stderr": "\u{fffd}!" })
        );
    }
}
