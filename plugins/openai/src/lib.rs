//! Adapter to OpenAI's Chat Completions and Responses, and to the many servers that speak either.
//!
//! One request out, one response back. The credential is added by the host; this code never sees it.
//! Chat has no place for reasoning that another turn produced nor for opaque blocks, and leaves them out;
//! Responses gives this provider's own opaque blocks back byte for byte.
//!
//! Not here: retries and backoff (the host's), audio, several choices, the tools that OpenAI runs itself,
//! conversations that OpenAI keeps.

mod chat;
mod common;
mod responses;

use tollgate_adapter::settings::{self, Defaults, HeaderKey, Settings};
use tollgate_sdk::{
    Completion, CompletionRequest, Provider, ProviderError, ProviderInfo, http, options, sink,
};

/// The configuration key of the wire format: `chat` or `responses`.
pub const FORMAT_KEY: &str = "format";

/// The configuration key of how Responses tells its reasoning: `auto`, `concise` or `detailed`.
pub const SUMMARY_KEY: &str = "reasoning-summary";

/// The base URL where none is configured.
pub const BASE_URL: &str = "https://api.openai.com/v1";

/// The model where neither a request nor the configuration names one.
pub const DEFAULT_MODEL: &str = "gpt-5-mini";

const DEFAULTS: Defaults = Defaults {
    base_url: BASE_URL,
    model: DEFAULT_MODEL,
    headers: &[
        HeaderKey {
            key: "organization",
            header: "openai-organization",
            default: None,
        },
        HeaderKey {
            key: "project",
            header: "openai-project",
            default: None,
        },
    ],
};

/// The wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Chat,
    Responses,
}

impl Format {
    fn configured() -> Result<Self, ProviderError> {
        let formats = [("chat", Self::Chat), ("responses", Self::Responses)];
        settings::choice(FORMAT_KEY, &formats, Self::Chat)
    }
}

/// How Responses is asked to tell its reasoning, if at all.
fn summary() -> Result<Option<&'static str>, ProviderError> {
    let summaries = ["auto", "concise", "detailed"].map(|name| (name, Some(name)));
    settings::choice(SUMMARY_KEY, &summaries, None)
}

/// The plugin.
#[derive(Debug)]
pub struct OpenAi;

impl Provider for OpenAi {
    fn describe() -> ProviderInfo {
        // A wrong setting is told by the request that meets it.
        let format = match Format::configured() {
            Ok(Format::Responses) => "openai-responses",
            _ => "openai-chat-completions",
        };
        ProviderInfo {
            name: common::PROVIDER.into(),
            format: format.into(),
            default_model: settings::default_model(&DEFAULTS),
            streams: true,
        }
    }

    fn complete(request: CompletionRequest) -> Result<Completion, ProviderError> {
        let settings = Settings::read(&DEFAULTS)?;
        let options = options::get();
        let (client, sink) = (&http::Host, &mut sink::Host);
        match Format::configured()? {
            Format::Chat => chat::complete(&settings, &options, &request, client, sink),
            Format::Responses => {
                let settings = responses::Settings {
                    summary: summary()?,
                    common: settings,
                };
                responses::complete(&settings, &options, &request, client, sink)
            }
        }
    }
}

tollgate_sdk::export_provider!(OpenAi);

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::testing::set_config;

    #[test]
    fn the_configuration_chooses() {
        let told = OpenAi::describe();
        assert_eq!(told.format, "openai-chat-completions");
        assert_eq!(told.default_model.as_deref(), Some(DEFAULT_MODEL));
        assert_eq!(summary(), Ok(None));
        set_config(FORMAT_KEY, "responses");
        set_config(SUMMARY_KEY, "concise");
        set_config("model", "gpt-x");
        set_config("organization", "org-1");
        set_config("project", "proj-1");
        let told = OpenAi::describe();
        assert_eq!(told.format, "openai-responses");
        assert_eq!(told.default_model.as_deref(), Some("gpt-x"));
        assert_eq!(summary(), Ok(Some("concise")));
        let headers = Settings::read(&DEFAULTS).unwrap().headers;
        assert_eq!(
            headers,
            [
                ("openai-organization".into(), "org-1".into()),
                ("openai-project".into(), "proj-1".into())
            ]
        );
        set_config(FORMAT_KEY, "completions");
        assert!(Format::configured().is_err());
    }
}
