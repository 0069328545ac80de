//! What an error means, by its words and then by its HTTP status.

use super::said::Said;
use tollgate_sdk::{ProviderError, Retryable};

/// What an error means for the host: the cases of [`ProviderError`] that a server can cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The credential was refused.
    Auth,
    /// Too many requests.
    Rate,
    /// Nothing is left.
    Quota,
    /// The provider is overloaded.
    Overloaded,
    /// The conversation does not fit.
    TooLong,
    /// The request is wrong.
    Invalid,
    /// The content was refused.
    Refused,
    /// Anything that may pass by itself.
    Unavailable,
}

/// A word that decides, in lower case.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    text: &'static str,
    in_message: bool,
    meaning: Meaning,
}

/// A word of an error's code, type, status, reason or limit.
pub const fn label(text: &'static str, meaning: Meaning) -> Word {
    Word {
        text,
        in_message: false,
        meaning,
    }
}

/// Words of an error's message, for what has no label of its own.
pub const fn phrase(text: &'static str, meaning: Meaning) -> Word {
    Word {
        text,
        in_message: true,
        meaning,
    }
}

/// The words that mean the same wherever they are used. The first that is found decides.
const COMMON: &[Word] = &[
    label("insufficient_quota", Meaning::Quota),
    label("billing", Meaning::Quota),
    label("spend_limit", Meaning::Quota),
    label("quota_exceeded", Meaning::Quota),
    label("insufficient_credit", Meaning::Quota),
    phrase("spend limit", Meaning::Quota),
    phrase("spending limit", Meaning::Quota),
    phrase("spending cap", Meaning::Quota),
    label("context_length", Meaning::TooLong),
    label("context_window", Meaning::TooLong),
    label("string_above_max_length", Meaning::TooLong),
    label("request_too_large", Meaning::TooLong),
    phrase("maximum context length", Meaning::TooLong),
    phrase("context window", Meaning::TooLong),
    phrase("exceeds the context length", Meaning::TooLong),
    phrase("request too large for", Meaning::TooLong),
    label("content_filter", Meaning::Refused),
    label("content_policy", Meaning::Refused),
    label("moderation", Meaning::Refused),
    label("safety", Meaning::Refused),
    label("invalid_api_key", Meaning::Auth),
    label("api_key_invalid", Meaning::Auth),
    label("authentication", Meaning::Auth),
    label("unauthenticated", Meaning::Auth),
    label("permission_denied", Meaning::Auth),
    label("permission_error", Meaning::Auth),
    label("account_deactivated", Meaning::Auth),
    label("token_expired", Meaning::Auth),
    phrase("api key not valid", Meaning::Auth),
    phrase("api key expired", Meaning::Auth),
    label("overloaded", Meaning::Overloaded),
    label("slow_down", Meaning::Overloaded),
    label("unavailable", Meaning::Overloaded),
    label("rate_limit", Meaning::Rate),
    label("resource_exhausted", Meaning::Rate),
    label("failed_precondition", Meaning::Invalid),
];

/// Words that say less than an HTTP status, for where there is none.
const WITHOUT_STATUS: &[Word] = &[
    label("invalid_request", Meaning::Invalid),
    label("invalid_argument", Meaning::Invalid),
    label("invalid_prompt", Meaning::Invalid),
    label("not_found", Meaning::Invalid),
];

impl Meaning {
    pub(super) fn of(status: Option<u16>, said: &Said, words: &[Word]) -> Self {
        Self::find(words, said)
            .or_else(|| Self::find(COMMON, said))
            // Some gateways put the status of whom they asked into the body.
            .or_else(|| status.or(said.status).map(Self::of_status))
            .or_else(|| Self::find(WITHOUT_STATUS, said))
            .unwrap_or(Self::Unavailable)
    }

    fn find(words: &[Word], said: &Said) -> Option<Self> {
        let found = words.iter().find(|word| match word.in_message {
            true => said.says(word.text),
            false => said.has(word.text),
        });
        found.map(|word| word.meaning)
    }

    fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Auth,
            402 => Self::Quota,
            413 => Self::TooLong,
            429 => Self::Rate,
            503 | 529 => Self::Overloaded,
            408 | 409 | 425 => Self::Unavailable,
            // A redirect is not followed: the base URL is wrong.
            300..=499 => Self::Invalid,
            _ => Self::Unavailable,
        }
    }

    /// The server's own word on whether trying again can help overrules the status, not the code.
    pub(super) fn corrected(self, status: u16, should_retry: Option<bool>) -> Self {
        match (self, should_retry) {
            (Self::Invalid, Some(true)) if status >= 400 => Self::Unavailable,
            (Self::Rate, Some(false)) => Self::Quota,
            (Self::Unavailable, Some(false)) => Self::Invalid,
            _ => self,
        }
    }

    /// The error that says so.
    pub fn error(self, message: String, retry_after_ms: Option<u64>) -> ProviderError {
        let retryable = |message| Retryable {
            message,
            retry_after_ms,
        };
        match self {
            Self::Auth => ProviderError::AuthExpired(message),
            Self::Rate => ProviderError::RateLimited(retryable(message)),
            Self::Quota => ProviderError::QuotaExhausted(message),
            Self::Overloaded => ProviderError::Overloaded(retryable(message)),
            Self::TooLong => ProviderError::ContextTooLong(message),
            Self::Invalid => ProviderError::InvalidRequest(message),
            Self::Refused => ProviderError::Refused(message),
            Self::Unavailable => ProviderError::Unavailable(retryable(message)),
        }
    }
}
