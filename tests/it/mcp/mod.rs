//! MCP from the client's chair: the official clients and the built binary, over stdio and HTTP.
//!
//! - [`official`]: scenarios of `client.py`, run by PyPI's `mcp`, and npm's inspector.
//! - [`stdio`], [`http`]: what the official clients never do: vanish, be killed, lie about who they are.

mod http;
mod official;
mod raw;
mod stdio;

use crate::support::{Home, ledger, place};
use serde_json::Value;
use std::path::PathBuf;

/// What the operator of these tests has decided.
const POLICY: &str = r#"
version = 1

[plugins.files]
component = "files.wasm"
grants = ["fs.read {ROOT}/near at /near"]

[plugins.blocks]
component = "{HOSTILE}/blocks.wasm"
grants = []

[plugins.endless_wait]
component = "{HOSTILE}/endless_wait.wasm"
grants = []
limits = { wall = "60s" }
"#;

/// A home with three plugins, something to read, and something that may not be read.
fn house() -> Home {
    let home = Home::new();
    let root = home.root().to_str().unwrap().to_owned();
    for (file, words) in [
        ("near/note.txt", "all is well"),
        ("far/note.txt", "far away"),
    ] {
        let path = home.root().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, words).unwrap();
    }
    let hostile = place::hostile().to_str().unwrap().to_owned();
    let names = [("ROOT", root), ("HOSTILE", hostile)];
    home.policy(&crate::support::template::fill(POLICY, &names));
    home
}

/// Where counterparts are installed.
fn tools() -> PathBuf {
    std::env::var_os("TOLLGATE_TOOLS_DIR").map_or_else(
        || place::binary().parent().unwrap().join("../tools"),
        PathBuf::from,
    )
}

/// How each call of a session ended, by its export, in the ledger's own words.
fn calls(home: &Home, session: &str) -> Vec<(String, String)> {
    ledger::read(&home.own())
        .iter()
        .filter(|entry| entry.session == session && entry.kind() == "call")
        .map(|entry| {
            (
                entry.text("/export").to_owned(),
                entry.text("/ended").to_owned(),
            )
        })
        .collect()
}

/// Waits until a call of the session has ended so.
#[track_caller]
fn wait_for_end(home: &Home, session: &str, export: &str, ended: &str) {
    let wanted = (export.to_owned(), ended.to_owned());
    for _ in 0..200 {
        if calls(home, session).contains(&wanted) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{wanted:?} is not among {:?}", calls(home, session));
}

/// The text of a member.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {pointer} in {value}"))
}
