//! First-party plugins through the built binary: what they do with their smallest grant, what they say
//! without it, and the receipts that they leave.

mod fetch;
mod git;
mod json;
mod notes;

use crate::support::{Home, Ran};
use serde_json::Value;

/// Receipts of a plugin as `kind decision target`, in order.
fn receipts(home: &Home, plugin: &str) -> Vec<String> {
    let listed = home.json(["receipt", "list", "--limit", "100000", "--plugin", plugin]);
    let line = |receipt: &Value| {
        let text = |pointer: &str| receipt.pointer(pointer).and_then(Value::as_str);
        let parts = ["/kind", "/decision/verdict", "/target/text"];
        parts.map(|part| text(part).unwrap_or_default()).join(" ")
    };
    let listed = listed["receipts"].as_array().unwrap();
    listed.iter().map(line).collect()
}

/// A call that the gate refused: exit code 3, a denial of that kind, and the command that allows it.
#[track_caller]
fn denied(ran: &Ran, kind: &str) -> Vec<String> {
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.stderr.contains(&format!("was denied {kind} ")), "{ran}");
    let remedy = ran
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("  try:  "));
    let words = shlex::split(remedy.unwrap_or_else(|| panic!("no remedy: {ran}"))).unwrap();
    words.into_iter().skip(1).collect()
}
