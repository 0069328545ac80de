//! The Python wheel: the programs as scripts of the environment, without any Python.

use super::{Build, PACKAGE, SUMMARY, copy, words, write};
use crate::command::Step;
use crate::python;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::env::consts::ARCH;

const PINS: &str = "xtask/requirements.txt";

pub(super) fn pack(workspace: &Workspace, build: &Build) -> Result<()> {
    let environment = python::environment(workspace, PINS, "packing")?;
    let version = &build.version;
    let root = build.scratch.join("wheel");
    let scripts = root.join(format!("{PACKAGE}-{version}.data/scripts"));
    for (program, built) in build.programs() {
        copy(built, &scripts.join(program))?;
    }
    let info = root.join(format!("{PACKAGE}-{version}.dist-info"));
    let readme = std::fs::read_to_string(workspace.root.join("README.md"))?;
    let metadata = format!(
        "Metadata-Version: 2.4\nName: {PACKAGE}\nVersion: {version}\nSummary: {SUMMARY}\n\
         License-Expression: Apache-2.0\nLicense-File: LICENSE\n\
         Description-Content-Type: text/markdown\n\n{readme}"
    );
    write(&info.join("METADATA"), metadata.as_bytes())?;
    let licences = info.join("licenses");
    words(workspace, &licences)?;
    std::fs::remove_file(licences.join("README.md"))?;
    let bytes = std::fs::read(&build.program)?;
    let (major, minor) = glibc_min(&bytes).context("the program names no version of glibc")?;
    let wheel = format!(
        "Wheel-Version: 1.0\nGenerator: tollgate xtask\nRoot-Is-Purelib: false\n\
         Tag: py3-none-manylinux_{major}_{minor}_{ARCH}\n"
    );
    write(&info.join("WHEEL"), wheel.as_bytes())?;
    Step::new(environment.join("bin/wheel"))
        .env("SOURCE_DATE_EPOCH", "315532800")
        .args(["pack", "--dest-dir"])
        .args([&build.place, &root])
        .run("wheel")
}

/// The oldest glibc that has every symbol that the program asks for, by their versions (`GLIBC_2.34`).
fn glibc_min(program: &[u8]) -> Option<(u32, u32)> {
    const PREFIX: &[u8] = b"\0GLIBC_";
    let starts = program.windows(PREFIX.len()).enumerate();
    let starts = starts.filter(|(_, window)| *window == PREFIX);
    let versions = starts.filter_map(|(at, _)| {
        let rest = program.get(at.checked_add(PREFIX.len())?..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        let (major, minor) = std::str::from_utf8(rest.get(..end)?)
            .ok()?
            .split_once('.')?;
        // 2.2.5 counts as 2.2.
        let minor = minor.split('.').next()?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    });
    versions.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_of_a_symbol_counts() {
        let table = b"x\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0";
        assert_eq!(glibc_min(table), Some((2, 34)));
        assert_eq!(glibc_min(b"static"), None);
    }
}
