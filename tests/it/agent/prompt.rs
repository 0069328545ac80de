//! Where a prompt's text comes from.

use super::model::{Turn, fixture};
use super::{SESSION, launched, refused, rows};
use crate::support::{Home, Ran};
use std::io::Write;
use std::process::Stdio;

/// Prompts with these words and this standard input; what the model was told.
#[track_caller]
fn told(home: &Home, words: &[&str], input: Option<&str>) -> String {
    let fixture = fixture(home, &[Turn::Says("Noted.")]);
    let first = ["agent", "prompt", "--fixture", &fixture, SESSION];
    let all = first.iter().chain(words);
    let mut command = home.command(all);
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().unwrap();
    if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
        stdin.write_all(text.as_bytes()).unwrap();
    }
    let ran = Ran::wait(child);
    assert_eq!(ran.code, Some(0), "{ran}");
    let shown = home.ok(["agent", "show", SESSION]).stdout;
    let (_, last) = shown
        .rsplit_once("\nuser\n")
        .unwrap_or_else(|| panic!("{shown}"));
    last.to_owned()
}

#[test]
fn from_an_argument_standard_input_or_a_file() {
    let home = launched();
    assert!(told(&home, &["the text itself"], None).contains("the text itself"));
    assert!(told(&home, &["-"], Some("piped on request\n")).contains("piped on request"));
    // With one argument it is the id, and the text comes from standard input.
    assert!(told(&home, &[], Some("piped without a word\n")).contains("piped without a word"));
    std::fs::write(home.work().join("task.md"), "kept in a file\n").unwrap();
    assert!(told(&home, &["@task.md"], None).contains("kept in a file"));
    assert!(told(&home, &["--", "-v is no flag here"], None).contains("-v is no flag"));
}

#[test]
fn nothing_is_guessed() {
    let home = launched();
    super::launch(&home, "another");
    let ran = refused(&home, 2, &["agent", "prompt"]);
    assert!(
        ran.stdout.contains("another") && ran.stdout.contains("idle"),
        "{ran}"
    );
    // An empty text is none, wherever it comes from.
    refused(&home, 2, &["agent", "prompt", SESSION]);
    refused(&home, 2, &["agent", "prompt", SESSION, " \n"]);
    refused(&home, 2, &["agent", "prompt", SESSION, "@nowhere.md"]);
    refused(
        &home,
        2,
        &[
            "agent",
            "prompt",
            SESSION,
            "hello",
            "--fixture",
            "nowhere.json",
        ],
    );
    std::fs::write(home.work().join("bytes"), [0xff, 0xfe]).unwrap();
    refused(&home, 2, &["agent", "prompt", SESSION, "@bytes"]);
}

#[test]
fn the_words_are_in_the_transcript_alone() {
    let home = launched();
    let words = "a sentence that belongs to its owner";
    assert!(told(&home, &[words], None).contains(words));
    assert!(rows(&home)["session_transcript"] > 0);
    for verb in [
        &["agent", "events", SESSION][..],
        &["agent", "status", SESSION],
        &["receipt", "list"],
    ] {
        assert!(
            !home.json(verb).to_string().contains("belongs to its owner"),
            "{verb:?}"
        );
    }
    for entry in crate::support::ledger::read(&home.own()) {
        assert!(
            !entry.body.to_string().contains("belongs to its owner"),
            "{:#}",
            entry.body
        );
    }
}

#[test]
fn the_transport_is_the_network_or_a_fixture() {
    let home = launched();
    let prompt = ["agent", "prompt", SESSION, "hi"];
    let ran = home.run(prompt.iter().chain(&["--transport", "fixture"]));
    assert_eq!(ran.code, Some(0), "{ran}");
    let listed = home.json([
        "receipt",
        "list",
        "--session",
        SESSION,
        "--kind",
        "http.request",
    ]);
    assert_eq!(listed["receipts"][0]["transport"], "fixture", "{listed}");
    let both = ["--transport", "live", "--fixture", "persistent-agent"];
    let words: Vec<&str> = prompt.iter().chain(&both).copied().collect();
    let ran = refused(&home, 2, &words);
    assert!(ran.stderr.contains("are both given"), "{ran}");
}
