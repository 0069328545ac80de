//! From the contract's request to the body that is sent.

use crate::common::{self, JsonSchema};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tollgate_adapter::ids::IdRule;
use tollgate_adapter::message::{self, UserPart};
use tollgate_adapter::settings::Settings;
use tollgate_adapter::{image, schema};
use tollgate_sdk::options::Options;
use tollgate_sdk::{
    CompletionRequest, ContentBlock, Image, Message, ProviderError, Role, ToolChoice, ToolSpec,
};

/// The longest id of a tool call at OpenAI's own server, in bytes.
const ID_BYTES_MAX: usize = 40;

/// The body of the request.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    messages: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Value>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Tool<'a> {
    Function { function: Function<'a> },
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: Box<RawValue>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat<'a> {
    JsonSchema { json_schema: JsonSchema<'a> },
}

impl<'a> Body<'a> {
    pub(super) fn of(
        settings: &'a Settings,
        options: &'a Options,
        request: &'a CompletionRequest,
    ) -> Result<Self, ProviderError> {
        let tools: Result<Vec<_>, _> = request.tools.iter().map(tool).collect();
        let tools = tools?;
        let output = options.output.as_ref().map(JsonSchema::of).transpose()?;
        let stream = request.stream.then_some(true);
        Ok(Self {
            model: settings.model(request),
            messages: messages(&request.messages, common::id_rule(settings, ID_BYTES_MAX))?,
            tool_choice: tool_choice(&request.tool_choice).filter(|_| !tools.is_empty()),
            tools,
            temperature: common::milli(request.temperature_milli),
            top_p: common::milli(request.top_p_milli),
            stop: &request.stop,
            max_completion_tokens: request.output_tokens_max,
            reasoning_effort: options.effort.map(common::effort),
            response_format: output.map(|json_schema| ResponseFormat::JsonSchema { json_schema }),
            stream,
            stream_options: stream.map(|_| json!({"include_usage": true})),
        })
    }
}

fn messages(messages: &[Message], ids: IdRule) -> Result<Vec<Value>, ProviderError> {
    let mut out = Vec::new();
    for message in messages {
        match message.role {
            Role::System => out.push(json!({
                "role": "system",
                "content": message::text_only(&message.content, "a system message")?,
            })),
            Role::User => user(&message.content, ids, &mut out)?,
            Role::Assistant => out.extend(assistant(&message.content, ids)?),
        }
    }
    Ok(out)
}

/// A user's message: results of tools become messages of their own, which have to come first, right
/// after the message that asked for them. Such a message holds only text, so the images of a result follow
/// in the user's message.
fn user(content: &[ContentBlock], ids: IdRule, out: &mut Vec<Value>) -> Result<(), ProviderError> {
    let mut shown = Vec::new();
    let mut parts = Vec::new();
    for part in message::user(content)? {
        match part {
            UserPart::Text(text) => parts.push(text_part(text)),
            UserPart::Image(image) => parts.push(image_part(image)),
            UserPart::Result(result, images) => {
                let id = ids.legal(&result.id);
                if !images.is_empty() {
                    shown.push(text_part(&format!("Images of the result of {id}:")));
                }
                shown.extend(images.into_iter().map(image_part));
                out.push(json!({
                    "role": "tool",
                    "tool_call_id": id,
                    "content": common::result_text(result),
                }));
            }
        }
    }
    shown.append(&mut parts);
    let content = match (content, shown.len()) {
        (_, 0) => return Ok(()),
        // The plain form is what every server understands.
        ([ContentBlock::Text(text)], _) => text.as_str().into(),
        _ => Value::from(shown),
    };
    out.push(json!({"role": "user", "content": content}));
    Ok(())
}

fn text_part(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn image_part(image: &Image) -> Value {
    json!({"type": "image_url", "image_url": {"url": image::data_url(image)}})
}

/// The model's message; none if the format has no place for anything in it.
fn assistant(content: &[ContentBlock], ids: IdRule) -> Result<Option<Value>, ProviderError> {
    let (asked, said): (Vec<_>, Vec<_>) = content
        .iter()
        .cloned()
        .partition(|block| matches!(block, ContentBlock::ToolUse(_)));
    let text = message::text_only(&said, "an assistant's message")?;
    let calls: Vec<_> = asked
        .iter()
        .filter_map(|block| match block {
            ContentBlock::ToolUse(asked) => Some(json!({
                "id": ids.legal(&asked.id),
                "type": "function",
                "function": {"name": asked.name, "arguments": asked.arguments_json},
            })),
            _ => None,
        })
        .collect();
    Ok(match (text.is_empty(), calls.is_empty()) {
        (true, true) => None,
        (false, true) => Some(json!({"role": "assistant", "content": text})),
        (true, false) => Some(json!({"role": "assistant", "content": null, "tool_calls": calls})),
        (false, false) => Some(json!({"role": "assistant", "content": text, "tool_calls": calls})),
    })
}

fn tool(spec: &ToolSpec) -> Result<Tool<'_>, ProviderError> {
    Ok(Tool::Function {
        function: Function {
            name: &spec.name,
            description: &spec.description,
            parameters: schema::input(spec)?,
        },
    })
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        // What the server does by itself.
        ToolChoice::Auto => None,
        ToolChoice::None => Some("none".into()),
        ToolChoice::Required => Some("required".into()),
        ToolChoice::Tool(name) => Some(json!({"type": "function", "function": {"name": name}})),
    }
}

#[cfg(test)]
mod tests;
