//! Building guests: the plugins, and the components that the tests run.
//!
//! A guest is compiled by cargo for `wasm32-wasip2`, gets its needs and metadata as custom sections,
//! and is put where the host finds it: plugins in `plugins/` beside the executable, guests of tests in
//! `hostile/` there, which is no place that the host searches. A file is written only if its bytes
//! changed, and in one rename, so that a running host never sees half of one.

mod plan;
mod sections;
mod toolchain;

use crate::command::say;
use crate::workspace::{Workspace, list, text};
use anyhow::{Context, Result};
use plan::{Guest, Kind};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use toolchain::Toolchain;

pub(crate) const TARGET: &str = "wasm32-wasip2";
const PROFILE: &str = "guest";

/// Which guests a task needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// What ships.
    Plugins,
    /// That and the guests of the tests.
    All,
}

/// Where plugins are put: the bundled ones of the built executable.
pub(crate) fn plugins_dir(workspace: &Workspace) -> PathBuf {
    workspace.host_programs().join("plugins")
}

/// Where guests of tests are put.
pub(crate) fn hostile_dir(workspace: &Workspace) -> PathBuf {
    workspace.host_programs().join("hostile")
}

/// Builds them.
pub(crate) fn build(workspace: &Workspace, which: Which) -> Result<()> {
    let guests = plan::plan(workspace, which)?;
    let toolchain = Toolchain::choose(workspace)?;
    for kind in [Kind::Plugin, Kind::Test] {
        let wanted: Vec<&Guest> = guests.iter().filter(|guest| guest.kind == kind).collect();
        if wanted.is_empty() {
            continue;
        }
        let built = compile(workspace, toolchain, kind, &wanted)?;
        let place = match kind {
            Kind::Plugin => plugins_dir(workspace),
            Kind::Test => hostile_dir(workspace),
        };
        publish(&place, &wanted, &built)?;
    }
    Ok(())
}

/// The component of each (manifest, target name).
type Built = BTreeMap<(PathBuf, String), PathBuf>;

fn compile(
    workspace: &Workspace,
    toolchain: Toolchain,
    kind: Kind,
    guests: &[&Guest],
) -> Result<Built> {
    let packages: BTreeSet<&str> = guests.iter().map(|guest| guest.package.as_str()).collect();
    let (title, targets) = match kind {
        Kind::Plugin => ("plugins", "--lib"),
        Kind::Test => ("guests of tests", "--examples"),
    };
    let target_dir = workspace.target.join("guest");
    let messages = toolchain
        .cargo(workspace)?
        .args(packages.into_iter().flat_map(|name| ["--package", name]))
        .args([targets, "--profile", PROFILE, "--target", TARGET])
        .args(["--target-dir".as_ref(), target_dir.as_os_str()])
        .args(["--message-format", "json-render-diagnostics"])
        .hint(toolchain.hint())
        .output(title)?;
    Ok(read_artifacts(&messages))
}

/// Reads cargo's messages: one JSON object per line.
fn read_artifacts(messages: &str) -> Built {
    let mut built = Built::new();
    for line in messages.lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let component = list(&message, "filenames")
            .filter_map(Value::as_str)
            .find(|file| file.ends_with(".wasm"));
        let target = message
            .get("target")
            .and_then(|target| text(target, "name"));
        if let (Some(component), Some(manifest), Some(target)) =
            (component, text(&message, "manifest_path"), target)
        {
            built.insert((manifest.into(), target), component.into());
        }
    }
    built
}

fn publish(place: &Path, guests: &[&Guest], built: &Built) -> Result<()> {
    std::fs::create_dir_all(place).with_context(|| format!("cannot create {}", place.display()))?;
    let mut written = 0_usize;
    for guest in guests {
        let key = (guest.manifest.clone(), guest.target.clone());
        let component = built.get(&key).with_context(|| {
            format!(
                "cargo built no component for `{}`; is its crate-type cdylib?",
                guest.name
            )
        })?;
        let bytes = std::fs::read(component)
            .with_context(|| format!("cannot read {}", component.display()))?;
        let bytes = sections::attach(bytes, guest).with_context(|| {
            format!("cannot add the needs of `{}` to its component", guest.name)
        })?;
        written += usize::from(write_if_changed(&place.join(guest.file_name()), &bytes)?);
    }
    let removed = remove_stale(place, guests)?;
    say(&format!(
        "  {} in {}: {written} new, {removed} removed",
        guests.len(),
        place.display()
    ));
    Ok(())
}

/// Whether it had to be written.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<bool> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(false);
    }
    let half = path.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&half, bytes).with_context(|| format!("cannot write {}", half.display()))?;
    std::fs::rename(&half, path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(true)
}

/// Removes components whose guest is gone.
fn remove_stale(place: &Path, guests: &[&Guest]) -> Result<usize> {
    let known: BTreeSet<String> = guests.iter().map(|guest| guest.file_name()).collect();
    let mut removed = 0;
    for entry in std::fs::read_dir(place)? {
        let path = entry?.path();
        let is_component = path
            .extension()
            .is_some_and(|extension| extension == "wasm");
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        if is_component && name.is_some_and(|name| !known.contains(&name)) {
            std::fs::remove_file(&path)?;
            removed += 1;
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_are_read_from_cargo_s_messages() {
        let messages = r#"
{"reason":"compiler-artifact","manifest_path":"/w/a/Cargo.toml","target":{"name":"a"},"filenames":["/t/liba.rlib","/t/a.wasm"]}
{"reason":"compiler-artifact","manifest_path":"/w/b/Cargo.toml","target":{"name":"b"},"filenames":["/t/libb.rlib"]}
not json
{"reason":"build-finished","success":true}"#;
        let key = (PathBuf::from("/w/a/Cargo.toml"), "a".to_owned());
        assert_eq!(
            read_artifacts(messages),
            Built::from([(key, PathBuf::from("/t/a.wasm"))])
        );
    }

    #[test]
    fn an_unchanged_component_is_not_written_again() {
        let path = std::env::temp_dir().join(format!("xtask-{}.wasm", std::process::id()));
        assert!(write_if_changed(&path, b"one").unwrap());
        assert!(!write_if_changed(&path, b"one").unwrap());
        assert!(write_if_changed(&path, b"two").unwrap());
        std::fs::remove_file(&path).unwrap();
    }
}
