//! `--json`: what every verb prints is JSON and nothing else, also where it fails.

use super::model::{Turn, fixture};
use super::{SESSION, launched};
use crate::support::{Home, Ran};
use serde_json::Value;
use std::io::{BufRead, BufReader};

fn json(home: &Home, words: &[&str]) -> (Ran, Value) {
    let ran = home.run(words.iter().chain(&["--json"]));
    let value = serde_json::from_str(&ran.stdout);
    let value = value.unwrap_or_else(|error| panic!("{error}: {ran}"));
    (ran, value)
}

#[test]
fn every_verb_prints_json() {
    let home = launched();
    std::fs::write(home.work().join("note.txt"), "a note\n").unwrap();
    std::fs::create_dir(home.work().join(".git")).unwrap();
    std::fs::write(home.work().join("tollgate.toml"), "version = 1\n").unwrap();
    let fixture = fixture(&home, &[Turn::Says("Done.")]);
    let component = crate::support::place::hostile().join("trap.wasm");
    let component = component.to_str().unwrap();
    let verbs: &[&[&str]] = &[
        &["auth", "login"],
        &["auth", "whoami"],
        &[
            "agent",
            "launch",
            "--session-id",
            "j",
            "--provider-id",
            "openai",
        ],
        &["agent", "prompt", "j", "hello", "--fixture", &fixture],
        &["agent", "status", "j"],
        &["agent", "list"],
        &["agent", "show", "j"],
        &["agent", "events", "j"],
        &["agent", "stop", "j"],
        &["agent", "restart", "j"],
        &["agent", "prompt", "j", "exit"],
        &["agent", "rm", "j"],
        &["grant", "add", "files", "fs.read . at /project"],
        &["grant", "list"],
        &["grant", "explain", "files", "fs.read /project/note.txt"],
        &["call", "files", "read", "path=/project/note.txt"],
        &[
            "run",
            "hello",
            "--provider-id",
            "openai",
            "--fixture",
            &fixture,
        ],
        &["plugin", "add", component, "--name", "j"],
        &["plugin", "list"],
        &["plugin", "show", "files"],
        &["plugin", "rm", "j"],
        &["policy", "check"],
        &["policy", "trust", "--show"],
        &["policy", "trust"],
        &["policy", "show"],
        &["receipt", "list"],
        &["doctor"],
        &["auth", "logout"],
    ];
    for verb in verbs {
        let (ran, _) = json(&home, verb);
        assert_eq!(ran.code, Some(0), "{ran}");
    }
    let (_, listed) = json(&home, &["receipt", "list"]);
    let receipt = listed["receipts"][0]["id"].as_str().unwrap();
    json(&home, &["receipt", "show", receipt]);
    json(&home, &["receipt", "explain", receipt]);
    let (_, grants) = json(&home, &["grant", "list", "files"]);
    json(
        &home,
        &[
            "grant",
            "revoke",
            grants["grants"][0]["id"].as_str().unwrap(),
        ],
    );
}

#[test]
fn an_error_is_one_object_on_standard_error() {
    let home = launched();
    for (words, code, name) in [
        (&["agent", "restart", SESSION][..], 2, "transition"),
        (&["agent", "status", "nobody"], 2, "not_found"),
        (&["agent", "sing"], 2, "input"),
        (&["call", "files", "list", "path=/x"], 3, "denied"),
    ] {
        let ran = home.run(words.iter().chain(&["--json", "--quiet"]));
        assert_eq!(ran.code, Some(code), "{ran}");
        let error: Value =
            serde_json::from_str(&ran.stderr).unwrap_or_else(|e| panic!("{e}: {ran}"));
        assert_eq!(error["error"]["exit"], code, "{ran}");
        assert!(
            error["error"]["code"].as_str().unwrap().contains(name),
            "{ran}"
        );
    }
}

#[test]
fn what_is_followed_is_a_line_for_each() {
    let home = launched();
    let follow = |words: &[&str]| {
        let mut child = home
            .command(words.iter().chain(&["--json"]))
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        serde_json::from_str::<Value>(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    let event = follow(&["agent", "events", SESSION, "--follow"]);
    assert_eq!(event["seq"], 1, "{event:#}");
    home.run(["call", "files", "list", "path=/x"]);
    let receipt = follow(&["receipt", "follow", "--last", "1"]);
    assert!(receipt.to_string().contains("/x"), "{receipt:#}");
}
