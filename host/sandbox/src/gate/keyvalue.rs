//! `wasi:keyvalue/store` on the host's own store. A bucket is a namespace that a grant names.
//!
//! Opening is decided; a read is buffered, a change is strict.

use super::decision::Attempt;
use super::permit::{Permit, Refused};
use super::record;
use super::scope::CallScope;
use super::view::Gate;
use crate::bindings::keyvalue::store::{Error, Host, HostBucket, KeyResponse};
use crate::gate::kinds::{self, EffectKind};
use crate::services::KeyValueError;
use std::sync::Arc;
use tollgate_grants::Effect;
use tollgate_receipts::Class;
use wasmtime::component::Resource;

/// The most bytes of one value.
pub(crate) const VALUE_BYTES_MAX: usize = 1024 * 1024;
/// The most bytes of one key.
pub(crate) const KEY_BYTES_MAX: usize = 512;

/// An open namespace.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings export it")]
pub struct Bucket {
    namespace: String,
}

type Answer<T> = wasmtime::Result<Result<T, Error>>;

/// Decides on one operation.
async fn kv_permit(
    scope: Arc<CallScope>,
    import: &'static str,
    kind: EffectKind,
    namespace: &str,
    key: Option<&str>,
) -> Result<Permit, Refused> {
    let target = match key {
        Some(key) => format!("{namespace}/{key}"),
        None => namespace.to_owned(),
    };
    let attempt = Attempt {
        import,
        kind,
        target,
        whole: None,
        effects: &[Effect::Kv {
            namespace,
            write: kind.class == Class::Strict,
        }],
    };
    scope.permit(&attempt).await
}

impl Gate<'_> {
    fn namespace(&self, bucket: &Resource<Bucket>) -> wasmtime::Result<String> {
        Ok(self.state.table.get(bucket)?.namespace.clone())
    }

    fn scope_of_call(&self) -> Arc<CallScope> {
        Arc::clone(&self.state.scope)
    }
}

/// Performs one operation in a task of the gate's.
async fn kv_run<T: Send + 'static>(
    permit: Permit,
    work: impl FnOnce(&dyn crate::services::KeyValue) -> Result<T, KeyValueError> + Send + 'static,
) -> Result<T, Error> {
    let scope = Arc::clone(permit.scope());
    let guard = scope.own_task();
    let store = Arc::clone(&scope.host.keyvalue);
    let task = scope.host.io.spawn_blocking(move || {
        let result = work(store.as_ref());
        permit.settle(match &result {
            Ok(_) => record::ok(),
            Err(error) => record::failed(error.label()),
        });
        drop(guard);
        result
    });
    match task.await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Error::Other(error.to_string())),
        Err(_) => Err(Error::Other("the host is shutting down".into())),
    }
}

/// Judged after the permit: an attempt with a bad key is an attempt, too.
fn check_key(key: &str) -> Result<(), KeyValueError> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(KeyValueError::Refused(format!(
            "a key has 1 to {KEY_BYTES_MAX} bytes, this one has {}",
            key.len()
        )));
    }
    Ok(())
}

fn check_value(value: &[u8]) -> Result<(), KeyValueError> {
    if value.len() > VALUE_BYTES_MAX {
        return Err(KeyValueError::Refused(format!(
            "a value has at most {VALUE_BYTES_MAX} bytes, this one has {}",
            value.len()
        )));
    }
    Ok(())
}

macro_rules! allowed {
    ($permit:expr) => {
        match $permit {
            Ok(permit) => permit,
            Err(_) => return Ok(Err(Error::AccessDenied)),
        }
    };
}

impl Host for Gate<'_> {
    async fn open(&mut self, identifier: String) -> Answer<Resource<Bucket>> {
        let permit = allowed!(
            kv_permit(
                self.scope_of_call(),
                super::table::KV_OPEN,
                kinds::KV_OPEN,
                &identifier,
                None
            )
            .await
        );
        permit.settle(record::ok());
        let bucket = self.state.table.push(Bucket {
            namespace: identifier,
        })?;
        Ok(Ok(bucket))
    }
}

impl HostBucket for Gate<'_> {
    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<Option<Vec<u8>>> {
        let namespace = self.namespace(&bucket)?;
        let permit = allowed!(
            kv_permit(
                self.scope_of_call(),
                super::table::KV_GET,
                kinds::KV_GET,
                &namespace,
                Some(&key)
            )
            .await
        );
        Ok(kv_run(permit, move |kv| {
            check_key(&key)?;
            kv.get(&namespace, &key)
        })
        .await)
    }

    async fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Answer<()> {
        let namespace = self.namespace(&bucket)?;
        let permit = allowed!(
            kv_permit(
                self.scope_of_call(),
                super::table::KV_SET,
                kinds::KV_SET,
                &namespace,
                Some(&key)
            )
            .await
        );
        Ok(kv_run(permit, move |kv| {
            check_key(&key)?;
            check_value(&value)?;
            kv.set(&namespace, &key, &value)
        })
        .await)
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<()> {
        let namespace = self.namespace(&bucket)?;
        let permit = allowed!(
            kv_permit(
                self.scope_of_call(),
                super::table::KV_DELETE,
                kinds::KV_DELETE,
                &namespace,
                Some(&key)
            )
            .await
        );
        Ok(kv_run(permit, move |kv| {
            check_key(&key)?;
            kv.delete(&namespace, &key)
        })
        .await)
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<bool> {
        let namespace = self.namespace(&bucket)?;
        let permit = allowed!(
            kv_permit(
                self.scope_of_call(),
                super::table::KV_EXISTS,
                kinds::KV_GET,
                &namespace,
                Some(&key)
            )
            .await
        );
        Ok(kv_run(permit, move |kv| {
            check_key(&key)?;
            Ok(kv.get(&namespace, &key)?.is_some())
        })
        .await)
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<u64>,
    ) -> Answer<KeyResponse> {
        let namespace = self.namespace(&bucket)?;
        let permit = allowed!(
            kv_permit(
                self.scope_of_call(),
                super::table::KV_LIST,
                kinds::KV_LIST,
                &namespace,
                None
            )
            .await
        );
        Ok(kv_run(permit, move |kv| {
            let (keys, cursor) = kv.list(&namespace, cursor)?;
            Ok(KeyResponse { keys, cursor })
        })
        .await)
    }

    fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.state.table.delete(bucket)?;
        Ok(())
    }
}
