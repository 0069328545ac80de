//! `cargo xtask`: everything that a fresh clone needs, in one command each.
//!
//! Every task is a sequence of steps. A step prints what it runs and how long it took, on stderr; a
//! failing one says the command and what to do. Host code is compiled with one selection of packages
//! ([`host`]), so that demo, tests and benchmarks share every artifact.
//!
//! It depends on two small crates only, because it is compiled before anything else.

mod bench;
mod checks;
mod command;
mod counterparts;
mod debian;
mod demo;
mod dist;
mod fuzz;
mod guests;
mod host;
mod peers;
mod python;
mod workspace;

use anyhow::{Result, bail};
use std::process::ExitCode;

const HELP: &str = "\
usage: cargo xtask TASK [ARGUMENT…]

  demo [ARGUMENT…]    build plugins and host, then run `tollgate demo persistent-agent --repo-path .`
  test [--no-lint] [FILTER…]
                      formatting, clippy, and every test; FILTER as the test runner takes it
  bench [calls|entries]
                      measure Tollgate against raw wasmtime and raw SQLite
  bench tools         measure tool calls against ACT and Extism, which it installs and builds
  bench providers [--quick]
                      measure streamed answers against a bare client and OpenAI's own Python package
  guests              build the plugins and the guests of the tests, and nothing else
  plugins DIR         build the plugins into DIR, with a compiler that is there already
  dist [--profile P]  build archive, wheel and npm package into target/packages [default profile: release]
  fuzz [SECONDS] [TARGET…]
                      each fuzz target for some seconds [default: 20]
  lint                formatting, clippy, and cargo-deny where it is installed
  fmt                 format the sources

environment
  TOLLGATE_GUEST_TOOLCHAIN=rustup|debian
                      where the compiler of the guests comes from [default: what is there]
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            command::say(&format!("\nerror: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("help", arguments),
    };
    if matches!(task, "help" | "--help" | "-h") {
        command::say(HELP);
        return Ok(ExitCode::SUCCESS);
    }
    let takes_arguments = matches!(
        task,
        "demo" | "test" | "bench" | "plugins" | "dist" | "fuzz"
    );
    if let (false, Some(extra)) = (takes_arguments, rest.first()) {
        bail!("`cargo xtask {task}` takes no arguments, and `{extra}` was given");
    }
    let workspace = workspace::Workspace::load()?;
    match task {
        "demo" => demo::demo(&workspace, rest),
        "bench" => bench::bench(&workspace, rest),
        "test" => checks::test(&workspace, rest),
        "guests" => guests::build(&workspace, guests::Which::All).map(|_| ExitCode::SUCCESS),
        "plugins" => match rest {
            [place] => {
                guests::build_plugins(&workspace, place.as_ref()).map(|()| ExitCode::SUCCESS)
            }
            _ => bail!("usage: cargo xtask plugins DIR"),
        },
        "dist" => dist::dist(&workspace, rest).map(|()| ExitCode::SUCCESS),
        "fuzz" => fuzz::fuzz(&workspace, rest).map(|()| ExitCode::SUCCESS),
        "lint" => checks::lint(&workspace).map(|()| ExitCode::SUCCESS),
        "fmt" => checks::format(&workspace).map(|()| ExitCode::SUCCESS),
        other => bail!("there is no task `{other}`\n\n{HELP}"),
    }
}
