//! Adapter to Anthropic's Messages API.
//!
//! One request out, one response back. The credential is added by the host; this code never sees it.
//! Reasoning that the provider signed goes back to it byte for byte, as opaque blocks; the same reasoning
//! as text is only for the reader.
//!
//! Not here: retries and backoff (the host's), the server's own tools, documents, prompt caching by hand.

mod adapter;
mod block;
mod draft;
mod error;
mod fields;
mod messages;
mod reasoning;
mod request;
mod schema;
mod settings;
mod stream;
mod wire;

use settings::Settings;
use tollgate_sdk::{
    Completion, CompletionRequest, Provider, ProviderError, ProviderInfo, http, options, sink,
};

/// The provider's name, which its opaque blocks carry.
const NAME: &str = "anthropic";

/// The model where a request names none.
pub const DEFAULT_MODEL: &str = "claude-haiku-5-5";

/// The plugin.
#[derive(Debug)]
pub struct Anthropic;

impl Provider for Anthropic {
    fn describe() -> ProviderInfo {
        ProviderInfo {
            name: NAME.into(),
            format: "anthropic-messages".into(),
            default_model: settings::default_model(),
            streams: true,
        }
    }

    fn complete(request: CompletionRequest) -> Result<Completion, ProviderError> {
        let settings = Settings::read()?;
        adapter::complete(
            &settings,
            &request,
            &options::get(),
            &http::Host,
            &mut sink::Host,
        )
    }
}

tollgate_sdk::export_provider!(Anthropic);

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::testing::set_config;

    #[test]
    fn the_configured_model_is_the_one_that_is_told() {
        assert_eq!(
            Anthropic::describe().default_model.as_deref(),
            Some(DEFAULT_MODEL)
        );
        set_config("model", "another");
        let told = Anthropic::describe().default_model;
        assert_eq!(told.as_deref(), Some("another"));
    }
}
