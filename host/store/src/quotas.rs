//! How much sessions have added below their mounts, for those that outlive a process.
//!
//! A row counts what was added and what processes have taken to add next. Who takes more than it adds gives the
//! rest back; what a process had taken when it died stays counted.

use crate::error::{from_sql, to_sql};
use crate::txn::Txn;
use crate::{Store, StoreError};
use rusqlite::{OptionalExtension, params};

/// What sessions have added below their mounts.
pub struct Quotas<'a>(pub(crate) &'a Store);

/// What is counted by itself: a directory of the host for a plugin in a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QuotaKey {
    /// The session.
    pub session: String,
    /// The plugin.
    pub plugin: String,
    /// Device and inode of the directory.
    pub directory: (u64, u64),
}

/// Bytes and files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Bytes.
    pub bytes: u64,
    /// Files, directories and links.
    pub files: u64,
}

impl Quotas<'_> {
    /// Adds to an account: `most`, or as much of it as there is room for below `max`. Gives what was counted
    /// before and what is now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written.
    pub fn take(
        &self,
        key: &QuotaKey,
        most: Amount,
        max: Amount,
    ) -> Result<(Amount, Amount), StoreError> {
        let key = key.clone();
        self.0.change_with(false, move |txn| {
            let before = counted(txn, &key)?;
            let add = |before: u64, most: u64, max: u64| {
                before.saturating_add(most.min(max.saturating_sub(before)))
            };
            let after = Amount {
                bytes: add(before.bytes, most.bytes, max.bytes),
                files: add(before.files, most.files, max.files),
            };
            if after != before {
                count(txn, &key, after)?;
            }
            Ok((before, after))
        })
    }

    /// Takes from an account, never below nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written.
    pub fn give_back(&self, key: &QuotaKey, less: Amount) -> Result<(), StoreError> {
        let key = key.clone();
        self.0.change(move |txn| {
            let before = counted(txn, &key)?;
            let after = Amount {
                bytes: before.bytes.saturating_sub(less.bytes),
                files: before.files.saturating_sub(less.files),
            };
            count(txn, &key, after)
        })
    }
}

/// Device and inode as SQL has them: the same bits, with a sign.
fn directory(key: &QuotaKey) -> (i64, i64) {
    let (dev, ino) = key.directory;
    (dev.cast_signed(), ino.cast_signed())
}

fn counted(txn: &Txn<'_>, key: &QuotaKey) -> Result<Amount, StoreError> {
    let (dev, ino) = directory(key);
    let found = txn
        .connection()
        .prepare_cached(
            "SELECT bytes, files FROM quotas
             WHERE session = ?1 AND plugin = ?2 AND dev = ?3 AND ino = ?4",
        )?
        .query_row(params![key.session, key.plugin, dev, ino], |row| {
            Ok(Amount {
                bytes: from_sql(row.get(0)?)?,
                files: from_sql(row.get(1)?)?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

fn count(txn: &Txn<'_>, key: &QuotaKey, amount: Amount) -> Result<(), StoreError> {
    let (dev, ino) = directory(key);
    txn.connection()
        .prepare_cached(
            "INSERT INTO quotas (session, plugin, dev, ino, bytes, files) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (session, plugin, dev, ino) DO UPDATE
             SET bytes = excluded.bytes, files = excluded.files",
        )?
        .execute(params![
            key.session,
            key.plugin,
            dev,
            ino,
            to_sql(amount.bytes)?,
            to_sql(amount.files)?
        ])?;
    Ok(())
}

/// Forgets what a session has added.
pub(crate) fn delete_of_session(txn: &Txn<'_>, session: &str) -> Result<(), StoreError> {
    txn.connection()
        .prepare_cached("DELETE FROM quotas WHERE session = ?1")?
        .execute([session])?;
    Ok(())
}
