//! Providers: the request, the completion, the errors on which the host acts.

use crate::{ContentBlock, Denial, Message, ToolSpec};
use serde::{Deserialize, Serialize};

/// What a provider adapter says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderInfo {
    /// The provider's name, such as `openai`.
    pub name: String,
    /// The wire format, such as `openai-chat-completions`.
    pub format: String,
    /// The model used when none is named.
    pub default_model: Option<String>,
    /// Whether it can stream.
    pub streams: bool,
}

/// Which tool the model may or must use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// No tool.
    None,
    /// Some tool.
    Required,
    /// This tool.
    Tool(String),
}

/// One request to a provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CompletionRequest {
    /// The model; none means the adapter's default.
    pub model: Option<String>,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// The tools that may be asked for.
    pub tools: Vec<ToolSpec>,
    /// Which of them.
    pub tool_choice: ToolChoice,
    /// Sampling temperature in thousandths (700 = 0.7).
    pub temperature_milli: Option<u32>,
    /// Nucleus sampling in thousandths.
    pub top_p_milli: Option<u32>,
    /// Sequences that end the answer.
    pub stop: Vec<String>,
    /// The most tokens to produce.
    pub output_tokens_max: Option<u32>,
    /// Whether the adapter shall stream through the sink.
    pub stream: bool,
    /// What else it asks.
    #[serde(default)]
    pub options: RequestOptions,
}

/// How much a model shall reason before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effort {
    /// Not at all, where the model can be told so.
    Off,
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

/// The form of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFormat {
    /// A name of letters, digits, `_` and `-`, at most 64 of them.
    pub name: String,
    /// JSON Schema of the answer, as text.
    pub schema_json: String,
}

/// What a request asks beyond its record; none means the provider's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestOptions {
    /// How much to reason.
    pub effort: Option<Effort>,
    /// The form of the answer.
    pub output: Option<OutputFormat>,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// It was done.
    EndTurn,
    /// It asks for tools.
    ToolUse,
    /// The token limit.
    MaxTokens,
    /// A stop sequence.
    StopSequence,
    /// The provider withheld the answer.
    Refused,
    /// Anything else that the provider named.
    Other,
}

/// Tokens, counted the same way for every provider: `input` includes `cached_input`, `output`
/// includes `reasoning`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the request.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
    /// Of `input`, those read from the provider's cache.
    pub cached_input: u64,
    /// Of `output`, those spent on reasoning.
    pub reasoning: u64,
}

impl Usage {
    /// The sum, saturating.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cached_input: self.cached_input.saturating_add(other.cached_input),
            reasoning: self.reasoning.saturating_add(other.reasoning),
        }
    }
}

/// A provider's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// The model that answered, as the provider named it.
    pub model: String,
    /// The provider's id of the answer.
    pub response_id: Option<String>,
    /// The answer, in order.
    pub content: Vec<ContentBlock>,
    /// Why it ended.
    pub stop: StopReason,
    /// What it cost in tokens.
    pub usage: Usage,
}

/// One piece of a streamed answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Delta {
    /// More text.
    Text {
        /// The piece.
        text: String,
    },
    /// More reasoning.
    Thinking {
        /// The piece.
        text: String,
    },
    /// A tool is being asked for.
    ToolUse {
        /// The provider's id of the request.
        id: String,
        /// The tool's name.
        name: String,
    },
}

/// Why a completion failed; each variant is one that the host can act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ProviderError {
    /// The credential was refused.
    #[error("the provider refused the credential: {message}")]
    AuthExpired {
        /// The provider's words.
        message: String,
    },
    /// Too many requests.
    #[error("rate limited by the provider: {message}")]
    RateLimited {
        /// The provider's words.
        message: String,
        /// How long to wait, in milliseconds, if the provider said so.
        retry_after_ms: Option<u64>,
    },
    /// No money or quota left; waiting does not help.
    #[error("the provider's quota is exhausted: {message}")]
    QuotaExhausted {
        /// The provider's words.
        message: String,
    },
    /// The provider is overloaded.
    #[error("the provider is overloaded: {message}")]
    Overloaded {
        /// The provider's words.
        message: String,
        /// How long to wait, in milliseconds, if the provider said so.
        retry_after_ms: Option<u64>,
    },
    /// The conversation does not fit the model.
    #[error("the conversation is too long for the model: {message}")]
    ContextTooLong {
        /// The provider's words.
        message: String,
    },
    /// The provider refused the request as it was built.
    #[error("the provider refused the request: {message}")]
    InvalidRequest {
        /// The provider's words.
        message: String,
    },
    /// The provider refused the content.
    #[error("the provider refused to answer: {message}")]
    Refused {
        /// The provider's words.
        message: String,
    },
    /// The provider could not be reached, or answered with what is not its format.
    #[error("the provider is unavailable: {message}")]
    Unavailable {
        /// What was seen.
        message: String,
        /// How long to wait, in milliseconds, if the provider said so.
        retry_after_ms: Option<u64>,
    },
    /// The gate refused the request.
    #[error("denied: {} {} ({})", .denial.kind, .denial.target, .denial.reason)]
    Denied {
        /// The refusal.
        denial: Denial,
    },
}
