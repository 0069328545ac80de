//! `[prices]`: what a model costs, in millionths of a currency's unit; no floating point anywhere.
//!
//! A pattern is a model's name, in which `*` stands for any characters; it is compared with `MODEL` and with
//! `PROVIDER/MODEL`. Of the patterns of one file the longest that matches wins. The managed file is asked
//! first, then the user's, then the project's: who may set a bound in money also sets the price.
//!
//! Not here: what a call used, and what it may use.

use super::reader::{Reader, Value};
use super::{Layer, PolicyError, PolicyFile};
use crate::fault::excerpt;
use std::collections::BTreeMap;

/// The currency of a table that names none.
pub const CURRENCY_DEFAULT: &str = "USD";
/// The most patterns of one file.
pub const PRICES_MAX: usize = 512;
/// The most bytes of a pattern or a model's name.
pub const MODEL_BYTES_MAX: usize = 256;
/// Digits after the point that a price may have.
const DECIMALS_MAX: usize = 6;
/// The most units of currency for a million tokens.
const UNITS_MAX: u64 = 1_000_000;

/// What a million tokens of one model cost, in millionths of the currency's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// `input`: tokens of the request.
    pub input_micros: u64,
    /// `cached_input`: those of them that the provider had cached; as `input` where it is not stated.
    pub cached_input_micros: u64,
    /// `output`: tokens of the answer.
    pub output_micros: u64,
}

/// `[prices]` of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices {
    /// `currency`, three capital letters (ISO 4217); empty where the file has no table.
    pub currency: String,
    /// The prices by pattern.
    pub models: BTreeMap<String, Price>,
}

impl Prices {
    /// The price of a model and its currency.
    fn find(&self, provider: &str, model: &str) -> Option<(&str, Price)> {
        let full = format!("{provider}/{model}");
        let (_, price) = self
            .models
            .iter()
            .filter(|(pattern, _)| matches(pattern, model) || matches(pattern, &full))
            // A name without a star is as long as any pattern that matches the same and says more.
            .max_by_key(|(pattern, _)| (pattern.len(), !pattern.contains('*')))?;
        Some((&self.currency, *price))
    }
}

/// The price of `model` of `provider` and its currency, from layers in any order.
pub fn price<'l>(
    layers: &'l [PolicyFile],
    provider: &str,
    model: &str,
) -> Option<(&'l str, Price)> {
    [Layer::Managed, Layer::User, Layer::Project]
        .into_iter()
        .flat_map(|layer| layers.iter().filter(move |file| file.origin.layer == layer))
        .find_map(|file| file.prices.find(provider, model))
}

/// Whether `pattern`, in which `*` stands for any characters, matches all of `text`.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        match left.split_once(part) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    true
}

pub(super) fn read(reader: &Reader<'_>, value: &Value<'_>) -> Result<Prices, PolicyError> {
    let mut prices = Prices {
        currency: CURRENCY_DEFAULT.to_owned(),
        models: BTreeMap::new(),
    };
    let table = reader.table(value, "[prices.\"gpt-5*\"]")?;
    if table.len() > PRICES_MAX {
        return Err(reader.error(
            value.span(),
            format!("{} prices are too many", table.len()),
            format!("write at most {PRICES_MAX}"),
        ));
    }
    for (key, value) in table {
        let name = key.get_ref();
        if name == "currency" {
            prices.currency = currency(reader, value)?;
            continue;
        }
        if name.is_empty()
            || name.len() > MODEL_BYTES_MAX
            || name.chars().any(crate::fault::disturbs)
        {
            return Err(reader.error(
                key.span(),
                format!("`{}` is no model", excerpt(name)),
                format!("write a model's name of 1 to {MODEL_BYTES_MAX} bytes, with * for any characters"),
            ));
        }
        prices.models.insert(name.to_string(), row(reader, value)?);
    }
    Ok(prices)
}

fn currency(reader: &Reader<'_>, value: &Value<'_>) -> Result<String, PolicyError> {
    let text = reader.string(value, "\"USD\"")?;
    if text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(text.to_owned());
    }
    Err(reader.error(
        value.span(),
        format!("`{}` is no currency", excerpt(text)),
        "write its three letters (ISO 4217), such as \"USD\"",
    ))
}

fn row(reader: &Reader<'_>, value: &Value<'_>) -> Result<Price, PolicyError> {
    let table = reader.table(value, "{ input = \"2.50\", output = \"10.00\" }")?;
    reader.only(table, &["input", "cached_input", "output"])?;
    let stated = |key: &str| {
        table
            .get(key)
            .map(|value| amount(reader, value))
            .transpose()
    };
    let (Some(input_micros), Some(output_micros)) = (stated("input")?, stated("output")?) else {
        return Err(reader.error(
            value.span(),
            "a price needs both `input` and `output`",
            "write { input = \"2.50\", output = \"10.00\" }, each for a million tokens",
        ));
    };
    Ok(Price {
        input_micros,
        cached_input_micros: stated("cached_input")?.unwrap_or(input_micros),
        output_micros,
    })
}

/// An amount such as `2.50`, in millionths.
fn amount(reader: &Reader<'_>, value: &Value<'_>) -> Result<u64, PolicyError> {
    let text = reader.string(
        value,
        "\"2.50\", a text: the host counts money in whole millionths",
    )?;
    micros(text).ok_or_else(|| {
        reader.error(
            value.span(),
            format!("`{}` is no price", excerpt(text)),
            format!(
                "write units of the currency for a million tokens, at most {UNITS_MAX}, such as \"2.50\", with at most {DECIMALS_MAX} decimals"
            ),
        )
    })
}

fn micros(text: &str) -> Option<u64> {
    let (units, decimals) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if units.is_empty() || !digits(units) || !digits(decimals) || decimals.len() > DECIMALS_MAX {
        return None;
    }
    let units: u64 = units.parse().ok().filter(|units| *units <= UNITS_MAX)?;
    let fraction: u64 = format!("{decimals:0<DECIMALS_MAX$}").parse().ok()?;
    Some(units * 1_000_000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, expected) in [
            ("2.50", Some(2_500_000)),
            ("0", Some(0)),
            ("0.000001", Some(1)),
            ("10", Some(10_000_000)),
            ("0.0000001", None),
            ("-1", None),
            ("1.", None),
            (".5", None),
            ("1e3", None),
            ("1,5", None),
            ("", None),
            ("1000001", None),
        ] {
            assert_eq!(micros(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_star_stands_for_any_characters_and_nothing_else_does() {
        for (pattern, text, expected) in [
            ("gpt-5", "gpt-5", true),
            ("gpt-5", "gpt-5-mini", false),
            ("gpt-5*", "gpt-5-mini", true),
            ("gpt-5*", "gpt-5", true),
            ("*-mini", "gpt-5-mini", true),
            ("*-mini", "gpt-5-mini-2", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "ac", false),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
