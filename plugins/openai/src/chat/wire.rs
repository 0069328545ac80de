//! What a server sends, read with tolerance: any field may be missing or null.

use serde::Deserialize;
use serde_json::Value;

/// A whole answer, or one chunk of a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk {
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) object: Option<String>,
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) usage: Option<Usage>,
    pub(super) error: Option<Value>,
}

impl Chunk {
    /// Whether it is an error in the place of an answer.
    pub(super) fn is_error(&self) -> bool {
        self.error.as_ref().is_some_and(|error| !error.is_null())
            || self.object.as_deref() == Some("error")
    }
}

/// One of the answers; only one is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    pub(super) index: Option<u64>,
    pub(super) message: Option<Part>,
    pub(super) delta: Option<Part>,
    pub(super) finish_reason: Option<String>,
}

/// A message, or a piece of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part {
    /// Text, or parts of text.
    pub(super) content: Value,
    pub(super) refusal: Option<String>,
    /// The reasoning, in the names that servers give it; some send both.
    reasoning_content: Value,
    reasoning: Value,
    pub(super) tool_calls: Option<Vec<ToolCall>>,
}

impl Part {
    /// The reasoning as text.
    pub(super) fn thinking(&self) -> &str {
        let texts = [&self.reasoning_content, &self.reasoning];
        let found = texts.into_iter().find_map(|value| value.as_str());
        found.unwrap_or_default()
    }

    /// The content as text.
    pub(super) fn text(&self) -> String {
        match &self.content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => parts
                .iter()
                .filter_map(|part| part.get("text")?.as_str())
                .collect(),
            _ => String::new(),
        }
    }
}

/// The model asks for a tool, or goes on doing so.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolCall {
    pub(super) index: Option<usize>,
    pub(super) id: Option<String>,
    pub(super) function: Option<Function>,
}

/// Which tool, and with which arguments.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Function {
    pub(super) name: Option<String>,
    /// Text of a JSON object; some servers send the object.
    pub(super) arguments: Value,
}

impl Function {
    pub(super) fn arguments_text(&self) -> String {
        match &self.arguments {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        }
    }
}

/// What the answer cost.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    pub(super) prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
    pub(super) prompt_tokens_details: Option<PromptDetails>,
    pub(super) completion_tokens_details: Option<CompletionDetails>,
}

/// Of the prompt's tokens.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PromptDetails {
    pub(super) cached_tokens: Option<u64>,
}

/// Of the completion's tokens.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CompletionDetails {
    pub(super) reasoning_tokens: Option<u64>,
}

impl From<Usage> for tollgate_sdk::Usage {
    fn from(usage: Usage) -> Self {
        let cached = usage.prompt_tokens_details.and_then(|d| d.cached_tokens);
        let reasoning = usage
            .completion_tokens_details
            .and_then(|d| d.reasoning_tokens);
        Self {
            input: usage.prompt_tokens.unwrap_or_default(),
            output: usage.completion_tokens.unwrap_or_default(),
            cached_input: cached.unwrap_or_default(),
            reasoning: reasoning.unwrap_or_default(),
        }
    }
}
