//! When a failed provider call is tried again: the host decides, never the adapter.

use std::time::Duration;
use tollgate_contract::ProviderError;

/// Bounds of trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Calls in all, the first included.
    pub attempts_max: u32,
    /// Wait before the second call; doubles with each further one.
    pub backoff: Duration,
    /// The longest wait; a provider that asks for longer is given up at once.
    pub wait_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts_max: 4,
            backoff: Duration::from_millis(500),
            wait_max: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// How long to wait before trying again after call `attempt` (from 1) failed; none to give up.
    /// A provider's own word (retry-after, RFC 9110 section 10.2.3) is kept, never shortened.
    pub fn wait(&self, attempt: u32, error: &ProviderError) -> Option<Duration> {
        let asked = match error {
            ProviderError::RateLimited { retry_after_ms, .. }
            | ProviderError::Overloaded { retry_after_ms, .. }
            | ProviderError::Unavailable { retry_after_ms, .. } => *retry_after_ms,
            _ => return None,
        };
        if attempt >= self.attempts_max {
            return None;
        }
        let doublings = attempt.saturating_sub(1).min(16);
        let backoff = self
            .backoff
            .saturating_mul(1 << doublings)
            .min(self.wait_max);
        match asked.map(Duration::from_millis) {
            Some(asked) if asked > self.wait_max => None,
            Some(asked) => Some(asked),
            None => Some(backoff),
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(retry_after_ms: Option<u64>) -> ProviderError {
        ProviderError::RateLimited {
            message: String::new(),
            retry_after_ms,
        }
    }

    #[test]
    fn waits_double_and_end() {
        let policy = RetryPolicy::default();
        let waits: Vec<_> = (1..=5).map(|n| policy.wait(n, &limited(None))).collect();
        let ms = |n| Some(Duration::from_millis(n));
        assert_eq!(waits, [ms(500), ms(1000), ms(2000), None, None]);
    }

    #[test]
    fn the_providers_word_is_kept_or_the_call_given_up() {
        let policy = RetryPolicy::default();
        assert_eq!(
            policy.wait(1, &limited(Some(7_000))),
            Some(Duration::from_secs(7))
        );
        assert_eq!(policy.wait(1, &limited(Some(0))), Some(Duration::ZERO));
        assert_eq!(policy.wait(1, &limited(Some(3_600_000))), None);
        let refused = ProviderError::Refused {
            message: String::new(),
        };
        assert_eq!(policy.wait(1, &refused), None);
    }
}
