//! From the contract's request to the body that is sent.

use crate::DEFAULT_MODEL;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use tollgate_sdk::{
    CompletionRequest, ContentBlock, Message, ProviderError, Role, ToolChoice, ToolSpec,
};

/// The body of the request.
pub(crate) fn body(request: &CompletionRequest) -> Result<Value, ProviderError> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| {
        body.insert(name.into(), value);
    };
    set(
        "model",
        request.model.as_deref().unwrap_or(DEFAULT_MODEL).into(),
    );
    set("messages", messages(&request.messages)?.into());
    if !request.tools.is_empty() {
        let tools: Result<Vec<_>, _> = request.tools.iter().map(tool).collect();
        set("tools", tools?.into());
        if let Some(choice) = tool_choice(&request.tool_choice) {
            set("tool_choice", choice);
        }
    }
    if let Some(milli) = request.temperature_milli {
        set("temperature", (f64::from(milli) / 1000.0).into());
    }
    if let Some(milli) = request.top_p_milli {
        set("top_p", (f64::from(milli) / 1000.0).into());
    }
    if !request.stop.is_empty() {
        set("stop", request.stop.clone().into());
    }
    if let Some(tokens) = request.output_tokens_max {
        set("max_completion_tokens", tokens.into());
    }
    if request.stream {
        set("stream", true.into());
        set("stream_options", json!({"include_usage": true}));
    }
    Ok(body.into())
}

fn messages(messages: &[Message]) -> Result<Vec<Value>, ProviderError> {
    let mut out = Vec::new();
    for message in messages {
        match message.role {
            Role::System => out.push(json!({
                "role": "system",
                "content": plain(&message.content, "a system message")?,
            })),
            Role::User => user(&message.content, &mut out)?,
            Role::Assistant => out.extend(assistant(&message.content)?),
        }
    }
    Ok(out)
}

/// The text of a message that can hold nothing else.
fn plain(content: &[ContentBlock], what: &str) -> Result<String, ProviderError> {
    let mut texts = Vec::new();
    for block in content {
        match block {
            ContentBlock::Text(text) => texts.push(text.as_str()),
            ContentBlock::Thinking(_) | ContentBlock::Opaque(_) => {}
            _ => {
                return Err(ProviderError::invalid(format!(
                    "{what} can hold only text in this format"
                )));
            }
        }
    }
    Ok(texts.join("\n"))
}

/// A user's message: results of tools become messages of their own, which have to come first, right
/// after the message that asked for them.
fn user(content: &[ContentBlock], out: &mut Vec<Value>) -> Result<(), ProviderError> {
    let mut parts = Vec::new();
    for block in content {
        match block {
            ContentBlock::Text(text) => parts.push(json!({"type": "text", "text": text})),
            ContentBlock::Image(image) => {
                let data = STANDARD.encode(&image.data);
                let url = format!("data:{};base64,{data}", image.media_type);
                parts.push(json!({"type": "image_url", "image_url": {"url": url}}));
            }
            ContentBlock::ToolResult(result) => {
                // The format has no flag for an error.
                let mark = if result.is_error { "error: " } else { "" };
                out.push(json!({
                    "role": "tool",
                    "tool_call_id": result.id,
                    "content": format!("{mark}{}", result.text),
                }));
            }
            ContentBlock::Thinking(_) | ContentBlock::Opaque(_) => {}
            ContentBlock::ToolUse(_) => {
                return Err(ProviderError::invalid(
                    "a user's message cannot ask for a tool",
                ));
            }
        }
    }
    let content = match (content, parts.len()) {
        (_, 0) => return Ok(()),
        // The plain form is what every server understands.
        ([ContentBlock::Text(text)], _) => text.as_str().into(),
        _ => Value::from(parts),
    };
    out.push(json!({"role": "user", "content": content}));
    Ok(())
}

/// The model's message; none if the format has no place for anything in it.
fn assistant(content: &[ContentBlock]) -> Result<Option<Value>, ProviderError> {
    let (asked, said): (Vec<_>, Vec<_>) = content
        .iter()
        .cloned()
        .partition(|block| matches!(block, ContentBlock::ToolUse(_)));
    let text = plain(&said, "an assistant's message")?;
    let calls: Vec<_> = asked
        .iter()
        .filter_map(|block| match block {
            ContentBlock::ToolUse(asked) => Some(json!({
                "id": asked.id,
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

fn tool(spec: &ToolSpec) -> Result<Value, ProviderError> {
    let schema: Value = serde_json::from_str(&spec.input_schema_json).map_err(|e| {
        ProviderError::invalid(format!(
            "the schema of tool {:?} is not JSON: {e}",
            spec.name
        ))
    })?;
    Ok(json!({
        "type": "function",
        "function": {"name": spec.name, "description": spec.description, "parameters": schema},
    }))
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
mod tests {
    use super::*;
    use tollgate_sdk::{Image, Opaque, ToolHints, ToolResult, ToolUse};

    fn request() -> CompletionRequest {
        CompletionRequest {
            model: Some("m".into()),
            messages: vec![],
            tools: vec![],
            tool_choice: ToolChoice::Auto,
            temperature_milli: None,
            top_p_milli: None,
            stop: vec![],
            output_tokens_max: None,
            stream: false,
        }
    }

    fn text(text: &str) -> ContentBlock {
        ContentBlock::Text(text.into())
    }

    fn spec(schema: &str) -> ToolSpec {
        ToolSpec {
            name: "read".into(),
            title: None,
            description: "Reads.".into(),
            input_schema_json: schema.into(),
            output_schema_json: None,
            hints: ToolHints {
                read_only: true,
                destructive: false,
                idempotent: true,
                open_world: false,
            },
        }
    }

    fn sent(role: Role, content: Vec<ContentBlock>) -> Result<Value, ProviderError> {
        let mut request = request();
        request.messages = vec![Message { role, content }];
        body(&request).map(|body| body["messages"].clone())
    }

    #[test]
    fn every_setting_has_its_name() {
        let mut request = request();
        request.temperature_milli = Some(700);
        request.top_p_milli = Some(50);
        request.stop = vec!["END".into()];
        request.output_tokens_max = Some(99);
        request.stream = true;
        assert_eq!(
            body(&request).unwrap(),
            json!({
                "model": "m", "messages": [], "temperature": 0.7, "top_p": 0.05, "stop": ["END"],
                "max_completion_tokens": 99, "stream": true, "stream_options": {"include_usage": true}
            })
        );
    }

    #[test]
    fn tools_and_choices() {
        let mut request = request();
        request.tool_choice = ToolChoice::Required;
        assert!(body(&request).unwrap().get("tool_choice").is_none());
        request.tools = vec![spec(r#"{"type":"object"}"#)];
        for (choice, wanted) in [
            (ToolChoice::Auto, Value::Null),
            (ToolChoice::None, "none".into()),
            (ToolChoice::Required, "required".into()),
            (
                ToolChoice::Tool("read".into()),
                json!({"type": "function", "function": {"name": "read"}}),
            ),
        ] {
            request.tool_choice = choice;
            let body = body(&request).unwrap();
            assert_eq!(body["tool_choice"], wanted);
            assert_eq!(
                body["tools"],
                json!([{"type": "function", "function":
                    {"name": "read", "description": "Reads.", "parameters": {"type": "object"}}}])
            );
        }
        request.tools = vec![spec("{")];
        assert!(
            matches!(body(&request), Err(ProviderError::InvalidRequest(m)) if m.contains("\"read\""))
        );
    }

    #[test]
    fn text_alone_is_sent_plain_and_with_an_image_in_parts() {
        assert_eq!(
            sent(Role::System, vec![text("a"), text("b")]).unwrap(),
            json!([{"role": "system", "content": "a\nb"}])
        );
        let image = ContentBlock::Image(Image {
            media_type: "image/png".into(),
            data: vec![1, 2, 3],
        });
        assert_eq!(
            sent(Role::User, vec![text("look"), image.clone()]).unwrap(),
            json!([{"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQID"}}
            ]}])
        );
        assert!(sent(Role::System, vec![image.clone()]).is_err());
        assert!(sent(Role::Assistant, vec![image]).is_err());
    }

    #[test]
    fn calls_and_results_are_messages_of_their_own_and_results_come_first() {
        let call = ContentBlock::ToolUse(ToolUse {
            id: "c1".into(),
            name: "read".into(),
            arguments_json: "{\"path\":\"/a\"}".into(),
        });
        let calls = json!([{"id": "c1", "type": "function",
            "function": {"name": "read", "arguments": "{\"path\":\"/a\"}"}}]);
        assert_eq!(
            sent(Role::Assistant, vec![call.clone()]).unwrap(),
            json!([{"role": "assistant", "content": null, "tool_calls": calls}])
        );
        assert_eq!(
            sent(Role::Assistant, vec![text("x"), call.clone()]).unwrap(),
            json!([{"role": "assistant", "content": "x", "tool_calls": calls}])
        );
        let result = |is_error| {
            ContentBlock::ToolResult(ToolResult {
                id: "c1".into(),
                name: "read".into(),
                text: "denied".into(),
                is_error,
            })
        };
        assert_eq!(
            sent(
                Role::User,
                vec![text("and now?"), result(true), result(false)]
            )
            .unwrap(),
            json!([
                {"role": "tool", "tool_call_id": "c1", "content": "error: denied"},
                {"role": "tool", "tool_call_id": "c1", "content": "denied"},
                {"role": "user", "content": [{"type": "text", "text": "and now?"}]}
            ])
        );
        assert!(sent(Role::User, vec![call]).is_err());
    }

    #[test]
    fn opaque_blocks_and_reasoning_never_leave() {
        for provider in ["anthropic", "openai"] {
            let hidden = vec![
                ContentBlock::Opaque(Opaque {
                    provider: provider.into(),
                    data: b"secret".to_vec(),
                }),
                ContentBlock::Thinking("secret".into()),
            ];
            for role in [Role::User, Role::Assistant] {
                assert_eq!(sent(role, hidden.clone()).unwrap(), json!([]));
            }
            let said = [hidden, vec![text("said")]].concat();
            let body = sent(Role::Assistant, said).unwrap();
            assert_eq!(body, json!([{"role": "assistant", "content": "said"}]));
        }
    }
}
