//! Programs that nobody here wrote, from `@wasmer/wasi` (npm): modules of WASI 0.1, built with C and Rust
//! toolchains of 2020.

use super::{add, call, output, receipts, said};
use crate::support::{Home, place};
use serde_json::{Value, json};
use std::path::PathBuf;

fn program(name: &str) -> PathBuf {
    place::tools()
        .join("node_modules/@wasmer/wasi/tests")
        .join(format!("{name}.wasm"))
}

#[test]
fn a_filter_reverses_its_input() {
    let home = Home::new();
    add(&home, &program("pipe_reverse"), "reverse");
    let came = output(&home, "reverse", "run", &json!({ "stdin": "Hello, gate!" }));
    assert_eq!(came["json"]["exit_code"], 0);
    assert_eq!(
        came["json"]["stdout"].as_str().unwrap().trim_end(),
        "!etag ,olleH"
    );
}

#[test]
fn a_variable_is_seen_once_it_is_granted() {
    let mut home = Home::new();
    home.set("DOG", "rex");
    let added = add(&home, &program("envvar"), "variables");
    assert_eq!(added["needs"], json!(["env *"]));
    let (printed, _) = call(&home, "variables", "run", &json!({}));
    assert_eq!(receipts(&home, &printed), ["env.read denied no_grant: *"]);
    let wrote = |printed: &Value| {
        let wrote = printed.pointer("/content/0/json/stdout").unwrap();
        wrote.as_str().unwrap().to_owned()
    };
    assert!(wrote(&printed).contains("DOG Err(NotPresent)"), "{printed}");

    home.ok(["grant", "add", "variables", "env DOG"]);
    let (printed, _) = call(&home, "variables", "run", &json!({}));
    assert!(wrote(&printed).contains("DOG Ok(\"rex\")"), "{printed}");
    let receipts = receipts(&home, &printed);
    assert!(receipts[0].starts_with("env.read allowed"), "{receipts:?}");
}

/// It looks into the directory `.`, which no mount is called, and falls over what it does not get.
#[test]
fn a_trap_is_told_as_one() {
    let home = Home::new();
    add(&home, &program("mapdir"), "lister");
    let (_, ran) = call(&home, "lister", "run", &json!({}));
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(
        said(&ran).contains("plugin lister trapped: wasm trap: wasm `unreachable`"),
        "{ran}"
    );
}

#[test]
fn what_wants_more_than_wasi_is_refused() {
    let home = Home::new();
    for (name, why) in [
        (
            "test",
            "the module imports module.external; a module may import wasi_snapshot_preview1",
        ),
        ("demo", "the module imports wasi_unstable.fd_write"),
    ] {
        let ran = home.run(["plugin", "add", program(name).to_str().unwrap()]);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.stderr.contains(why), "{ran}");
    }
}
