//! From messages to those of the format.

use serde::Serialize;
use serde_json::value::RawValue;
use tollgate_adapter::arguments;
use tollgate_adapter::image::base64;
use tollgate_adapter::message::{UserPart, text_only, user};
use tollgate_sdk::{ContentBlock, Image, Message, ProviderError, Role, ToolResult, ToolUse};

/// One message as it is sent. What is empty is left out, except a tool's text.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Sent {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<String>,
    /// Base64 of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
}

#[derive(Debug, Serialize)]
struct Call {
    id: String,
    function: Function,
}

#[derive(Debug, Serialize)]
struct Function {
    name: String,
    arguments: Box<RawValue>,
}

pub(crate) fn messages(messages: &[Message]) -> Result<Vec<Sent>, ProviderError> {
    let mut out = Vec::new();
    for message in messages {
        match message.role {
            Role::System => {
                let text = text_only(&message.content, "a system message")?;
                out.extend(Sent::said("system", &[&text], &[]));
            }
            Role::User => of_user(&message.content, &mut out)?,
            Role::Assistant => out.extend(assistant(&message.content)?),
        }
    }
    Ok(out)
}

impl Sent {
    /// What is said and shown; none if that is nothing.
    fn said(role: &'static str, texts: &[&str], images: &[&Image]) -> Option<Self> {
        let text = texts.join("\n");
        (!text.is_empty() || !images.is_empty()).then(|| Self {
            role,
            content: Some(text).filter(|text| !text.is_empty()),
            images: images.iter().map(|image| base64(&image.data)).collect(),
            ..Self::default()
        })
    }

    fn result(result: &ToolResult, images: &[&Image]) -> Self {
        // The format has no flag for an error.
        let mark = if result.is_error { "error: " } else { "" };
        Self {
            role: "tool",
            content: Some(format!("{mark}{}", result.text)),
            images: images.iter().map(|image| base64(&image.data)).collect(),
            tool_name: Some(result.name.clone()),
            tool_call_id: Some(result.id.clone()),
            ..Self::default()
        }
    }
}

/// A user's message: results of tools become messages of their own, which have to come first, right
/// after the message that asked for them.
fn of_user(content: &[ContentBlock], out: &mut Vec<Sent>) -> Result<(), ProviderError> {
    let (mut texts, mut images) = (Vec::new(), Vec::new());
    for part in user(content)? {
        match part {
            UserPart::Text(text) => texts.push(text),
            UserPart::Image(image) => images.push(image),
            UserPart::Result(result, images) => out.push(Sent::result(result, &images)),
        }
    }
    out.extend(Sent::said("user", &texts, &images));
    Ok(())
}

/// The model's message; none if there is nothing in it. Its reasoning goes back: models that reason
/// between calls of tools go on from it.
fn assistant(content: &[ContentBlock]) -> Result<Option<Sent>, ProviderError> {
    let (mut texts, mut images) = (Vec::new(), Vec::new());
    let mut thinking = String::new();
    let mut tool_calls = Vec::new();
    for block in content {
        match block {
            ContentBlock::Text(text) => texts.push(text.as_str()),
            ContentBlock::Thinking(text) => thinking.push_str(text),
            ContentBlock::Image(image) => images.push(image),
            ContentBlock::ToolUse(asked) => tool_calls.push(call(asked)?),
            ContentBlock::Opaque(_) => {}
            ContentBlock::ToolResult(_) => {
                return Err(ProviderError::invalid(
                    "an assistant's message cannot hold the result of a tool",
                ));
            }
        }
    }
    let said = Sent::said("assistant", &texts, &images);
    if said.is_none() && thinking.is_empty() && tool_calls.is_empty() {
        return Ok(None);
    }
    Ok(Some(Sent {
        role: "assistant",
        thinking: Some(thinking).filter(|text| !text.is_empty()),
        tool_calls,
        ..said.unwrap_or_default()
    }))
}

fn call(asked: &ToolUse) -> Result<Call, ProviderError> {
    Ok(Call {
        id: asked.id.clone(),
        function: Function {
            name: asked.name.clone(),
            arguments: arguments::object(&asked.arguments_json)?,
        },
    })
}

#[cfg(test)]
mod tests;
