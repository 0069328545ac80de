//! Building guests: the plugins, and the components that the tests run.
//!
//! A guest is compiled by cargo for `wasm32-wasip2`, gets its needs and metadata as custom sections,
//! and is put where it is looked for: plugins in `plugins/`, from where they go into the program, guests of tests in
//! `hostile/` there, which is no place that the host searches. A file is written only if its bytes
//! changed, and in one rename, so that a running host never sees half of one.

mod compiler;
mod plan;

use crate::command::{Step, say};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use plan::{Guest, Kind};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tollgate_guests::artifact::{self, Built, write_if_changed};
use tollgate_guests::toolchain::Toolchain;
use tollgate_guests::{TARGET, sections};

/// The profile of every guest.
pub(crate) const PROFILE: &str = "guest";

/// Which guests a task needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// What ships.
    Plugins,
    /// That and the guests of the tests.
    All,
}

/// Where plugins are put; the build of the program takes them from there.
pub(crate) fn plugins_dir(workspace: &Workspace) -> PathBuf {
    workspace.host_programs().join("plugins")
}

/// Where guests of tests are put.
pub(crate) fn hostile_dir(workspace: &Workspace) -> PathBuf {
    workspace.host_programs().join("hostile")
}

/// The compiler of guests; one is made where there is none.
pub(crate) fn toolchain(workspace: &Workspace) -> Result<Toolchain> {
    compiler::choose(workspace)
}

/// Builds them.
pub(crate) fn build(workspace: &Workspace, which: Which) -> Result<()> {
    let guests = plan::plan(workspace, which)?;
    let toolchain = toolchain(workspace)?;
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

/// Builds the plugins into `place`, with a compiler that is there already.
pub(crate) fn build_plugins(workspace: &Workspace, place: &Path) -> Result<()> {
    let guests = plan::plan(workspace, Which::Plugins)?;
    let wanted: Vec<&Guest> = guests.iter().collect();
    let toolchain = compiler::find_one(workspace)?;
    let built = compile(workspace, toolchain, Kind::Plugin, &wanted)?;
    publish(place, &wanted, &built)
}

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
    let messages = Step::of(&toolchain.cargo(&workspace.root))
        .args(["--locked"])
        .args(packages.into_iter().flat_map(|name| ["--package", name]))
        .args([targets, "--profile", PROFILE, "--target", TARGET])
        .args(["--target-dir".as_ref(), target_dir.as_os_str()])
        .args(["--message-format", "json-render-diagnostics"])
        .hint(toolchain.hint())
        .output(title)?;
    Ok(artifact::read(&messages))
}

fn publish(place: &Path, guests: &[&Guest], built: &Built) -> Result<()> {
    std::fs::create_dir_all(place).with_context(|| format!("cannot create {}", place.display()))?;
    let mut written = 0_usize;
    for guest in guests {
        let key = (guest.manifest.clone(), guest.target.clone());
        let component = built.get(&key).with_context(|| {
            format!(
                "cargo built no component for `{}`; is its crate-type cdylib?",
                guest.declared.name
            )
        })?;
        let bytes = std::fs::read(component)
            .with_context(|| format!("cannot read {}", component.display()))?;
        let bytes = sections::attach(bytes, &guest.declared).with_context(|| {
            let name = &guest.declared.name;
            format!("cannot add the needs of `{name}` to its component")
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
