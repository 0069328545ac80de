//! Without a login no verb of `agent` reads or writes anything.

use super::{SESSION, below, launched, refused};
use crate::support::Home;

/// Every verb, with what it takes.
const VERBS: [&[&str]; 12] = [
    &["launch", "--session-id", "new", "--provider-id", "openai"],
    &["prompt", SESSION, "hello"],
    &["prompt", SESSION, "exit"],
    &["prompt"],
    &["status", SESSION],
    &["list"],
    &["show", SESSION],
    &["events", SESSION],
    &["events", SESSION, "--follow"],
    &["stop", SESSION],
    &["restart", SESSION],
    &["rm", SESSION, "--force"],
];

#[test]
fn in_a_fresh_home() {
    let home = Home::new();
    let before = below(&home.own());
    for verb in VERBS {
        let ran = home.run(["agent"].iter().chain(verb));
        assert_eq!(ran.code, Some(5), "{ran}");
        assert_eq!(super::remedy(&ran), "tollgate auth login", "{ran}");
        assert_eq!(ran.stdout, "", "{ran}");
    }
    assert_eq!(below(&home.own()), before);
}

#[test]
fn after_a_logout() {
    let home = launched();
    home.ok(["auth", "logout"]);
    for verb in VERBS {
        let words: Vec<&str> = ["agent"].iter().chain(verb).copied().collect();
        let ran = refused(&home, 5, &words);
        assert_eq!(ran.stdout, "", "{ran}");
    }
    home.ok(["auth", "login"]);
    assert_eq!(super::standing(&home, SESSION).0, "idle");
}

#[test]
fn who_is_logged_in_is_the_systems_user() {
    let home = Home::new();
    assert_eq!(home.run(["auth", "whoami"]).code, Some(5));
    home.ok(["auth", "login"]);
    let who = home.json(["auth", "whoami"]);
    assert!(
        who["subject"].as_str().unwrap().starts_with("os:"),
        "{who:#}"
    );
    assert!(
        who["issuer"].as_str().unwrap().starts_with("local:"),
        "{who:#}"
    );
    home.ok(["auth", "login"]);
    assert_eq!(home.json(["auth", "whoami"])["subject"], who["subject"]);
    home.ok(["auth", "logout"]);
    assert_eq!(home.run(["auth", "whoami"]).code, Some(5));
}
