//! The effects that a run's tools may attempt, all calls together.

use super::model::{Turn, fixture};
use super::parked::{killed_in_the_tool, resolved};
use super::{OPENAI, SESSION, launched, prompted, receipts, remedy, run_printed, standing, status};
use crate::support::Home;
use serde_json::json;

/// What one `read` attempts.
const READ_EFFECTS: u64 = 1;

fn read(name: &str) -> Turn<'static> {
    Turn::Asks("files__read", json!({ "path": format!("/project/{name}") }))
}

/// As many effects as there are files below `many`, and one for the directory at least.
fn search() -> Turn<'static> {
    Turn::Asks(
        "files__search",
        json!({"path": "/project/many", "pattern": "x"}),
    )
}

fn furnished(home: &Home) {
    for name in ["a", "b", "c"] {
        std::fs::write(home.work().join(name), name).unwrap();
    }
    let many = home.work().join("many");
    std::fs::create_dir(&many).unwrap();
    for n in 0..10 {
        std::fs::write(many.join(n.to_string()), "x").unwrap();
    }
    home.ok(["grant", "add", "files", "fs.read . at /project"]);
}

fn attempted(home: &Home) -> usize {
    receipts(home, &["--plugin", "files"]).len()
}

fn spent(home: &Home) -> u64 {
    status(home, SESSION)["last_run"]["effects"]
        .as_u64()
        .unwrap()
}

#[test]
fn a_run_ends_before_the_call_for_which_no_effect_is_left() {
    let home = launched();
    furnished(&home);
    let turns = [read("a"), read("b"), read("c"), Turn::Says("Done.")];
    let budget = (READ_EFFECTS * 2).to_string();
    let ran = prompted(&home, "read", &turns, &["--effect-budget", &budget]);
    assert_eq!(ran.code, Some(6), "{ran}");
    let interrupted = ("idle".into(), "interrupted".into(), "effect_budget".into());
    assert_eq!(standing(&home, SESSION), interrupted);
    assert_eq!((attempted(&home), spent(&home)), (2, READ_EFFECTS * 2));
    let last = &status(&home, SESSION)["last_run"];
    assert_eq!(last["terms"]["effect_budget"], READ_EFFECTS * 2);
    // The command that is printed goes on with more.
    let command = remedy(&ran);
    assert!(command.contains("--effect-budget 100"), "{command}");
    let ran = run_printed(&home, &command);
    assert!(ran.stdout.contains("Done."), "{ran}");
}

#[test]
fn a_call_may_attempt_no_more_than_what_is_left_of_the_run() {
    let home = launched();
    furnished(&home);
    let turns = [read("a"), search(), read("b"), Turn::Says("Done.")];
    let budget = (READ_EFFECTS + 4).to_string();
    let ran = prompted(&home, "search", &turns, &["--effect-budget", &budget]);
    assert_eq!(ran.code, Some(6), "{ran}");
    assert_eq!(standing(&home, SESSION).2, "effect_budget");
    assert_eq!(spent(&home), READ_EFFECTS + 4);
    let allowed = receipts(&home, &["--plugin", "files", "--decision", "allowed"]);
    assert_eq!(allowed.len() as u64, READ_EFFECTS + 4, "{allowed:#?}");
    let listed = home.json(["receipt", "list", "--decision", "denied"]);
    let denied = listed["receipts"].as_array().unwrap();
    assert!(!denied.is_empty());
    for receipt in denied {
        assert_eq!(receipt["decision"]["reason"], "limit_reached", "{receipt}");
    }
}

#[test]
fn without_a_budget_nothing_is_bounded_and_effects_are_counted() {
    let home = launched();
    furnished(&home);
    let turns = [read("a"), search(), read("b"), Turn::Says("Done.")];
    let ran = prompted(&home, "search", &turns, &[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(spent(&home), attempted(&home) as u64);
    assert!(spent(&home) > READ_EFFECTS * 2 + 10);
    assert!(ran.stderr.contains("completed"), "{ran}");
}

#[test]
fn who_goes_on_with_a_run_has_what_is_left_of_its_effects() {
    let home = Home::new();
    // A call of `files` reserves five, and one that nobody saw end has spent them.
    home.policy("version = 1\n[plugins.files]\ngrants = [\"fs.create {} at /project\"]\nlimits = { effects = 5 }\n"
        .replace("{}", home.work().to_str().unwrap()).as_str());
    home.ok(["auth", "login"]);
    home.ok(["grant", "add", "openai", OPENAI]);
    for name in ["a", "b", "c"] {
        std::fs::write(home.work().join(name), name).unwrap();
    }
    let launch = [
        "agent",
        "launch",
        "--session-id",
        SESSION,
        "--provider-id",
        "openai",
    ];
    home.ok(launch.iter().chain(&["--mode", "autonomous,background"]));
    let write = json!({"path": "/project/new", "content": "n", "create_only": true});
    let turns = [
        Turn::Asks("files__write", write),
        read("a"),
        read("b"),
        Turn::Says("Done."),
    ];
    fixture(&home, &turns);
    killed_in_the_tool(&home, &["--effect-budget", "6"]);
    let parked = status(&home, SESSION);
    assert_eq!(parked["current_run"]["effects"], 5, "{parked:#}");
    let ran = resolved(&home);
    assert_eq!(ran.code, Some(6), "{ran}");
    assert!(ran.stderr.contains("effect_budget"), "{ran}");
    let reads = receipts(&home, &["--kind", "fs.open.read"]);
    assert_eq!(reads, ["fs.open.read allowed /project/a"]);
}
