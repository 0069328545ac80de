//! Adapter to OpenAI's Chat Completions, and to the many servers that speak the same.
//!
//! One request out, one response back. The credential is added by the host; this code never sees it.
//! Where the format has no place for something, it is left out: reasoning that another turn produced,
//! and every opaque block, of whichever provider.
//!
//! Not here: retries and backoff (the host's), the Responses format, audio, several choices.

mod adapter;
mod answer;
mod error;
mod request;
mod stream;
mod wire;

use tollgate_sdk::{
    Completion, CompletionRequest, Provider, ProviderError, ProviderInfo, config, http, sink,
};

/// The configuration key of the server's base URL.
pub const BASE_URL_KEY: &str = "base-url";

/// The base URL where none is configured.
pub const BASE_URL: &str = "https://api.openai.com/v1";

/// The model where a request names none.
pub const DEFAULT_MODEL: &str = "gpt-5-mini";

/// The plugin.
#[derive(Debug)]
pub struct OpenAi;

impl Provider for OpenAi {
    fn describe() -> ProviderInfo {
        ProviderInfo {
            name: "openai".into(),
            format: "openai-chat-completions".into(),
            default_model: Some(DEFAULT_MODEL.into()),
            streams: true,
        }
    }

    fn complete(request: CompletionRequest) -> Result<Completion, ProviderError> {
        let base_url = config::get(BASE_URL_KEY)
            .map_err(|e| ProviderError::invalid(e.to_string()))?
            .unwrap_or_else(|| BASE_URL.into());
        adapter::complete(&base_url, &request, &http::Host, &mut sink::Host)
    }
}

tollgate_sdk::export_provider!(OpenAi);
