//! What the server sends, read with tolerance: any field may be missing or null.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A whole answer, or one frame of a stream: both look the same.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Chunk {
    pub(crate) response_id: Option<String>,
    pub(crate) model_version: Option<String>,
    pub(crate) candidates: Option<Vec<Candidate>>,
    pub(crate) prompt_feedback: Option<PromptFeedback>,
    pub(crate) usage_metadata: Option<Usage>,
    pub(crate) error: Option<Value>,
}

/// One of the answers; only one is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Candidate {
    pub(crate) index: Option<u64>,
    pub(crate) content: Option<Content>,
    pub(crate) finish_reason: Option<String>,
    pub(crate) finish_message: Option<String>,
}

/// What the model said, or a piece of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Content {
    /// Each as it came: a part with a signature has to go back unchanged.
    pub(crate) parts: Option<Vec<Box<RawValue>>>,
}

/// What a part holds, as far as it is understood.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Part {
    pub(crate) text: Option<String>,
    /// Whether the text is reasoning.
    pub(crate) thought: Option<bool>,
    pub(crate) thought_signature: Option<String>,
    pub(crate) function_call: Option<FunctionCall>,
    pub(crate) inline_data: Option<InlineData>,
}

impl Part {
    pub(crate) fn is_thought(&self) -> bool {
        self.thought == Some(true)
    }

    pub(crate) fn is_signed(&self) -> bool {
        self.thought_signature
            .as_ref()
            .is_some_and(|signature| !signature.is_empty())
    }
}

/// The model asks for a tool.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FunctionCall {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) args: Option<Box<RawValue>>,
}

/// Bytes, mostly an image.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct InlineData {
    pub(crate) mime_type: String,
    /// Base64.
    pub(crate) data: String,
}

impl InlineData {
    pub(crate) fn is_image(&self) -> bool {
        self.mime_type.starts_with("image/")
    }
}

/// What the server thinks of the prompt.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PromptFeedback {
    pub(crate) block_reason: Option<String>,
    pub(crate) block_reason_message: Option<String>,
}

/// What the answer cost so far. In a stream each frame repeats it with higher numbers.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Usage {
    pub(crate) prompt_token_count: Option<u64>,
    pub(crate) tool_use_prompt_token_count: Option<u64>,
    pub(crate) candidates_token_count: Option<u64>,
    pub(crate) thoughts_token_count: Option<u64>,
    pub(crate) cached_content_token_count: Option<u64>,
}

impl Usage {
    /// Takes what a later frame says; what it leaves out still holds.
    pub(crate) fn take(&mut self, later: Self) {
        *self = Self {
            prompt_token_count: later.prompt_token_count.or(self.prompt_token_count),
            tool_use_prompt_token_count: later
                .tool_use_prompt_token_count
                .or(self.tool_use_prompt_token_count),
            candidates_token_count: later.candidates_token_count.or(self.candidates_token_count),
            thoughts_token_count: later.thoughts_token_count.or(self.thoughts_token_count),
            cached_content_token_count: later
                .cached_content_token_count
                .or(self.cached_content_token_count),
        };
    }
}

impl From<Usage> for tollgate_sdk::Usage {
    fn from(usage: Usage) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| {
            a.unwrap_or_default().saturating_add(b.unwrap_or_default())
        };
        Self {
            input: sum(usage.prompt_token_count, usage.tool_use_prompt_token_count),
            output: sum(usage.candidates_token_count, usage.thoughts_token_count),
            cached_input: usage.cached_content_token_count.unwrap_or_default(),
            reasoning: usage.thoughts_token_count.unwrap_or_default(),
        }
    }
}
