//! What a server sends, read with tolerance: any field may be missing or null.
//!
//! What has to go back as it came, or is a tool's arguments, is kept as the server wrote it.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A whole answer, or the beginning of a streamed one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) content: Option<Vec<Box<RawValue>>>,
    pub(crate) stop_reason: Option<String>,
    pub(crate) usage: Option<Usage>,
}

/// What an event is. It is read first, because of an event that is not known nothing is to be assumed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Kind {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
}

/// One event of a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Event {
    pub(crate) message: Option<Message>,
    /// The number of the block that the event is about.
    pub(crate) index: Option<u64>,
    pub(crate) content_block: Option<Box<RawValue>>,
    pub(crate) delta: Option<Delta>,
    pub(crate) usage: Option<Usage>,
}

/// A piece of a block, or what is new of the message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Delta {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) thinking: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) partial_json: Option<String>,
    pub(crate) stop_reason: Option<String>,
}

/// A block of an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Block {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) thinking: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) input: Option<Box<RawValue>>,
}

/// What the answer cost. In a stream each later count takes the place of the earlier one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Usage {
    /// Without what the cache gave or took.
    pub(crate) input_tokens: Option<u64>,
    pub(crate) cache_creation_input_tokens: Option<u64>,
    pub(crate) cache_read_input_tokens: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
    pub(crate) output_tokens_details: Option<OutputDetails>,
}

/// Of the output's tokens.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OutputDetails {
    pub(crate) thinking_tokens: Option<u64>,
}

impl Usage {
    /// Takes over every count that `later` has.
    pub(crate) fn update(&mut self, later: Self) {
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.cache_creation_input_tokens = later
            .cache_creation_input_tokens
            .or(self.cache_creation_input_tokens);
        self.cache_read_input_tokens = later
            .cache_read_input_tokens
            .or(self.cache_read_input_tokens);
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.output_tokens_details = later
            .output_tokens_details
            .or(self.output_tokens_details.take());
    }
}

impl From<Usage> for tollgate_sdk::Usage {
    fn from(usage: Usage) -> Self {
        let cached_input = usage.cache_read_input_tokens.unwrap_or_default();
        let thinking = usage.output_tokens_details.and_then(|d| d.thinking_tokens);
        Self {
            input: usage
                .input_tokens
                .unwrap_or_default()
                .saturating_add(usage.cache_creation_input_tokens.unwrap_or_default())
                .saturating_add(cached_input),
            output: usage.output_tokens.unwrap_or_default(),
            cached_input,
            reasoning: thinking.unwrap_or_default(),
        }
    }
}
