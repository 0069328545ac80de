//! From what a server says went wrong to what the host can do about it.
//!
//! The words of the error's code, type and status decide, then those of its message, then the HTTP status:
//! one HTTP status has several meanings (429 is both "too fast" and "nothing left"), and in mid-stream there
//! is none. An adapter gives the few words of its own provider; they are looked at first.

mod meaning;
mod said;

pub use meaning::{Meaning, Word, label, phrase};

use said::Said;
use std::time::SystemTime;
use tollgate_sdk::ProviderError;
use tollgate_sdk::http::{Headers, retry_after_ms, should_retry};

/// The error of an answer whose status is not 2xx.
pub fn of_response(
    status: u16,
    headers: &Headers,
    body: &[u8],
    now: SystemTime,
    words: &[Word],
) -> ProviderError {
    let said = Said::read(body);
    let wait = retry_after_ms(headers, now).or(said.wait_ms);
    let meaning = Meaning::of(Some(status), &said, words);
    let meaning = meaning.corrected(status, should_retry(headers));
    meaning.error(said.message(Some(status), headers), wait)
}

/// The error of an event, or of an answer whose status said that all was well.
pub fn of_event(body: &[u8], words: &[Word]) -> ProviderError {
    let said = Said::read(body);
    let meaning = Meaning::of(None, &said, words);
    meaning.error(said.message(None, &Headers::default()), said.wait_ms)
}

#[cfg(test)]
mod tests;
