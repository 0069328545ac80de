//! Where things are kept: one SQLite database per user, shared by every `tollgate` process.
//!
//! Everything that is written goes through the one writer of the process (`writer`), which commits all
//! that waits at once and takes a lock between processes first. Readers have connections
//! of their own and are never in its way.
//!
//! Invariants:
//! - What was reported durable is on the disk (WAL, `synchronous=FULL`, read back at opening).
//! - The ledger is append-only, and index, sequence and previous hash are assigned in the transaction
//!   that stores the entry (`txn`).
//! - Every change of authority is stored together with its ledger entry and raises the grants
//!   generation.
//! - Files are 0600 in a directory of 0700.
//!
//! It does not know what a session's event means, nor what a grant allows, and it has no wasmtime.

mod buffers;
mod credentials;
mod ended;
mod error;
mod files;
mod format;
mod generation;
mod grants;
mod hosts;
mod keys;
mod kv;
mod ledger;
mod operator;
mod plugins;
mod progress;
mod query;
mod queue;
mod quotas;
mod readers;
mod repair;
mod reserve;
mod sessions;
mod signing;
mod tiles;
mod tree;
mod trust;
mod txn;
mod writer;

pub use credentials::{CredentialChange, Credentials};
pub use error::StoreError;
pub use format::STORE_FORMAT;
pub use grants::{GRANT_TEXT_BYTES_MAX, GRANTS_MAX, Grants};
pub use kv::{
    KV_KEY_BYTES_MAX, KV_KEYS_MAX, KV_LIST_MAX, KV_NAMESPACE_BYTES_MAX, KV_VALUE_BYTES_MAX,
    KeyPage, Kv,
};
pub use operator::{Login, Operator};
pub use plugins::{NAMES_MAX, NewPlugin, Plugins, RegisteredPlugin, TOOLS_JSON_BYTES_MAX};
pub use query::{
    IntentsOf, ListedReceipt, Log, OpenReceipt, QUERY_ROWS_MAX, ReceiptFilter, ReceiptPage,
    StoredEntry,
};
pub use queue::{QUEUE_BYTES_MAX, QUEUE_ROWS_MAX};
pub use quotas::{Amount, QuotaKey, Quotas};
pub use repair::{Repaired, repair};
pub use reserve::RESERVE_BYTES;
pub use tree::{Checked, Inclusion, LedgerKey, LedgerStatus, Pruned, SignedHead, TreeLog};
pub use trust::{Trust, Trusted};

use crate::files::{WriterLock, private_directory, private_file};
use crate::format::Opened;
use crate::generation::Generation;
use crate::hosts::Host;
use crate::keys::Keys;
use crate::queue::ChangeFn;
use crate::readers::Readers;
use crate::reserve::Reserve;
use crate::signing::Signing;
use crate::txn::Txn;
use crate::writer::{Desk, HeadClock, Shared, Writer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};
use tollgate_receipts::{ChangeRecord, HOST_SESSION, SessionKey};

const DATABASE: &str = "store.db";
const LOCK: &str = "store.lock";
const RESERVE: &str = "store.reserve";
const KEYS: &str = "session-keys";
const HOSTS: &str = "hosts";

/// The store, opened. Dropping it waits until what was submitted is written.
pub struct Store {
    directory: PathBuf,
    readers: Readers,
    generation: Generation,
    keys: Keys,
    host: Host,
    signing: Signing,
    access: Access,
}

enum Access {
    /// Of this version's format.
    Full {
        desk: Arc<Desk>,
        thread: Option<JoinHandle<()>>,
    },
    /// Of a newer format: may be read.
    Inspect { found: u32 },
}

impl Store {
    /// Opens the store in `directory`, made if it is not there, and brings it to the current format.
    /// A store of a newer format is opened for reading; every write then fails with
    /// [`StoreError::NewerFormat`].
    ///
    /// # Errors
    ///
    /// [`StoreError::File`] if files cannot be made or kept private, [`StoreError::NotDurable`] if the
    /// file system does not do what durability needs, [`StoreError::Damaged`] or
    /// [`StoreError::Unavailable`] if the database cannot be opened.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        private_directory(directory)?;
        let database = directory.join(DATABASE);
        drop(private_file(&database)?);
        let lock = WriterLock::open(&directory.join(LOCK))?;
        let opened = {
            let _held = lock.take()?;
            format::open_for_writing(&database)?
        };
        let signing = Signing::new(directory);
        let access = match opened {
            Opened::Newer { found } => Access::Inspect { found },
            Opened::Current(connection) => {
                let shared = Arc::new(Shared::default());
                let reserve = Reserve::new(directory.join(RESERVE));
                let heads = HeadClock::new(signing.clone());
                let writer = Writer::new(Arc::clone(&shared), connection, lock, reserve, heads);
                let desk = Arc::new(Desk::new(shared, writer));
                let its = Arc::clone(&desk);
                let thread = std::thread::Builder::new()
                    .name("tollgate-store".into())
                    .spawn(move || its.run())
                    .map_err(|error| StoreError::Unavailable(error.to_string()))?;
                Access::Full {
                    desk,
                    thread: Some(thread),
                }
            }
        };
        let store = Self {
            directory: directory.to_owned(),
            readers: Readers::new(database),
            generation: Generation::default(),
            keys: Keys::open(directory.join(KEYS))?,
            host: Host::register(directory.join(HOSTS))?,
            signing,
            access,
        };
        if store.newer_format().is_none() {
            // A process that died while it removed a session may have left its key.
            store.delete_keys_waiting(None)?;
        }
        Ok(store)
    }

    /// Run-time grants.
    pub fn grants(&self) -> Grants<'_> {
        Grants(self)
    }

    /// Trust in project policy files.
    pub fn trust(&self) -> Trust<'_> {
        Trust(self)
    }

    /// The record of credentials.
    pub fn credentials(&self) -> Credentials<'_> {
        Credentials(self)
    }

    /// The registry of plugins.
    pub fn plugins(&self) -> Plugins<'_> {
        Plugins(self)
    }

    /// What plugins keep.
    pub fn kv(&self) -> Kv<'_> {
        Kv(self)
    }

    /// What sessions have added below their mounts.
    pub fn quotas(&self) -> Quotas<'_> {
        Quotas(self)
    }

    /// The login of the operator.
    pub fn operator(&self) -> Operator<'_> {
        Operator(self)
    }

    /// The ledger, to be read.
    pub fn log(&self) -> Log<'_> {
        Log(self)
    }

    /// The ledger as a signed tree.
    pub fn tree(&self) -> TreeLog<'_> {
        TreeLog(self)
    }

    /// The key for keyed hashes of a session, or of [`HOST_SESSION`]; made if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`] if it cannot be read or made.
    pub fn target_key(&self, session: &str) -> Result<SessionKey, StoreError> {
        if let Some(bytes) = self.keys.read(session)? {
            return Ok(SessionKey::new(bytes));
        }
        let keys = self.keys.clone();
        let session = session.to_owned();
        // In the writer, so that two threads or processes agree on one key.
        self.change(move |_| match keys.read(&session)? {
            Some(bytes) => Ok(SessionKey::new(bytes)),
            None => Ok(SessionKey::new(keys.create(&session)?)),
        })
    }

    /// What is wrong with the database file, in SQLite's words; nothing, if it is whole. Reads all of it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot even be read.
    pub fn file_faults(&self) -> Result<Vec<String>, StoreError> {
        self.readers.read(format::faults)
    }

    /// The directory of the store. No plugin may read or write in it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The format of the store if it is newer than this version writes.
    pub fn newer_format(&self) -> Option<u32> {
        match self.access {
            Access::Full { .. } => None,
            Access::Inspect { found } => Some(found),
        }
    }

    fn writable(&self) -> Result<&Desk, StoreError> {
        match &self.access {
            Access::Full { desk, .. } => Ok(desk),
            Access::Inspect { found } => Err(StoreError::NewerFormat {
                found: *found,
                known: STORE_FORMAT,
            }),
        }
    }

    /// Makes a change in a transaction of the writer and waits until it is durable.
    fn change<T, E>(
        &self,
        make: impl FnOnce(&mut Txn<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.change_with(true, make)
    }

    /// As [`Store::change`]; what is not urgent is refused while the disk is full.
    fn change_with<T, E>(
        &self,
        urgent: bool,
        make: impl FnOnce(&mut Txn<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let desk = self.writable()?;
        let (reply, result) = sync_channel(1);
        let change = ChangeFn {
            make: Some(make),
            result: None,
            reply,
        };
        desk.shared().queue.change(Box::new(change), urgent)?;
        desk.write_here();
        let gone = |_| StoreError::Unavailable("the store is closed".into());
        result.recv().map_err(gone)?
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Access::Full { desk, thread } = &mut self.access {
            desk.shared().queue.close();
            if let Some(thread) = thread.take() {
                // One that panicked has already told everyone who waited.
                let _ = thread.join();
            }
        }
    }
}

/// Records in the host's chain what was done to the ledger itself.
fn changed_ledger(
    txn: &mut Txn<'_>,
    what: &str,
    who: &str,
    detail: &str,
) -> Result<(), StoreError> {
    let change = ChangeRecord {
        time_us: now_us(),
        who: who.to_owned(),
        what: what.to_owned(),
        object: "ledger".to_owned(),
        detail: detail.to_owned(),
    };
    txn.record_change(HOST_SESSION, change)
}

/// Records a change of authority in the host's chain and raises the generation.
fn changed(
    txn: &mut Txn<'_>,
    what: &str,
    who: String,
    object: String,
    detail: String,
) -> Result<(), StoreError> {
    txn.raise_generation()?;
    let change = ChangeRecord {
        time_us: now_us(),
        who,
        what: what.to_owned(),
        object,
        detail,
    };
    txn.record_change(HOST_SESSION, change)
}

/// Now, microseconds since the Unix epoch.
fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}
