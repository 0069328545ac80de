//! Commands: a module of WASI 0.1 that is made a component, and a component that exports `wasi:cli/run`.

use super::{add, call, output, receipts, said};
use crate::support::Home;
use serde_json::json;
use sha2::Digest as _;

/// Copies its standard input to its standard output, then ends as its first argument says: `t…` traps,
/// `f…` fails with code 3, anything else, or none, succeeds. It says so on standard error. Of a module's
/// exit code the adapter tells only whether it is zero.
const COPY: &str = r#"(module
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 2)
    (data (i32.const 64) "done\n")
    (func (export "_start")
        (local $how i32)
        ;; A buffer of 4096 bytes at 4096; vectors at 0 and 16, counts at 8.
        (i32.store (i32.const 0) (i32.const 4096))
        (block $end (loop $more
            (i32.store (i32.const 4) (i32.const 4096))
            (br_if $end (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
            (br_if $end (i32.eqz (i32.load (i32.const 8))))
            (i32.store (i32.const 4) (i32.load (i32.const 8)))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
            (br $more)))
        (i32.store (i32.const 16) (i32.const 64))
        (i32.store (i32.const 20) (i32.const 5))
        (drop (call $write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 8)))
        (drop (call $sizes (i32.const 24) (i32.const 28)))
        (if (i32.gt_u (i32.load (i32.const 24)) (i32.const 1))
            (then
                (drop (call $args (i32.const 1024) (i32.const 8192)))
                (local.set $how (i32.load8_u (i32.load (i32.const 1028))))
                (if (i32.eq (local.get $how) (i32.const 116)) (then unreachable))
                (if (i32.eq (local.get $how) (i32.const 102)) (then (call $exit (i32.const 3))))))))"#;

fn house(text: &str) -> Home {
    let home = Home::new();
    let module = home.root().join("copy.wasm");
    std::fs::write(&module, wat::parse_str(text).unwrap()).unwrap();
    let added = add(&home, &module, "copy");
    assert_eq!(added["world"], "functions");
    let names: Vec<_> = added["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| &tool["name"])
        .collect();
    assert_eq!(names, ["run"]);
    home
}

#[test]
fn a_module_is_a_command_with_streams_and_an_exit_code() {
    let home = house(COPY);
    let came = output(&home, "copy", "run", &json!({}));
    assert_eq!(
        came["json"],
        json!({ "exit_code": 0, "stdout": "", "stderr": "done\n" })
    );
    let long = "a line\n".repeat(3000);
    let came = output(
        &home,
        "copy",
        "run",
        &json!({ "stdin": long, "args": ["well"] }),
    );
    assert_eq!(came["json"]["stdout"], long);
    let came = output(&home, "copy", "run", &json!({ "stdin_base64": "AP8=" }));
    assert_eq!(
        came["json"],
        json!({ "exit_code": 0, "stdout_base64": "AP8=", "stderr": "done\n" })
    );
}

#[test]
fn failure_is_an_answer_and_a_trap_is_none() {
    let home = house(COPY);
    let (printed, ran) = call(
        &home,
        "copy",
        "run",
        &json!({ "args": ["fail"], "stdin": "x" }),
    );
    assert_eq!(ran.code, Some(1), "{ran}");
    assert_eq!(printed["is_error"], true);
    assert_eq!(
        printed["content"],
        json!([{ "type": "json", "json": { "exit_code": 1, "stdout": "x", "stderr": "done\n" } }])
    );
    let (_, ran) = call(&home, "copy", "run", &json!({ "args": ["trap"] }));
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("unreachable"), "{ran}");
}

/// A component that ends itself with a code.
const EXIT: &str = r#"(component
    (import "wasi:cli/exit@0.2.12" (instance $cli
        (export "exit-with-code" (func (param "status-code" u8)))))
    (core func $exit (canon lower (func $cli "exit-with-code")))
    (core module $m
        (import "cli" "exit" (func $exit (param i32)))
        (func (export "run") (result i32) (call $exit (i32.const 42)) (i32.const 0)))
    (core instance $given (export "exit" (func $exit)))
    (core instance $i (instantiate $m (with "cli" (instance $given))))
    (func $run (result (result)) (canon lift (core func $i "run")))
    (instance $exported (export "run" (func $run)))
    (export "wasi:cli/run@0.2.12" (instance $exported)))"#;

#[test]
fn a_component_ends_with_the_code_that_it_gives() {
    for (code, exit) in [(0, 0), (42, 1)] {
        let home = house(&EXIT.replace("42", &code.to_string()));
        let (printed, ran) = call(&home, "copy", "run", &json!({}));
        assert_eq!(ran.code, Some(exit), "{ran}");
        assert_eq!(
            printed.pointer("/content/0/json/exit_code"),
            Some(&json!(code)),
            "{ran}"
        );
    }
}

#[test]
fn output_has_a_limit() {
    let home = house(COPY);
    home.policy("version = 1\n[plugins.copy]\nlimits = { output = \"10KiB\" }\n");
    let came = output(&home, "copy", "run", &json!({ "stdin": "x".repeat(9000) }));
    assert_eq!(came["json"]["exit_code"], 0);
    let (_, ran) = call(&home, "copy", "run", &json!({ "stdin": "x".repeat(11000) }));
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("limit of output"), "{ran}");
}

#[test]
fn the_digest_is_that_of_the_module_and_a_change_asks_again() {
    let home = house(COPY);
    let module = home.root().join("copy.wasm");
    let digest = hex::encode(sha2::Sha256::digest(std::fs::read(&module).unwrap()));
    let shown = home.json(["plugin", "show", "copy"]);
    assert_eq!(shown["digest"], format!("sha256:{digest}"));
    assert_eq!(shown["needs"], json!([]));
    let (printed, _) = call(&home, "copy", "run", &json!({}));
    assert_eq!(printed["evidence"]["digest"], format!("sha256:{digest}"));
    assert!(receipts(&home, &printed).is_empty());
    std::fs::write(
        &module,
        wat::parse_str(COPY.replace("done", "gone")).unwrap(),
    )
    .unwrap();
    let (_, ran) = call(&home, "copy", "run", &json!({}));
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("is not what was added"), "{ran}");
}

#[test]
fn what_cannot_be_a_plugin_is_refused_and_told_why() {
    let home = Home::new();
    for (text, why) in [
        (
            COPY.replace("wasi_snapshot_preview1\" \"proc_exit", "env\" \"proc_exit"),
            "the module imports env.proc_exit",
        ),
        (
            "(module (func (export \"add\") (param i32 i32) (result i32) (i32.const 1)))".into(),
            "it offers nothing to call",
        ),
        ("(component)".into(), "it offers nothing to call"),
        (
            importing("wasi:nn/graph@0.2.0"),
            "it imports wasi:nn/graph@0.2.0, which has no row in the gate's classification table; accepted are tollgate:plugin@0.1, wasi:cli@0.2",
        ),
        (
            importing("tollgate:plugin/denials@0.9.0"),
            "it was built against contract tollgate:plugin@0.9.0 (says tollgate:plugin/denials@0.9.0), and this Tollgate knows 0.1.2",
        ),
    ] {
        let file = home.root().join("other.wasm");
        std::fs::write(&file, wat::parse_str(&text).unwrap()).unwrap();
        let ran = home.run(["plugin", "add", file.to_str().unwrap()]);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.stderr.contains(why), "{why}: {ran}");
    }
}

fn importing(interface: &str) -> String {
    format!(r#"(component (import "{interface}" (instance (export "f" (func)))))"#)
}

#[test]
fn what_does_not_fit_is_refused_before_it_runs() {
    let home = house(COPY);
    for (arguments, why) in [
        (
            json!({ "args": "-v" }),
            "args: expected an array of strings",
        ),
        (
            json!({ "argv": [] }),
            "\"argv\" is not known; known are args, stdin, stdin_base64",
        ),
        (json!({ "stdin": "a", "stdin_base64": "YQ==" }), "not both"),
    ] {
        let (_, ran) = call(&home, "copy", "run", &arguments);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(said(&ran).contains(why), "{ran}");
    }
}
