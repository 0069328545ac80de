//! What the server sends, read with tolerance: any field may be missing or null.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A whole answer, or one line of a stream: both look the same.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Chunk {
    pub(crate) model: Option<String>,
    pub(crate) message: Option<Message>,
    pub(crate) done: Option<bool>,
    pub(crate) done_reason: Option<String>,
    /// The prompt's tokens; left out where there are none.
    pub(crate) prompt_eval_count: Option<u64>,
    /// The answer's tokens; left out where there are none.
    pub(crate) eval_count: Option<u64>,
    pub(crate) error: Option<Value>,
}

/// A message, or a piece of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message {
    pub(crate) content: Option<String>,
    pub(crate) thinking: Option<String>,
    pub(crate) tool_calls: Option<Vec<ToolCall>>,
}

/// The model asks for a tool.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ToolCall {
    pub(crate) id: Option<String>,
    pub(crate) function: Option<Function>,
}

/// Which tool, and with which arguments.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Function {
    pub(crate) name: Option<String>,
    pub(crate) arguments: Option<Box<RawValue>>,
}

impl Function {
    /// The arguments as they were written; some servers send them as text of its own.
    pub(crate) fn arguments_text(&self) -> String {
        let written = self.arguments.as_ref().map_or("", |value| value.get());
        serde_json::from_str(written).unwrap_or_else(|_| written.into())
    }
}
