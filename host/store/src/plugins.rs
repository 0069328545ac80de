//! The registry of plugins: names, and what was pinned when each was added.
//!
//! Invariant: a name, of a plugin or of one of its tools, belongs to one plugin at a time.

use crate::txn::Txn;
use crate::{Store, StoreError, changed, now_us};
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

/// The most bytes of a plugin's pinned tool specifications.
pub const TOOLS_JSON_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most names that one plugin may claim.
pub const NAMES_MAX: usize = 1024;

const COLUMNS: &str = "name, digest, version, world, needs_json, component_path, tools_json, \
                       tools_digest, who, added_us";

/// A plugin to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPlugin {
    /// Its name.
    pub name: String,
    /// `sha256:` and the digest of its component.
    pub digest: String,
    /// Its version.
    pub version: String,
    /// The world that it exports, such as `tools`.
    pub world: String,
    /// Its declared needs, in the grammar of capabilities.
    pub needs: Vec<String>,
    /// The file of its component, absolute.
    pub component_path: String,
    /// The specifications of its tools as JSON, as `list` returned them when it was added.
    pub tools_json: String,
    /// Names that it claims besides its own, such as those of its tools.
    pub names: Vec<String>,
}

/// A plugin of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredPlugin {
    /// What was added.
    pub plugin: NewPlugin,
    /// `sha256:` and the digest of `tools_json`: a change asks again.
    pub tools_digest: String,
    /// Who added it.
    pub who: String,
    /// When, microseconds since the Unix epoch.
    pub added_us: i64,
}

/// The registry of plugins.
pub struct Plugins<'a>(pub(crate) &'a Store);

impl Plugins<'_> {
    /// Adds a plugin and claims its names.
    ///
    /// # Errors
    ///
    /// [`StoreError::NameTaken`] if a name is in use, also by the same plugin;
    /// [`StoreError::Refused`] beyond a bound.
    pub fn add(&self, plugin: NewPlugin, who: &str) -> Result<RegisteredPlugin, StoreError> {
        self.put(plugin, who, false)
    }

    /// Puts a plugin in place of the one that has its name, which the operator has seen and agreed to.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is none, [`StoreError::NameTaken`] if another plugin has one
    /// of its names.
    pub fn replace(&self, plugin: NewPlugin, who: &str) -> Result<RegisteredPlugin, StoreError> {
        self.put(plugin, who, true)
    }

    /// Removes a plugin and frees its names.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is none.
    pub fn rm(&self, name: &str, who: &str) -> Result<(), StoreError> {
        let (name, who) = (name.to_owned(), who.to_owned());
        self.0.change(move |txn| {
            let digest = delete(txn, &name)?;
            changed(txn, "plugin.rm", who, name, digest)
        })
    }

    /// One plugin.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn get(&self, name: &str) -> Result<Option<RegisteredPlugin>, StoreError> {
        let mut found = self.select("WHERE name = ?1", &[name])?;
        Ok(found.pop())
    }

    /// The plugin to which a name, its own or a tool's, belongs.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn owner_of(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.0.readers.read(|connection| owner(connection, name))
    }

    /// All plugins, by name.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn list(&self) -> Result<Vec<RegisteredPlugin>, StoreError> {
        self.select("ORDER BY name", &[])
    }

    fn select(&self, tail: &str, parameters: &[&str]) -> Result<Vec<RegisteredPlugin>, StoreError> {
        self.0.readers.read(|connection| {
            let mut statement =
                connection.prepare_cached(&format!("SELECT {COLUMNS} FROM plugins {tail}"))?;
            let rows = statement.query_map(rusqlite::params_from_iter(parameters), columns)?;
            rows.map(|row| registered(connection, row?)).collect()
        })
    }

    fn put(
        &self,
        plugin: NewPlugin,
        who: &str,
        replace: bool,
    ) -> Result<RegisteredPlugin, StoreError> {
        check(&plugin)?;
        let registered = RegisteredPlugin {
            tools_digest: digest_of(&plugin.tools_json),
            who: who.to_owned(),
            added_us: now_us(),
            plugin,
        };
        self.0.change(move |txn| {
            let what = if replace {
                delete(txn, &registered.plugin.name)?;
                "plugin.replace"
            } else {
                "plugin.add"
            };
            insert(txn, &registered)?;
            let plugin = &registered.plugin;
            let detail = format!(
                "{} {} tools {}",
                plugin.version, plugin.digest, registered.tools_digest
            );
            let (who, name) = (registered.who.clone(), plugin.name.clone());
            changed(txn, what, who, name, detail)?;
            Ok(registered)
        })
    }
}

/// `sha256:` and the digest of `text`.
pub(crate) fn digest_of(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}

fn check(plugin: &NewPlugin) -> Result<(), StoreError> {
    if plugin.tools_json.len() > TOOLS_JSON_BYTES_MAX {
        return Err(StoreError::Refused(format!(
            "the tools of plugin {} take {} bytes, more than {TOOLS_JSON_BYTES_MAX}",
            plugin.name,
            plugin.tools_json.len()
        )));
    }
    if plugin.names.len() > NAMES_MAX {
        return Err(StoreError::Refused(format!(
            "plugin {} claims {} names, more than {NAMES_MAX}",
            plugin.name,
            plugin.names.len()
        )));
    }
    Ok(())
}

fn insert(txn: &mut Txn<'_>, registered: &RegisteredPlugin) -> Result<(), StoreError> {
    let plugin = &registered.plugin;
    let connection = txn.connection();
    let claimed = || std::iter::once(&plugin.name).chain(&plugin.names);
    for name in claimed() {
        if let Some(owner) = owner(connection, name)? {
            let name = name.clone();
            return Err(StoreError::NameTaken { name, owner });
        }
    }
    let needs = serde_json::to_string(&plugin.needs)
        .map_err(|error| StoreError::Refused(error.to_string()))?;
    connection
        .prepare_cached(&format!(
            "INSERT INTO plugins ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        ))?
        .execute(params![
            plugin.name,
            plugin.digest,
            plugin.version,
            plugin.world,
            needs,
            plugin.component_path,
            plugin.tools_json,
            registered.tools_digest,
            registered.who,
            registered.added_us,
        ])?;
    let mut claim = connection
        .prepare_cached("INSERT OR IGNORE INTO plugin_names (name, plugin) VALUES (?1, ?2)")?;
    for name in claimed() {
        claim.execute(params![name, plugin.name])?;
    }
    Ok(())
}

/// Deletes a plugin with its names and gives its digest.
fn delete(txn: &mut Txn<'_>, name: &str) -> Result<String, StoreError> {
    txn.connection()
        .prepare_cached("DELETE FROM plugins WHERE name = ?1 RETURNING digest")?
        .query_row([name], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::not_found("plugin", name))
}

fn owner(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT plugin FROM plugin_names WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?)
}

fn columns(row: &Row<'_>) -> rusqlite::Result<(RegisteredPlugin, String)> {
    let registered = RegisteredPlugin {
        plugin: NewPlugin {
            name: row.get(0)?,
            digest: row.get(1)?,
            version: row.get(2)?,
            world: row.get(3)?,
            needs: Vec::new(),
            component_path: row.get(5)?,
            tools_json: row.get(6)?,
            names: Vec::new(),
        },
        tools_digest: row.get(7)?,
        who: row.get(8)?,
        added_us: row.get(9)?,
    };
    Ok((registered, row.get(4)?))
}

fn registered(
    connection: &Connection,
    (mut registered, needs): (RegisteredPlugin, String),
) -> Result<RegisteredPlugin, StoreError> {
    let plugin = &mut registered.plugin;
    plugin.needs = serde_json::from_str(&needs).map_err(|error| {
        StoreError::Damaged(format!("the needs of plugin {}: {error}", plugin.name))
    })?;
    if registered.tools_digest != digest_of(&plugin.tools_json) {
        return Err(StoreError::Damaged(format!(
            "the tools of plugin {} do not have the digest that was pinned",
            plugin.name
        )));
    }
    plugin.names = connection
        .prepare_cached(
            "SELECT name FROM plugin_names WHERE plugin = ?1 AND name <> ?1 ORDER BY name",
        )?
        .query_map([&plugin.name], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(registered)
}
