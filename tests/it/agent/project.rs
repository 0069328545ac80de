//! A cloned project's policy file is a request, until the operator trusts exactly it.

use crate::support::Home;
use std::path::PathBuf;

const READ: [&str; 4] = ["call", "files", "read", "path=/project/note.txt"];
const ASKS: &str = "version = 1\n\n[plugins.files]\ngrants = [\"fs.read . at /project\"]\n";

/// A clone in which the operator works.
fn clone() -> (Home, PathBuf) {
    let mut home = Home::new();
    let project = home.root().join("clone");
    std::fs::create_dir_all(project.join(".git")).unwrap();
    std::fs::write(project.join("note.txt"), "a note\n").unwrap();
    std::fs::write(project.join("tollgate.toml"), ASKS).unwrap();
    home.work_in(&project);
    (home, project)
}

#[test]
fn it_grants_nothing_until_it_is_trusted_and_again_after_a_change() {
    let (home, project) = clone();
    assert_eq!(home.run(READ).code, Some(3));
    let shown = home.ok(["policy", "trust", "--show"]);
    assert!(shown.stdout.contains("fs.read"), "{shown}");
    assert_eq!(home.run(READ).code, Some(3), "to show is not to trust");
    let other = format!("sha256:{}", "0".repeat(64));
    assert_eq!(
        home.run(["policy", "trust", "--digest", &other]).code,
        Some(2)
    );
    assert_eq!(home.run(READ).code, Some(3), "another file was meant");

    home.ok(["policy", "trust"]);
    assert!(home.ok(READ).stdout.contains("a note"));

    let more = ASKS.replace("fs.read . at /project", "fs.full . at /project");
    std::fs::write(project.join("tollgate.toml"), &more).unwrap();
    assert_eq!(home.run(READ).code, Some(3), "a change asks again");
    let difference = home.ok(["policy", "trust", "--show"]).stdout;
    let marked = |mark: char, word: &str| {
        difference
            .lines()
            .any(|line| line.trim_start().starts_with(mark) && line.contains(word))
    };
    assert!(
        marked('-', "fs.read") && marked('+', "fs.full"),
        "{difference}"
    );
    home.ok(["policy", "trust"]);
    home.ok(READ);

    home.ok(["policy", "trust", "--revoke"]);
    assert_eq!(home.run(READ).code, Some(3));
}

#[test]
fn it_defines_no_credential_and_reaches_nothing_outside() {
    let (home, project) = clone();
    let credential =
        "[credentials.k]\nsource = \"env:HOME\"\ninject = { header = \"x\", value = \"{}\" }\n";
    let outside = ASKS.replace("fs.read . at", "fs.read .. at");
    for (text, line) in [(format!("{ASKS}{credential}"), 5), (outside, 4)] {
        std::fs::write(project.join("tollgate.toml"), text).unwrap();
        for verb in [&["policy", "check"], &["policy", "trust"]] {
            let ran = home.run(verb);
            assert_eq!(ran.code, Some(2), "{ran}");
            assert!(
                ran.stderr.contains(&format!("tollgate.toml:{line}")),
                "{ran}"
            );
        }
    }
}

#[test]
fn a_fault_is_shown_with_its_line() {
    let home = Home::new();
    home.policy("version = 1\n\n[plugins.files]\ngrant = [\"fs.read . at /project\"]\n");
    for verb in [
        &["policy", "check"][..],
        &["call", "files", "list", "path=/"],
        &["policy", "show"],
    ] {
        let ran = home.run(verb);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.stderr.contains("config/tollgate.toml:4"), "{ran}");
        assert!(
            ran.stderr.contains("grant = [\"fs.read . at /project\"]"),
            "{ran}"
        );
        assert!(ran.stderr.contains('^'), "{ran}");
    }
    home.policy("version = 1\n[plugins.files]\ngrants = []\n");
    home.ok(["policy", "check"]);
    assert_eq!(
        home.run(["call", "files", "list", "path=/project"]).code,
        Some(3)
    );
}
