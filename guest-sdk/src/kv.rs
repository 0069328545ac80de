//! Values that outlive a call. A namespace must be granted: `kv NAMESPACE`.
//!
//! Every call runs in a fresh instance, so what must outlive one is kept here. A namespace belongs to the
//! plugin; for values of one session, put [`Context::session`](crate::Context) in front of the key.
//!
//! ```
//! use tollgate_sdk::kv::Bucket;
//! use tollgate_sdk::{Context, ToolError, testing};
//!
//! fn visits(context: &Context) -> Result<u64, ToolError> {
//!     let bucket = Bucket::open("hello")?; // needs `kv hello`, and a grant of it
//!     let key = format!("{}/visits", context.session);
//!     let before = bucket.get(&key)?.and_then(|bytes| bytes.try_into().ok());
//!     let visits = before.map_or(0, u64::from_le_bytes) + 1;
//!     bucket.set(&key, &visits.to_le_bytes())?;
//!     Ok(visits)
//! }
//!
//! assert_eq!(visits(&testing::context())?, 1);
//! assert_eq!(visits(&testing::context())?, 2);
//! # Ok::<(), ToolError>(())
//! ```
//!
//! There is no transaction: of two calls that write one key at once, the later one counts.
//!
//! Outside a component the values live in memory, per thread.

use crate::bindings::standard::keyvalue::store as host;
use crate::{Denial, ToolError, denials, testing};

/// The most pages that [`Bucket::keys`] reads; a host that never ends its listing ends here.
const PAGES_MAX: usize = 10_000;

/// A key-value operation failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum KvError {
    /// The host has no such namespace.
    #[error("there is no key-value namespace {namespace:?}")]
    NoSuchStore {
        /// The namespace that was asked for.
        namespace: String,
    },
    /// The gate refused.
    #[error("{denial}")]
    Denied {
        /// The refusal.
        denial: Denial,
    },
    /// The host could not do it.
    #[error("the key-value namespace {namespace:?} failed: {message}")]
    Failed {
        /// The namespace.
        namespace: String,
        /// The host's words.
        message: String,
    },
}

impl KvError {
    fn new(namespace: &str, error: host::Error) -> Self {
        let namespace = namespace.to_owned();
        match error {
            host::Error::NoSuchStore => Self::NoSuchStore { namespace },
            host::Error::AccessDenied => Self::Denied {
                denial: denials::last().unwrap_or_else(|| Denial {
                    receipt: String::new(),
                    kind: "kv".into(),
                    target: namespace,
                    reason: "denied".into(),
                }),
            },
            host::Error::Other(message) => Self::Failed { namespace, message },
        }
    }
}

impl From<KvError> for ToolError {
    fn from(error: KvError) -> Self {
        match error {
            KvError::Denied { denial } => Self::Denied(denial),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// One namespace.
#[derive(Debug)]
pub struct Bucket {
    namespace: String,
    /// None outside a component.
    host: Option<host::Bucket>,
}

impl Bucket {
    /// Opens a namespace.
    ///
    /// # Errors
    /// The gate refused it, or there is none of that name.
    pub fn open(namespace: &str) -> Result<Self, KvError> {
        let host = if cfg!(target_family = "wasm") {
            Some(host::open(namespace).map_err(|e| KvError::new(namespace, e))?)
        } else {
            None
        };
        Ok(Self {
            namespace: namespace.to_owned(),
            host,
        })
    }

    /// The value of `key`, if it has one.
    ///
    /// # Errors
    /// The gate refused, or the host could not read.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        match &self.host {
            Some(host) => host.get(key).map_err(|e| self.error(e)),
            None => Ok(testing::with_buckets(|b| b.get(&self.at(key)).cloned())),
        }
    }

    /// Sets `key`, replacing what it had.
    ///
    /// # Errors
    /// The gate refused, or the host could not write.
    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        match &self.host {
            Some(host) => host.set(key, value).map_err(|e| self.error(e)),
            None => {
                testing::with_buckets(|b| b.insert(self.at(key), value.to_vec()));
                Ok(())
            }
        }
    }

    /// Deletes `key`; nothing happens if it has no value.
    ///
    /// # Errors
    /// The gate refused, or the host could not write.
    pub fn delete(&self, key: &str) -> Result<(), KvError> {
        match &self.host {
            Some(host) => host.delete(key).map_err(|e| self.error(e)),
            None => {
                testing::with_buckets(|b| b.remove(&self.at(key)));
                Ok(())
            }
        }
    }

    /// All keys, in no particular order.
    ///
    /// # Errors
    /// The gate refused, or the host could not read.
    pub fn keys(&self) -> Result<Vec<String>, KvError> {
        let Some(host) = &self.host else {
            return Ok(testing::with_buckets(|b| {
                b.keys()
                    .filter(|(namespace, _)| *namespace == self.namespace)
                    .map(|(_, key)| key.clone())
                    .collect()
            }));
        };
        let mut keys = Vec::new();
        let mut cursor = None;
        for _ in 0..PAGES_MAX {
            let mut page = host.list_keys(cursor).map_err(|e| self.error(e))?;
            keys.append(&mut page.keys);
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(keys);
            }
        }
        Err(KvError::Failed {
            namespace: self.namespace.clone(),
            message: format!("the listing has more than {PAGES_MAX} pages"),
        })
    }

    fn at(&self, key: &str) -> (String, String) {
        (self.namespace.clone(), key.to_owned())
    }

    fn error(&self, error: host::Error) -> KvError {
        KvError::new(&self.namespace, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_a_component_values_live_in_memory() {
        let notes = Bucket::open("notes").unwrap();
        notes.set("a", b"1").unwrap();
        Bucket::open("other").unwrap().set("b", b"2").unwrap();
        assert_eq!(notes.get("a").unwrap().as_deref(), Some(&b"1"[..]));
        assert_eq!(notes.keys().unwrap(), ["a"]);
        notes.delete("a").unwrap();
        assert_eq!(notes.get("a").unwrap(), None);
    }

    #[test]
    fn a_refusal_is_carried() {
        let denial = testing::sample_denial("kv.open", "notes", "no_grant");
        testing::set_denial(Some(denial.clone()));
        let error = KvError::new("notes", host::Error::AccessDenied);
        assert_eq!(ToolError::from(error), ToolError::Denied(denial));
        testing::set_denial(None);
    }
}
