//! Packages from PyPI, at pinned versions, in environments of their own below `target/tools`: counterparts of
//! the tests (`tests/requirements.txt`), peers of the benchmarks (`tests/bench/requirements.txt`), and what packs
//! a wheel (`xtask/requirements.txt`).

use crate::command::Step;
use crate::counterparts;
use crate::debian;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::PathBuf;
use tollgate_guests::find;

/// The oldest Python that the counterparts run on.
const PYTHON_VERSION_MIN: (u32, u32) = (3, 10);
const HINT: &str = "this needs Python 3.10 or newer with venv and pip: install it from your \
    distribution or https://www.python.org, then run it again";

/// Installs the counterparts of the tests, if they are not there yet.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    environment(workspace, "tests/requirements.txt", "python").map(|_| ())
}

/// An environment `target/tools/NAME` with what the pins in the file `pins` name; where it is.
pub(crate) fn environment(workspace: &Workspace, pins: &str, name: &str) -> Result<PathBuf> {
    let hint = format!("the packages come from PyPI, at the versions of {pins}");
    let pins = workspace.root.join(pins);
    let wanted = std::fs::read(&pins).with_context(|| format!("cannot read {}", pins.display()))?;
    let place = counterparts::dir(workspace).join(name);
    let stamp = place.join("installed-requirements.txt");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(place);
    }
    python()?;
    Step::new("python3")
        .args(["-m", "venv", "--clear"])
        .args([&place])
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
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(place)
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
