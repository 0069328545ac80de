//! What Chat Completions and Responses have in common.

mod strict;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use strict::is_strict;

use crate::BASE_URL;
use serde::Serialize;
use serde_json::value::RawValue;
use tollgate_adapter::error::{Meaning, Word, label};
use tollgate_adapter::ids::{IdRule, is_word};
use tollgate_adapter::schema;
use tollgate_adapter::settings::Settings;
use tollgate_sdk::options::{Effort, OutputFormat};
use tollgate_sdk::{ProviderError, ToolResult};

/// The name that this adapter's opaque blocks carry.
pub(crate) const PROVIDER: &str = "openai";

/// Words of this provider's errors.
pub(crate) const WORDS: &[Word] = &[
    label("cyber_policy", Meaning::Refused),
    label("bio_policy", Meaning::Refused),
];

/// The ids of tool calls that the server accepts, at most `bytes_max` long at OpenAI's own. Of other servers
/// no limit is known, and some find their own state in an id: there every id but an empty one passes.
pub(crate) fn id_rule(settings: &Settings, bytes_max: usize) -> IdRule {
    let own = settings.base_url == BASE_URL;
    IdRule {
        bytes_max: if own { bytes_max } else { usize::MAX },
        accepts: if own { is_word } else { |_| true },
        prefix: "call_",
    }
}

/// How much to reason, in the words of both formats.
pub(crate) fn effort(effort: Effort) -> &'static str {
    match effort {
        Effort::Off => "none",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
    }
}

/// Thousandths as a number.
pub(crate) fn milli(value: Option<u32>) -> Option<f64> {
    value.map(|value| f64::from(value) / 1000.0)
}

/// The text of a tool's result. Neither format has a flag for an error.
pub(crate) fn result_text(result: &ToolResult) -> String {
    let mark = if result.is_error { "error: " } else { "" };
    format!("{mark}{}", result.text)
}

/// The form of the answer.
#[derive(Debug, Serialize)]
pub(crate) struct JsonSchema<'a> {
    name: &'a str,
    schema: Box<RawValue>,
    strict: bool,
}

impl<'a> JsonSchema<'a> {
    pub(crate) fn of(format: &'a OutputFormat) -> Result<Self, ProviderError> {
        let schema = schema::output(format)?;
        Ok(Self {
            name: &format.name,
            strict: is_strict(schema.get()),
            schema,
        })
    }
}
