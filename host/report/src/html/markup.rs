//! The writer of the page: markup is literals of this crate, everything else is escaped.
//!
//! Invariant: a string that is not a literal cannot get into the page but through [`Markup::text`].

use super::{escape, words};

/// A page that grows.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Appends markup.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Appends text, escaped.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        escape::append(&mut self.0, text);
        self
    }

    /// Appends text of a record in the face of such text, read from left to right and apart from its
    /// surroundings.
    pub(super) fn code(&mut self, text: &str) -> &mut Self {
        let shown = if text.is_empty() { "(empty)" } else { text };
        self.raw("<code>").text(shown).raw("</code>")
    }

    /// Appends a number, its thousands apart.
    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        self.text(&words::number(number))
    }

    /// Appends a paragraph of text.
    pub(super) fn paragraph(&mut self, text: &str) -> &mut Self {
        self.raw("<p>").text(text).raw("</p>\n")
    }

    /// The page.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}
