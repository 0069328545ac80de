//! What is wrong with a text of the grammar, and what to write instead.
//!
//! Invariant: every fault carries both halves; a message without a way out is not an error message.

use std::ops::Range;

/// What is wrong, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {help}")]
pub struct Fault {
    message: String,
    help: String,
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: printable(&message.into()),
            help: printable(&help.into()),
        }
    }

    /// What is wrong; lower case, no control characters.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to write instead.
    pub fn help(&self) -> &str {
        &self.help
    }

    pub(crate) fn at(self, at: Range<usize>) -> CapabilityError {
        CapabilityError { fault: self, at }
    }
}

/// A capability that was refused: a [`Fault`] and the bytes of the text that it concerns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct CapabilityError {
    fault: Fault,
    at: Range<usize>,
}

impl CapabilityError {
    /// What is wrong and what to write instead.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// The bytes of the capability's text that are wrong.
    pub fn at(&self) -> Range<usize> {
        self.at.clone()
    }
}

/// The most characters of a stranger's text that are quoted in a message.
const QUOTED_CHARS_MAX: usize = 120;

/// `text` with control and direction-changing characters escaped, so that it cannot disturb a terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if disturbs(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// `text` cut and made printable, for quoting in a message.
pub(crate) fn excerpt(text: &str) -> String {
    let mut out: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    printable(&out)
}

/// Whether a character can move the cursor, hide or reorder what stands beside it.
pub(crate) fn disturbs(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_text_cannot_move_the_cursor() {
        assert_eq!(printable("a\u{1b}[2J\u{202e}b"), "a\\u{1b}[2J\\u{202e}b");
        assert_eq!(excerpt(&"x".repeat(200)).chars().count(), 121);
    }
}
