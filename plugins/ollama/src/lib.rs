//! Adapter to Ollama, in its own format.
//!
//! One request out, one response back. No credential is needed, unless the server is in the cloud: then
//! the host adds it, and this code never sees it. Every opaque block is another provider's and is left out.
//!
//! Not here: retries and backoff (the host's), loading, pulling and listing of models, log probabilities.

mod adapter;
mod answer;
mod error;
mod messages;
mod request;
mod settings;
mod wire;

use settings::Own;
use tollgate_adapter::settings::{Defaults, Settings, default_model};
use tollgate_sdk::{
    Completion, CompletionRequest, Provider, ProviderError, ProviderInfo, http, options, sink,
};

/// What holds where nothing is configured. There is no model that every server has.
pub const DEFAULTS: Defaults = Defaults {
    base_url: "http://127.0.0.1:11434",
    model: "",
    headers: &[],
};

/// The plugin.
#[derive(Debug)]
pub struct Ollama;

impl Provider for Ollama {
    fn describe() -> ProviderInfo {
        ProviderInfo {
            name: "ollama".into(),
            format: "ollama-chat".into(),
            default_model: default_model(&DEFAULTS),
            streams: true,
        }
    }

    fn complete(request: CompletionRequest) -> Result<Completion, ProviderError> {
        let call = adapter::Call {
            settings: &Settings::read(&DEFAULTS)?,
            own: &Own::read()?,
            options: &options::get(),
            request: &request,
        };
        call.complete(&http::Host, &mut sink::Host)
    }
}

tollgate_sdk::export_provider!(Ollama);

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::testing::set_config;

    #[test]
    fn the_configured_model_is_the_one_that_is_told() {
        assert_eq!(Ollama::describe().default_model.as_deref(), None);
        set_config("model", "another");
        let told = Ollama::describe().default_model;
        assert_eq!(told.as_deref(), Some("another"));
    }
}
