//! `wasi:config/store`: the `config` table of the plugin's policy entry. No secrets; no effect outside.

use super::view::Gate;
use crate::bindings::config::store::{Error, Host};

impl Host for Gate<'_> {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, Error>> {
        Ok(Ok(self.state.config.get(&key).cloned()))
    }

    fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, Error>> {
        Ok(Ok(self
            .state
            .config
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()))
    }
}
