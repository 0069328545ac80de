//! Adapter to Google's Gemini API.
//!
//! One request out, one response back. The credential is added by the host; this code never sees it.
//! What the server signed goes back to it as it came; what another provider made is left out.
//!
//! Not here: retries and backoff (the host's), the Interactions and Live formats, Vertex AI, files that
//! were uploaded, cached contents, the server's own tools, several candidates.

mod adapter;
mod answer;
mod contents;
mod error;
mod model;
mod request;
mod signed;
mod tail;
mod wire;

use tollgate_adapter::settings::{self, Defaults, Settings};
use tollgate_sdk::{
    Completion, CompletionRequest, Provider, ProviderError, ProviderInfo, http, options, sink,
};

/// The configuration key of the API's version, as it stands in the path.
pub const API_VERSION_KEY: &str = "api-version";

/// The version that has all of the format; `v1` lacks what is not yet settled.
pub const API_VERSION: &str = "v1beta";

/// What holds where nothing is configured. The model is the newest of its kind.
pub const DEFAULTS: Defaults = Defaults {
    base_url: "https://generativelanguage.googleapis.com",
    model: "gemini-flash-latest",
    headers: &[],
};

/// The plugin.
#[derive(Debug)]
pub struct Gemini;

impl Provider for Gemini {
    fn describe() -> ProviderInfo {
        ProviderInfo {
            name: signed::PROVIDER.into(),
            format: "gemini-generate-content".into(),
            default_model: settings::default_model(&DEFAULTS),
            streams: true,
        }
    }

    fn complete(request: CompletionRequest) -> Result<Completion, ProviderError> {
        let settings = Settings::read(&DEFAULTS)?;
        let version = settings::get(API_VERSION_KEY)?.unwrap_or_else(|| API_VERSION.into());
        let call = adapter::Call {
            settings: &settings,
            version: &version,
            options: &options::get(),
            request: &request,
        };
        call.complete(&http::Host, &mut sink::Host)
    }
}

tollgate_sdk::export_provider!(Gemini);

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::testing::set_config;

    #[test]
    fn the_configured_model_is_the_one_that_is_told() {
        assert_eq!(
            Gemini::describe().default_model.as_deref(),
            Some(DEFAULTS.model)
        );
        set_config("model", "another");
        let told = Gemini::describe().default_model;
        assert_eq!(told.as_deref(), Some("another"));
    }
}
