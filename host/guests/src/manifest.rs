//! What a plugin says of itself where it is built.
//!
//! In Rust it stands in `[package.metadata.tollgate]` of `Cargo.toml`, in other languages in
//! `[plugin]` of `tollgate-plugin.toml`; the keys are the same:
//!
//! ```toml
//! name = "files"                 # default: the package's, without `tollgate-plugin-`
//! world = "tools"                # tools, provider, or command
//! title = "Files"
//! description = "…"              # default: the package's
//! homepage = "…"                 # default: the package's
//! needs = ["fs.read * at *"]     # may be empty
//! ```
//!
//! Whether `needs` may be left out is the caller's decision; what a need means is not looked at here.

use crate::CONTRACT;
use anyhow::{Result, bail};
use serde_json::Value;

const PACKAGE_PREFIX: &str = "tollgate-plugin-";
/// The worlds that a plugin may name.
pub const WORLDS: [&str; 3] = ["tools", "provider", "command"];
/// The keys of the table.
pub const KEYS: [&str; 6] = ["name", "world", "title", "description", "homepage", "needs"];

/// What the package around the table says, where the table says nothing.
#[derive(Debug, Clone, Default)]
pub struct Package {
    /// Its name, or another default for the plugin's.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is.
    pub description: Option<String>,
    /// Where to read more.
    pub homepage: Option<String>,
}

/// A plugin as its table declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// The plugin's name.
    pub name: String,
    /// Its world.
    pub world: String,
    /// The JSON of the section `tollgate:meta`.
    pub meta: Value,
    /// The entries of the section `tollgate:needs`; none where the key is missing.
    pub needs: Option<Vec<String>>,
}

/// Reads the table; `place` says where it stands, for errors.
///
/// # Errors
/// A key is unknown, or a value is not what it may be.
pub fn read(table: &Value, package: &Package, place: &str) -> Result<Declared> {
    if let Some(unknown) = keys(table).find(|key| !KEYS.contains(key)) {
        bail!(
            "{place}: unknown key `{unknown}`; known are {}",
            KEYS.join(", ")
        );
    }
    let short = package.name.strip_prefix(PACKAGE_PREFIX);
    let name =
        text(table, "name", place)?.unwrap_or_else(|| short.unwrap_or(&package.name).to_owned());
    if !is_name(&name) {
        bail!("{place}: `{name}` is no plugin name; use a-z, 0-9, `-` and `_`");
    }
    let world = text(table, "world", place)?.unwrap_or_else(|| "tools".to_owned());
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
        "title": text(table, "title", place)?,
        "description": text(table, "description", place)?.or_else(|| package.description.clone()),
        "homepage": text(table, "homepage", place)?.or_else(|| package.homepage.clone()),
    });
    Ok(Declared {
        name,
        world,
        meta,
        needs: needs(table, place)?,
    })
}

/// Whether a build may give a plugin this name.
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    !name.is_empty() && name.chars().all(plain)
}

fn keys(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
}

fn text(table: &Value, key: &str, place: &str) -> Result<Option<String>> {
    match table.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => bail!("{place}: `{key}` must be a string"),
    }
}

fn needs(table: &Value, place: &str) -> Result<Option<Vec<String>>> {
    let Some(value) = table.get("needs") else {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(name: &str) -> Package {
        Package {
            name: name.into(),
            version: "1.2.3".into(),
            description: Some("what it does".into()),
            homepage: None,
        }
    }

    #[test]
    fn a_plugin_is_named_after_its_package() {
        let table = json!({"world": "provider", "title": "A", "needs": ["http POST *"]});
        let declared = read(&table, &package("tollgate-plugin-a"), "here").unwrap();
        assert_eq!(declared.name, "a");
        assert_eq!(declared.needs, Some(vec!["http POST *".to_owned()]));
        assert_eq!(
            declared.meta,
            json!({"name": "a", "version": "1.2.3", "world": "provider", "contract": "0.1.2",
                "title": "A", "description": "what it does", "homepage": null})
        );
    }

    #[test]
    fn mistakes_are_named() {
        let error = |table| read(&table, &package("a"), "here").unwrap_err().to_string();
        assert!(error(json!({"needs": "x"})).contains("array of strings"));
        assert!(error(json!({"needs": [], "neds": []})).contains("unknown key `neds`"));
        assert!(error(json!({"world": "x"})).contains("no world `x`"));
        assert!(error(json!({"name": "../x"})).contains("no plugin name"));
        assert!(error(json!({"title": 1})).contains("`title` must be a string"));
    }
}
