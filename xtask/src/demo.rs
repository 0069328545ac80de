//! The demo: a task that ends in a program of the host.

use crate::command::Step;
use crate::workspace::Workspace;
use crate::{guests, host};
use anyhow::Result;
use std::process::{ExitCode, ExitStatus};

const DEMO: [&str; 2] = ["demo", "persistent-agent"];

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

/// The same exit code for this program; 1 if the child was ended by a signal.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
