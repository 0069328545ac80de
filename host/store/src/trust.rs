//! Which project policy files the operator trusts, each by its digest.

use crate::{Store, StoreError, changed, now_us};
use rusqlite::{OptionalExtension, Row, params};

/// A trusted policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    /// The file, absolute.
    pub path: String,
    /// `sha256:` and the digest of its bytes that is trusted.
    pub digest: String,
    /// Who trusts it.
    pub who: String,
    /// Since when, microseconds since the Unix epoch.
    pub time_us: i64,
}

/// Trust in project policy files.
pub struct Trust<'a>(pub(crate) &'a Store);

impl Trust<'_> {
    /// Trusts the file at `path` as long as it has this digest, in place of an earlier one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written.
    pub fn add(&self, path: &str, digest: &str, who: &str) -> Result<(), StoreError> {
        let (path, digest, who) = (path.to_owned(), digest.to_owned(), who.to_owned());
        self.0.change(move |txn| {
            let time_us = now_us();
            txn.connection()
                .prepare_cached(
                    "INSERT INTO trust (path, digest, who, time_us) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (path) DO UPDATE
                     SET digest = excluded.digest, who = excluded.who, time_us = excluded.time_us",
                )?
                .execute(params![path, digest, who, time_us])?;
            changed(txn, "policy.trust", who, path, digest)
        })
    }

    /// Trusts the file no longer; false if it was not trusted.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written.
    pub fn rm(&self, path: &str, who: &str) -> Result<bool, StoreError> {
        let (path, who) = (path.to_owned(), who.to_owned());
        self.0.change(move |txn| {
            let removed = txn
                .connection()
                .prepare_cached("DELETE FROM trust WHERE path = ?1")?
                .execute([&path])?;
            if removed > 0 {
                changed(txn, "policy.distrust", who, path, String::new())?;
            }
            Ok(removed > 0)
        })
    }

    /// What is trusted of the file at `path`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn get(&self, path: &str) -> Result<Option<Trusted>, StoreError> {
        self.0.readers.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT path, digest, who, time_us FROM trust WHERE path = ?1")?
                .query_row([path], trusted)
                .optional()?)
        })
    }

    /// Every trusted file, by path.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn list(&self) -> Result<Vec<Trusted>, StoreError> {
        self.0.readers.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT path, digest, who, time_us FROM trust ORDER BY path")?
                .query_map([], trusted)?
                .collect::<Result<_, _>>()?)
        })
    }
}

fn trusted(row: &Row<'_>) -> rusqlite::Result<Trusted> {
    Ok(Trusted {
        path: row.get(0)?,
        digest: row.get(1)?,
        who: row.get(2)?,
        time_us: row.get(3)?,
    })
}
