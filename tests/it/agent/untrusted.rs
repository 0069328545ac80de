//! What strangers wrote is shown escaped: it moves no cursor, colours nothing, reverses nothing.

use super::model::Turn;
use super::{SESSION, launched, prompted};
use crate::support::{Home, Ran};

/// A file's name that would show as something else: a colour, a line of its own, reversed letters.
const NAME: &str = "a\u{1b}[31mred\u{202e}txt.exe\u{7}";
/// What may not reach a terminal.
const FORBIDDEN: [char; 7] = [
    '\u{1b}', '\u{202e}', '\u{7}', '\u{9b}', '\u{2066}', '\r', '\u{8}',
];

#[track_caller]
fn harmless(ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(FORBIDDEN), "{ran:?}");
    }
}

fn verbs(home: &Home, verbs: &[&[&str]]) {
    for verb in verbs {
        let ran = home.ok(*verb);
        harmless(&ran);
        let ran = home.run(verb.iter().chain(&["--json"]));
        harmless(&ran);
        ran.json();
    }
}

#[test]
fn names_of_files() {
    let home = launched();
    std::fs::write(home.work().join(NAME), "text\n").unwrap();
    home.ok([
        "grant",
        "add",
        "files",
        "fs.read . at /project",
        "--why",
        "\u{1b}[2J\u{202e}",
    ]);
    harmless(&home.ok(["call", "files", "list", "path=/project"]));
    let ran = home.ok(["call", "files", "read", &format!("path=/project/{NAME}")]);
    harmless(&ran);
    let denied = home.run([
        "call",
        "files",
        "write",
        &format!("path=/project/{NAME}"),
        "content=x",
    ]);
    assert_eq!(denied.code, Some(3), "{denied}");
    harmless(&denied);
    let listed = home.ok(["receipt", "list"]).stdout;
    assert!(listed.contains("txt.exe\\u{7}"), "{listed}");
    // Where a name is cut, no escape is.
    let whole = listed.matches("\\u{").count();
    assert_eq!(listed.matches('{').count(), whole, "{listed}");
    assert_eq!(listed.matches('}').count(), whole, "{listed}");
    verbs(&home, &[&["receipt", "list"], &["grant", "list"]]);
    let all = home.json(["receipt", "list"]);
    for receipt in all["receipts"].as_array().unwrap() {
        let id = receipt["id"].as_str().unwrap();
        verbs(
            &home,
            &[&["receipt", "show", id], &["receipt", "explain", id]],
        );
    }
}

#[test]
fn words_of_a_model() {
    let home = launched();
    let words = "first\u{1b}[2Jsecond\u{202e}third\rfourth\u{9b}31mfifth\u{8}";
    let list = Turn::Asks(
        "files__list",
        serde_json::json!({ "path": format!("/{NAME}") }),
    );
    let unknown = Turn::Asks("files__\u{1b}[31m", serde_json::json!({}));
    let ran = prompted(
        &home,
        "hello\u{202e}",
        &[list, unknown, Turn::Says(words)],
        &[],
    );
    assert_eq!(ran.code, Some(0), "{ran}");
    harmless(&ran);
    assert!(ran.stdout.contains("second\\u{202e}third"), "{ran}");
    verbs(
        &home,
        &[
            &["agent", "show", SESSION],
            &["agent", "events", SESSION],
            &["agent", "status", SESSION],
            &["agent", "list"],
            &["receipt", "list"],
        ],
    );
    harmless(&home.ok(["agent", "stop", SESSION, "--reason", "\u{1b}[31m\u{202e}"]));
    verbs(
        &home,
        &[&["agent", "events", SESSION], &["agent", "status", SESSION]],
    );
}

#[test]
fn what_is_typed_and_refused() {
    let home = launched();
    for words in [
        &["agent", "status", NAME][..],
        &["agent", "launch", "--provider-id", NAME],
        &[
            "agent",
            "launch",
            "--provider-id",
            "openai",
            "--project-id",
            NAME,
        ],
        &["call", NAME, "x"],
        &["call", "files", NAME],
        &["grant", "add", "files", NAME],
        &["grant", "revoke", NAME],
        &["plugin", "add", NAME],
        &["policy", "check", NAME],
        &["receipt", "show", NAME],
        &["demo", "persistent-agent", "--repo-path", NAME],
        &["sing", NAME],
    ] {
        let ran = home.run(words);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        harmless(&ran);
    }
}
