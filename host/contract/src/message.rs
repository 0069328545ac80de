//! Messages between a session and a provider.

use serde::{Deserialize, Serialize};

/// Who said a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Standing instructions of the operator.
    System,
    /// The prompt, and the results of tools.
    User,
    /// The model.
    Assistant,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who said it.
    pub role: Role,
    /// What was said, in order.
    pub content: Vec<ContentBlock>,
}

impl Message {
    /// A message of one text block.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            content: vec![ContentBlock::Text { text: text.into() }],
        }
    }
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ContentBlock {
    /// Plain text.
    Text {
        /// The text, UTF-8.
        text: String,
    },
    /// An image.
    Image {
        /// Its media type (RFC 6838), such as `image/png`.
        media_type: String,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// The model's reasoning, where the provider shows it.
    Thinking {
        /// The reasoning as text.
        text: String,
    },
    /// The model asks for a tool.
    ToolUse {
        /// The provider's id of this request.
        id: String,
        /// The tool's name as the provider was told.
        name: String,
        /// The arguments: a JSON object (RFC 8259).
        arguments_json: String,
    },
    /// The answer to a [`ContentBlock::ToolUse`].
    ToolResult {
        /// The id of the request that this answers.
        id: String,
        /// The tool's name.
        name: String,
        /// The answer as text.
        text: String,
        /// Whether the answer is an error.
        is_error: bool,
    },
    /// A provider's own state. It returns to that provider byte for byte and never to another.
    Opaque {
        /// The provider that made it.
        provider: String,
        /// Its bytes.
        data: Vec<u8>,
    },
}
