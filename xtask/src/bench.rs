//! The benchmarks: built in the profile of everything else, and run.

use crate::command::{Step, say};
use crate::demo::exit_code;
use crate::workspace::Workspace;
use crate::{checks, guests, host, peers};
use anyhow::{Result, bail};
use std::process::ExitCode;

const PACKAGE: &str = "tollgate-bench";
/// The benchmark that needs programs of others.
const WITH_PEERS: &str = "tools";
/// The benchmark that needs a provider's own package.
const WITH_SDK: &str = "providers";

/// Builds the benchmarks and runs them.
pub(crate) fn bench(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    if workspace.package(PACKAGE).is_none() {
        bail!("the workspace has no package `{PACKAGE}`; it belongs in tests/bench");
    }
    guests::build(workspace, guests::Which::All)?;
    host::build(workspace, &["tollgate", PACKAGE])?;
    let mut environment = checks::test_environment(workspace);
    if arguments.iter().any(|argument| argument == WITH_PEERS) {
        environment.extend(peers::prepare(workspace));
    }
    if arguments.iter().any(|argument| argument == WITH_SDK) {
        environment.push(peers::sdk(workspace));
    }
    let ratios = workspace.target.join("bench/ratios.json");
    let before = ratios.metadata().and_then(|file| file.modified()).ok();
    let status = Step::new(host::program(workspace, PACKAGE))
        .dir(&workspace.root)
        .env("TOLLGATE_BENCH_RATIOS", &ratios)
        .envs(&environment)
        .args(arguments)
        .attached("bench")?;
    let after = ratios.metadata().and_then(|file| file.modified()).ok();
    if after.is_some() && after != before {
        say(&format!("\nratios: {}", ratios.display()));
    }
    Ok(exit_code(status))
}
