//! What an author is told when something is wrong.

use super::desk::Desk;

#[test]
fn a_missing_tool_is_named_with_the_command_that_installs_it() {
    for (language, tool, command) in [
        (
            "python",
            "componentize-py",
            "pip install componentize-py==0.25.0",
        ),
        (
            "js",
            "jco",
            "npm install --save-dev @bytecodealliance/jco@1.35.0",
        ),
    ] {
        let mut desk = Desk::new();
        desk.project(&["lonely", "--lang", language]);
        desk.home.set("PATH", "/nowhere");
        let ran = desk.run(&["plugin", "build", "--json"]);
        assert_eq!(ran.code, Some(1), "{ran}");
        let error = ran.error();
        assert!(error["message"].as_str().unwrap().contains(tool), "{error}");
        assert!(error["try"].as_str().unwrap().contains(command), "{error}");
        assert_eq!(error["rule"], "nothing is installed for you");
    }
}

#[test]
fn no_compiler_for_the_target_is_told_with_the_ways_to_one() {
    let mut desk = Desk::new();
    desk.project(&["nowhere"]);
    desk.home.set("PATH", "/nowhere");
    desk.home.set("TOLLGATE_GUEST_TOOLCHAIN", "rustup");
    let ran = desk.run(&["plugin", "build"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(
        ran.stderr.contains("rustup target add wasm32-wasip2"),
        "{ran}"
    );
}

#[test]
fn the_compiler_s_words_name_file_and_line() {
    let mut desk = Desk::new();
    desk.project(&["broken"]);
    desk.edit("src/lib.rs", "arguments.name)))", "arguments.nme)))");
    let ran = desk.run(&["plugin", "build"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("src/lib.rs:"), "{ran}");
    let json = desk.run(&["plugin", "build", "--json"]);
    let error = json.error();
    assert!(
        error["message"].as_str().unwrap().contains("src/lib.rs:"),
        "{error}"
    );

    for (language, file, from, to, said) in [
        (
            "js",
            "plugin.js",
            "export const tool = {",
            "export const tool = {{",
            "plugin.js:",
        ),
        (
            "python",
            "plugin.py",
            "import json\n",
            "import jsn\n",
            "plugin.py\", line",
        ),
    ] {
        let mut desk = Desk::new();
        desk.project(&["broken", "--lang", language]);
        desk.edit(file, from, to);
        let ran = desk.run(&["plugin", "build"]);
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(ran.stderr.contains(said), "{said}: {ran}");
    }
}

#[test]
fn a_need_that_is_none_and_a_name_that_is_none_are_refused() {
    let mut desk = Desk::new();
    desk.project(&["needy"]);
    desk.edit("Cargo.toml", "fs.read * at *", "files");
    let ran = desk.run(&["plugin", "build"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("\"files\""), "{ran}");

    let desk = Desk::new();
    for name in ["../x", "Hello", ""] {
        let ran = desk.run(&["plugin", "new", name]);
        assert_eq!(ran.code, Some(2), "{ran}");
    }
    desk.home.ok(["plugin", "new", "twice"]);
    let ran = desk.run(&["plugin", "new", "twice"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("not empty"), "{ran}");
}

#[test]
fn what_was_not_built_is_told_with_the_command() {
    let mut desk = Desk::new();
    desk.project(&["unbuilt"]);
    for arguments in [
        &["call", ".", "greet"][..],
        &["plugin", "check"],
        &["plugin", "test"],
        &["plugin", "add", "."],
    ] {
        let ran = desk.run(arguments);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(
            ran.stderr.contains("try:  tollgate plugin build ."),
            "{ran}"
        );
    }
}

#[test]
fn check_says_what_is_wrong_and_strict_counts_warnings() {
    let mut desk = Desk::new();
    desk.project(&["sloppy"]);
    desk.edit(
        "src/lib.rs",
        "\"Counts the words of a text file.\"",
        "\"count\"",
    );
    desk.edit("src/lib.rs", "    /// Whom to greet.\n", "");
    // It speaks HTTP and does not say so.
    desk.edit(
        "src/lib.rs",
        "fn count(arguments: Count, _: &Context) -> Result<ToolOutput, ToolError> {\n",
        "fn count(arguments: Count, _: &Context) -> Result<ToolOutput, ToolError> {\n    use tollgate_sdk::http::{Host, Request};\n    if arguments.path.starts_with(\"https:\") {\n        let _ = Request::get(arguments.path.as_str()).send(&Host)?;\n    }\n",
    );
    desk.home.ok(["plugin", "build"]);
    let report = desk.home.json(["plugin", "check"]);
    let findings = report["findings"].as_array().unwrap();
    let rules: Vec<&str> = findings
        .iter()
        .filter(|finding| finding["level"] == "warning")
        .map(|finding| finding["rule"].as_str().unwrap())
        .collect();
    assert_eq!(
        rules,
        ["undeclared_import", "argument", "description"],
        "{report}"
    );
    let first = &findings[0]["what"];
    assert!(
        first
            .as_str()
            .unwrap()
            .contains("wasi:http/outgoing-handler@"),
        "{first}"
    );
    let strict = desk.run(&["plugin", "check", "--strict"]);
    assert_eq!(strict.code, Some(1), "{strict}");

    let text = desk.home.work().join("no-component.wasm");
    std::fs::write(&text, "hello").unwrap();
    let ran = desk.run(&["plugin", "check", "./no-component.wasm"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stdout.contains("error (component)"), "{ran}");
    let ran = desk.run(&["plugin", "check", "./nothing.wasm"]);
    assert_eq!(ran.code, Some(2), "{ran}");
}
