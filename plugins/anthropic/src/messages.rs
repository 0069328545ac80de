//! From the contract's conversation to the format's: instructions apart, turns of blocks.
//!
//! Invariant: blocks that this provider made go back as they came and where they stood.

use crate::NAME;
use serde::Serialize;
use serde_json::value::RawValue;
use tollgate_adapter::ids::{IdRule, is_word};
use tollgate_adapter::image::base64;
use tollgate_adapter::message::{self, UserPart};
use tollgate_sdk::{ContentBlock, Image, Message, Opaque, ProviderError, Role, ToolUse};

/// Under which name arguments are sent back that the model did not write as a JSON object.
const AS_WRITTEN: &str = "arguments_as_written";

/// The API takes ids of letters, digits, `_` and `-`, however long.
const IDS: IdRule = IdRule {
    bytes_max: usize::MAX,
    accepts: is_word,
    prefix: "toolu_",
};

/// A conversation as it is sent.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    /// The standing instructions, all of them, in order.
    pub(crate) system: Vec<Block>,
    pub(crate) turns: Vec<Turn>,
}

/// All that one side said before the other did.
#[derive(Debug, Serialize)]
pub(crate) struct Turn {
    role: Side,
    content: Vec<Block>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    User,
    Assistant,
}

/// One block.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Block {
    Known(Known),
    /// As this provider wrote it.
    Exact(Box<RawValue>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Known {
    Text {
        text: String,
    },
    Image {
        source: Source,
    },
    ToolUse {
        id: String,
        name: String,
        input: Box<RawValue>,
    },
    ToolResult {
        tool_use_id: String,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Block>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "base64")]
pub(crate) struct Source {
    media_type: String,
    data: String,
}

impl Conversation {
    /// The conversation of these messages. Messages of one side that follow each other become one turn;
    /// in a user's turn the results of tools come first, as the format demands.
    pub(crate) fn new(messages: &[Message]) -> Result<Self, ProviderError> {
        let mut conversation = Self::default();
        for Message { role, content } in messages {
            match role {
                Role::System => {
                    let text = message::text_only(content, "a system message")?;
                    conversation.system.extend(Block::text(&text));
                }
                Role::User => conversation.say(Side::User, user(content)?),
                Role::Assistant => conversation.say(Side::Assistant, assistant(content)?),
            }
        }
        for turn in &mut conversation.turns {
            // The sort keeps the order of what is equal.
            turn.content.sort_by_key(|block| !block.is_result());
        }
        Ok(conversation)
    }

    /// Adds to the last turn if it is of the same side. Nothing said is no turn.
    fn say(&mut self, role: Side, content: Vec<Block>) {
        match self.turns.last_mut() {
            _ if content.is_empty() => {}
            Some(turn) if turn.role == role => turn.content.extend(content),
            _ => self.turns.push(Turn { role, content }),
        }
    }
}

impl Block {
    /// None if there is nothing to read: the API takes no such text.
    fn text(text: &str) -> Option<Self> {
        (!text.trim().is_empty()).then(|| Self::Known(Known::Text { text: text.into() }))
    }

    fn is_result(&self) -> bool {
        matches!(self, Self::Known(Known::ToolResult { .. }))
    }
}

/// A user's message, in which images that follow a result right away are a part of it.
fn user(content: &[ContentBlock]) -> Result<Vec<Block>, ProviderError> {
    let parts = message::user(content)?.into_iter();
    Ok(parts
        .filter_map(|part| match part {
            UserPart::Text(text) => Block::text(text),
            UserPart::Image(picture) => Some(image(picture)),
            UserPart::Result(result, images) => Some(Block::Known(Known::ToolResult {
                tool_use_id: IDS.legal(&result.id).into_owned(),
                content: Block::text(&result.text)
                    .into_iter()
                    .chain(images.into_iter().map(image))
                    .collect(),
                is_error: result.is_error,
            })),
        })
        .collect())
}

/// The model's message. Reasoning goes back only as the block that this provider signed.
fn assistant(content: &[ContentBlock]) -> Result<Vec<Block>, ProviderError> {
    let mut blocks = Vec::new();
    for block in content {
        match block {
            ContentBlock::Text(text) => blocks.extend(Block::text(text)),
            ContentBlock::ToolUse(asked) => blocks.push(tool_use(asked)?),
            ContentBlock::Opaque(opaque) if opaque.provider == NAME => blocks.push(exact(opaque)?),
            ContentBlock::Thinking(_) | ContentBlock::Opaque(_) => {}
            ContentBlock::Image(_) | ContentBlock::ToolResult(_) => {
                return Err(ProviderError::invalid(
                    "an assistant's message can hold only text and tools in this format",
                ));
            }
        }
    }
    Ok(blocks)
}

fn image(image: &Image) -> Block {
    Block::Known(Known::Image {
        source: Source {
            media_type: image.media_type.clone(),
            data: base64(&image.data),
        },
    })
}

/// A call as it goes back. The format takes only an object; what is none is sent inside of one, because
/// otherwise the conversation could never be sent again.
fn tool_use(asked: &ToolUse) -> Result<Block, ProviderError> {
    let written = match asked.arguments_json.trim() {
        "" => "{}",
        written => written,
    };
    let input = match RawValue::from_string(written.into()) {
        Ok(input) if written.starts_with('{') => input,
        _ => {
            serde_json::value::to_raw_value(&serde_json::json!({AS_WRITTEN: asked.arguments_json}))
                .map_err(|e| ProviderError::invalid(e.to_string()))?
        }
    };
    Ok(Block::Known(Known::ToolUse {
        id: IDS.legal(&asked.id).into_owned(),
        name: asked.name.clone(),
        input,
    }))
}

fn exact(opaque: &Opaque) -> Result<Block, ProviderError> {
    serde_json::from_slice(&opaque.data)
        .map(Block::Exact)
        .map_err(|e| ProviderError::invalid(format!("an opaque block is not JSON: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use tollgate_sdk::ToolResult;

    fn text(text: &str) -> ContentBlock {
        ContentBlock::Text(text.into())
    }

    fn call(id: &str, arguments: &str) -> ContentBlock {
        ContentBlock::ToolUse(ToolUse {
            id: id.into(),
            name: "read".into(),
            arguments_json: arguments.into(),
        })
    }

    fn result(id: &str, text: &str, is_error: bool) -> ContentBlock {
        ContentBlock::ToolResult(ToolResult {
            id: id.into(),
            name: "read".into(),
            text: text.into(),
            is_error,
        })
    }

    fn picture() -> ContentBlock {
        ContentBlock::Image(Image {
            media_type: "image/png".into(),
            data: vec![1, 2, 3],
        })
    }

    fn opaque(provider: &str, data: &str) -> ContentBlock {
        ContentBlock::Opaque(Opaque {
            provider: provider.into(),
            data: data.into(),
        })
    }

    fn conversation(messages: &[(Role, &[ContentBlock])]) -> Result<Conversation, ProviderError> {
        let messages: Vec<_> = messages
            .iter()
            .map(|(role, content)| Message {
                role: *role,
                content: content.to_vec(),
            })
            .collect();
        Conversation::new(&messages)
    }

    fn sent(messages: &[(Role, &[ContentBlock])]) -> Value {
        serde_json::to_value(conversation(messages).unwrap().turns).unwrap()
    }

    /// The text of the body, in which the order of fields shows.
    fn written(messages: &[(Role, &[ContentBlock])]) -> String {
        serde_json::to_string(&conversation(messages).unwrap().turns).unwrap()
    }

    #[test]
    fn instructions_stand_apart_wherever_they_were_said() {
        let conversation = conversation(&[
            (Role::System, &[text("a"), text("b")]),
            (Role::User, &[text("hi")]),
            (
                Role::System,
                &[text("c"), ContentBlock::Thinking("x".into())],
            ),
        ])
        .unwrap();
        assert_eq!(
            serde_json::to_value(conversation.system).unwrap(),
            json!([
                {"type": "text", "text": "a\nb"}, {"type": "text", "text": "c"}
            ])
        );
        assert_eq!(conversation.turns.len(), 1);
    }

    #[test]
    fn one_side_speaks_once_before_the_other() {
        assert_eq!(
            sent(&[
                (Role::User, &[text("a")]),
                (Role::System, &[text("s")]),
                (Role::User, &[text("b")]),
                (Role::Assistant, &[text("c")]),
                (Role::Assistant, &[text("d")]),
                (Role::User, &[text("e")]),
            ]),
            json!([
                {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
                {"role": "assistant", "content": [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]},
                {"role": "user", "content": [{"type": "text", "text": "e"}]},
            ])
        );
    }

    #[test]
    fn what_is_empty_is_not_sent() {
        assert_eq!(
            sent(&[
                (Role::User, &[text("a"), text(""), text(" \n")]),
                (Role::Assistant, &[text("")]),
                (Role::User, &[text("b")]),
                (Role::User, &[]),
            ]),
            json!([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}])
        );
        assert_eq!(
            sent(&[(Role::User, &[result("a", "", false)])])[0]["content"],
            json!([{"type": "tool_result", "tool_use_id": "a"}])
        );
    }

    #[test]
    fn results_come_first_and_keep_the_images_that_follow_them() {
        let image = json!({"type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "AQID"}});
        assert_eq!(
            sent(&[
                (
                    Role::User,
                    &[text("so?"), result("a", "A", false), picture(), picture()]
                ),
                (Role::User, &[result("b", "B", true), text("t"), picture()]),
                (Role::User, &[picture()]),
            ]),
            json!([{"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a",
                    "content": [{"type": "text", "text": "A"}, image, image]},
                {"type": "tool_result", "tool_use_id": "b",
                    "content": [{"type": "text", "text": "B"}], "is_error": true},
                {"type": "text", "text": "so?"},
                {"type": "text", "text": "t"},
                image,
                image,
            ]}])
        );
    }

    #[test]
    fn signed_reasoning_goes_back_byte_for_byte_where_it_stood() {
        let signed = r#"{"type": "thinking","thinking":"hm \u00e9", "signature":"s==","new":1.50}"#;
        let redacted = r#"{"data":"x","type":"redacted_thinking"}"#;
        let said = [
            ContentBlock::Thinking("hm é".into()),
            opaque("anthropic", signed),
            text("a"),
            opaque("anthropic", redacted),
            call("1", "{}"),
            opaque("anthropic", signed),
        ];
        let body = written(&[(Role::Assistant, &said)]);
        assert_eq!(
            body,
            format!(
                r#"[{{"role":"assistant","content":[{signed},{{"type":"text","text":"a"}},{redacted},{{"type":"tool_use","id":"1","name":"read","input":{{}}}},{signed}]}}]"#
            )
        );
    }

    #[test]
    fn what_another_provider_made_and_reasoning_as_text_never_leave() {
        let hidden = [
            ContentBlock::Thinking("secret".into()),
            opaque("gemini", "secret"),
        ];
        for role in [Role::User, Role::Assistant, Role::System] {
            assert_eq!(sent(&[(role, &hidden)]), json!([]));
        }
        // Only an assistant's message can hold reasoning.
        assert_eq!(
            sent(&[(Role::User, &[opaque("anthropic", "{}")])]),
            json!([])
        );
    }

    #[test]
    fn an_opaque_block_that_is_not_json_is_refused() {
        for data in ["", "x", "{\"a\":", "{} {}"] {
            let got = conversation(&[(Role::Assistant, &[opaque("anthropic", data)])]);
            assert!(
                matches!(got, Err(ProviderError::InvalidRequest(_))),
                "{data}"
            );
        }
    }

    #[test]
    fn arguments_keep_their_order_and_are_always_an_object() {
        let body = |arguments: &str| written(&[(Role::Assistant, &[call("1", arguments)])]);
        assert!(body(" {\"b\": 1.0, \"a\":2} ").contains(r#""input":{"b": 1.0, "a":2}}"#));
        assert!(body("").contains(r#""input":{}}"#));
        for arguments in ["{\"a\":", "[1]", "\"x\"", "null", "{} {}"] {
            let turns: Value = serde_json::from_str(&body(arguments)).unwrap();
            assert_eq!(
                turns[0]["content"][0]["input"],
                json!({"arguments_as_written": arguments})
            );
        }
    }

    #[test]
    fn a_call_and_its_result_keep_one_id_that_the_api_takes() {
        let turns = sent(&[
            (
                Role::Assistant,
                &[call("fc:1/a", "{}"), call("call_1", "{}")],
            ),
            (
                Role::User,
                &[result("fc:1/a", "A", false), result("call_1", "B", false)],
            ),
        ]);
        let id = turns[0]["content"][0]["id"].as_str().unwrap();
        assert!(id.starts_with("toolu_") && id.chars().all(is_word), "{id}");
        assert_eq!(turns[1]["content"][0]["tool_use_id"], id);
        assert_eq!(turns[0]["content"][1]["id"], "call_1");
        assert_eq!(turns[1]["content"][1]["tool_use_id"], "call_1");
    }

    #[test]
    fn what_has_no_place_is_refused() {
        for (role, block) in [
            (Role::System, picture()),
            (Role::System, call("1", "{}")),
            (Role::System, result("1", "x", false)),
            (Role::User, call("1", "{}")),
            (Role::Assistant, picture()),
            (Role::Assistant, result("1", "x", false)),
        ] {
            let got = conversation(&[(role, &[block])]);
            assert!(
                matches!(got, Err(ProviderError::InvalidRequest(_))),
                "{role:?}"
            );
        }
    }
}
