//! The key that signs the ledger's tree heads, in a file of its own beside the database.
//!
//! Invariant: the key that signs is the last one in `ledger_keys`; a rotation is in force when its transaction
//! is, whatever was last written to the file.

use crate::StoreError;
use crate::files::{private_file, sync_directory};
use crate::now_us;
use rusqlite::{Connection, OptionalExtension, params};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_receipts::log::{SigningKey, VerifierKey};

const KEY: &str = "ledger-key";
/// A key that a rotation has written and may not have put in force.
const NEXT: &str = "ledger-key.next";
/// What the names of ledgers begin with.
const ORIGIN: &str = "tollgate-ledger/";
const ORIGIN_BYTES: usize = 8;
const KEY_BYTES_MAX: u64 = 4096;

/// The key of a store's ledger.
#[derive(Clone)]
pub(crate) struct Signing {
    directory: PathBuf,
    known: Arc<Mutex<Option<Arc<SigningKey>>>>,
}

impl Signing {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            known: Arc::default(),
        }
    }

    /// The key in force, made if there is none. In a transaction that writes.
    pub(crate) fn key(&self, connection: &Connection) -> Result<Arc<SigningKey>, StoreError> {
        let Some(verifier) = in_force(connection)? else {
            let origin = format!("{ORIGIN}{}", hex::encode(random::<ORIGIN_BYTES>()?));
            return self.make(connection, &origin, KEY);
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.as_ref().filter(|key| *key.verifier() == verifier) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(self.find(&verifier)?);
        *known = Some(Arc::clone(&key));
        Ok(key)
    }

    /// Makes another key for the same ledger and puts it in force; gives the old one.
    pub(crate) fn rotate(
        &self,
        connection: &Connection,
    ) -> Result<(Arc<SigningKey>, Arc<SigningKey>), StoreError> {
        let old = self.key(connection)?;
        let origin = old.verifier().origin().to_owned();
        let new = self.make(connection, &origin, NEXT)?;
        Ok((old, new))
    }

    /// Makes another key where the private part of the one in force is nowhere; gives the old public one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if it is there: then it signs the new one too.
    pub(crate) fn replace_lost(
        &self,
        connection: &Connection,
    ) -> Result<(VerifierKey, Arc<SigningKey>), StoreError> {
        let none = || StoreError::Refused("there is no key yet that could be lost".to_owned());
        let old = in_force(connection)?.ok_or_else(none)?;
        if self.find(&old).is_ok() {
            return Err(StoreError::Refused(format!(
                "the key {} is not lost: it can sign the one that follows it",
                old.id()
            )));
        }
        let new = self.make(connection, old.origin(), NEXT)?;
        Ok((old, new))
    }

    /// Makes a key of another name: the ledger goes on as another one. In a transaction that writes.
    pub(crate) fn begin_again(&self, connection: &Connection) -> Result<(), StoreError> {
        let origin = format!("{ORIGIN}{}", hex::encode(random::<ORIGIN_BYTES>()?));
        self.make(connection, &origin, NEXT).map(drop)
    }

    fn make(
        &self,
        connection: &Connection,
        origin: &str,
        name: &str,
    ) -> Result<Arc<SigningKey>, StoreError> {
        let key = SigningKey::from_seed(origin, random()?)
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let path = self.directory.join(name);
        let wrong = |error| StoreError::file(&path, error);
        let mut file = private_file(&path)?;
        file.set_len(0).map_err(wrong)?;
        file.write_all(format!("{}\n", key.text()).as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(wrong)?;
        sync_directory(&self.directory)?;
        tollgate_contract::stop_point("store.key_written");
        connection
            .prepare_cached("INSERT INTO ledger_keys (verifier, since_us) VALUES (?1, ?2)")?
            .execute(params![key.verifier().as_str(), now_us()])?;
        Ok(Arc::new(key))
    }

    /// The file of the key in force: where a rotation was the last thing, it is still beside.
    fn find(&self, verifier: &VerifierKey) -> Result<SigningKey, StoreError> {
        let path = self.directory.join(KEY);
        let mut gone = None;
        for name in [KEY, NEXT] {
            match read(&self.directory.join(name)) {
                Ok(key) if key.verifier() == verifier => {
                    if name == NEXT {
                        std::fs::rename(self.directory.join(NEXT), &path)
                            .map_err(|error| StoreError::file(&path, error))?;
                        sync_directory(&self.directory)?;
                    }
                    return Ok(key);
                }
                Ok(_) => {}
                Err(error) => gone = gone.or(Some(error)),
            }
        }
        let is = match gone {
            Some(StoreError::File { problem, .. }) => problem,
            Some(other) => other.to_string(),
            None => "it is another key".to_owned(),
        };
        let why = format!(
            "the key {} signs this ledger, and is not there ({is}): put the file back from a copy, or go on with another key with `tollgate ledger rotate-key --lost`",
            verifier.id()
        );
        Err(StoreError::file(&path, why))
    }
}

/// The public part of the key in force.
pub(crate) fn in_force(connection: &Connection) -> Result<Option<VerifierKey>, StoreError> {
    let last = connection
        .prepare_cached("SELECT verifier FROM ledger_keys ORDER BY id DESC LIMIT 1")?
        .query_row([], |row| row.get::<_, String>(0))
        .optional()?;
    let parsed = last.map(|text| VerifierKey::parse(&text)).transpose();
    parsed.map_err(|error| StoreError::Damaged(error.to_string()))
}

fn read(path: &Path) -> Result<SigningKey, StoreError> {
    let wrong = |error: &dyn std::fmt::Display| StoreError::file(path, error.to_string());
    let file = std::fs::File::open(path).map_err(|error| wrong(&error))?;
    let mut text = zeroize::Zeroizing::new(String::new());
    file.take(KEY_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| wrong(&error))?;
    SigningKey::parse(&text).map_err(|error| wrong(&error))
}

fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::Unavailable(format!("no randomness: {error}")))?;
    Ok(bytes)
}
