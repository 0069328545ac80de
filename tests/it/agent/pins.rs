//! A name means the component that was added under it.

use super::{remedy, run_printed};
use crate::support::{Home, place};
use std::path::PathBuf;

/// A component of the operator's own, beside the bundled ones.
fn component(home: &Home) -> PathBuf {
    let path = home.root().join("mine.wasm");
    std::fs::copy(
        place::binary().with_file_name("plugins").join("files.wasm"),
        &path,
    )
    .unwrap();
    path
}

/// Appends an empty custom section, `x`: the component does the same and has another digest.
fn change(component: &PathBuf) {
    let mut bytes = std::fs::read(component).unwrap();
    bytes.extend([0, 2, 1, b'x']);
    std::fs::write(component, bytes).unwrap();
}

#[test]
fn a_changed_component_is_refused_until_it_is_added_again() {
    let home = Home::new();
    let path = component(&home);
    let mine = path.to_str().unwrap();
    home.ok(["plugin", "add", mine]);
    home.ok(["grant", "add", "mine", "fs.read . at /project"]);
    let list = ["call", "mine", "list", "path=/project"];
    home.ok(list);
    let before = home.json(["plugin", "show", "mine"])["digest"].clone();

    change(&path);
    let ran = home.run(list);
    assert_eq!(ran.code, Some(2), "{ran}");
    let command = remedy(&ran);
    assert!(
        command.contains("plugin add") && command.contains("--replace"),
        "{command}"
    );
    assert_eq!(
        home.run(["plugin", "add", mine]).code,
        Some(2),
        "without --replace it is refused"
    );
    let listed = home.ok(["plugin", "list"]);
    assert!(listed.stderr.contains("mine cannot be used"), "{listed}");

    run_printed(&home, &command);
    home.ok(list);
    assert_ne!(home.json(["plugin", "show", "mine"])["digest"], before);
}

#[test]
fn a_second_component_cannot_take_a_name_in_use() {
    let home = Home::new();
    let path = component(&home);
    home.ok(["plugin", "add", path.to_str().unwrap()]);
    let other = place::hostile().join("trap.wasm");
    let ran = home.run(["plugin", "add", other.to_str().unwrap(), "--name", "mine"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    home.ok(["plugin", "rm", "mine"]);
    assert!(path.is_file(), "the component's file stays");
    home.ok(["plugin", "add", other.to_str().unwrap(), "--name", "mine"]);
}

#[test]
fn what_is_no_plugin_is_refused() {
    let home = Home::new();
    let path = home.root().join("text.wasm");
    std::fs::write(&path, "not a component").unwrap();
    let ran = home.run(["plugin", "add", path.to_str().unwrap()]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert_eq!(home.run(["plugin", "add", "/nowhere.wasm"]).code, Some(2));
    assert_eq!(home.run(["call", "nobody", "list"]).code, Some(2));
}
