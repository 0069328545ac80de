//! The trait of an adapter.

use crate::{Completion, CompletionRequest, ProviderError, ProviderInfo};

/// An adapter to a provider of models: one request out, one response back.
///
/// Retries, backoff, budgets and the choice of the model are the host's. Keep the logic in functions
/// over [`HttpClient`](crate::http::HttpClient) and [`Emit`](crate::sink::Emit), so that it is tested
/// natively, and pass them [`http::Host`](crate::http::Host) and [`sink::Host`](crate::sink::Host) here.
pub trait Provider {
    /// What the adapter is, the same at every call. It is asked without any grant.
    fn describe() -> ProviderInfo;

    /// Sends one request and returns the whole answer; emits pieces of it if the request asks for a
    /// stream.
    ///
    /// # Errors
    /// The variant on which the host shall act.
    fn complete(request: CompletionRequest) -> Result<Completion, ProviderError>;
}
