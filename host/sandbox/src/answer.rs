//! What a call gives back, and how large it is.

use tollgate_contract::{
    Completion, ContentBlock, OutputBlock, ProviderError, ProviderInfo, ToolError, ToolOutput,
    ToolSpec,
};

/// What came back.
pub(crate) enum Answer {
    Tools(Vec<ToolSpec>),
    Tool(Result<ToolOutput, ToolError>),
    /// Of a command: what it wrote, which was counted when it was written.
    Command(ToolOutput),
    Info(ProviderInfo),
    Completion(Box<Result<Completion, ProviderError>>),
}

impl Answer {
    /// Bytes of its texts and blobs that were not counted before.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Tools(specs) => specs.iter().map(spec_bytes).sum(),
            Self::Tool(Ok(output)) => output.content.iter().map(output_bytes).sum(),
            Self::Tool(Err(error)) => error.to_string().len(),
            Self::Command(_) => 0,
            Self::Info(info) => {
                info.name.len() + info.format.len() + optional(info.default_model.as_ref())
            }
            Self::Completion(result) => match result.as_ref() {
                Ok(completion) => {
                    let content: usize = completion.content.iter().map(content_bytes).sum();
                    content + completion.model.len() + optional(completion.response_id.as_ref())
                }
                Err(error) => error.to_string().len(),
            },
        }
    }
}

fn optional(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}

fn spec_bytes(spec: &ToolSpec) -> usize {
    spec.name.len()
        + optional(spec.title.as_ref())
        + spec.description.len()
        + spec.input_schema_json.len()
        + optional(spec.output_schema_json.as_ref())
}

fn output_bytes(block: &OutputBlock) -> usize {
    match block {
        OutputBlock::Text { text } => text.len(),
        OutputBlock::Json { json } => json.len(),
        OutputBlock::Blob { media_type, data } => media_type.len() + data.len(),
    }
}

fn content_bytes(block: &ContentBlock) -> usize {
    match block {
        ContentBlock::Text { text } | ContentBlock::Thinking { text } => text.len(),
        ContentBlock::Image { media_type, data } => media_type.len() + data.len(),
        ContentBlock::ToolUse {
            id,
            name,
            arguments_json,
        } => id.len() + name.len() + arguments_json.len(),
        ContentBlock::ToolResult { id, name, text, .. } => id.len() + name.len() + text.len(),
        ContentBlock::Opaque { provider, data } => provider.len() + data.len(),
    }
}
