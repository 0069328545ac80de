//! Formatting, lints and tests.
//!
//! Order: what fails fast comes first, what compiles most comes before what reuses it, and the test
//! runner comes last, so that its summary is the last thing printed.

use crate::command::{Step, say};
use crate::demo::exit_code;
use crate::workspace::Workspace;
use crate::{counterparts, debian, dist, guests, host, python};
use anyhow::Result;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tollgate_guests::find;

/// How long cargo-deny may fetch its data.
const DENY_FETCH_MAX: Duration = Duration::from_secs(60);

/// Builds and runs everything.
pub(crate) fn test(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let lints = !arguments.iter().any(|argument| argument == "--no-lint");
    let filters: Vec<&String> = arguments.iter().filter(|a| *a != "--no-lint").collect();
    if lints {
        format_check(workspace)?;
    }
    guests::build(workspace, guests::Which::All)?;
    host::build(workspace, &["tollgate", "tollgate-verify"])?;
    counterparts::install(workspace)?;
    python::install(workspace)?;
    debian::install("strace", &["strace"]).or_else(|error| match find("strace") {
        Some(_) => Ok(()),
        None => Err(error.context("one test watches system calls with strace: install it")),
    })?;
    dist::pack(workspace, "dev", &packages_dir(workspace))?;
    if lints {
        clippy(workspace)?;
        deny(workspace)?;
    }
    run_tests(workspace, &filters)
}

/// Everything that reads sources and runs nothing.
pub(crate) fn lint(workspace: &Workspace) -> Result<()> {
    format_check(workspace)?;
    clippy(workspace)?;
    deny(workspace)
}

/// Formats the sources.
pub(crate) fn format(workspace: &Workspace) -> Result<()> {
    Step::cargo(&workspace.root)
        .args(["fmt", "--all"])
        .hint("rustfmt comes with `rustup component add rustfmt`")
        .run("format")
}

fn format_check(workspace: &Workspace) -> Result<()> {
    Step::cargo(&workspace.root)
        .args(["fmt", "--all", "--check"])
        .hint("`cargo xtask fmt` formats the sources; rustfmt comes with `rustup component add rustfmt`")
        .run("formatting")
}

fn clippy(workspace: &Workspace) -> Result<()> {
    Step::cargo(&workspace.root)
        .args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
        .hint("clippy comes with `rustup component add clippy`; `cargo xtask test --no-lint` runs the tests alone")
        .run("clippy")
}

/// Licences, sources and bans need no network; advisories do, and are skipped where there is none.
fn deny(workspace: &Workspace) -> Result<()> {
    let cargo = || Step::cargo(&workspace.root);
    if cargo().args(["deny", "--version"]).ask().is_err() {
        say("\n▸ cargo-deny: skipped, it is not installed (`cargo install --locked cargo-deny`)");
        return Ok(());
    }
    let fetched = cargo()
        .args(["deny", "fetch", "db"])
        .limit(DENY_FETCH_MAX)
        .status("advisories")?;
    let mut checks = vec!["bans", "licenses", "sources"];
    if fetched.success() {
        checks.push("advisories");
    } else {
        say("  advisories: skipped, the advisory database cannot be reached");
    }
    cargo()
        .args(["deny", "check"])
        .args(checks)
        .hint("deny.toml says what is accepted and why")
        .run("cargo-deny")
}

fn run_tests(workspace: &Workspace, filters: &[&String]) -> Result<ExitCode> {
    let environment = test_environment(workspace);
    let cargo = || Step::cargo(&workspace.root).envs(&environment);
    if cargo().args(["nextest", "--version"]).ask().is_err() {
        say("\n▸ tests: cargo-nextest is not installed, cargo's own runner is used");
        let step = cargo().args(["test", "--workspace", "--no-fail-fast"]);
        return step.args(filters).attached("tests").map(exit_code);
    }
    if filters.is_empty() {
        // The one kind of test that nextest does not run.
        cargo()
            .args(["test", "--workspace", "--doc", "--quiet"])
            .hint("the failing example is named above")
            .run("documentation tests")?;
    }
    let step = cargo().args(["nextest", "run", "--workspace"]);
    step.args(filters).attached("tests").map(exit_code)
}

/// Where the packages of the tested program are.
fn packages_dir(workspace: &Workspace) -> PathBuf {
    workspace.target.join("packages-dev")
}

/// What tests may read to find what was built for them.
pub(crate) fn test_environment(workspace: &Workspace) -> Vec<(&'static str, OsString)> {
    let mut path: Vec<_> = counterparts::program_dirs(workspace);
    if let Some(inherited) = std::env::var_os("PATH") {
        path.extend(std::env::split_paths(&inherited));
    }
    let mut environment: Vec<(&'static str, OsString)> = vec![
        ("TOLLGATE_BIN", host::program(workspace, "tollgate").into()),
        (
            "TOLLGATE_HOSTILE_DIR",
            guests::hostile_dir(workspace).into(),
        ),
        ("TOLLGATE_TOOLS_DIR", counterparts::dir(workspace).into()),
        ("TOLLGATE_PACKAGES_DIR", packages_dir(workspace).into()),
    ];
    if let Ok(path) = std::env::join_paths(path) {
        environment.push(("PATH", path));
    }
    environment
}
