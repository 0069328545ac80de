//! The arrows between the crates go one way.

use crate::support::place;
use serde_json::Value;
use std::process::Command;

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let ran = Command::new(cargo)
        .args(arguments)
        .args(["--offline", "--locked"])
        .current_dir(place::repository())
        .output()
        .unwrap();
    let talk = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "cargo {arguments:?}: {talk}");
    String::from_utf8(ran.stdout).unwrap()
}

/// Everything that is built for a package, a line each that begins with the name.
fn tree(package: &str) -> String {
    let of = ["tree", "--package", package];
    cargo(&[&of[..], &["--edges", "normal", "--prefix", "none"]].concat())
}

#[test]
fn store_sessions_and_server_are_built_without_the_engine() {
    // The name is looked for where it is.
    assert!(tree("tollgate-sandbox").contains("\nwasmtime v"));
    for package in ["tollgate-store", "tollgate-sessions", "tollgate-server"] {
        let tree = tree(package);
        let crates: Vec<&str> = tree
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert!(crates.contains(&"serde"), "{tree}");
        for name in crates {
            assert!(
                !name.starts_with("wasmtime") && !name.starts_with("cranelift"),
                "{tree}"
            );
        }
    }
}

/// What each crate of ours may depend on among ours, in the program that is shipped.
const ARROWS: [(&str, &[&str]); 8] = [
    ("tollgate-contract", &[]),
    ("tollgate-grants", &[]),
    ("tollgate-guests", &[]),
    ("tollgate-receipts", &[]),
    (
        "tollgate-sandbox",
        &["tollgate-contract", "tollgate-grants", "tollgate-receipts"],
    ),
    (
        "tollgate-sessions",
        &["tollgate-contract", "tollgate-grants", "tollgate-receipts"],
    ),
    (
        "tollgate-server",
        &[
            "tollgate-contract",
            "tollgate-receipts",
            "tollgate-sessions",
        ],
    ),
    (
        "tollgate-store",
        &[
            "tollgate-contract",
            "tollgate-grants",
            "tollgate-receipts",
            "tollgate-sessions",
        ],
    ),
];

#[test]
fn the_crates_know_only_what_the_architecture_says() {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    for (name, allowed) in ARROWS {
        let package = packages.iter().find(|package| package["name"] == name);
        let package = package.unwrap_or_else(|| panic!("{name} is no member"));
        for dependency in package["dependencies"].as_array().unwrap() {
            let on = dependency["name"].as_str().unwrap();
            let shipped = dependency["kind"] != "dev";
            if shipped && on.starts_with("tollgate") {
                assert!(allowed.contains(&on), "{name} depends on {on}");
            }
        }
    }
}

#[test]
fn what_is_pure_has_no_runtime() {
    for package in ["tollgate-grants", "tollgate-receipts"] {
        let tree = tree(package);
        for name in ["tokio", "rusqlite", "hyper", "reqwest"] {
            let found = tree
                .lines()
                .any(|line| line.split(' ').next() == Some(name));
            assert!(!found, "{package} is built with {name}");
        }
    }
}
