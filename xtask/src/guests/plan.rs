//! Which guests there are, and what their packages say of them.
//!
//! A *plugin* is a package with `[package.metadata.tollgate]` and a cdylib. A package of *test guests*
//! has `[package.metadata.tollgate.guests]`, or is `tests/hostile`; each of its cdylib examples is one:
//!
//! ```toml
//! [package.metadata.tollgate]                  # a plugin; keys as in `tollgate_guests::manifest`
//! needs = ["fs.read * at *"]                   # required, may be empty
//!
//! [package.metadata.tollgate.guests.read_env]  # the example `read_env`
//! needs = ["env HOME"]                         # default: <package>/read_env/needs.txt, a need a line;
//! ```                                          # without either, the component declares nothing at all

use super::Which;
use crate::workspace::{Package, Workspace};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tollgate_guests::manifest::{self, Declared};

/// Plugin, or guest of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plugin,
    Test,
}

/// One component to be.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) kind: Kind,
    pub(super) package: String,
    pub(super) manifest: PathBuf,
    /// The cargo target that is compiled.
    pub(super) target: String,
    /// What it says of itself.
    pub(super) declared: Declared,
}

impl Guest {
    pub(super) fn file_name(&self) -> String {
        format!("{}.wasm", self.declared.name)
    }
}

/// All guests, by name, each name once.
pub(super) fn plan(workspace: &Workspace, which: Which) -> Result<Vec<Guest>> {
    let mut guests = Vec::new();
    let hostile = workspace.root.join("tests/hostile/Cargo.toml");
    for package in &workspace.packages {
        if is_collection(package, &hostile) {
            guests.extend(test_guests(package)?);
        } else if !package.tollgate.is_null() {
            guests.push(plugin(package)?);
        }
    }
    let is_member = |package: &Package| package.manifest == hostile;
    if hostile.is_file() && !workspace.packages.iter().any(is_member) {
        bail!(
            "tests/hostile is no member of the workspace; its profile and lock are those of the root"
        );
    }
    guests.retain(|guest| which == Which::All || guest.kind == Kind::Plugin);
    guests.sort_by(|one, other| one.declared.name.cmp(&other.declared.name));
    for (one, next) in guests.iter().zip(guests.iter().skip(1)) {
        if one.declared.name == next.declared.name {
            bail!(
                "two guests are called `{}`: {} and {}",
                one.declared.name,
                one.manifest.display(),
                next.manifest.display()
            );
        }
    }
    Ok(guests)
}

fn is_collection(package: &Package, hostile: &Path) -> bool {
    package.manifest == hostile || package.tollgate.get("guests").is_some()
}

fn plugin(package: &Package) -> Result<Guest> {
    let place = format!(
        "[package.metadata.tollgate] in {}",
        package.manifest.display()
    );
    let target = package
        .targets
        .iter()
        .find(|target| target.is_cdylib && !target.is_example)
        .with_context(|| format!("{place}: the package has no library with crate-type cdylib"))?;
    let guest = guest(
        package,
        &target.name,
        &package.name,
        &package.tollgate,
        &place,
    )?;
    if guest.declared.needs.is_none() {
        bail!("{place}: `needs` is missing; `needs = []` declares none");
    }
    Ok(Guest {
        kind: Kind::Plugin,
        ..guest
    })
}

fn test_guests(package: &Package) -> Result<Vec<Guest>> {
    let table = package.tollgate.get("guests").unwrap_or(&Value::Null);
    let examples: Vec<&str> = package
        .targets
        .iter()
        .filter(|target| target.is_example && target.is_cdylib)
        .map(|target| target.name.as_str())
        .collect();
    if let Some(stray) = keys(table).find(|name| !examples.contains(name)) {
        bail!(
            "[package.metadata.tollgate.guests.{stray}] in {}: there is no example of that name with \
             crate-type cdylib",
            package.manifest.display()
        );
    }
    examples
        .into_iter()
        .map(|name| test_guest(package, name, table))
        .collect()
}

fn test_guest(package: &Package, name: &str, table: &Value) -> Result<Guest> {
    let place = format!(
        "[package.metadata.tollgate.guests.{name}] in {}",
        package.manifest.display()
    );
    let entry = table.get(name).unwrap_or(&Value::Null);
    let mut guest = guest(package, name, name, entry, &place)?;
    if guest.declared.needs.is_none() {
        guest.declared.needs = needs_file(&package.dir().join(name).join("needs.txt"))?;
    }
    Ok(guest)
}

/// What plugin and test guest have in common.
fn guest(
    package: &Package,
    target: &str,
    default_name: &str,
    entry: &Value,
    place: &str,
) -> Result<Guest> {
    let around = manifest::Package {
        name: default_name.to_owned(),
        version: package.version.clone(),
        description: package.description.clone(),
        homepage: package.homepage.clone(),
    };
    Ok(Guest {
        kind: Kind::Test,
        package: package.name.clone(),
        manifest: package.manifest.clone(),
        target: target.to_owned(),
        declared: manifest::read(entry, &around, place)?,
    })
}

fn keys(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
}

/// A need a line; empty lines and lines that begin with `#` do not count.
fn needs_file(path: &Path) -> Result<Option<Vec<String>>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let lines = text.lines().map(str::trim);
    let needs = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(Some(needs.map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Target;
    use serde_json::json;

    fn workspace(packages: Vec<Package>) -> Workspace {
        Workspace {
            root: "/w".into(),
            target: "/w/target".into(),
            packages,
        }
    }

    fn package(name: &str, tollgate: Value, targets: &[(&str, bool)]) -> Package {
        let targets = targets.iter().map(|(name, is_example)| Target {
            name: (*name).to_owned(),
            is_example: *is_example,
            is_cdylib: true,
        });
        Package {
            name: name.to_owned(),
            version: "1.2.3".to_owned(),
            description: Some("what it does".to_owned()),
            homepage: None,
            manifest: format!("/w/{name}/Cargo.toml").into(),
            rust_version: None,
            tollgate,
            targets: targets.collect(),
        }
    }

    fn error(tollgate: Value) -> String {
        let package = package("tollgate-plugin-a", tollgate, &[("a", false)]);
        plan(&workspace(vec![package]), Which::All)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_plugin_is_named_after_its_package() {
        let tollgate = json!({"world": "provider", "title": "A", "needs": ["http POST *"]});
        let package = package(
            "tollgate-plugin-a",
            tollgate,
            &[("tollgate_plugin_a", false)],
        );
        let guests = plan(&workspace(vec![package]), Which::Plugins).unwrap();
        assert_eq!(guests.len(), 1);
        assert_eq!(guests[0].file_name(), "a.wasm");
        assert_eq!(
            guests[0].declared.needs.as_deref(),
            Some(&["http POST *".to_owned()][..])
        );
        assert_eq!(
            guests[0].declared.meta,
            json!({"name": "a", "version": "1.2.3", "world": "provider", "contract": "0.1.2",
                "title": "A", "description": "what it does", "homepage": null})
        );
    }

    #[test]
    fn examples_of_a_collection_are_guests_of_tests() {
        let tollgate = json!({"guests": {"b": {"needs": []}}});
        let package = package(
            "hostile",
            tollgate,
            &[("lib", false), ("b", true), ("c", true)],
        );
        let workspace = workspace(vec![package]);
        let guests = plan(&workspace, Which::All).unwrap();
        let found: Vec<_> = guests
            .iter()
            .map(|g| (g.declared.name.as_str(), g.kind, &g.declared.needs))
            .collect();
        assert_eq!(
            found,
            [("b", Kind::Test, &Some(vec![])), ("c", Kind::Test, &None)]
        );
        assert!(plan(&workspace, Which::Plugins).unwrap().is_empty());
    }

    #[test]
    fn a_plugin_says_what_it_needs() {
        assert!(error(json!({})).contains("`needs` is missing"));
    }

    #[test]
    fn a_name_is_given_once() {
        let one = package("tollgate-plugin-a", json!({"needs": []}), &[("a", false)]);
        let two = package("b", json!({"needs": [], "name": "a"}), &[("b", false)]);
        let error = plan(&workspace(vec![one, two]), Which::All).unwrap_err();
        assert!(
            error.to_string().contains("two guests are called `a`"),
            "{error}"
        );
    }
}
