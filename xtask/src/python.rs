//! Counterparts of the tests and peers of the benchmarks from PyPI, each in an environment of their own.
//!
//! `tests/requirements.txt` and `tests/bench/requirements.txt` are the pins; `target/tools/python` and
//! `target/tools/bench` are where they are installed.

use crate::command::Step;
use crate::counterparts;
use crate::debian;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::Path;
use tollgate_guests::find;

/// The oldest Python that the counterparts run on.
const PYTHON_VERSION_MIN: (u32, u32) = (3, 10);
const HINT: &str = "the tests need Python 3.10 or newer with venv and pip: install it from your \
    distribution or https://www.python.org, then run `cargo xtask test` again";

/// Installs the counterparts of the tests.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    install_pins(
        workspace,
        "tests/requirements.txt",
        &counterparts::dir(workspace).join("python"),
    )
}

/// Installs what the pins name, if it is not there yet.
pub(crate) fn install_pins(workspace: &Workspace, pins: &str, place: &Path) -> Result<()> {
    let hint = format!("the packages come from PyPI, at the versions of {pins}");
    let pins = workspace.root.join(pins);
    let wanted = std::fs::read(&pins).with_context(|| format!("cannot read {}", pins.display()))?;
    let stamp = place.join("installed-requirements.txt");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    python()?;
    Step::new("python3")
        .args(["-m", "venv", "--clear"])
        .args([place])
        .hint(HINT)
        .run("Python environment")?;
    Step::new(place.join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(["--no-deps", "-r"])
        .args([&pins])
        .hint(hint)
        .run("Python packages")?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Sees to it that a Python of the right age is there, with what makes environments.
fn python() -> Result<()> {
    let has_venv = || {
        Step::new("python3")
            .args(["-c", "import ensurepip, venv"])
            .ask()
            .is_ok()
    };
    if find("python3").is_none() || !has_venv() {
        debian::install("Python", &["python3", "python3-venv"]).context(HINT)?;
    }
    let printed = Step::new("python3")
        .args(["-c", "import sys; print(*sys.version_info[:2])"])
        .hint(HINT)
        .ask()?;
    if version(&printed).is_some_and(|version| version >= PYTHON_VERSION_MIN) {
        return Ok(());
    }
    anyhow::bail!("Python {} is too old\n{HINT}", printed.trim())
}

/// Major and minor of `3 11`.
fn version(printed: &str) -> Option<(u32, u32)> {
    let (major, minor) = printed.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_python_are_compared_as_numbers() {
        assert_eq!(version("3 11\n"), Some((3, 11)));
        assert!(version("3 9") < Some(PYTHON_VERSION_MIN));
        assert_eq!(version("3"), None);
    }
}
