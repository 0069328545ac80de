//! The plugin's configuration: the keys of `config` in its policy entry. It never holds secrets.
//!
//! ```toml
//! [plugins.hello]
//! config = { language = "en" }
//! ```
//!
//! ```
//! use tollgate_sdk::{config, testing};
//!
//! testing::set_config("language", "en"); // in a component the operator sets it
//! let language = config::get("language")?.unwrap_or_else(|| "en".into());
//! assert_eq!(language, "en");
//! assert_eq!(config::get("colour")?, None);
//! # Ok::<(), config::ConfigError>(())
//! ```

use crate::bindings::standard::config::store as host;

/// The configuration could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read configuration: {message}")]
pub struct ConfigError {
    /// The host's words.
    pub message: String,
}

impl From<host::Error> for ConfigError {
    fn from(error: host::Error) -> Self {
        let (host::Error::Upstream(message) | host::Error::Io(message)) = error;
        Self { message }
    }
}

/// The value of `key`, if the operator set one.
///
/// # Errors
/// The host could not read its configuration.
pub fn get(key: &str) -> Result<Option<String>, ConfigError> {
    if cfg!(target_family = "wasm") {
        Ok(host::get(key)?)
    } else {
        Ok(crate::testing::with_config(|config| {
            config.get(key).cloned()
        }))
    }
}

/// All keys and values.
///
/// # Errors
/// The host could not read its configuration.
pub fn all() -> Result<Vec<(String, String)>, ConfigError> {
    if cfg!(target_family = "wasm") {
        Ok(host::get_all()?)
    } else {
        Ok(crate::testing::with_config(|config| {
            config.clone().into_iter().collect()
        }))
    }
}
