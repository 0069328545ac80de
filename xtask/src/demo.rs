//! The tasks that end in a program of the host: the demo and the benchmarks.

use crate::command::{Step, say};
use crate::workspace::Workspace;
use crate::{guests, host};
use anyhow::{Result, bail};
use std::process::{ExitCode, ExitStatus};

const DEMO: [&str; 2] = ["demo", "persistent-agent"];
const BENCH_PACKAGE: &str = "tollgate-bench";

/// Builds what the demo needs and runs it.
pub(crate) fn demo(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    guests::build(workspace, guests::Which::Plugins)?;
    host::build(workspace, &["tollgate"])?;
    let mut step = Step::new(host::program(workspace, "tollgate"))
        .dir(&workspace.root)
        .args(DEMO);
    let names_repo = |argument: &String| argument.starts_with("--repo-path");
    if !arguments.iter().any(names_repo) {
        step = step.args(["--repo-path", "."]);
    }
    step.args(arguments).attached("demo").map(exit_code)
}

/// Builds the benchmarks and runs them, in the profile of everything else.
pub(crate) fn bench(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    if workspace.package(BENCH_PACKAGE).is_none() {
        bail!("the workspace has no package `{BENCH_PACKAGE}`; it belongs in tests/bench");
    }
    guests::build(workspace, guests::Which::All)?;
    host::build(workspace, &["tollgate", BENCH_PACKAGE])?;
    let ratios = workspace.target.join("bench/ratios.json");
    let before = ratios.metadata().and_then(|file| file.modified()).ok();
    let status = Step::new(host::program(workspace, BENCH_PACKAGE))
        .dir(&workspace.root)
        .env("TOLLGATE_BENCH_RATIOS", &ratios)
        .envs(&crate::checks::test_environment(workspace))
        .args(arguments)
        .attached("bench")?;
    let after = ratios.metadata().and_then(|file| file.modified()).ok();
    if after.is_some() && after != before {
        say(&format!("\nratios: {}", ratios.display()));
    }
    Ok(exit_code(status))
}

/// The same exit code for this program; 1 if the child was ended by a signal.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
