//! Components that were not made for Tollgate, called by the built binary: ordinary functions, commands,
//! modules of WASI 0.1, programs that nobody here wrote.

mod command;
mod foreign;
mod functions;

use crate::support::{Home, Ran};
use serde_json::Value;
use std::path::Path;

/// Adds a component under a name.
#[track_caller]
fn add(home: &Home, component: &Path, name: &str) -> Value {
    home.json(["plugin", "add", component.to_str().unwrap(), "--name", name])
}

/// Calls a tool with arguments in JSON; what the run printed, and its exit code.
#[track_caller]
fn call(home: &Home, plugin: &str, tool: &str, arguments: &Value) -> (Value, Ran) {
    let arguments = arguments.to_string();
    let ran = home.run([
        "call",
        plugin,
        tool,
        "--arguments-json",
        &arguments,
        "--json",
    ]);
    let printed = ran
        .stdout
        .lines()
        .next()
        .map(|_| ran.json())
        .unwrap_or_default();
    (printed, ran)
}

/// As [`call`]; it must end with exit code 0. The first block of its output.
#[track_caller]
fn output(home: &Home, plugin: &str, tool: &str, arguments: &Value) -> Value {
    let (printed, ran) = call(home, plugin, tool, arguments);
    assert_eq!(ran.code, Some(0), "{ran}");
    printed.pointer("/content/0").cloned().unwrap_or_default()
}

/// What an error says, of a run with `--json`.
#[track_caller]
fn said(ran: &Ran) -> String {
    let error: Value = serde_json::from_str(&ran.stderr).unwrap_or_else(|_| panic!("{ran}"));
    error["error"]["message"].as_str().unwrap().to_owned()
}

/// The receipts of the session of a call, as kind, decision and target.
fn receipts(home: &Home, printed: &Value) -> Vec<String> {
    let session = printed["session"].as_str().unwrap();
    let listed = home.json(["receipt", "list", "--session", session]);
    crate::hostile::outcome::receipts(&listed)
        .iter()
        .map(crate::hostile::outcome::line)
        .collect()
}
