//! What the sandbox needs of its host, each as a small trait: who the plugins are, where keys and
//! values live, how a credential is found, under which key targets are hashed.

use crate::source::ComponentSource;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_contract::PluginName;
use tollgate_grants::{CallLimits, CredentialRule};

/// One plugin as the host knows it.
#[derive(Debug, Clone)]
pub struct PluginEntry {
    /// The name under which it was added.
    pub name: PluginName,
    /// Where its component is.
    pub component: ComponentSource,
    /// The pinned digest, `sha256:…`; a component of another digest is refused.
    pub digest: Option<String>,
    /// Its limits.
    pub limits: CallLimits,
    /// Its configuration.
    pub config: Arc<BTreeMap<String, String>>,
}

/// Knows the plugins.
pub trait PluginSource: Send + Sync {
    /// The plugin of this name, if there is one.
    fn entry(&self, name: &PluginName) -> Result<Option<PluginEntry>, String>;
}

/// Why a key-value operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyValueError {
    /// A bound of the store.
    #[error("{0}")]
    Refused(String),
    /// The store could not be read or written.
    #[error("the store failed: {0}")]
    Store(String),
}

impl KeyValueError {
    /// The label that an outcome carries.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Store(_) => "store",
        }
    }
}

/// Keeps values by namespace and key. Blocking, for milliseconds.
pub trait KeyValue: Send + Sync {
    /// The value of a key.
    fn get(&self, namespace: &str, key: &str) -> Result<Option<Vec<u8>>, KeyValueError>;
    /// Sets a key.
    fn set(&self, namespace: &str, key: &str, value: &[u8]) -> Result<(), KeyValueError>;
    /// Removes a key; removing none is no error.
    fn delete(&self, namespace: &str, key: &str) -> Result<(), KeyValueError>;
    /// Some keys after `cursor`, and where to go on.
    fn list(
        &self,
        namespace: &str,
        cursor: Option<u64>,
    ) -> Result<(Vec<String>, Option<u64>), KeyValueError>;
}

/// What of quotas is counted by itself: a directory of the host for a plugin in a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QuotaKey {
    /// The session.
    pub session: String,
    /// The plugin.
    pub plugin: String,
    /// Device and inode of the directory.
    pub directory: (u64, u64),
}

/// So many bytes, and so many files, directories and links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Bytes.
    pub bytes: u64,
    /// Files, directories and links.
    pub files: u64,
}

impl Amount {
    pub(crate) fn plus(self, more: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(more.bytes),
            files: self.files.saturating_add(more.files),
        }
    }

    /// Never below nothing.
    pub(crate) fn minus(self, less: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(less.bytes),
            files: self.files.saturating_sub(less.files),
        }
    }

    pub(crate) fn within(self, max: Self) -> bool {
        self.bytes <= max.bytes && self.files <= max.files
    }
}

/// Counts what sessions that outlive a process add below their mounts. Blocking, for milliseconds.
pub trait QuotaBook: Send + Sync {
    /// Adds `most` to an account, or as much of it as there is room for below `max`. Gives what was counted
    /// before, and what is now.
    fn take(&self, key: &QuotaKey, most: Amount, max: Amount) -> Result<(Amount, Amount), String>;
    /// Takes from an account what was not used.
    fn give_back(&self, key: &QuotaKey, rest: Amount) -> Result<(), String>;
}

/// Reads the host's environment for variables that a grant names.
pub trait Environment: Send + Sync {
    /// The value of a variable.
    fn get(&self, name: &str) -> Option<String>;
}

/// The environment of the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// The keys under which a session's targets are hashed; kept outside the ledger.
pub trait SessionKeys: Send + Sync {
    /// The key of a session.
    fn key(&self, session: &str) -> tollgate_receipts::SessionKey;
}

/// Finds the secret of a credential. Blocking, for milliseconds.
pub trait Credentials: Send + Sync {
    /// The secret behind `rule`.
    fn secret(&self, name: &str, rule: &CredentialRule) -> Result<SecretString, String>;
}
