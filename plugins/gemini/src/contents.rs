//! From messages to `contents`.

use crate::signed::{Fit, Signed};
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;
use tollgate_adapter::arguments;
use tollgate_adapter::image::base64;
use tollgate_adapter::message::{UserPart, text_only, user};
use tollgate_sdk::{ContentBlock, Image, Message, ProviderError, Role, ToolResult, ToolUse};

/// What a call carries that the server did not sign, because another provider's model asked for it: the
/// word that Google names for a conversation that began elsewhere.
const UNSIGNED: &str = "skip_thought_signature_validator";

/// The messages of one side, in order.
#[derive(Debug, Serialize)]
pub(crate) struct Content {
    role: &'static str,
    parts: Vec<Box<RawValue>>,
}

/// The conversation, and apart from it the operator's instructions.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    pub(crate) system: Vec<String>,
    pub(crate) contents: Vec<Content>,
    /// The ids of calls that differ at the server: most of all, those that have none there.
    ids: BTreeMap<String, Option<String>>,
}

/// Reads `messages`. Where `must_sign`, a call without a signature is marked as one that has none.
pub(crate) fn conversation(
    messages: &[Message],
    must_sign: bool,
) -> Result<Conversation, ProviderError> {
    let mut out = Conversation::default();
    for message in messages {
        match message.role {
            Role::System => {
                let text = text_only(&message.content, "a system message")?;
                out.system
                    .extend(Some(text).filter(|text| !text.is_empty()));
            }
            Role::User => {
                let parts = out.user(&message.content)?;
                out.add("user", parts);
            }
            Role::Assistant => {
                let parts = out.model(&message.content, must_sign)?;
                out.add("model", parts);
            }
        }
    }
    Ok(out)
}

impl Conversation {
    /// Adds parts to the last content if it is of the same side: all results of one turn belong together.
    fn add(&mut self, role: &'static str, parts: Vec<Box<RawValue>>) {
        match self.contents.last_mut() {
            _ if parts.is_empty() => {}
            Some(last) if last.role == role => last.parts.extend(parts),
            _ => self.contents.push(Content { role, parts }),
        }
    }

    fn user(&self, content: &[ContentBlock]) -> Result<Vec<Box<RawValue>>, ProviderError> {
        let mut parts = Vec::new();
        for part in user(content)? {
            match part {
                UserPart::Text(text) => parts.extend(text_part(text)?),
                UserPart::Image(image) => parts.push(image_part(image)?),
                UserPart::Result(result, images) => {
                    parts.push(self.result_part(result)?);
                    for image in images {
                        parts.push(image_part(image)?);
                    }
                }
            }
        }
        Ok(parts)
    }

    fn result_part(&self, result: &ToolResult) -> Result<Box<RawValue>, ProviderError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct ResultPart<'a> {
            function_response: FunctionResponse<'a>,
        }
        #[derive(Serialize)]
        struct FunctionResponse<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            id: Option<&'a str>,
            name: &'a str,
            response: BTreeMap<&'static str, &'a str>,
        }
        let id = match self.ids.get(&result.id) {
            Some(at_server) => at_server.as_deref(),
            None => Some(result.id.as_str()),
        };
        let key = if result.is_error { "error" } else { "output" };
        raw(&ResultPart {
            function_response: FunctionResponse {
                id,
                name: &result.name,
                response: BTreeMap::from([(key, result.text.as_str())]),
            },
        })
    }

    /// The model's parts: what was kept goes back as it came, the rest is built anew.
    fn model(
        &mut self,
        content: &[ContentBlock],
        must_sign: bool,
    ) -> Result<Vec<Box<RawValue>>, ProviderError> {
        let mut turn = Turn {
            parts: Vec::new(),
            unsigned: must_sign,
            ids: &mut self.ids,
        };
        let mut blocks = content.iter().peekable();
        while let Some(block) = blocks.next() {
            if let Some(alone) = Signed::of(block)? {
                turn.alone(alone)?;
                continue;
            }
            let kept = match blocks.peek() {
                Some(after) => turn.kept(block, after)?,
                None => false,
            };
            if kept {
                blocks.next();
            } else {
                turn.anew(block)?;
            }
        }
        Ok(turn.parts)
    }
}

/// The model's parts of one turn as they grow.
struct Turn<'a> {
    parts: Vec<Box<RawValue>>,
    /// Whether a call has to be marked. Of several calls in one turn the server signs only the first.
    unsigned: bool,
    ids: &'a mut BTreeMap<String, Option<String>>,
}

impl Turn<'_> {
    fn mark(&self) -> Option<&'static str> {
        self.unsigned.then_some(UNSIGNED)
    }

    /// Parts without a block that shows them.
    fn alone(&mut self, kept: Signed) -> Result<(), ProviderError> {
        if kept.shown()?.stands_alone() {
            self.parts.extend(kept.into_parts());
        }
        Ok(())
    }

    /// The parts in `after` in the place of the block before them; false if there are none, or they are not
    /// that block's.
    fn kept(&mut self, block: &ContentBlock, after: &ContentBlock) -> Result<bool, ProviderError> {
        let Some(kept) = Signed::of(after)? else {
            return Ok(false);
        };
        let shown = kept.shown()?;
        let fit = shown.fit(block);
        if fit == Fit::Other {
            return Ok(false);
        }
        match (block, &shown.call) {
            (ContentBlock::ToolUse(asked), Some(call)) => {
                self.ids.insert(asked.id.clone(), call.id.clone());
                let signature = shown.signature.as_deref().or(self.mark());
                if fit == Fit::Changed || signature != shown.signature.as_deref() {
                    let part = call_part(call.id.as_deref(), asked, signature)?;
                    self.parts.push(part);
                } else {
                    self.parts.extend(kept.into_parts());
                }
                self.unsigned = false;
            }
            _ => self.parts.extend(kept.into_parts()),
        }
        Ok(true)
    }

    /// A block of which nothing was kept. Reasoning is left out: it may be another provider's, and the
    /// server does not ask for it.
    fn anew(&mut self, block: &ContentBlock) -> Result<(), ProviderError> {
        match block {
            ContentBlock::Text(text) => self.parts.extend(text_part(text)?),
            ContentBlock::Image(image) => self.parts.push(image_part(image)?),
            ContentBlock::Thinking(_) | ContentBlock::Opaque(_) => {}
            ContentBlock::ToolUse(asked) => {
                let signature = self.mark();
                self.parts
                    .push(call_part(Some(&asked.id), asked, signature)?);
                self.unsigned = false;
            }
            ContentBlock::ToolResult(_) => {
                return Err(ProviderError::invalid(
                    "an assistant's message cannot hold the result of a tool",
                ));
            }
        }
        Ok(())
    }
}

fn text_part(text: &str) -> Result<Option<Box<RawValue>>, ProviderError> {
    // The server refuses a part without any content.
    if text.is_empty() {
        return Ok(None);
    }
    raw(&json!({"text": text})).map(Some)
}

fn image_part(image: &Image) -> Result<Box<RawValue>, ProviderError> {
    raw(&json!({"inlineData": {"mimeType": image.media_type, "data": base64(&image.data)}}))
}

fn call_part(
    id: Option<&str>,
    asked: &ToolUse,
    signature: Option<&str>,
) -> Result<Box<RawValue>, ProviderError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct CallPart<'a> {
        function_call: FunctionCall<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        thought_signature: Option<&'a str>,
    }
    #[derive(Serialize)]
    struct FunctionCall<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        name: &'a str,
        args: Box<RawValue>,
    }
    raw(&CallPart {
        function_call: FunctionCall {
            id,
            name: &asked.name,
            args: arguments::object(&asked.arguments_json)?,
        },
        thought_signature: signature,
    })
}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>, ProviderError> {
    to_raw_value(value)
        .map_err(|e| ProviderError::invalid(format!("a part cannot be written as JSON: {e}")))
}

#[cfg(test)]
mod tests;
