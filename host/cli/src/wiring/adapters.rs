//! What the sandbox wants of its host, each a few lines over the store.

use crate::plugins::Catalogue;
use crate::policy::Authorities;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_contract::PluginName;
use tollgate_grants::{AuthoritySource, policy};
use tollgate_receipts::{SESSION_KEY_BYTES, SessionKey};
use tollgate_sandbox::{
    Amount, KeyValue, KeyValueError, PluginEntry, PluginSource, QuotaBook, QuotaKey, SessionKeys,
};
use tollgate_sessions::models::{ModelChoice, Models, Price};
use tollgate_store::{KV_LIST_MAX, Store, StoreError};

/// What the policy files in use say of models.
pub(crate) struct PolicyModels(pub(crate) Arc<Catalogue>);

impl Models for PolicyModels {
    fn price(&self, provider: &str, model: &str) -> Option<Price> {
        let layers = self.0.layers();
        let (currency, price) = policy::price(&layers.files, provider, model)?;
        Some(Price {
            currency: currency.to_owned(),
            input_micros: price.input_micros,
            cached_input_micros: price.cached_input_micros,
            output_micros: price.output_micros,
        })
    }

    fn model_for(&self, purpose: Option<&str>) -> Option<ModelChoice> {
        let layers = self.0.layers();
        let choice = policy::model_for(&layers.files, purpose)?;
        Some(ModelChoice {
            provider: choice.provider.clone(),
            model: choice.model.clone(),
        })
    }
}

/// The plugins, pinned to the component whose needs were read.
pub(crate) struct Plugins(pub(crate) Arc<Authorities>);

impl PluginSource for Plugins {
    fn entry(&self, name: &PluginName) -> Result<Option<PluginEntry>, String> {
        let located = self
            .0
            .component(name.as_str())
            .map_err(|error| error.to_string())?;
        let Some(located) = located else {
            return Ok(None);
        };
        // Limits and configuration are the plugin's, whichever session calls.
        let authority = self
            .0
            .authority(name.as_str(), "")
            .map_err(|error| error.to_string())?;
        Ok(Some(PluginEntry {
            name: located.name,
            component: located.source,
            digest: Some(located.component.digest.clone()),
            limits: *authority.limits(),
            config: Arc::new(authority.config().clone()),
        }))
    }
}

/// Keys under which targets are hashed: the session's own, or one that dies with this process for a
/// session that is not stored.
pub(crate) struct Keys {
    store: Arc<Store>,
    passing: Mutex<HashMap<String, SessionKey>>,
}

/// Passing keys that are kept.
const PASSING_MAX: usize = 1024;

impl Keys {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            passing: Mutex::default(),
        }
    }
}

impl SessionKeys for Keys {
    fn key(&self, session: &str) -> SessionKey {
        if let Ok(key) = self.store.target_key(session) {
            return key;
        }
        let mut passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        if passing.len() >= PASSING_MAX {
            passing.clear();
        }
        passing
            .entry(session.to_owned())
            .or_insert_with(|| SessionKey::new(random()))
            .clone()
    }
}

/// Random bytes of a key: two random UUIDs have 244 random bits.
fn random() -> [u8; SESSION_KEY_BYTES] {
    let mut bytes = [0; SESSION_KEY_BYTES];
    let drawn = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    for (to, from) in bytes
        .iter_mut()
        .zip(drawn.iter().flat_map(|uuid| uuid.as_bytes()))
    {
        *to = *from;
    }
    bytes
}

/// Values by namespace and key.
pub(crate) struct KeyValues(pub(crate) Arc<Store>);

impl KeyValue for KeyValues {
    fn get(&self, namespace: &str, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        self.0.kv().get(namespace, key).map_err(error)
    }

    fn set(&self, namespace: &str, key: &str, value: &[u8]) -> Result<(), KeyValueError> {
        self.0
            .kv()
            .set(namespace, key, value.to_vec())
            .map_err(error)
    }

    fn delete(&self, namespace: &str, key: &str) -> Result<(), KeyValueError> {
        self.0
            .kv()
            .delete(namespace, key)
            .map(|_| ())
            .map_err(error)
    }

    /// The store goes on after a key, the interface after a number: the number of pages before.
    fn list(
        &self,
        namespace: &str,
        cursor: Option<u64>,
    ) -> Result<(Vec<String>, Option<u64>), KeyValueError> {
        let wanted = cursor.unwrap_or(0);
        let mut after = None;
        for _ in 0..wanted {
            let page = self
                .0
                .kv()
                .keys(namespace, after.as_deref(), KV_LIST_MAX)
                .map_err(error)?;
            after = page.cursor;
            if after.is_none() {
                return Ok((Vec::new(), None));
            }
        }
        let page = self
            .0
            .kv()
            .keys(namespace, after.as_deref(), KV_LIST_MAX)
            .map_err(error)?;
        Ok((page.keys, page.cursor.map(|_| wanted.saturating_add(1))))
    }
}

/// What sessions have added below their mounts.
pub(crate) struct QuotaRows(pub(crate) Arc<Store>);

impl QuotaBook for QuotaRows {
    fn take(&self, key: &QuotaKey, most: Amount, max: Amount) -> Result<(Amount, Amount), String> {
        let taken = self.0.quotas().take(&row(key), stored(most), stored(max));
        let (before, after) = taken.map_err(|error| error.to_string())?;
        Ok((counted(before), counted(after)))
    }

    fn give_back(&self, key: &QuotaKey, rest: Amount) -> Result<(), String> {
        let given = self.0.quotas().give_back(&row(key), stored(rest));
        given.map_err(|error| error.to_string())
    }
}

fn row(key: &QuotaKey) -> tollgate_store::QuotaKey {
    let QuotaKey {
        session,
        plugin,
        directory,
    } = key.clone();
    tollgate_store::QuotaKey {
        session,
        plugin,
        directory,
    }
}

fn stored(Amount { bytes, files }: Amount) -> tollgate_store::Amount {
    tollgate_store::Amount { bytes, files }
}

fn counted(amount: tollgate_store::Amount) -> Amount {
    let tollgate_store::Amount { bytes, files } = amount;
    Amount { bytes, files }
}

fn error(error: StoreError) -> KeyValueError {
    match error {
        StoreError::Refused(why) => KeyValueError::Refused(why),
        other => KeyValueError::Store(other.to_string()),
    }
}
