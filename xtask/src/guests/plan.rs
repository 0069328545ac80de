//! Which guests there are, and what their packages say of them.
//!
//! A *plugin* is a package with `[package.metadata.tollgate]` and a cdylib. A package of *test guests*
//! has `[package.metadata.tollgate.guests]`, or is `tests/hostile`; each of its cdylib examples is one:
//!
//! ```toml
//! [package.metadata.tollgate]                  # a plugin
//! name = "files"                               # default: the package's, without `tollgate-plugin-`
//! world = "tools"                              # tools, provider, or command
//! title = "Files"
//! needs = ["fs.read * at *"]                   # required, may be empty
//!
//! [package.metadata.tollgate.guests.read_env]  # the example `read_env`
//! needs = ["env HOME"]                         # default: <package>/read_env/needs.txt, a need a line;
//! ```                                          # without either, the component declares nothing at all

use super::Which;
use crate::workspace::{Package, Workspace, text};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The version of the contract in `wit/`.
const CONTRACT: &str = "0.1.0";
const PACKAGE_PREFIX: &str = "tollgate-plugin-";
const WORLDS: [&str; 3] = ["tools", "provider", "command"];
const PLUGIN_KEYS: [&str; 6] = ["name", "world", "title", "description", "homepage", "needs"];

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
    pub(super) name: String,
    pub(super) package: String,
    pub(super) manifest: PathBuf,
    /// The cargo target that is compiled.
    pub(super) target: String,
    /// The JSON of the section `tollgate:meta`.
    pub(super) meta: Value,
    /// The entries of the section `tollgate:needs`; none = no section.
    pub(super) needs: Option<Vec<String>>,
}

impl Guest {
    pub(super) fn file_name(&self) -> String {
        format!("{}.wasm", self.name)
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
    guests.sort_by(|one, other| one.name.cmp(&other.name));
    for (one, next) in guests.iter().zip(guests.iter().skip(1)) {
        if one.name == next.name {
            bail!(
                "two guests are called `{}`: {} and {}",
                one.name,
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
    let short = package
        .name
        .strip_prefix(PACKAGE_PREFIX)
        .unwrap_or(&package.name);
    let needs = needs(&package.tollgate, &place)?
        .with_context(|| format!("{place}: `needs` is missing; `needs = []` declares none"))?;
    Ok(Guest {
        kind: Kind::Plugin,
        needs: Some(needs),
        ..guest(package, &target.name, short, &package.tollgate, &place)?
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
    let needs = match needs(entry, &place)? {
        Some(needs) => Some(needs),
        None => needs_file(&package.dir().join(name).join("needs.txt"))?,
    };
    Ok(Guest {
        needs,
        ..guest(package, name, name, entry, &place)?
    })
}

/// What plugin and test guest have in common; needs are the caller's.
fn guest(
    package: &Package,
    target: &str,
    default_name: &str,
    entry: &Value,
    place: &str,
) -> Result<Guest> {
    if let Some(unknown) = keys(entry).find(|key| !PLUGIN_KEYS.contains(key)) {
        bail!(
            "{place}: unknown key `{unknown}`; known are {}",
            PLUGIN_KEYS.join(", ")
        );
    }
    let name = text(entry, "name").unwrap_or_else(|| default_name.to_owned());
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        bail!("{place}: `{name}` is no plugin name; use a-z, 0-9, `-` and `_`");
    }
    let world = text(entry, "world").unwrap_or_else(|| "tools".to_owned());
    if !WORLDS.contains(&world.as_str()) {
        bail!(
            "{place}: there is no world `{world}`; worlds are {}",
            WORLDS.join(", ")
        );
    }
    let meta = serde_json::json!({
        "name": name,
        "version": package.version,
        "world": world,
        "contract": CONTRACT,
        "title": text(entry, "title"),
        "description": text(entry, "description").or_else(|| package.description.clone()),
        "homepage": text(entry, "homepage").or_else(|| package.homepage.clone()),
    });
    Ok(Guest {
        kind: Kind::Test,
        name,
        package: package.name.clone(),
        manifest: package.manifest.clone(),
        target: target.to_owned(),
        meta,
        needs: None,
    })
}

fn keys(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
}

fn needs(entry: &Value, place: &str) -> Result<Option<Vec<String>>> {
    let Some(value) = entry.get("needs") else {
        return Ok(None);
    };
    let strings = value.as_array().and_then(|entries| {
        entries
            .iter()
            .map(|entry| entry.as_str().map(str::to_owned))
            .collect()
    });
    match strings {
        Some(strings) => Ok(Some(strings)),
        None => bail!("{place}: `needs` must be an array of strings"),
    }
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
            guests[0].needs.as_deref(),
            Some(&["http POST *".to_owned()][..])
        );
        assert_eq!(
            guests[0].meta,
            json!({"name": "a", "version": "1.2.3", "world": "provider", "contract": "0.1.0",
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
            .map(|g| (g.name.as_str(), g.kind, &g.needs))
            .collect();
        assert_eq!(
            found,
            [("b", Kind::Test, &Some(vec![])), ("c", Kind::Test, &None)]
        );
        assert!(plan(&workspace, Which::Plugins).unwrap().is_empty());
    }

    #[test]
    fn mistakes_are_named() {
        assert!(error(json!({})).contains("`needs` is missing"));
        assert!(error(json!({"needs": "x"})).contains("array of strings"));
        assert!(error(json!({"needs": [], "neds": []})).contains("unknown key `neds`"));
        assert!(error(json!({"needs": [], "world": "x"})).contains("no world `x`"));
        assert!(error(json!({"needs": [], "name": "../x"})).contains("no plugin name"));
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
