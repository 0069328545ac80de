//! What the operator configured for an adapter. Secrets are never among it: the host adds credentials.

use tollgate_sdk::{CompletionRequest, ProviderError, config};

/// The configuration key of the server's base URL.
pub const BASE_URL_KEY: &str = "base-url";

/// The configuration key of the model where a request names none.
pub const MODEL_KEY: &str = "model";

/// A configuration key whose value is sent as a header.
#[derive(Debug, Clone, Copy)]
pub struct HeaderKey {
    /// The key.
    pub key: &'static str,
    /// The header's name.
    pub header: &'static str,
    /// What is sent where the operator set nothing.
    pub default: Option<&'static str>,
}

/// What holds where nothing is configured, and what can be.
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    /// The provider's base URL.
    pub base_url: &'static str,
    /// The model.
    pub model: &'static str,
    /// The headers that an operator may set.
    pub headers: &'static [HeaderKey],
}

/// The settings of one adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The base URL, without a slash at its end.
    pub base_url: String,
    /// The model where a request names none.
    pub model: String,
    /// The headers to send with every request.
    pub headers: Vec<(String, String)>,
}

impl Settings {
    /// Reads the settings from the host.
    ///
    /// # Errors
    /// The host could not read its configuration.
    pub fn read(defaults: &Defaults) -> Result<Self, ProviderError> {
        let base_url = get(BASE_URL_KEY)?.unwrap_or_else(|| defaults.base_url.into());
        let mut headers = Vec::new();
        for key in defaults.headers {
            let value = get(key.key)?.or_else(|| key.default.map(Into::into));
            headers.extend(value.map(|value| (key.header.to_owned(), value)));
        }
        Ok(Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            model: get(MODEL_KEY)?.unwrap_or_else(|| defaults.model.into()),
            headers,
        })
    }

    /// The URL of a path such as `/chat/completions`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// The model that a request is for.
    pub fn model<'a>(&'a self, request: &'a CompletionRequest) -> &'a str {
        request.model.as_deref().unwrap_or(&self.model)
    }
}

/// The model where a request names none, as `describe` says it: the operator's, else the adapter's own. A
/// configuration that cannot be read is told by the request that meets it.
pub fn default_model(defaults: &Defaults) -> Option<String> {
    let own = || (!defaults.model.is_empty()).then(|| defaults.model.to_owned());
    get(MODEL_KEY).ok().flatten().or_else(own)
}

/// The value of `key`; an empty one counts as none.
///
/// # Errors
/// The host could not read its configuration.
pub fn get(key: &str) -> Result<Option<String>, ProviderError> {
    let value = config::get(key).map_err(|e| ProviderError::invalid(e.to_string()))?;
    Ok(value
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty()))
}

/// Which of `choices` the value of `key` names; `default` where there is none.
///
/// # Errors
/// It names none of them, or the host could not read its configuration.
pub fn choice<T: Copy>(key: &str, choices: &[(&str, T)], default: T) -> Result<T, ProviderError> {
    let Some(value) = get(key)? else {
        return Ok(default);
    };
    match choices.iter().find(|(name, _)| *name == value) {
        Some((_, choice)) => Ok(*choice),
        None => {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            Err(ProviderError::invalid(format!(
                "the configuration's {key} is {value:?}; it can be {}",
                names.join(" or ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::testing::set_config;

    const DEFAULTS: Defaults = Defaults {
        base_url: "https://a.test/v1",
        model: "small",
        headers: &[
            HeaderKey {
                key: "organization",
                header: "x-organization",
                default: None,
            },
            HeaderKey {
                key: "version",
                header: "x-version",
                default: Some("1"),
            },
        ],
    };

    #[test]
    fn defaults_hold_until_something_is_configured() {
        let settings = Settings::read(&DEFAULTS).unwrap();
        assert_eq!(settings.url("/chat"), "https://a.test/v1/chat");
        assert_eq!(settings.model, "small");
        assert_eq!(default_model(&DEFAULTS).as_deref(), Some("small"));
        let without = Defaults {
            model: "",
            ..DEFAULTS
        };
        assert_eq!(default_model(&without), None);
        assert_eq!(settings.headers, [("x-version".into(), "1".into())]);
        set_config(BASE_URL_KEY, "http://127.0.0.1:1/");
        set_config(MODEL_KEY, "large");
        set_config("organization", "org");
        set_config("version", " ");
        let settings = Settings::read(&DEFAULTS).unwrap();
        assert_eq!(settings.url("/chat"), "http://127.0.0.1:1/chat");
        assert_eq!(settings.model, "large");
        assert_eq!(default_model(&without).as_deref(), Some("large"));
        assert_eq!(
            settings.headers,
            [
                ("x-organization".into(), "org".into()),
                ("x-version".into(), "1".into())
            ]
        );
    }

    #[test]
    fn a_choice_is_one_of_its_names() {
        let choices = [("chat", 1), ("responses", 2)];
        assert_eq!(choice("format", &choices, 1), Ok(1));
        set_config("format", "responses");
        assert_eq!(choice("format", &choices, 1), Ok(2));
        set_config("format", "Chat");
        assert!(
            matches!(choice("format", &choices, 1), Err(ProviderError::InvalidRequest(m)) if m.contains("chat or responses"))
        );
    }
}
