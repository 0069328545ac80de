//! When a failed provider call is tried again, and when none is made: the host decides, never the adapter.
//!
//! - [`RetryPolicy`] judges one failed call: wait so long, or give up, and why.
//! - [`Breaker`] remembers over calls and sessions whether a model's provider answers at all.
//! - [`CallTimeouts`] bounds one call in time.

mod breaker;
mod policy;
mod timeouts;

pub use breaker::{
    BREAKER_FAILURES, BREAKER_OPEN, Breaker, BreakerPolicy, Breakers, CircuitOpen, Pass,
};
pub use policy::{GivenUp, Jitter, RandomJitter, RetryPolicy, Verdict};
pub use timeouts::{CallTimeouts, LimitReached};

use tollgate_contract::ProviderError;

/// The stable label of a provider's error.
pub fn label(error: &ProviderError) -> &'static str {
    match error {
        ProviderError::AuthExpired { .. } => "auth_expired",
        ProviderError::RateLimited { .. } => "rate_limited",
        ProviderError::QuotaExhausted { .. } => "quota_exhausted",
        ProviderError::Overloaded { .. } => "overloaded",
        ProviderError::ContextTooLong { .. } => "context_too_long",
        ProviderError::InvalidRequest { .. } => "invalid_request",
        ProviderError::Refused { .. } => "refused",
        ProviderError::Unavailable { .. } => "unavailable",
        ProviderError::Denied { .. } => "denied",
    }
}
