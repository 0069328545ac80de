//! Run-time grants: what operators allowed, denied or set to ask, apart from policy files.
//!
//! Invariant: every change raises the generation in its own transaction, so a cached authority is
//! never newer than it claims.

use crate::{Store, StoreError, changed, now_us};
use rusqlite::{OptionalExtension, Row, params};
use tollgate_grants::{RuleEffect, RuntimeGrant, Scope};

/// The most run-time grants that are not revoked.
pub const GRANTS_MAX: i64 = 10_000;
/// The most bytes of a grant's capability, and of its reason.
pub const GRANT_TEXT_BYTES_MAX: usize = 2048;

const COLUMNS: &str = "id, plugin, plugin_digest, capability, effect, scope, scope_id, who, why, \
                       created_us, expires_us, uses_max, uses, revoked_us, retryable";

/// Run-time grants.
pub struct Grants<'a>(pub(crate) &'a Store);

impl Grants<'_> {
    /// Adds a grant.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] for an id in use or beyond a bound.
    pub fn add(&self, grant: RuntimeGrant) -> Result<(), StoreError> {
        check(&grant)?;
        self.0.change(move |txn| {
            let connection = txn.connection();
            let live: i64 = connection
                .prepare_cached("SELECT count(*) FROM grants WHERE revoked_us IS NULL")?
                .query_row([], |row| row.get(0))?;
            if live >= GRANTS_MAX {
                return Err(StoreError::Refused(format!(
                    "{live} grants are not revoked, as many as may be: revoke some"
                )));
            }
            let (scope, scope_id) = scope_columns(&grant.scope);
            connection
                .prepare_cached(&format!(
                    "INSERT INTO grants ({COLUMNS})
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
                ))?
                .execute(params![
                    grant.id,
                    grant.plugin,
                    grant.plugin_digest,
                    grant.capability.to_string(),
                    grant.effect.as_str(),
                    scope,
                    scope_id,
                    grant.who,
                    grant.why,
                    grant.created_us,
                    grant.expires_us,
                    grant.uses_bound(),
                    grant.uses,
                    grant.revoked_us,
                    grant.retryable,
                ])?;
            let detail = describe(&grant);
            changed(txn, "grant.add", grant.who, grant.id, detail)
        })
    }

    /// Revokes a grant; false if it was revoked already.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is none with this id.
    pub fn revoke(&self, id: &str, who: &str) -> Result<bool, StoreError> {
        let (id, who) = (id.to_owned(), who.to_owned());
        self.0.change(move |txn| {
            let revoked: Option<i64> = txn
                .connection()
                .prepare_cached("SELECT revoked_us FROM grants WHERE id = ?1")?
                .query_row([&id], |row| row.get(0))
                .optional()?
                .ok_or_else(|| StoreError::not_found("grant", &id))?;
            if revoked.is_some() {
                return Ok(false);
            }
            txn.connection()
                .prepare_cached("UPDATE grants SET revoked_us = ?2 WHERE id = ?1")?
                .execute(params![id, now_us()])?;
            changed(txn, "grant.revoke", who, id, String::new())?;
            Ok(true)
        })
    }

    /// Counts one use of a grant whose uses are bounded; false if none is left, or it was revoked, or has
    /// expired, or there is none with this id. A grant without a bound is not counted.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written.
    pub fn consume_use(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.0.change(move |txn| {
            let valid =
                "id = ?1 AND revoked_us IS NULL AND (expires_us IS NULL OR expires_us > ?2)";
            let now = now_us();
            let used = txn
                .connection()
                .prepare_cached(&format!(
                    "UPDATE grants SET uses = uses + 1 WHERE {valid} AND uses < uses_max"
                ))?
                .execute(params![id, now])?;
            if used > 0 {
                txn.raise_generation()?;
                return Ok(true);
            }
            Ok(txn
                .connection()
                .prepare_cached(&format!(
                    "SELECT 1 FROM grants WHERE {valid} AND uses_max IS NULL"
                ))?
                .exists(params![id, now])?)
        })
    }

    /// One grant.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn get(&self, id: &str) -> Result<Option<RuntimeGrant>, StoreError> {
        Ok(self.select("WHERE id = ?1", &[id])?.pop())
    }

    /// All grants, or those of one plugin, oldest first; also those that are void.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn list(&self, plugin: Option<&str>) -> Result<Vec<RuntimeGrant>, StoreError> {
        match plugin {
            Some(plugin) => self.select("WHERE plugin = ?1 ORDER BY created_us, id", &[plugin]),
            None => self.select("ORDER BY created_us, id", &[]),
        }
    }

    /// The grants of one plugin and the generation at which they were read, in one snapshot.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn snapshot(&self, plugin: &str) -> Result<(Vec<RuntimeGrant>, u64), StoreError> {
        self.0.readers.read(|connection| {
            let generation = connection
                .prepare_cached("SELECT generation FROM authority")?
                .query_row([], |row| crate::error::from_sql(row.get(0)?))?;
            let grants = select(
                connection,
                "WHERE plugin = ?1 ORDER BY created_us, id",
                &[plugin],
            )?;
            Ok((grants, generation))
        })
    }

    /// The current generation: it grows with every change to grants, trust or plugins, of any process.
    /// About a microsecond when nothing was written.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be read; whoever asks then denies.
    pub fn generation(&self) -> Result<u64, StoreError> {
        self.0.generation.read(self.0.readers.path())
    }

    fn select(&self, tail: &str, parameters: &[&str]) -> Result<Vec<RuntimeGrant>, StoreError> {
        self.0
            .readers
            .read(|connection| select(connection, tail, parameters))
    }
}

fn select(
    connection: &rusqlite::Connection,
    tail: &str,
    parameters: &[&str],
) -> Result<Vec<RuntimeGrant>, StoreError> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM grants {tail}"))?
        .query_map(rusqlite::params_from_iter(parameters), |row| Ok(read(row)))?
        .map(|row| row?)
        .collect()
}

fn check(grant: &RuntimeGrant) -> Result<(), StoreError> {
    let capability = grant.capability.to_string().len();
    let why = grant.why.as_ref().map_or(0, String::len);
    if capability.max(why) > GRANT_TEXT_BYTES_MAX {
        return Err(StoreError::Refused(format!(
            "the capability or the reason of a grant has more than {GRANT_TEXT_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}

/// The grant in one line, for the ledger.
fn describe(grant: &RuntimeGrant) -> String {
    let (scope, id) = scope_columns(&grant.scope);
    let mut text = format!(
        "{} {} {} for {scope}",
        grant.plugin,
        grant.effect.as_str(),
        grant.capability
    );
    let mut add = |word: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!(" {word}{value}"));
        }
    };
    add("", id.map(str::to_owned));
    add("digest ", grant.plugin_digest.clone());
    add("uses ", grant.uses_bound().map(|n| n.to_string()));
    add("until ", grant.expires_us.map(|t| t.to_string()));
    add("", grant.retryable.then(|| "retryable".to_owned()));
    add("why ", grant.why.clone());
    text
}

fn scope_columns(scope: &Scope) -> (&'static str, Option<&str>) {
    match scope {
        Scope::Once => ("once", None),
        Scope::Session(id) => ("session", Some(id)),
        Scope::Project(id) => ("project", Some(id)),
        Scope::Always => ("always", None),
    }
}

fn read(row: &Row<'_>) -> Result<RuntimeGrant, StoreError> {
    let id: String = row.get(0)?;
    let damaged = |what: &str| StoreError::Damaged(format!("grant {id}: {what}"));
    let capability: String = row.get(3)?;
    let effect: String = row.get(4)?;
    let scope: String = row.get(5)?;
    let scope_id: Option<String> = row.get(6)?;
    Ok(RuntimeGrant {
        plugin: row.get(1)?,
        plugin_digest: row.get(2)?,
        capability: capability
            .parse()
            .map_err(|error| damaged(&format!("{error}")))?,
        effect: match effect.as_str() {
            "allow" => RuleEffect::Allow,
            "deny" => RuleEffect::Deny,
            "ask" => RuleEffect::Ask,
            other => return Err(damaged(&format!("effect {other:?}"))),
        },
        scope: match (scope.as_str(), scope_id) {
            ("once", None) => Scope::Once,
            ("session", Some(id)) => Scope::Session(id),
            ("project", Some(id)) => Scope::Project(id),
            ("always", None) => Scope::Always,
            (other, _) => return Err(damaged(&format!("scope {other:?}"))),
        },
        who: row.get(7)?,
        why: row.get(8)?,
        created_us: row.get(9)?,
        expires_us: row.get(10)?,
        uses_max: row.get(11)?,
        uses: row.get(12)?,
        revoked_us: row.get(13)?,
        retryable: row.get(14)?,
        id,
    })
}
