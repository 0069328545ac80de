//! What a server sends, read with tolerance: any field may be missing or null.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A whole answer, or as much of it as there is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response {
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) status: Option<String>,
    pub(super) error: Option<Box<RawValue>>,
    pub(super) incomplete_details: Option<IncompleteDetails>,
    /// Each an [`Item`], as it was sent.
    pub(super) output: Option<Vec<Box<RawValue>>>,
    pub(super) usage: Option<Usage>,
}

/// Why an answer is not whole.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct IncompleteDetails {
    pub(super) reason: Option<String>,
}

/// One item of an answer: a message, reasoning, a call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Item {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) id: Option<String>,
    /// Whether a message is the answer or a remark on the way to it.
    pub(super) phase: Option<String>,
    pub(super) call_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) arguments: Option<String>,
    pub(super) content: Option<Vec<Part>>,
    pub(super) summary: Option<Vec<Part>>,
}

impl Item {
    /// The id to which the call's result refers; some servers have only one id.
    pub(super) fn call_id(&self) -> Option<&str> {
        [&self.call_id, &self.id]
            .into_iter()
            .find_map(|id| id.as_deref().filter(|id| !id.is_empty()))
    }
}

/// A part of a message or of reasoning.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part {
    pub(super) text: Option<String>,
    pub(super) refusal: Option<String>,
}

/// One event of a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) output_index: Option<usize>,
    pub(super) response: Option<Response>,
    /// An [`Item`], as it was sent.
    pub(super) item: Option<Box<RawValue>>,
    pub(super) delta: Option<String>,
    pub(super) arguments: Option<String>,
}

/// What the answer cost.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Option<u64>,
}

impl From<Usage> for tollgate_sdk::Usage {
    fn from(usage: Usage) -> Self {
        let cached = usage.input_tokens_details.and_then(|d| d.cached_tokens);
        let reasoning = usage.output_tokens_details.and_then(|d| d.reasoning_tokens);
        Self {
            input: usage.input_tokens.unwrap_or_default(),
            output: usage.output_tokens.unwrap_or_default(),
            cached_input: cached.unwrap_or_default(),
            reasoning: reasoning.unwrap_or_default(),
        }
    }
}
