//! What this provider's errors mean beyond what errors mean everywhere.

use tollgate_adapter::error::{self, Meaning, Word, phrase};
use tollgate_sdk::ProviderError;

/// The words that decide. Several cases share `invalid_request_error`, and only the message tells them apart.
pub(crate) const WORDS: &[Word] = &[
    phrase("credit balance is too low", Meaning::Quota),
    phrase("api usage limits", Meaning::Quota),
    phrase("prompt is too long", Meaning::TooLong),
    phrase("exceed context limit", Meaning::TooLong),
];

/// The error of an event, or of an answer whose status said that all was well.
pub(crate) fn of_event(body: &[u8]) -> ProviderError {
    error::of_event(body, WORDS)
}
