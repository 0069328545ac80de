//! The files of a project that an author writes: all but what is built, installed or kept.

use super::super::project::Project;
use crate::errors::{Done, Failure};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files that are looked at; a project is small.
const FILES_MAX: usize = 10_000;
/// Directories that hold what was built, installed or kept.
const NOT_SOURCES: [&str; 8] = [
    "build",
    "target",
    "node_modules",
    "__pycache__",
    ".git",
    ".tollgate",
    ".venv",
    "venv",
];
/// Files that a build writes beside the sources.
const WRITTEN: [&str; 1] = ["Cargo.lock"];

/// Every source below a project's directory.
pub(super) fn sources(root: &Path) -> Done<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        // A directory that went away meanwhile has no sources.
        let Ok(entries) = std::fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                if !NOT_SOURCES.contains(&name.as_ref()) {
                    directories.push(entry.path());
                }
            } else if !WRITTEN.contains(&name.as_ref()) {
                found.push(entry.path());
            }
            if found.len() > FILES_MAX {
                return Err(Failure::input(format!(
                    "{} holds more than {FILES_MAX} files, which are too many to look at",
                    root.display()
                )));
            }
        }
    }
    Ok(found)
}

/// A source that was changed after the component was built, if there is one. Cases, documents and
/// fixtures are no part of a component.
pub(in super::super) fn newer_than_built(project: &Project) -> Option<PathBuf> {
    let changed = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    let built = changed(&project.component())?;
    let is_part = |path: &PathBuf| {
        let ending = path.extension().unwrap_or_default();
        let manifest = path.file_name().unwrap_or_default();
        ["rs", "py", "js"].iter().any(|part| ending == *part)
            || ["Cargo.toml", "tollgate-plugin.toml"]
                .iter()
                .any(|part| manifest == *part)
    };
    sources(&project.root)
        .ok()?
        .into_iter()
        .filter(is_part)
        .find(|path| changed(path).is_some_and(|at| at > built))
}
