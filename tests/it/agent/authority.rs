//! Grants at run time: they count from the next call on, and no further.

use super::{receipts, remedy, run_printed};
use crate::support::{Home, place};

/// A home with something to read.
fn home() -> Home {
    let home = Home::new();
    std::fs::write(home.work().join("note.txt"), "a note\n").unwrap();
    std::fs::write(home.work().join("secret.txt"), "a secret\n").unwrap();
    home
}

const READ: [&str; 4] = ["call", "files", "read", "path=/project/note.txt"];

#[test]
fn a_grant_counts_from_the_next_call_until_it_is_revoked() {
    let home = home();
    let refused = home.run(READ);
    assert_eq!(refused.code, Some(3), "{refused}");
    run_printed(&home, &remedy(&refused));
    assert!(home.ok(READ).stdout.contains("a note"));

    let listed = home.json(["grant", "list", "files"]);
    let id = listed["grants"][0]["id"].as_str().unwrap();
    // Its end is enough, as tables show it.
    home.ok(["grant", "revoke", &id[id.len() - 8..]]);
    assert_eq!(home.run(READ).code, Some(3));
    assert_eq!(home.run(["grant", "revoke", "nobody"]).code, Some(2));
    let verdicts: Vec<String> = receipts(&home, &["--kind", "fs.open.read"])
        .into_iter()
        .map(|line| line.split(' ').nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(verdicts, ["denied", "allowed", "denied"]);
}

#[test]
fn a_grant_of_one_call_is_gone_after_it() {
    let home = home();
    let granted = [&READ[..], &["--grant", "fs.read . at /project"]].concat();
    assert!(home.ok(&granted).stdout.contains("a note"));
    assert_eq!(home.run(READ).code, Some(3), "the next call has it no more");
    // Also where the call came to nothing.
    let missing = ["call", "files", "read", "path=/project/none.txt"];
    let ran = home.run([&missing[..], &["--grant", "fs.read . at /project"]].concat());
    assert_eq!(ran.code, Some(1), "{ran}");
    let listed = home.json(["grant", "list", "files"]);
    assert_eq!(listed["grants"], serde_json::json!([]), "{listed:#}");
    let wrong = home.run([&READ[..], &["--grant", "fs.raed . at /project"]].concat());
    assert_eq!(wrong.code, Some(2), "{wrong}");
    assert!(wrong.stderr.contains("^^^^"), "{wrong}");
}

#[test]
fn it_ends_with_its_uses_and_its_time() {
    let home = home();
    home.ok([
        "grant",
        "add",
        "files",
        "fs.read . at /project",
        "--uses",
        "1",
    ]);
    home.ok(READ);
    assert_eq!(home.run(READ).code, Some(3));
    home.ok([
        "grant",
        "add",
        "files",
        "fs.read . at /project",
        "--expires",
        "1s",
    ]);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(home.run(READ).code, Some(3));
}

#[test]
fn a_denial_wins_over_every_grant() {
    let home = home();
    home.ok(["grant", "add", "files", "fs.read . at /project"]);
    home.ok(READ);
    home.ok(["grant", "add", "files", "fs.read . at /project", "--deny"]);
    let ran = home.run(READ);
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.stderr.contains("rule: denied_by_rule"), "{ran}");
}

#[test]
fn a_grant_reaches_as_far_as_its_session() {
    let home = super::launched();
    home.ok([
        "grant",
        "add",
        "files",
        "fs.read . at /project",
        "--scope",
        "session:s",
    ]);
    let read = super::Turn::Asks(
        "files__read",
        serde_json::json!({"path": "/project/note.txt"}),
    );
    std::fs::write(home.work().join("note.txt"), "a note\n").unwrap();
    let ran = super::prompted(&home, "read", &[read, super::Turn::Says("Read.")], &[]);
    assert!(ran.stderr.contains("files read: ok"), "{ran}");
    assert_eq!(home.run(READ).code, Some(3), "a call outside the session");
}

#[test]
fn what_does_not_match_what_is_typed_is_refused() {
    let home = home();
    for wrong in [
        "fs.reed . at /project",
        "fs.read .",
        "http POST *",
        "http GET localhost:80/",
        "env *",
    ] {
        let ran = home.run(["grant", "add", "files", wrong]);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.stderr.contains("  try:  "), "{ran}");
    }
    assert_eq!(
        home.json(["grant", "list"])["grants"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    // What the plugin did not declare stays denied, and the operator is told.
    let ran = home.ok(["grant", "add", "openai", "fs.read . at /project"]);
    assert!(ran.stderr.contains("does not declare"), "{ran}");
}

#[test]
fn the_environment_holds_what_is_granted_and_no_more() {
    let home = home();
    let guest = place::hostile().join("environment.wasm");
    home.ok(["plugin", "add", guest.to_str().unwrap()]);
    let variables = || {
        let ran = home.ok(["call", "environment", "attempt", "port=1"]);
        assert!(ran.stdout.contains("variables: "), "{ran}");
        ran.stdout
    };
    assert!(!variables().contains("plain value"));
    home.ok(["grant", "add", "environment", "env HOSTILE_PLAIN"]);
    let seen = variables();
    assert!(seen.contains("plain value"), "{seen}");
    for name in ["HOSTILE_OTHER", "HOSTILE_CREDENTIAL", "PATH", "HOME"] {
        assert!(seen.contains(&format!("{name}: None")), "{seen}");
    }
    let names = receipts(&home, &["--kind", "env"]);
    assert!(
        names.iter().any(|line| line.contains("HOSTILE_PLAIN")),
        "{names:?}"
    );
    // The name is on record, the value is not.
    let listed = home.json(["receipt", "list"]).to_string();
    assert!(!listed.contains("plain value"), "{listed}");
}

/// The operator learns why the model has no tools, or tools that can do nothing, before it finds out.
#[test]
fn a_tool_to_which_nothing_is_granted_is_named_with_the_command() {
    let home = super::launched();
    let says = || [super::Turn::Says("Nothing to do.")];
    let grant = "tollgate grant add files 'fs.read . at /project'";
    let ran = super::prompted(&home, "look", &says(), &[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let told = |ran: &crate::support::Ran, words: &str| {
        let lines = ran.stderr.lines();
        lines
            .filter(|line| line.contains(words) && line.contains(grant))
            .count()
    };
    let of_files = |report: &serde_json::Value| {
        let ungranted = report["ungranted"].as_array().unwrap();
        let files = ungranted.iter().find(|one| one["plugin"] == "files");
        files.cloned()
    };
    assert_eq!(told(&ran, "tools not offered, "), 1, "{ran}");
    let report = super::prompted(&home, "look", &says(), &["--json"]).json();
    let ungranted = serde_json::json!({"plugin": "files", "offered": false, "command": grant});
    assert_eq!(of_files(&report), Some(ungranted), "{report:#}");

    // Spoken of, so that its tools are offered, and without any grant all the same.
    home.policy("version = 1\n[plugins.files]\nlimits = { wall = \"20s\" }\n");
    let ran = super::prompted(&home, "look", &says(), &[]);
    assert_eq!(told(&ran, "files has no grant"), 1, "{ran}");

    run_printed(&home, grant);
    let ran = super::prompted(&home, "look", &says(), &["--json"]);
    assert_eq!(of_files(&ran.json()), None, "{ran}");
    let ran = super::prompted(&home, "look", &says(), &[]);
    assert_eq!(told(&ran, "files"), 0, "{ran}");
    assert!(!ran.stderr.contains("not offered"), "{ran}");
}

/// A quota is no grant: the refusal says which limit it is and what prints it.
#[test]
fn a_quota_that_is_reached_is_told_with_its_limit() {
    let home = home();
    home.policy(&format!(
        "version = 1\n[plugins.files]\ngrants = [{:?}]\nlimits = {{ disk_files = 1 }}\n",
        format!("fs.full {} at /project", home.work().display())
    ));
    let write = ["call", "files", "mkdir", "path=/project/a/b"];
    let ran = home.run(write);
    assert_eq!(ran.code, Some(3), "{ran}");
    for words in [
        "quota_reached",
        "`disk_files`",
        "tollgate plugin show files",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {ran}");
    }
    run_printed(&home, &remedy(&ran));
}
