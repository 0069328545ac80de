//! Values of the contract, from and to their generated forms.

use crate::bindings::model_types as wm;
use crate::bindings::tool_types as wt;
use tollgate_contract as c;

pub(crate) fn spec_from(spec: wt::ToolSpec) -> c::ToolSpec {
    c::ToolSpec {
        name: spec.name,
        title: spec.title,
        description: spec.description,
        input_schema_json: spec.input_schema_json,
        output_schema_json: spec.output_schema_json,
        hints: c::ToolHints {
            read_only: spec.hints.read_only,
            destructive: spec.hints.destructive,
            idempotent: spec.hints.idempotent,
            open_world: spec.hints.open_world,
        },
    }
}

fn spec_to(spec: c::ToolSpec) -> wt::ToolSpec {
    wt::ToolSpec {
        name: spec.name,
        title: spec.title,
        description: spec.description,
        input_schema_json: spec.input_schema_json,
        output_schema_json: spec.output_schema_json,
        hints: wt::ToolHints {
            read_only: spec.hints.read_only,
            destructive: spec.hints.destructive,
            idempotent: spec.hints.idempotent,
            open_world: spec.hints.open_world,
        },
    }
}

pub(crate) fn output_from(output: wt::ToolOutput) -> c::ToolOutput {
    c::ToolOutput {
        content: output
            .content
            .into_iter()
            .map(|block| match block {
                wt::OutputBlock::Text(text) => c::OutputBlock::Text { text },
                wt::OutputBlock::Json(json) => c::OutputBlock::Json { json },
                wt::OutputBlock::Blob(blob) => c::OutputBlock::Blob {
                    media_type: blob.media_type,
                    data: blob.data,
                },
            })
            .collect(),
        is_error: output.is_error,
    }
}

pub(crate) fn tool_error_from(error: wt::ToolError, last: Option<c::Denial>) -> c::ToolError {
    match error {
        wt::ToolError::InvalidArguments(message) => c::ToolError::InvalidArguments { message },
        wt::ToolError::Denied(claimed) => match verified(&claimed.receipt, last) {
            Some(denial) => c::ToolError::Denied { denial },
            None => c::ToolError::Failed {
                message: unverified(&claimed.kind),
            },
        },
        wt::ToolError::Failed(message) => c::ToolError::Failed { message },
        wt::ToolError::NotFound(message) => c::ToolError::NotFound { message },
    }
}

/// The gate's own words about a refusal; a plugin cannot make one up.
fn verified(receipt: &str, last: Option<c::Denial>) -> Option<c::Denial> {
    last.filter(|denial| denial.receipt == receipt)
}

fn unverified(kind: &str) -> String {
    let kind: String = kind.chars().take(64).collect();
    format!("the plugin reports a denial of {kind:?} that is not the gate's last one")
}

pub(crate) fn info_from(info: wm::ProviderInfo) -> c::ProviderInfo {
    c::ProviderInfo {
        name: info.name,
        format: info.format,
        default_model: info.default_model,
        streams: info.streams,
    }
}

pub(crate) fn request_to(request: c::CompletionRequest) -> wm::CompletionRequest {
    wm::CompletionRequest {
        model: request.model,
        messages: request
            .messages
            .into_iter()
            .map(|message| wm::Message {
                role: match message.role {
                    c::Role::System => wm::Role::System,
                    c::Role::User => wm::Role::User,
                    c::Role::Assistant => wm::Role::Assistant,
                },
                content: message.content.into_iter().map(block_to).collect(),
            })
            .collect(),
        tools: request.tools.into_iter().map(spec_to).collect(),
        tool_choice: match request.tool_choice {
            c::ToolChoice::Auto => wm::ToolChoice::Auto,
            c::ToolChoice::None => wm::ToolChoice::None,
            c::ToolChoice::Required => wm::ToolChoice::Required,
            c::ToolChoice::Tool(name) => wm::ToolChoice::Tool(name),
        },
        temperature_milli: request.temperature_milli,
        top_p_milli: request.top_p_milli,
        stop: request.stop,
        output_tokens_max: request.output_tokens_max,
        stream: request.stream,
    }
}

fn block_to(block: c::ContentBlock) -> wm::ContentBlock {
    match block {
        c::ContentBlock::Text { text } => wm::ContentBlock::Text(text),
        c::ContentBlock::Image { media_type, data } => {
            wm::ContentBlock::Image(wm::Image { media_type, data })
        }
        c::ContentBlock::Thinking { text } => wm::ContentBlock::Thinking(text),
        c::ContentBlock::ToolUse {
            id,
            name,
            arguments_json,
        } => wm::ContentBlock::ToolUse(wm::ToolUse {
            id,
            name,
            arguments_json,
        }),
        c::ContentBlock::ToolResult {
            id,
            name,
            text,
            is_error,
        } => wm::ContentBlock::ToolResult(wm::ToolResult {
            id,
            name,
            text,
            is_error,
        }),
        c::ContentBlock::Opaque { provider, data } => {
            wm::ContentBlock::Opaque(wm::Opaque { provider, data })
        }
    }
}

fn block_from(block: wm::ContentBlock) -> c::ContentBlock {
    match block {
        wm::ContentBlock::Text(text) => c::ContentBlock::Text { text },
        wm::ContentBlock::Image(image) => c::ContentBlock::Image {
            media_type: image.media_type,
            data: image.data,
        },
        wm::ContentBlock::Thinking(text) => c::ContentBlock::Thinking { text },
        wm::ContentBlock::ToolUse(asked) => c::ContentBlock::ToolUse {
            id: asked.id,
            name: asked.name,
            arguments_json: asked.arguments_json,
        },
        wm::ContentBlock::ToolResult(result) => c::ContentBlock::ToolResult {
            id: result.id,
            name: result.name,
            text: result.text,
            is_error: result.is_error,
        },
        wm::ContentBlock::Opaque(opaque) => c::ContentBlock::Opaque {
            provider: opaque.provider,
            data: opaque.data,
        },
    }
}

pub(crate) fn completion_from(completion: wm::Completion) -> c::Completion {
    c::Completion {
        model: completion.model,
        response_id: completion.response_id,
        content: completion.content.into_iter().map(block_from).collect(),
        stop: match completion.stop {
            wm::StopReason::EndTurn => c::StopReason::EndTurn,
            wm::StopReason::ToolUse => c::StopReason::ToolUse,
            wm::StopReason::MaxTokens => c::StopReason::MaxTokens,
            wm::StopReason::StopSequence => c::StopReason::StopSequence,
            wm::StopReason::Refused => c::StopReason::Refused,
            wm::StopReason::Other => c::StopReason::Other,
        },
        usage: c::Usage {
            input: completion.usage.input,
            output: completion.usage.output,
            cached_input: completion.usage.cached_input,
            reasoning: completion.usage.reasoning,
        },
    }
}

pub(crate) fn provider_error_from(
    error: wm::ProviderError,
    last: Option<c::Denial>,
) -> c::ProviderError {
    match error {
        wm::ProviderError::AuthExpired(message) => c::ProviderError::AuthExpired { message },
        wm::ProviderError::RateLimited(why) => c::ProviderError::RateLimited {
            message: why.message,
            retry_after_ms: why.retry_after_ms,
        },
        wm::ProviderError::QuotaExhausted(message) => c::ProviderError::QuotaExhausted { message },
        wm::ProviderError::Overloaded(why) => c::ProviderError::Overloaded {
            message: why.message,
            retry_after_ms: why.retry_after_ms,
        },
        wm::ProviderError::ContextTooLong(message) => c::ProviderError::ContextTooLong { message },
        wm::ProviderError::InvalidRequest(message) => c::ProviderError::InvalidRequest { message },
        wm::ProviderError::Refused(message) => c::ProviderError::Refused { message },
        wm::ProviderError::Unavailable(why) => c::ProviderError::Unavailable {
            message: why.message,
            retry_after_ms: why.retry_after_ms,
        },
        wm::ProviderError::Denied(claimed) => match verified(&claimed.receipt, last) {
            Some(denial) => c::ProviderError::Denied { denial },
            None => c::ProviderError::InvalidRequest {
                message: unverified(&claimed.kind),
            },
        },
    }
}
