//! What cargo knows of the workspace: where it is, its packages, their metadata.

use crate::command::Step;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tollgate_guests::toolchain;

/// The workspace of this clone.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One package.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) description: Option<String>,
    pub(crate) homepage: Option<String>,
    pub(crate) manifest: PathBuf,
    pub(crate) rust_version: Option<String>,
    /// `[package.metadata.tollgate]`, null where there is none.
    pub(crate) tollgate: Value,
    pub(crate) targets: Vec<Target>,
}

/// One target of a package.
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) is_example: bool,
    pub(crate) is_cdylib: bool,
}

impl Workspace {
    /// Reads it through cargo. This also brings `Cargo.lock` up to date.
    pub(crate) fn load() -> Result<Self> {
        let own = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = own.parent().context("xtask/ has no parent directory")?;
        let metadata = metadata(root)?;
        let target =
            text(&metadata, "target_directory").context("cargo names no target directory")?;
        Ok(Self {
            root: root.to_path_buf(),
            target: target.into(),
            packages: packages(&metadata),
        })
    }

    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// The oldest compiler that every package accepts.
    pub(crate) fn rust_version_min(&self) -> toolchain::Version {
        let versions = self.packages.iter();
        versions
            .filter_map(|package| toolchain::version(package.rust_version.as_deref()?))
            .max()
            .unwrap_or_default()
    }

    /// Where cargo puts the host's programs.
    pub(crate) fn host_programs(&self) -> PathBuf {
        self.target.join("debug")
    }
}

impl Package {
    /// The directory of the manifest.
    pub(crate) fn dir(&self) -> &Path {
        self.manifest.parent().unwrap_or(&self.manifest)
    }
}

fn metadata(root: &Path) -> Result<Value> {
    let output = Step::cargo(root)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .hint("run it to see what is wrong with the manifest")
        .ask()?;
    serde_json::from_str(&output).context("`cargo metadata` printed what is not JSON")
}

fn packages(metadata: &Value) -> Vec<Package> {
    list(metadata, "packages").filter_map(package).collect()
}

fn package(value: &Value) -> Option<Package> {
    Some(Package {
        name: text(value, "name")?,
        version: text(value, "version")?,
        description: text(value, "description"),
        homepage: text(value, "homepage").or_else(|| text(value, "repository")),
        manifest: text(value, "manifest_path")?.into(),
        rust_version: text(value, "rust_version"),
        tollgate: value
            .pointer("/metadata/tollgate")
            .cloned()
            .unwrap_or(Value::Null),
        targets: list(value, "targets").filter_map(target).collect(),
    })
}

fn target(value: &Value) -> Option<Target> {
    let has = |field: &str, wanted: &str| list(value, field).any(|entry| entry == wanted);
    Some(Target {
        name: text(value, "name")?,
        is_example: has("kind", "example"),
        is_cdylib: has("crate_types", "cdylib"),
    })
}

/// The entries of a field that is an array; none where it is not.
pub(crate) fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// A field that is a string.
pub(crate) fn text(value: &Value, field: &str) -> Option<String> {
    value.get(field)?.as_str().map(str::to_owned)
}
