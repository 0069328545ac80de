//! The words of this provider's errors.

use tollgate_adapter::error::{Meaning, Word, label, phrase};

/// What they mean beyond what is common. A limit of a day, or of those who do not pay, is used up; where
/// the server names a wait, its limits are not among the words.
pub(crate) const WORDS: &[Word] = &[
    label("perday", Meaning::Quota),
    label("freetier", Meaning::Quota),
    phrase("token count exceeds", Meaning::TooLong),
    phrase("exceeds the maximum number of tokens", Meaning::TooLong),
    phrase("request payload size exceeds", Meaning::TooLong),
    label("cancelled", Meaning::Unavailable),
];

#[cfg(test)]
mod tests;
