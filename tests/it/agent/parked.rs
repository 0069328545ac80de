//! A background run that is parked by an effect whose end nobody saw goes on as it was asked for.

use super::model::{Turn, fixture};
use super::{OPENAI, SESSION, events, status};
use crate::kill::victim::Victim;
use crate::support::{Home, Ran};
use serde_json::json;
use std::path::Path;

/// What the model says in the end.
const LAST_WORDS: &str = "looked, and done";

/// A home with a background session, whose model writes a file and then says its last words.
fn background() -> (Home, String) {
    let home = Home::new();
    home.ok(["auth", "login"]);
    home.ok(["grant", "add", "openai", OPENAI]);
    home.ok(["grant", "add", "files", "fs.create . at /project"]);
    let mode = ["--mode", "autonomous,background"];
    let launch = [
        "agent",
        "launch",
        "--session-id",
        SESSION,
        "--provider-id",
        "openai",
    ];
    home.ok(launch.iter().chain(&mode));
    let write = json!({"path": "/project/a.txt", "content": "a", "create_only": true});
    let turns = [Turn::Asks("files__write", write), Turn::Says(LAST_WORDS)];
    let fixture = fixture(&home, &turns);
    (home, fixture)
}

/// Prompts with a fixture named relative to the working directory, and kills the process when the
/// intent of the tool's effect is durable: the second of the strict class, after the request.
pub(super) fn killed_in_the_tool(home: &Home, flags: &[&str]) {
    let words = [
        "agent",
        "prompt",
        SESSION,
        "write",
        "--fixture",
        "../fixture.json",
    ];
    let command = home.command(words.iter().chain(flags));
    let mut victim = Victim::until(command, "gate.after_intent_durable", 2);
    victim.wait_stopped();
    assert!(victim.kill().is_none());
}

/// The command that `agent status` prints, run from another directory.
pub(super) fn resolved(home: &Home) -> Ran {
    let shown = home.ok(["agent", "status", SESSION]);
    let line = shown
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("to go on"));
    let words = shlex::split(line.unwrap_or_else(|| panic!("{shown}"))).unwrap();
    let mut command = home.command(words[1..].iter().map(String::as_str).chain(["--json"]));
    command.current_dir(home.root());
    Ran::of(command)
}

#[test]
fn it_completes_with_its_fixture() {
    let (home, _) = background();
    killed_in_the_tool(
        &home,
        &["--max-iterations", "7", "--provider-token-budget", "9000"],
    );
    let parked = status(&home, SESSION);
    assert_eq!(parked["status_reason"], "indeterminate", "{parked:#}");
    let terms = &parked["current_run"]["terms"];
    assert_eq!(terms["iterations_max"], 7, "{parked:#}");
    assert_eq!(terms["token_budget"], 9000, "{parked:#}");
    let fixture = terms["fixture"].as_str().unwrap();
    assert!(Path::new(fixture).is_absolute(), "{fixture}");

    let ran = resolved(&home);
    assert_eq!(ran.code, Some(0), "{ran}");
    let report = ran.json();
    assert_eq!(report["output"], LAST_WORDS, "{report:#}");
    assert_eq!(report["status"], "completed", "{report:#}");
    assert_eq!(status(&home, SESSION)["status"], "archived");
    let all = home.json(["receipt", "list", "--kind", "http"]);
    let receipts = all["receipts"].as_array().unwrap();
    assert_eq!(receipts.len(), 2, "{all:#}");
    assert!(
        receipts
            .iter()
            .all(|receipt| receipt["transport"] == "fixture")
    );
    let opened = events(&home, SESSION);
    assert_eq!(
        opened
            .iter()
            .filter(|name| *name == "prompt_received")
            .count(),
        1
    );
}

#[test]
fn it_ends_at_its_own_bound() {
    let (home, _) = background();
    killed_in_the_tool(&home, &["--max-iterations", "1"]);
    let ran = resolved(&home);
    assert_eq!(ran.code, Some(6), "{ran}");
}

/// Without its fixture it would ask the network; it waits instead, and can be ended.
#[test]
fn it_waits_for_a_fixture_that_is_gone() {
    let (home, fixture) = background();
    killed_in_the_tool(&home, &[]);
    std::fs::rename(&fixture, home.root().join("elsewhere")).unwrap();
    let ran = resolved(&home);
    assert_eq!(ran.code, Some(2), "{ran}");
    let error = ran.error();
    let remedy = error["try"].as_str().unwrap();
    assert!(remedy.contains("tollgate agent stop s"), "{ran}");
    assert_eq!(status(&home, SESSION)["status_reason"], "indeterminate");
    std::fs::rename(home.root().join("elsewhere"), &fixture).unwrap();
    assert_eq!(resolved(&home).code, Some(0));
}
