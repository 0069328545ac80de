//! Peers of the benchmarks: installed and built where that is possible.
//!
//! `tests/bench/requirements.txt` pins ACT from PyPI; `tests/bench/peers` is a workspace of its own with guests for
//! both peers and a host for Extism. All of it is below `target/tools/bench` and `target/peers`. What cannot be had
//! is no failure: the benchmark is told why, and skips it.

use crate::command::{Step, say};
use crate::workspace::Workspace;
use crate::{checks, counterparts, guests, host, python};
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tollgate_guests::TARGET;

const EXTISM_HOST: &str = "extism-peer";
/// How the variables are called that give a path, and those that say why there is none.
const PREFIX: &str = "TOLLGATE_BENCH_";

/// What the benchmark may use, as variables.
pub(crate) fn prepare(workspace: &Workspace) -> Vec<(&'static str, OsString)> {
    let mut variables = Vec::new();
    let mut found = |paths: Result<Vec<(&'static str, PathBuf)>>, missing: &'static str| match paths
    {
        Ok(paths) => variables.extend(paths.into_iter().map(|(name, path)| (name, path.into()))),
        Err(error) => {
            let why = format!("{error:#}").replace('\n', "; ");
            let what = missing.trim_start_matches(PREFIX).trim_start_matches("NO_");
            say(&format!("\n{what} is left out: {why}"));
            variables.push((missing, why.into()));
        }
    };
    found(act(workspace), "TOLLGATE_BENCH_NO_ACT");
    found(extism(workspace), "TOLLGATE_BENCH_NO_EXTISM");
    found(python_component(workspace), "TOLLGATE_BENCH_NO_PYTHON");
    found(act_python(workspace), "TOLLGATE_BENCH_NO_ACT_PYTHON");
    variables
}

/// The Python that has the providers' own packages, or why there is none.
pub(crate) fn sdk(workspace: &Workspace) -> (&'static str, OsString) {
    match python::install(workspace) {
        Ok(()) => {
            let python = counterparts::dir(workspace).join("python/bin/python");
            ("TOLLGATE_BENCH_SDK", python.into())
        }
        Err(error) => {
            let why = format!("{error:#}").replace('\n', "; ");
            ("TOLLGATE_BENCH_NO_SDK", why.into())
        }
    }
}

fn act(workspace: &Workspace) -> Result<Vec<(&'static str, PathBuf)>> {
    let tools = python::environment(workspace, "tests/bench/requirements.txt", "bench")?;
    let built = guest(workspace, "act-guest", "act_guest.wasm")?;
    let place = target(workspace).join("act");
    std::fs::create_dir_all(&place)?;
    copy(&built, &place.join("bench.wasm"))?;
    let component = pack(workspace, &place, "bench.wasm")?;
    Ok(vec![
        ("TOLLGATE_BENCH_ACT", tools.join("bin/act")),
        ("TOLLGATE_BENCH_ACT_GUEST", component),
    ])
}

fn extism(workspace: &Workspace) -> Result<Vec<(&'static str, PathBuf)>> {
    let module = guest(workspace, "extism-guest", "extism_guest.wasm")?;
    Step::cargo(&peers(workspace))
        .args(["build", "--locked", "--release", "--package", EXTISM_HOST])
        .args(["--target-dir".as_ref(), target(workspace).as_os_str()])
        .hint("it comes from crates.io with a wasmtime of its own; the first build takes minutes")
        .run("host for Extism")?;
    let program = format!("{EXTISM_HOST}{}", std::env::consts::EXE_SUFFIX);
    Ok(vec![
        (
            "TOLLGATE_BENCH_EXTISM",
            target(workspace).join("release").join(program),
        ),
        ("TOLLGATE_BENCH_EXTISM_GUEST", module),
    ])
}

/// The example in Python, built as its author would, in a copy.
fn python_component(workspace: &Workspace) -> Result<Vec<(&'static str, PathBuf)>> {
    python::install(workspace)?;
    let place = target(workspace).join("python");
    std::fs::create_dir_all(&place)?;
    for entry in std::fs::read_dir(workspace.root.join("plugins/example-python"))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            copy(&entry.path(), &place.join(entry.file_name()))?;
        }
    }
    Step::new(host::program(workspace, "tollgate"))
        .dir(&place)
        .envs(&checks::test_environment(workspace))
        .args(["plugin", "build"])
        .run("Python component")?;
    Ok(vec![(
        "TOLLGATE_BENCH_PYTHON",
        place.join("build/csv.wasm"),
    )])
}

/// The same in a component of ACT's contract.
fn act_python(workspace: &Workspace) -> Result<Vec<(&'static str, PathBuf)>> {
    python::install(workspace)?;
    let place = target(workspace).join("act-python");
    std::fs::create_dir_all(&place)?;
    copy(
        &peers(workspace).join("act-python/guest.py"),
        &place.join("guest.py"),
    )?;
    copy(
        &workspace.root.join("plugins/example-python/tables.py"),
        &place.join("tables.py"),
    )?;
    Step::new("componentize-py")
        .dir(&place)
        .envs(&checks::test_environment(workspace))
        .args(["-d".as_ref(), peers(workspace).join("act/wit").as_os_str()])
        .args(["-w", "component-world", "componentize", "guest"])
        .args(["-p", ".", "-o", "csv.wasm"])
        .run("Python component of ACT")?;
    let component = pack(workspace, &place, "csv.wasm")?;
    Ok(vec![("TOLLGATE_BENCH_ACT_PYTHON", component)])
}

/// Writes into a component what ACT wants to know of it.
fn pack(workspace: &Workspace, place: &Path, name: &str) -> Result<PathBuf> {
    let about = peers(workspace).join("act/act.toml");
    copy(&about, &place.join("act.toml"))?;
    Step::new(counterparts::dir(workspace).join("bench/bin/act-build"))
        .dir(place)
        .args(["pack", name])
        .run("ACT's sections")?;
    Ok(place.join(name))
}

/// Builds one guest by itself, so that no feature of another's dependencies is switched on in it.
fn guest(workspace: &Workspace, package: &str, file: &str) -> Result<PathBuf> {
    let toolchain = guests::toolchain(workspace)?;
    Step::of(&toolchain.cargo(&peers(workspace)))
        .args(["--locked", "--package", package])
        .args(["--profile", guests::PROFILE, "--target", TARGET])
        .args(["--target-dir".as_ref(), target(workspace).as_os_str()])
        .hint(toolchain.hint())
        .run("guest of a peer")?;
    Ok(target(workspace)
        .join(TARGET)
        .join(guests::PROFILE)
        .join(file))
}

fn peers(workspace: &Workspace) -> PathBuf {
    workspace.root.join("tests/bench/peers")
}

fn target(workspace: &Workspace) -> PathBuf {
    workspace.target.join("peers")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}
