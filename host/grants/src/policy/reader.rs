//! Typed reading of TOML values, with an error that shows the line.

use super::{Origin, PolicyError};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// A source text and its origin.
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) origin: &'t Origin,
}

impl<'t> Reader<'t> {
    pub(super) fn error(
        &self,
        at: Range<usize>,
        message: impl Into<String>,
        rule: impl Into<String>,
    ) -> PolicyError {
        PolicyError::new(&self.origin.path, self.text, at, message, rule)
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.text
            .as_bytes()
            .iter()
            .take(at)
            .filter(|b| **b == b'\n')
            .count()
            + 1
    }

    /// Refuses keys that are not in `known`, the first of the file first.
    pub(super) fn only(&self, table: &DeTable<'_>, known: &[&str]) -> Result<(), PolicyError> {
        let unknown = table
            .keys()
            .filter(|key| !known.contains(&key.get_ref().as_ref()))
            .min_by_key(|key| key.span().start);
        let Some(key) = unknown else { return Ok(()) };
        let error = self.error(
            key.span(),
            format!("unknown key `{}`", crate::fault::excerpt(key.get_ref())),
            format!("keys here: {}", known.join(", ")),
        );
        Err(match nearest(key.get_ref(), known) {
            Some(name) => error.help(format!("write `{name}`")),
            None => error.help("leave it out: a key that does nothing would promise something"),
        })
    }

    pub(super) fn string<'v>(
        &self,
        value: &'v Value<'_>,
        example: &str,
    ) -> Result<&'v str, PolicyError> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text),
            other => Err(self.wrong(value, other, "a text", example)),
        }
    }

    pub(super) fn boolean(&self, value: &Value<'_>, example: &str) -> Result<bool, PolicyError> {
        match value.get_ref() {
            DeValue::Boolean(yes) => Ok(*yes),
            other => Err(self.wrong(value, other, "true or false", example)),
        }
    }

    pub(super) fn table<'v, 'i>(
        &self,
        value: &'v Value<'i>,
        example: &str,
    ) -> Result<&'v DeTable<'i>, PolicyError> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            other => Err(self.wrong(value, other, "a table", example)),
        }
    }

    pub(super) fn array<'v, 'i>(
        &self,
        value: &'v Value<'i>,
        example: &str,
    ) -> Result<&'v DeArray<'i>, PolicyError> {
        match value.get_ref() {
            DeValue::Array(array) => Ok(array),
            other => Err(self.wrong(value, other, "a list", example)),
        }
    }

    /// A whole number from 1.
    pub(super) fn count(&self, value: &Value<'_>, example: &str) -> Result<u64, PolicyError> {
        match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
                .ok()
                .filter(|n| *n > 0)
                .ok_or_else(|| {
                    self.error(
                        value.span(),
                        format!("`{number}` is not a whole number from 1"),
                        format!("write it such as {example}"),
                    )
                }),
            other => Err(self.wrong(value, other, "a whole number", example)),
        }
    }

    fn wrong(
        &self,
        value: &Value<'_>,
        found: &DeValue<'_>,
        wanted: &str,
        example: &str,
    ) -> PolicyError {
        self.error(
            value.span(),
            format!("{wanted} is expected here, not {}", type_name(found)),
            format!("write it such as {example}"),
        )
    }

    /// The bytes of the file at which `part` of a string's content stands; the whole string where
    /// escapes moved it.
    pub(super) fn within(
        &self,
        value: &Value<'_>,
        content: &str,
        part: Range<usize>,
    ) -> Range<usize> {
        let span = value.span();
        let inner = span.start + 1..span.end.saturating_sub(1);
        if self.text.get(inner.clone()) == Some(content) && !part.is_empty() {
            inner.start + part.start..inner.start + part.end
        } else {
            span
        }
    }
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The known key that `key` most likely means.
fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|name| (distance(key, name), *name))
        .filter(|(d, name)| *d <= 2 && *d < name.len())
        .min_by_key(|(d, _)| *d)
        .map(|(_, name)| name)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, cb) in row.iter_mut().skip(1).zip(b.chars()) {
            let best = (diagonal + usize::from(ca != cb))
                .min(left + 1)
                .min(*cell + 1);
            diagonal = std::mem::replace(cell, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likely_key_is_found() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("grant", &["component", "grants"]), Some("grants"));
        assert_eq!(nearest("memroy", &["memory", "wall"]), Some("memory"));
        assert_eq!(nearest("network", &["memory", "wall"]), None);
    }
}
