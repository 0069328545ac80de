//! From the contract's request to the body that is sent.

use super::{Settings, phase};
use crate::common::{self, JsonSchema, PROVIDER};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tollgate_adapter::ids::IdRule;
use tollgate_adapter::message::{self, UserPart};
use tollgate_adapter::{image, schema};
use tollgate_sdk::options::{Effort, Options};
use tollgate_sdk::{
    CompletionRequest, ContentBlock, Image, Message, Opaque, ProviderError, Role, ToolChoice,
    ToolSpec,
};

/// The longest id of a tool call at OpenAI's own server, in bytes.
const ID_BYTES_MAX: usize = 64;

/// The body of the request. Nothing of the conversation is kept by the server: reasoning comes back encrypted
/// instead.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    input: Vec<Input>,
    store: bool,
    include: [&'static str; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
}

/// An item of the conversation.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Input {
    /// One that is built here.
    Built(Value),
    /// One that the server made, byte for byte.
    Given(Box<RawValue>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Tool<'a> {
    Function {
        name: &'a str,
        description: &'a str,
        parameters: Box<RawValue>,
        /// Responses would else demand every argument, also those that a schema leaves open.
        strict: bool,
    },
}

#[derive(Debug, Serialize)]
struct Reasoning {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Text<'a> {
    format: TextFormat<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum TextFormat<'a> {
    JsonSchema(JsonSchema<'a>),
}

impl<'a> Body<'a> {
    pub(super) fn of(
        settings: &'a Settings,
        options: &'a Options,
        request: &'a CompletionRequest,
    ) -> Result<Self, ProviderError> {
        if !request.stop.is_empty() {
            return Err(ProviderError::invalid(
                "the Responses format has no stop sequences; the chat format has",
            ));
        }
        let tools: Result<Vec<_>, _> = request.tools.iter().map(tool).collect();
        let tools = tools?;
        let ids = common::id_rule(&settings.common, ID_BYTES_MAX);
        let output = options.output.as_ref().map(JsonSchema::of).transpose()?;
        Ok(Self {
            model: settings.common.model(request),
            input: input(&request.messages, ids)?,
            store: false,
            include: ["reasoning.encrypted_content"],
            tool_choice: tool_choice(&request.tool_choice).filter(|_| !tools.is_empty()),
            tools,
            temperature: common::milli(request.temperature_milli),
            top_p: common::milli(request.top_p_milli),
            max_output_tokens: request.output_tokens_max,
            reasoning: reasoning(options.effort, settings.summary),
            text: output.map(|schema| Text {
                format: TextFormat::JsonSchema(schema),
            }),
            stream: request.stream.then_some(true),
        })
    }
}

fn reasoning(effort: Option<Effort>, summary: Option<&'static str>) -> Option<Reasoning> {
    let summary = summary.filter(|_| effort != Some(Effort::Off));
    (effort.is_some() || summary.is_some()).then(|| Reasoning {
        effort: effort.map(common::effort),
        summary,
    })
}

fn input(messages: &[Message], ids: IdRule) -> Result<Vec<Input>, ProviderError> {
    let mut items = Vec::new();
    for message in messages {
        match message.role {
            Role::System => {
                let text = message::text_only(&message.content, "a system message")?;
                items.push(said("system", text.into()));
            }
            Role::User => user(&message.content, ids, &mut items)?,
            Role::Assistant => assistant(&message.content, ids, &mut items)?,
        }
    }
    Ok(items)
}

fn said(role: &str, content: Value) -> Input {
    Input::Built(json!({"type": "message", "role": role, "content": content}))
}

/// A user's message: results of tools become items of their own, before what was said with them.
fn user(
    content: &[ContentBlock],
    ids: IdRule,
    items: &mut Vec<Input>,
) -> Result<(), ProviderError> {
    let mut parts = Vec::new();
    for part in message::user(content)? {
        match part {
            UserPart::Text(text) => parts.push(text_part(text)),
            UserPart::Image(image) => parts.push(image_part(image)),
            UserPart::Result(result, images) => {
                let text = common::result_text(result);
                let output = match images.is_empty() {
                    true => text.into(),
                    false => std::iter::once(text_part(&text))
                        .chain(images.into_iter().map(image_part))
                        .collect::<Value>(),
                };
                items.push(Input::Built(json!({
                    "type": "function_call_output",
                    "call_id": ids.legal(&result.id),
                    "output": output,
                })));
            }
        }
    }
    match (content, parts.is_empty()) {
        (_, true) => {}
        ([ContentBlock::Text(text)], _) => items.push(said("user", text.as_str().into())),
        _ => items.push(said("user", parts.into())),
    }
    Ok(())
}

fn text_part(text: &str) -> Value {
    json!({"type": "input_text", "text": text})
}

fn image_part(image: &Image) -> Value {
    let url = image::data_url(image);
    json!({"type": "input_image", "image_url": url, "detail": "auto"})
}

/// The model's items, in order. Reasoning that nothing follows is left out, because it is not accepted alone.
fn assistant(
    content: &[ContentBlock],
    ids: IdRule,
    items: &mut Vec<Input>,
) -> Result<(), ProviderError> {
    let mut given = Vec::new();
    let mut phase = None;
    for block in content {
        let item = match block {
            ContentBlock::Opaque(opaque) if opaque.provider != PROVIDER => continue,
            ContentBlock::Opaque(opaque) => {
                match phase::read(&opaque.data) {
                    Some(marked) => phase = Some(marked),
                    None => given.push(Input::Given(own(opaque)?)),
                }
                continue;
            }
            ContentBlock::Thinking(_) => continue,
            ContentBlock::Text(text) if text.is_empty() => continue,
            ContentBlock::Text(text) => {
                let mut message = json!({"type": "message", "role": "assistant", "content": text});
                if let (Some(phase), Some(members)) = (&phase, message.as_object_mut()) {
                    members.insert("phase".into(), phase.as_str().into());
                }
                Input::Built(message)
            }
            ContentBlock::ToolUse(call) => Input::Built(json!({
                "type": "function_call",
                "call_id": ids.legal(&call.id),
                "name": call.name,
                "arguments": call.arguments_json,
            })),
            ContentBlock::Image(_) | ContentBlock::ToolResult(_) => {
                return Err(ProviderError::invalid(
                    "an assistant's message can hold only text and tool calls in this format",
                ));
            }
        };
        items.append(&mut given);
        items.push(item);
    }
    Ok(())
}

/// The item in an opaque block of this provider.
fn own(opaque: &Opaque) -> Result<Box<RawValue>, ProviderError> {
    serde_json::from_slice(&opaque.data).map_err(|e| {
        ProviderError::invalid(format!("an opaque block of {PROVIDER} is no item: {e}"))
    })
}

fn tool(spec: &ToolSpec) -> Result<Tool<'_>, ProviderError> {
    Ok(Tool::Function {
        name: &spec.name,
        description: &spec.description,
        parameters: schema::input(spec)?,
        strict: false,
    })
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        // What the server does by itself.
        ToolChoice::Auto => None,
        ToolChoice::None => Some("none".into()),
        ToolChoice::Required => Some("required".into()),
        ToolChoice::Tool(name) => Some(json!({"type": "function", "name": name})),
    }
}

#[cfg(test)]
mod tests;
