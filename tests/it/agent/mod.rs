//! A session from the operator's chair: from login to removal, with real components.
//!
//! - [`openai`], [`provider_faults`]: the `openai` component and a real server that speaks its format.
//! - [`demo`]: the demo and the commands that it prints.
//! - [`login`], [`lifecycle`], [`prompt`], [`owner_lost`], [`parked`]: what may follow what, and what is
//!   written.
//! - [`effects`], [`quota`]: the budget of a run's effects, and what a session adds to a disk.
//! - [`authority`], [`credential`], [`project`], [`pins`]: grants, keys, a cloned project's file, added
//!   plugins.
//! - [`json`], [`untrusted`]: the output, for programs and on terminals.
//!
//! Where no server is named, the provider's requests are answered by a fixture ([`model`]).

mod aimock;
mod authority;
mod credential;
mod demo;
mod effects;
mod json;
mod lifecycle;
mod login;
mod long;
mod model;
mod openai;
mod owner_lost;
mod parked;
mod pins;
mod project;
mod prompt;
mod provider_faults;
mod quota;
mod untrusted;

use crate::support::{Home, Ran, ledger};
use model::Turn;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The session of most tests.
const SESSION: &str = "s";
/// What a provider without a configured address is granted.
const OPENAI: &str = "http POST https://api.openai.com/v1/**";

/// A home in which the operator is logged in and [`SESSION`] waits for prompts.
fn launched() -> Home {
    let home = Home::new();
    home.ok(["auth", "login"]);
    home.ok(["grant", "add", "openai", OPENAI]);
    launch(&home, SESSION);
    home
}

fn launch(home: &Home, session: &str) {
    home.ok([
        "agent",
        "launch",
        "--session-id",
        session,
        "--project-id",
        "p",
        "--provider-id",
        "openai",
    ]);
}

/// Prompts [`SESSION`], whose model goes through `turns`.
fn prompted(home: &Home, text: &str, turns: &[Turn<'_>], flags: &[&str]) -> Ran {
    let fixture = model::fixture(home, turns);
    let words = ["agent", "prompt", SESSION, text, "--fixture", &fixture];
    home.run(words.iter().chain(flags))
}

fn status(home: &Home, session: &str) -> Value {
    home.json(["agent", "status", session])
}

/// The state of a session and how its last run stands.
fn standing(home: &Home, session: &str) -> (String, String, String) {
    let status = status(home, session);
    let word = |pointer: &str| {
        status
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    (
        word("/status"),
        word("/last_run/status"),
        word("/last_run/reason"),
    )
}

/// Names of a session's events.
fn events(home: &Home, session: &str) -> Vec<String> {
    let all = home.json(["agent", "events", session]);
    let all = all["events"].as_array().unwrap();
    all.iter()
        .map(|event| {
            event["record"]["event"]["type"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// Receipts that a filter finds, as `kind decision target`.
fn receipts(home: &Home, filter: &[&str]) -> Vec<String> {
    let listed = home.json(
        ["receipt", "list", "--limit", "100000"]
            .iter()
            .chain(filter),
    );
    let listed = listed["receipts"].as_array().unwrap();
    listed.iter().map(receipt_line).collect()
}

fn receipt_line(receipt: &Value) -> String {
    let text = |pointer: &str| {
        receipt
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    format!(
        "{} {} {}",
        text("/kind"),
        text("/decision/verdict"),
        text("/target/text")
    )
}

/// How many rows each table has: what a refused verb must not change.
fn rows(home: &Home) -> BTreeMap<String, i64> {
    let database = ledger::open(&home.own());
    let mut tables = database
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
        .unwrap();
    let names: Vec<String> = tables
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    names
        .into_iter()
        .map(|name| {
            let query = format!("SELECT count(*) FROM \"{name}\"");
            let count = database.query_row(&query, [], |row| row.get(0)).unwrap();
            (name, count)
        })
        .collect()
}

/// Runs a verb that must be refused with this exit code and write nothing.
#[track_caller]
fn refused(home: &Home, code: i32, words: &[&str]) -> Ran {
    let before = rows(home);
    let ran = home.run(words);
    assert_eq!(ran.code, Some(code), "{ran}");
    assert_eq!(rows(home), before, "a refused verb has written: {ran}");
    ran
}

/// The command that an error prints after `try:`.
#[track_caller]
fn remedy(ran: &Ran) -> String {
    let line = ran
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("  try:  "));
    line.unwrap_or_else(|| panic!("no remedy: {ran}"))
        .to_owned()
}

/// Runs a printed command as a shell would split it, through the built binary.
#[track_caller]
fn run_printed(home: &Home, command: &str) -> Ran {
    let words = shlex::split(command).unwrap();
    assert_eq!(words[0], "tollgate", "{command}");
    home.ok(&words[1..])
}

/// Every file and directory below, with the directory itself.
fn below(directory: &Path) -> Vec<PathBuf> {
    let mut found = vec![directory.to_owned()];
    if let Ok(entries) = std::fs::read_dir(directory) {
        for entry in entries.flatten() {
            if entry.file_type().unwrap().is_dir() {
                found.extend(below(&entry.path()));
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}
