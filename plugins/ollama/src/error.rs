//! The words of this server's errors. They are plain text without any code.

use tollgate_adapter::error::{Meaning, Word, phrase};
use tollgate_sdk::ProviderError;

/// What they mean beyond what is common. In mid-stream there is no status beside them.
pub(crate) const WORDS: &[Word] = &[
    phrase("usage limit", Meaning::Quota),
    phrase("max context length", Meaning::TooLong),
    phrase("does not support", Meaning::Invalid),
    phrase("not found", Meaning::Invalid),
    phrase("server busy", Meaning::Overloaded),
    phrase("unauthorized", Meaning::Auth),
];

/// The same error, with what to do where the model is missing.
pub(crate) fn with_advice(error: ProviderError, model: &str) -> ProviderError {
    match error {
        ProviderError::InvalidRequest(said)
            if said.contains("model") && said.contains("not found") =>
        {
            ProviderError::InvalidRequest(format!(
                "{said}; get it on the server's machine with: ollama pull {model}"
            ))
        }
        other => other,
    }
}
