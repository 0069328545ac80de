//! What the operator can set.

use crate::DEFAULT_MODEL;
use crate::reasoning::Way;
use tollgate_adapter::settings::{self as server, Defaults, HeaderKey};
use tollgate_sdk::ProviderError;

const DEFAULTS: Defaults = Defaults {
    base_url: "https://api.anthropic.com",
    model: DEFAULT_MODEL,
    headers: &[
        HeaderKey {
            key: "anthropic-version",
            header: "anthropic-version",
            // Later versions take no temperature and no top-p.
            default: Some("2023-06-01"),
        },
        HeaderKey {
            key: "anthropic-beta",
            header: "anthropic-beta",
            default: None,
        },
    ],
};

/// The most tokens to produce where a request says nothing; the API wants a number. It is less than any model
/// that is still served can give, and enough for reasoning beside an answer.
const MAX_TOKENS: u32 = 16_384;

const MAX_TOKENS_KEY: &str = "max-tokens";
const THINKING_KEY: &str = "thinking";
const THINKING_DISPLAY_KEY: &str = "thinking-display";

/// What the operator has set, and the defaults of the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Where requests go, for which model, with which headers.
    pub(crate) server: server::Settings,
    pub(crate) max_tokens: u32,
    /// How a model is told to reason; none means by its name.
    pub(crate) thinking: Option<Way>,
    /// Whether reasoning is shown: `summarized` or `omitted`.
    pub(crate) thinking_display: Option<String>,
}

/// The model where a request names none.
pub(crate) fn default_model() -> Option<String> {
    server::default_model(&DEFAULTS)
}

impl Settings {
    /// Reads the plugin's configuration.
    pub(crate) fn read() -> Result<Self, ProviderError> {
        let max_tokens = match server::get(MAX_TOKENS_KEY)? {
            None => MAX_TOKENS,
            Some(text) => text.parse().map_err(|_| {
                ProviderError::invalid(format!(
                    "the configuration's {MAX_TOKENS_KEY} is {text:?}; it is a number of tokens"
                ))
            })?,
        };
        let ways = [
            ("adaptive", Some(Way::Adaptive)),
            ("budget", Some(Way::Budget)),
        ];
        Ok(Self {
            server: server::Settings::read(&DEFAULTS)?,
            max_tokens,
            thinking: server::choice(THINKING_KEY, &ways, None)?,
            thinking_display: server::get(THINKING_DISPLAY_KEY)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::testing::set_config;

    fn header(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn nothing_has_to_be_set() {
        assert_eq!(
            Settings::read().unwrap(),
            Settings {
                server: server::Settings {
                    base_url: "https://api.anthropic.com".into(),
                    model: "claude-haiku-5-5".into(),
                    headers: vec![header("anthropic-version", "2023-06-01")],
                },
                max_tokens: 16_384,
                thinking: None,
                thinking_display: None,
            }
        );
    }

    #[test]
    fn every_key_counts() {
        for (key, value) in [
            ("base-url", "http://127.0.0.1:1/"),
            ("model", "claude-opus-5"),
            ("anthropic-version", "2026-10-21"),
            ("anthropic-beta", "a,b"),
            ("max-tokens", "100"),
            ("thinking", "budget"),
            ("thinking-display", "omitted"),
        ] {
            set_config(key, value);
        }
        assert_eq!(
            Settings::read().unwrap(),
            Settings {
                server: server::Settings {
                    base_url: "http://127.0.0.1:1".into(),
                    model: "claude-opus-5".into(),
                    headers: vec![
                        header("anthropic-version", "2026-10-21"),
                        header("anthropic-beta", "a,b"),
                    ],
                },
                max_tokens: 100,
                thinking: Some(Way::Budget),
                thinking_display: Some("omitted".into()),
            }
        );
        set_config("thinking", "adaptive");
        assert_eq!(Settings::read().unwrap().thinking, Some(Way::Adaptive));
    }

    #[test]
    fn a_value_that_is_none_is_named() {
        for (key, value) in [
            ("max-tokens", "many"),
            ("max-tokens", "-1"),
            ("thinking", "on"),
        ] {
            set_config("max-tokens", "1");
            set_config(key, value);
            assert!(
                matches!(Settings::read(), Err(ProviderError::InvalidRequest(m)) if m.contains(key) && m.contains(value))
            );
        }
    }
}
