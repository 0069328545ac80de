//! The plugin `notes`: one namespace, across processes, side by side.

use super::{denied, receipts};
use crate::support::{Home, Ran};
use serde_json::Value;
use std::collections::BTreeSet;

/// Processes that add at once.
const WRITERS: usize = 8;

fn granted() -> Home {
    let home = Home::new();
    home.ok(["grant", "add", "notes", "kv notes"]);
    home
}

/// The first JSON block of a call's answer.
fn answer(home: &Home, words: &[&str]) -> Value {
    let said = home.json(["call", "notes"].iter().chain(words));
    said["content"][0]["json"].clone()
}

#[test]
fn a_note_outlives_the_process_that_wrote_it() {
    let home = Home::new();
    let add = [
        "call",
        "notes",
        "add",
        "title=Deploys",
        "text=Never on Fridays.",
        r#"tags:=["Rule"]"#,
    ];
    let remedy = denied(&home.run(add), "kv.open");
    assert_eq!(remedy, ["grant", "add", "notes", "kv notes"]);
    home.ok(remedy);
    home.ok(add);

    let listed = answer(&home, &["list", "tag=rule"]);
    assert_eq!(listed[0]["title"], "Deploys");
    assert_eq!(listed[0]["tags"], serde_json::json!(["rule"]));
    let id = listed[0]["id"].as_str().unwrap();
    let found = answer(&home, &["search", "query=friday never"]);
    assert_eq!(found[0]["id"], id);
    assert_eq!(found[0]["excerpt"], "Never on Fridays.");
    let read = home.ok(["call", "notes", "read", &format!("id={id}")]);
    assert!(read.stdout.ends_with("Never on Fridays.\n"), "{read}");

    home.ok(["call", "notes", "remove", &format!("id={id}")]);
    let gone = home.run(["call", "notes", "read", &format!("id={id}")]);
    assert_eq!(gone.code, Some(1), "{gone}");
    assert!(gone.stderr.contains("there is no note"), "{gone}");

    let receipts = receipts(&home, "notes");
    assert_eq!(receipts[0], "kv.open denied notes");
    for receipt in [
        format!("kv.set allowed notes/{id}"),
        format!("kv.get allowed notes/{id}"),
        format!("kv.delete allowed notes/{id}"),
    ] {
        assert!(receipts.contains(&receipt), "{receipt}: {receipts:?}");
    }
}

#[test]
fn calls_side_by_side_lose_nothing() {
    let home = granted();
    home.ok(["call", "notes", "list"]); // compiled now
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| {
            let title = format!("title=note {n}");
            let words = ["call", "notes", "add", &title, "text=x"];
            home.command(words).spawn().unwrap()
        })
        .collect();
    for writer in writers {
        let ran = Ran::wait(writer);
        assert_eq!(ran.code, Some(0), "{ran}");
    }
    let listed = answer(&home, &["list"]);
    let titles: BTreeSet<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note["title"].as_str().unwrap())
        .collect();
    assert_eq!(titles.len(), WRITERS, "{titles:?}");
}

#[test]
fn a_revoked_grant_hides_the_notes() {
    let home = granted();
    home.ok(["call", "notes", "add", "title=a", "text=secret"]);
    let grants = home.json(["grant", "list", "notes"]);
    let id = grants["grants"][0]["id"].as_str().unwrap();
    home.ok(["grant", "revoke", id]);
    for tool in [
        &["list"][..],
        &["search", "query=secret"],
        &["add", "title=b", "text="],
    ] {
        let ran = home.run(["call", "notes"].iter().chain(tool));
        denied(&ran, "kv.open");
        assert!(!ran.stdout.contains("secret"), "{ran}");
    }
}
