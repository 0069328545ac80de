//! `plugin test`: what passes, what fails and how that is shown, and what no case can reach.

use super::desk::Desk;
use serde_json::Value;

fn cases(desk: &Desk, text: &str) {
    let path = desk.home.work().join("tests.toml");
    std::fs::write(path, format!("version = 1\n{text}")).unwrap();
}

const COUNT: &str = r#"
tool = "count"
arguments = { path = "/data/a.txt" }
files = { "data/a.txt" = "one two\n" }
"#;

#[test]
fn a_case_fails_with_a_diff_and_names_what_was_found() {
    let mut desk = Desk::new();
    desk.built(&["suite"]);
    cases(
        &desk,
        &format!(
            r#"
[[case]]
name = "wrong text"
tool = "greet"
arguments = {{ name = "Ada" }}
[case.expect]
text = "Hello, Bob!"

[[case]]
name = "no denial expected"
{COUNT}
[case.expect]
text = "2 words"

[[case]]
name = "a grant is in force in its own case only"
grants = ["fs.read data at /data"]
{COUNT}
[case.expect]
text = "2 words"
receipts = [{{ kind = "fs.open.read", decision = "allowed", target = "/data/a.txt" }}]

[[case]]
name = "wrong receipts"
grants = ["fs.read data at /data"]
{COUNT}
[case.expect]
receipts = [{{ kind = "fs.open.read", decision = "denied", target = "/data/a.txt" }}]
"#
        ),
    );
    let ran = desk.run(&["plugin", "test"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    for line in [
        "FAIL  wrong text",
        "- Hello, Bob!",
        "+ Hello, Ada!",
        "FAIL  no denial expected",
        "ok    a grant is in force in its own case only",
        "- denied fs.open.read /data/a.txt",
        "+ allowed fs.open.read /data/a.txt",
        "4 cases: 1 passed, 3 failed",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {ran}");
    }

    let mut json = desk
        .home
        .command(["plugin", "test", "--json", "--filter", "wrong text"]);
    let ran = crate::support::Ran::of({
        json.arg("--quiet");
        json
    });
    assert_eq!(ran.code, Some(1), "{ran}");
    let told = ran.json();
    assert_eq!((&told["passed"], &told["failed"]), (&0.into(), &1.into()));
    let wrong = &told["cases"][0]["mismatches"][0];
    assert_eq!(wrong["expected"], "Hello, Bob!");
    assert_eq!(wrong["found"], "Hello, Ada!");

    let none = desk.run(&["plugin", "test", "--filter", "no such case"]);
    assert_eq!(none.code, Some(2), "{none}");
}

#[test]
fn cases_touch_neither_the_operator_s_home_nor_the_project() {
    let mut desk = Desk::new();
    let root = desk.built(&["apart"]);
    // What the operator grants is not in force in a case.
    desk.home
        .ok(["grant", "add", "apart", "fs.read . at /data"]);
    cases(
        &desk,
        r#"
[[case]]
name = "denied"
tool = "count"
arguments = { path = "/data/README.md" }
[case.expect]
receipts = [{ kind = "fs.open.read", decision = "denied", target = "/data/README.md" }]
receipts_only = true
"#,
    );
    let before = desk.home.json(["receipt", "list"]);
    desk.home.ok(["plugin", "test"]);
    assert_eq!(desk.home.json(["receipt", "list"]), before);
    let mut names: Vec<String> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let wanted = [
        ".gitignore",
        ".tollgate",
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "build",
        "src",
        "tests.toml",
    ];
    assert_eq!(names, wanted);
}

#[test]
fn a_fault_of_the_file_is_told_with_its_place_and_is_no_failed_case() {
    let mut desk = Desk::new();
    desk.built(&["faulty"]);
    for (text, said) in [
        ("[[case]]\nname = \"a\"\ntol = \"x\"\n", "line 4"),
        (
            "[[case]]\nname = \"a\"\ntool = \"greet\"\ngrants = [\"fs.rad . at /x\"]\n[case.expect]\ntext = \"\"\n",
            "fs.rad",
        ),
        (
            "[[case]]\nname = \"a\"\ntool = \"greet\"\nlimits = { wall = \"soon\" }\n[case.expect]\ntext = \"\"\n",
            "soon",
        ),
    ] {
        cases(&desk, text);
        let ran = desk.run(&["plugin", "test"]);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.stderr.contains(said), "{said}: {ran}");
    }
}

#[test]
fn a_panic_is_a_trap_told_with_its_line_and_a_limit_by_its_name() {
    let mut desk = Desk::new();
    desk.project(&["panics"]);
    desk.edit(
        "src/lib.rs",
        "    Ok(ToolOutput::text(format!(\"Hello, {}!\", arguments.name)))",
        "    if arguments.name == \"loop\" { loop { std::hint::black_box(0); } }\n    assert_ne!(arguments.name, \"Bob\", \"not him\");\n    Ok(ToolOutput::text(arguments.name))",
    );
    desk.home.ok(["plugin", "build"]);
    cases(
        &desk,
        r#"
[[case]]
name = "panics"
tool = "greet"
arguments = { name = "Bob" }
[case.expect]
error = "trapped"

[[case]]
name = "shows where"
tool = "greet"
arguments = { name = "Bob" }
[case.expect]
text = "Bob"

[[case]]
name = "runs out of time"
tool = "greet"
arguments = { name = "loop" }
limits = { wall = "1s", effects = 3 }
[case.expect]
error = "limit"
contains = "1s"
"#,
    );
    let ran = desk.run(&["plugin", "test"]);
    assert!(ran.stdout.contains("ok    panics"), "{ran}");
    assert!(ran.stdout.contains("ok    runs out of time"), "{ran}");
    assert!(ran.stdout.contains("FAIL  shows where"), "{ran}");
    let lib = std::fs::read_to_string(desk.home.work().join("src/lib.rs")).unwrap();
    let line = 1 + lib
        .lines()
        .position(|line| line.contains("not him"))
        .unwrap();
    let place = format!("src/lib.rs:{line}:");
    assert!(ran.stdout.contains(&place), "{place} {ran}");

    let ran = desk.run(&["call", ".", "greet", "name=Bob"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(
        ran.stderr.contains(&place) && ran.stderr.contains("not him"),
        "{ran}"
    );
    let told: Value = {
        let mut command = desk.home.command(["plugin", "test", "--json"]);
        command.args(["--filter", "shows where"]);
        crate::support::Ran::of(command).json()
    };
    assert_eq!(told["failed"], 1, "{told}");
}
