//! Keys and values that plugins keep, by namespace.
//!
//! Namespaces `session/ID` and `session/ID/…` belong to that session and go with it. What may be read
//! or written is the gate's business, as are the receipts.

use crate::error::{from_sql, to_sql};
use crate::txn::Txn;
use crate::{Store, StoreError};
use rusqlite::{OptionalExtension, params};

/// The most bytes of a namespace or a key.
pub const KV_KEY_BYTES_MAX: usize = 512;
/// The most bytes of a value.
pub const KV_VALUE_BYTES_MAX: usize = 1024 * 1024;
/// The most keys in a namespace.
pub const KV_KEYS_MAX: u64 = 100_000;
/// The most bytes of keys and values in a namespace.
pub const KV_NAMESPACE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The most keys that one listing gives.
pub const KV_LIST_MAX: usize = 1000;

/// Keys and values by namespace.
pub struct Kv<'a>(pub(crate) &'a Store);

/// One page of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPage {
    /// The keys, in order.
    pub keys: Vec<String>,
    /// Where to go on, if there is more.
    pub cursor: Option<String>,
}

impl Kv<'_> {
    /// The value of a key.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn get(&self, namespace: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.readers.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT value FROM kv WHERE namespace = ?1 AND key = ?2")?
                .query_row([namespace, key], |row| row.get(0))
                .optional()?)
        })
    }

    /// Whether there is such a key.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn exists(&self, namespace: &str, key: &str) -> Result<bool, StoreError> {
        self.0.readers.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT 1 FROM kv WHERE namespace = ?1 AND key = ?2")?
                .exists([namespace, key])?)
        })
    }

    /// Sets a value.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] beyond a bound.
    pub fn set(&self, namespace: &str, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        check_name("namespace", namespace)?;
        check_name("key", key)?;
        if value.len() > KV_VALUE_BYTES_MAX {
            return Err(StoreError::Refused(format!(
                "a value of {} bytes is more than {KV_VALUE_BYTES_MAX}",
                value.len()
            )));
        }
        let (namespace, key) = (namespace.to_owned(), key.to_owned());
        self.0
            .change_with(false, move |txn| put(txn, &namespace, &key, &value))
    }

    /// Deletes a key; false if there was none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written.
    pub fn delete(&self, namespace: &str, key: &str) -> Result<bool, StoreError> {
        let (namespace, key) = (namespace.to_owned(), key.to_owned());
        self.0.change(move |txn| {
            let size = size_of(txn, &namespace, &key)?;
            if let Some(size) = size {
                txn.connection()
                    .prepare_cached("DELETE FROM kv WHERE namespace = ?1 AND key = ?2")?
                    .execute([&namespace, &key])?;
                account(txn, &namespace, -1, -size)?;
            }
            Ok(size.is_some())
        })
    }

    /// Keys after `cursor`, in order of their bytes, at most `limit` and [`KV_LIST_MAX`].
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn keys(
        &self,
        namespace: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<KeyPage, StoreError> {
        let limit = limit.clamp(1, KV_LIST_MAX);
        // No key is empty, so the empty text stands before all of them.
        let after = cursor.unwrap_or_default();
        let one_more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        self.0.readers.read(|connection| {
            let mut keys: Vec<String> = connection
                .prepare_cached(
                    "SELECT key FROM kv WHERE namespace = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
                )?
                .query_map(params![namespace, after, one_more], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            let more = keys.len() > limit;
            keys.truncate(limit);
            let cursor = if more { keys.last().cloned() } else { None };
            Ok(KeyPage { keys, cursor })
        })
    }
}

/// Deletes the namespaces of a session and gives the number of keys.
pub(crate) fn delete_of_session(txn: &mut Txn<'_>, session: &str) -> Result<u64, StoreError> {
    let own = format!("session/{session}");
    let below = format!("session/{session}/");
    // `0` is the character after `/`.
    let end = format!("session/{session}0");
    let mut keys = 0;
    for table in ["kv_usage", "kv"] {
        keys = txn
            .connection()
            .prepare_cached(&format!(
                "DELETE FROM {table} WHERE namespace = ?1 OR (namespace >= ?2 AND namespace < ?3)"
            ))?
            .execute([&own, &below, &end])?;
    }
    Ok(u64::try_from(keys).unwrap_or(u64::MAX))
}

fn check_name(what: &str, name: &str) -> Result<(), StoreError> {
    if (1..=KV_KEY_BYTES_MAX).contains(&name.len()) {
        return Ok(());
    }
    Err(StoreError::Refused(format!(
        "a {what} has 1 to {KV_KEY_BYTES_MAX} bytes, this one has {}",
        name.len()
    )))
}

fn put(txn: &mut Txn<'_>, namespace: &str, key: &str, value: &[u8]) -> Result<(), StoreError> {
    let before = size_of(txn, namespace, key)?;
    let size = to_sql((key.len() + value.len()) as u64)?;
    txn.connection()
        .prepare_cached(
            "INSERT INTO kv (namespace, key, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![namespace, key, value])?;
    let (keys, bytes) = account(
        txn,
        namespace,
        i64::from(before.is_none()),
        size - before.unwrap_or(0),
    )?;
    if keys > KV_KEYS_MAX || bytes > KV_NAMESPACE_BYTES_MAX {
        return Err(StoreError::Refused(format!(
            "namespace {namespace:?} would have {keys} keys and {bytes} bytes, more than \
             {KV_KEYS_MAX} or {KV_NAMESPACE_BYTES_MAX}"
        )));
    }
    Ok(())
}

fn size_of(txn: &Txn<'_>, namespace: &str, key: &str) -> Result<Option<i64>, StoreError> {
    Ok(txn
        .connection()
        .prepare_cached(
            "SELECT octet_length(key) + octet_length(value) FROM kv WHERE namespace = ?1 AND key = ?2",
        )?
        .query_row([namespace, key], |row| row.get(0))
        .optional()?)
}

/// Adds to the books of a namespace and gives its keys and bytes.
fn account(
    txn: &Txn<'_>,
    namespace: &str,
    keys: i64,
    bytes: i64,
) -> Result<(u64, u64), StoreError> {
    Ok(txn
        .connection()
        .prepare_cached(
            "INSERT INTO kv_usage (namespace, keys, bytes) VALUES (?1, ?2, ?3)
             ON CONFLICT (namespace) DO UPDATE
             SET keys = keys + excluded.keys, bytes = bytes + excluded.bytes
             RETURNING keys, bytes",
        )?
        .query_row(params![namespace, keys, bytes], |row| {
            Ok((from_sql(row.get(0)?)?, from_sql(row.get(1)?)?))
        })?)
}
