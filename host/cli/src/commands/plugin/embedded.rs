//! What the binary carries for authors: the contract, the SDK's sources, the templates.
//!
//! Invariant: a project that was written from here builds without this repository.

use crate::errors::{Context, Done};
use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../wit");
static SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../guest-sdk");
static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");
/// Versions and package fields that the SDK's manifest inherits here.
const WORKSPACE: &str = include_str!("../../../../../Cargo.toml");

/// Where the SDK is in a project.
pub(super) const SDK_DIR: &str = ".tollgate/sdk";
/// Names the SDK that was written.
const STAMP: &str = "VERSION";

/// A template's files: name below the project, and text.
pub(super) fn template(name: &str) -> Vec<(PathBuf, &'static str)> {
    let Some(directory) = TEMPLATES.get_dir(name) else {
        return Vec::new();
    };
    files(directory)
        .into_iter()
        .filter_map(|file| {
            let path = file.path().strip_prefix(name).ok()?;
            Some((path.to_owned(), file.contents_utf8()?))
        })
        .collect()
}

/// Writes the contract below `to`, in place of what is there.
pub(super) fn write_wit(to: &Path) -> Done {
    write_tree(&WIT, to)
}

/// Writes the SDK into a project, in place of what is there.
pub(super) fn write_sdk(project: &Path) -> Done {
    let root = project.join(SDK_DIR);
    if root.exists() {
        std::fs::remove_dir_all(&root).doing(|| format!("cannot replace {}", root.display()))?;
    }
    write_tree(&SDK, &root.join("guest-sdk"))?;
    write_tree(&WIT, &root.join("wit"))?;
    let manifest = SDK
        .get_file("Cargo.toml")
        .and_then(|file| file.contents_utf8())
        .unwrap_or_default();
    let manifest = standing_alone(manifest, WORKSPACE)
        .doing(|| "the SDK's manifest cannot be written".into())?;
    write(&root.join("guest-sdk/Cargo.toml"), manifest.as_bytes())?;
    write(&root.join(STAMP), stamp().as_bytes())
}

/// What a project knows of the SDK beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// There is none.
    Missing,
    /// It is this binary's.
    Same,
    /// It is another one.
    Other,
}

/// Compares a project's SDK with the one here.
pub(super) fn sdk_beside(project: &Path) -> Beside {
    match std::fs::read_to_string(project.join(SDK_DIR).join(STAMP)) {
        Err(_) => Beside::Missing,
        Ok(found) if found == stamp() => Beside::Same,
        Ok(_) => Beside::Other,
    }
}

fn stamp() -> String {
    let mut digest = Sha256::new();
    for directory in [&SDK, &WIT] {
        for file in files(directory) {
            digest.update(file.path().to_string_lossy().as_bytes());
            digest.update([0]);
            digest.update(file.contents());
        }
    }
    format!(
        "tollgate-sdk {}, contract {}\nsha256:{}\n\nWritten by `tollgate plugin new`; \
         `tollgate plugin build --update-sdk` replaces it by the one of the Tollgate that runs it.\n",
        env!("CARGO_PKG_VERSION"),
        tollgate_guests::CONTRACT,
        hex::encode(digest.finalize())
    )
}

/// Every file below a directory, in the order of names.
fn files<'d>(directory: &'d Dir<'d>) -> Vec<&'d include_dir::File<'d>> {
    let mut all: Vec<_> = directory.files().collect();
    for child in directory.dirs() {
        all.extend(files(child));
    }
    all.sort_by_key(|file| file.path());
    all
}

fn write_tree(directory: &Dir<'_>, to: &Path) -> Done {
    for file in files(directory) {
        write(&to.join(file.path()), file.contents())?;
    }
    Ok(())
}

/// Writes a file and the directories above it; one that is the same already is left alone, so that
/// nothing is built again for it.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Done {
    let cannot = || format!("cannot write {}", path.display());
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).doing(cannot)?;
    }
    std::fs::write(path, bytes).doing(cannot)
}

/// A package's manifest with everything that it inherits from its workspace put in, and without what
/// only its own tests need.
fn standing_alone(manifest: &str, workspace: &str) -> anyhow::Result<String> {
    let mut manifest: Table = manifest.parse()?;
    let workspace: Table = workspace.parse()?;
    let inherited =
        |table: &str, key: &str| workspace.get("workspace")?.get(table)?.get(key).cloned();
    manifest.remove("dev-dependencies");
    manifest.remove("lints");
    for (section, from) in [("package", "package"), ("dependencies", "dependencies")] {
        let Some(Value::Table(table)) = manifest.get_mut(section) else {
            continue;
        };
        for (key, value) in table.iter_mut() {
            if value.get("workspace") == Some(&Value::Boolean(true)) {
                let own = value.get("features").cloned();
                let whole = inherited(from, key).ok_or_else(|| {
                    anyhow::anyhow!("{section}.{key} is nowhere in the workspace")
                })?;
                *value = with_features(whole, own);
            }
        }
    }
    Ok(toml::to_string(&manifest)?)
}

/// A dependency with further features.
fn with_features(dependency: Value, features: Option<Value>) -> Value {
    let Some(Value::Array(more)) = features else {
        return dependency;
    };
    let mut table = match dependency {
        Value::Table(table) => table,
        version => Table::from_iter([("version".to_owned(), version)]),
    };
    let mut all = match table.remove("features") {
        Some(Value::Array(all)) => all,
        _ => Vec::new(),
    };
    all.extend(more);
    table.insert("features".into(), Value::Array(all));
    Value::Table(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_s_manifest_inherits_nothing() {
        let manifest = SDK.get_file("Cargo.toml").unwrap().contents_utf8().unwrap();
        let alone: Table = standing_alone(manifest, WORKSPACE)
            .unwrap()
            .parse()
            .unwrap();
        let text = alone.to_string();
        assert!(!text.contains("workspace"), "{text}");
        assert!(!text.contains("path ="), "{text}");
        assert!(alone["dependencies"]["wit-bindgen"]["version"].is_str());
        assert_eq!(alone["package"]["name"].as_str(), Some("tollgate-sdk"));
    }

    #[test]
    fn features_are_joined() {
        let manifest =
            "[dependencies]\na = { workspace = true, features = [\"y\"] }\nb.workspace = true\n";
        let workspace =
            "[workspace.dependencies]\na = { version = \"1\", features = [\"x\"] }\nb = \"2\"\n";
        let alone: Table = standing_alone(manifest, workspace)
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(
            alone["dependencies"]["a"]["features"].to_string(),
            "[\"x\", \"y\"]"
        );
        assert_eq!(alone["dependencies"]["b"].as_str(), Some("2"));
    }

    #[test]
    fn a_written_sdk_is_known_again() {
        let temp = tempfile::tempdir().unwrap();
        assert_eq!(sdk_beside(temp.path()), Beside::Missing);
        write_sdk(temp.path()).unwrap();
        assert_eq!(sdk_beside(temp.path()), Beside::Same);
        assert!(
            temp.path()
                .join(".tollgate/sdk/guest-sdk/src/lib.rs")
                .is_file()
        );
        assert!(
            temp.path()
                .join(".tollgate/sdk/wit/deps/http.wit")
                .is_file()
        );
        std::fs::write(temp.path().join(SDK_DIR).join(STAMP), "older").unwrap();
        assert_eq!(sdk_beside(temp.path()), Beside::Other);
    }
}
