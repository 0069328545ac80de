//! Tools: what a plugin offers, what a call of one returns.

use serde::{Deserialize, Serialize};

/// Hints about a tool, in the words of the Model Context Protocol (2025-06-18, tool annotations).
/// They are the plugin's own word and decide nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolHints {
    /// The tool changes nothing.
    pub read_only: bool,
    /// The tool may destroy something.
    pub destructive: bool,
    /// Calling it twice is the same as calling it once.
    pub idempotent: bool,
    /// The tool reaches an open world, such as the web.
    pub open_world: bool,
}

/// One tool of a plugin. Every text in it is the plugin's own word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// The tool's name, unique in its plugin.
    pub name: String,
    /// A short title for people.
    pub title: Option<String>,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema (2020-12) of the arguments.
    pub input_schema_json: String,
    /// JSON Schema (2020-12) of a structured output.
    pub output_schema_json: Option<String>,
    /// Hints.
    pub hints: ToolHints,
}

/// One block of a tool's output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum OutputBlock {
    /// Plain text.
    Text {
        /// The text, UTF-8.
        text: String,
    },
    /// Structured data.
    Json {
        /// JSON text (RFC 8259).
        json: String,
    },
    /// Bytes.
    Blob {
        /// Media type (RFC 6838).
        media_type: String,
        /// The bytes.
        data: Vec<u8>,
    },
}

impl OutputBlock {
    /// The block as a model reads it.
    pub fn as_text(&self) -> String {
        match self {
            Self::Text { text } => text.clone(),
            Self::Json { json } => json.clone(),
            Self::Blob { media_type, data } => format!("[{} bytes of {media_type}]", data.len()),
        }
    }
}

/// What a tool call returned.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ToolOutput {
    /// The blocks, in order.
    pub content: Vec<OutputBlock>,
    /// The tool did its work and its answer is an error.
    pub is_error: bool,
}

/// A refusal of the gate, as far as the component may know it: the rule, never the command that
/// would grant it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// The receipt of the refused effect.
    pub receipt: String,
    /// The kind of effect, such as `http.request`.
    pub kind: String,
    /// The refused target, redacted.
    pub target: String,
    /// The stable label of the reason, such as `no_grant`.
    pub reason: String,
}

/// Why a tool call failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ToolError {
    /// The arguments do not fit the tool's schema.
    #[error("invalid arguments: {message}")]
    InvalidArguments {
        /// What is wrong.
        message: String,
    },
    /// The gate refused an effect that the tool needs.
    #[error("denied: {} {} ({})", .denial.kind, .denial.target, .denial.reason)]
    Denied {
        /// The refusal.
        denial: Denial,
    },
    /// The tool tried and failed.
    #[error("failed: {message}")]
    Failed {
        /// What failed.
        message: String,
    },
    /// No such tool, or no such thing for it to work on.
    #[error("not found: {message}")]
    NotFound {
        /// What was not found.
        message: String,
    },
}
