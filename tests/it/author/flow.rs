//! `plugin new`, `build`, `check`, `test` and `call .`, as they come from the binary, in each language.

use super::desk::Desk;
use std::time::{Duration, Instant};

/// From nothing to an answer; most of it is the compiler's time, the first time.
const FLOW_TIME_MAX: Duration = Duration::from_secs(300);

fn flow(arguments: &[&str]) {
    let mut desk = Desk::new();
    let started = Instant::now();
    desk.built(arguments);
    let called = desk.home.ok(["call", ".", "greet", "name=Ada"]);
    let took = started.elapsed();
    assert_eq!(called.stdout, "Hello, Ada!\n");
    assert!(took < FLOW_TIME_MAX, "it took {took:?}");

    let checked = desk.home.json(["plugin", "check", ".", "--strict"]);
    assert_eq!(checked["world"], "tools");
    assert_eq!(checked["contract"], "0.1.2");
    assert_eq!(checked["needs"], serde_json::json!(["fs.read * at *"]));
    assert_eq!(checked["tools"].as_array().unwrap().len(), 2);
    let command = checked["grants"][0]["command"].as_str().unwrap();
    assert!(command.starts_with("tollgate grant add "), "{command}");

    let tested = desk.home.json(["plugin", "test"]);
    assert_eq!(
        (&tested["passed"], &tested["failed"]),
        (&3.into(), &0.into()),
        "{tested}"
    );

    // What the README of the project says about a denied file and its grant.
    let denied = desk.run(&["call", ".", "count", "path=/data/README.md"]);
    assert_ne!(denied.code, Some(0), "{denied}");
    let name = arguments[0];
    desk.home.ok(["grant", "add", name, "fs.read . at /data"]);
    let counted = desk.home.ok(["call", ".", "count", "path=/data/README.md"]);
    assert!(counted.stdout.ends_with(" words\n"), "{counted}");
}

#[test]
fn rust_from_nothing_to_an_answer() {
    flow(&["hello"]);
}

#[test]
fn javascript_from_nothing_to_an_answer() {
    flow(&["hello-js", "--lang", "js"]);
}

#[test]
fn python_from_nothing_to_an_answer() {
    flow(&["hello-py", "--lang", "python"]);
}

#[test]
fn a_provider_from_nothing_to_its_tests() {
    let mut desk = Desk::new();
    desk.built(&["my-model", "--world", "provider"]);
    let checked = desk.home.json(["plugin", "check", ".", "--strict"]);
    assert_eq!(checked["world"], "provider");
    let tested = desk.home.json(["plugin", "test"]);
    assert_eq!(tested["passed"], 2, "{tested}");
}

#[test]
fn a_provider_in_python_from_nothing_to_its_tests() {
    let mut desk = Desk::new();
    desk.built(&["my-model", "--world", "provider", "--lang", "python"]);
    let checked = desk.home.json(["plugin", "check", ".", "--strict"]);
    assert_eq!(checked["world"], "provider");
    let tested = desk.home.json(["plugin", "test"]);
    assert_eq!(tested["passed"], 2, "{tested}");
}

#[test]
fn a_provider_in_javascript_from_nothing_to_its_tests() {
    let mut desk = Desk::new();
    desk.built(&["my-model", "--world", "provider", "--lang", "js"]);
    let checked = desk.home.json(["plugin", "check", ".", "--strict"]);
    assert_eq!(checked["world"], "provider");
    let tested = desk.home.json(["plugin", "test"]);
    assert_eq!(tested["passed"], 2, "{tested}");
}

#[test]
fn a_javascript_project_that_comes_to_need_http_is_built_on_the_other_engine() {
    let mut desk = Desk::new();
    desk.built(&["hello-http", "--lang", "js"]);
    let files = desk.home.json(["plugin", "check", "."]);
    desk.edit(
        "tollgate-plugin.toml",
        "needs = [\"fs.read * at *\"]",
        "needs = [\"fs.read * at *\", \"http GET *\"]",
    );
    desk.home.ok(["plugin", "build"]);
    let http = desk.home.json(["plugin", "check", "."]);
    assert_ne!(files["digest"], http["digest"]);
    let tested = desk.home.json(["plugin", "test"]);
    assert_eq!(tested["passed"], 3, "{tested}");
}

#[test]
fn a_second_build_changes_nothing_and_a_plugin_can_be_added() {
    let mut desk = Desk::new();
    let root = desk.built(&["again"]);
    let again = desk.home.json(["plugin", "build"]);
    assert_eq!(again["changed"], false);
    assert_eq!(
        again["component"],
        root.join("build/again.wasm").to_str().unwrap()
    );
    let added = desk.home.json(["plugin", "add", "."]);
    assert_eq!(added["name"], "again");
    assert_eq!(added["digest"], again["digest"]);
}
