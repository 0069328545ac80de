//! What may follow what in a session's life, and that a refused verb writes nothing.

use super::model::{TURN_TOKENS, Turn};
use super::{SESSION, events, launch, launched, prompted, receipts, refused, standing, status};
use serde_json::json;

fn look(n: usize) -> Turn<'static> {
    Turn::Asks("files__list", json!({ "path": format!("/{n}") }))
}

#[test]
fn from_launch_to_removal() {
    let home = launched();
    assert_eq!(standing(&home, SESSION).0, "idle");
    refused(
        &home,
        2,
        &[
            "agent",
            "launch",
            "--session-id",
            SESSION,
            "--provider-id",
            "openai",
        ],
    );
    refused(&home, 2, &["agent", "restart", SESSION]);
    refused(&home, 2, &["agent", "rm", SESSION]);

    let ran = prompted(&home, "hello", &[Turn::Says("Hello.")], &[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(
        standing(&home, SESSION),
        ("idle".into(), "completed".into(), String::new())
    );

    home.ok(["agent", "stop", SESSION, "--reason", "enough for today"]);
    assert_eq!(standing(&home, SESSION).0, "stopped");
    let told = home.ok(["agent", "events", SESSION]).stdout;
    assert!(told.contains("enough for today"), "{told}");
    refused(&home, 2, &["agent", "stop", SESSION]);
    refused(&home, 2, &["agent", "prompt", SESSION, "hello"]);
    refused(&home, 2, &["agent", "prompt", SESSION, "exit"]);

    home.ok(["agent", "restart", SESSION, "--reason", "a new day"]);
    let ran = prompted(&home, "hello again", &[Turn::Says("Hello.")], &[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let links = status(&home, SESSION)["links"]["totals"].clone();
    assert_eq!(
        (links["runs"].as_u64(), links["receipts"].as_u64()),
        (Some(2), Some(2))
    );
    removed_for_good(&home);
}

/// Its receipts stay, and its name is not used again.
fn removed_for_good(home: &crate::support::Home) {
    let kept = receipts(home, &["--session", SESSION]);
    assert_eq!(kept.len(), 2, "{kept:?}");
    let report = home.json(["agent", "rm", SESSION, "--force"]);
    assert!(report["events"].as_u64().unwrap() > 5, "{report:#}");
    assert!(
        report["transcript_entries"].as_u64().unwrap() >= 4,
        "{report:#}"
    );
    assert!(
        report["kept"].to_string().contains("append-only"),
        "{report:#}"
    );
    assert_eq!(receipts(home, &["--session", SESSION]), kept);
    assert!(!home.json(["agent", "list"]).to_string().contains("idle"));
    assert_eq!(standing(home, SESSION).0, "removed");
    for verb in ["stop", "restart", "rm"] {
        refused(home, 2, &["agent", verb, SESSION]);
    }
    refused(
        home,
        2,
        &[
            "agent",
            "launch",
            "--session-id",
            SESSION,
            "--provider-id",
            "openai",
        ],
    );
}

#[test]
fn a_session_that_is_not_there() {
    let home = launched();
    for verb in [
        "prompt", "status", "show", "events", "stop", "restart", "rm",
    ] {
        let ran = refused(&home, 2, &["agent", verb, "nobody"]);
        assert!(ran.stderr.contains("nobody") || verb == "prompt", "{ran}");
    }
    refused(&home, 2, &["agent", "prompt", "nobody", "hello"]);
    refused(&home, 2, &["agent", "status", "no/id"]);
    refused(&home, 2, &["agent", "launch", "--provider-id", "nobody"]);
    refused(&home, 2, &["agent", "launch", "--provider-id", "files"]);
    refused(
        &home,
        2,
        &[
            "agent",
            "launch",
            "--provider-id",
            "openai",
            "--mode",
            "sideways",
        ],
    );
    refused(
        &home,
        2,
        &[
            "agent",
            "launch",
            "--provider-id",
            "openai",
            "--policy",
            "sha256:0",
        ],
    );
}

#[test]
fn exit_words_stop_a_session_without_a_run() {
    let home = launched();
    for word in ["exit", "/exit", "quit", "/quit", "  EXIT\n", "/Quit "] {
        let ran = home.ok(["agent", "prompt", SESSION, word]);
        assert!(ran.stdout.contains("session s is stopped"), "{ran}");
        assert_eq!(standing(&home, SESSION).0, "stopped");
        home.ok(["agent", "restart", SESSION]);
    }
    let events = events(&home, SESSION);
    assert_eq!(
        events.iter().filter(|event| *event == "exited").count(),
        6,
        "{events:?}"
    );
    assert!(
        !events.contains(&"prompt_received".to_owned()),
        "{events:?}"
    );
    assert_eq!(receipts(&home, &[]), [""; 0]);
    // A text that only begins so is a prompt.
    let ran = prompted(&home, "exit the loop", &[Turn::Says("Done.")], &[]);
    assert!(ran.stdout.contains("Done."), "{ran}");
}

#[test]
fn turns_and_tokens_bound_a_run() {
    let home = launched();
    let turns: Vec<Turn<'_>> = (0..9).map(look).chain([Turn::Says("Done.")]).collect();
    let asked = || receipts(&home, &["--kind", "http.request"]).len();

    // Five turns when nothing else is said.
    let ran = prompted(&home, "look", &turns, &[]);
    assert_eq!((ran.code, asked()), (Some(6), 5), "{ran}");
    let interrupted = |reason: &str| ("idle".into(), "interrupted".into(), reason.into());
    assert_eq!(standing(&home, SESSION), interrupted("max_iterations"));

    launch(&home, "t");
    let fixture = super::model::fixture(&home, &turns);
    let words = [
        "agent",
        "prompt",
        "t",
        "look",
        "--fixture",
        &fixture,
        "--max-iterations",
        "9",
    ];
    let budget = (TURN_TOKENS * 4).to_string();
    let ran = home.run(words.iter().chain(&["--provider-token-budget", &budget]));
    assert_eq!(ran.code, Some(6), "{ran}");
    assert_eq!(standing(&home, "t"), interrupted("token_budget"));
    let spent = status(&home, "t")["last_run"]["usage"].clone();
    let spent = spent["input"].as_u64().unwrap() + spent["output"].as_u64().unwrap();
    assert!(spent > 0 && spent <= TURN_TOKENS * 4, "{spent}");
    assert!(
        super::remedy(&ran).contains("--provider-token-budget"),
        "{ran}"
    );
    for flag in [
        "--max-iterations=0",
        "--max-iterations=many",
        "--provider-token-budget=-1",
    ] {
        refused(&home, 2, &["agent", "prompt", SESSION, "look", flag]);
    }
}

#[test]
fn a_run_of_one_command_needs_no_login_and_ends_archived() {
    let home = crate::support::Home::new();
    home.ok(["grant", "add", "openai", super::OPENAI]);
    let fixture = super::model::fixture(&home, &[Turn::Says("Once.")]);
    let ran = home.ok([
        "run",
        "hello",
        "--provider-id",
        "openai",
        "--fixture",
        &fixture,
    ]);
    assert!(ran.stdout.contains("Once."), "{ran}");
    home.ok(["auth", "login"]);
    let listed = home.json(["agent", "list"]);
    let session = &listed["sessions"][0]["session"];
    assert_eq!(session["status"], "archived", "{listed:#}");
    let id = session["id"].as_str().unwrap();
    refused(&home, 2, &["agent", "prompt", id, "again"]);
    refused(&home, 2, &["agent", "restart", id]);
}

#[test]
fn a_refused_effect_blocks_a_run_that_was_asked_to() {
    let home = launched();
    home.ok(["grant", "add", "files", "fs.read . at /project"]);
    let turns = [look(0), Turn::Says("I went on.")];
    let ran = prompted(&home, "look", &turns, &[]);
    assert_eq!(ran.code, Some(0), "the model is told and goes on: {ran}");
    assert_eq!(receipts(&home, &["--decision", "denied"]).len(), 1);
    launch(&home, "t");
    let fixture = super::model::fixture(&home, &turns);
    let words = [
        "agent",
        "prompt",
        "t",
        "look",
        "--fixture",
        &fixture,
        "--on-denied",
        "block",
    ];
    let ran = home.run(words);
    assert_eq!(ran.code, Some(4), "{ran}");
    assert_eq!(status(&home, "t")["status"], "blocked");
    refused(&home, 2, &["agent", "prompt", "t", "hello"]);
    home.ok(["agent", "stop", "t"]);
    assert_eq!(standing(&home, "t").0, "stopped");
}

#[test]
fn what_no_component_attempts_leaves_no_denial() {
    let home = launched();
    home.ok(["grant", "add", "files", "fs.read . at /project"]);
    let ran = prompted(
        &home,
        "hello",
        &[Turn::Says("Hello.")],
        &["--no-allow-fixture-action"],
    );
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(receipts(&home, &["--decision", "denied"]), [""; 0]);
    let turns = [look(0), Turn::Says("Hello.")];
    launch(&home, "t");
    let fixture = super::model::fixture(&home, &turns);
    let words = [
        "agent",
        "prompt",
        "t",
        "look",
        "--fixture",
        &fixture,
        "--no-allow-fixture-action",
    ];
    let ran = home.run(words);
    assert_eq!(ran.code, Some(4), "{ran}");
    assert_eq!(receipts(&home, &["--decision", "denied"]).len(), 1);
}
