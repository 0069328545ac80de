use super::*;
use crate::common::testing::{
    NO_OPTIONS, call, image, options, request as conversation, result, said as message, settings,
    spec, text,
};

fn settings_with(summary: Option<&'static str>) -> Settings {
    Settings {
        common: settings("https://a.test/v1"),
        summary,
    }
}

fn body_with(
    summary: Option<&'static str>,
    options: &Options,
    request: &CompletionRequest,
) -> Result<Value, ProviderError> {
    let settings = settings_with(summary);
    let body = Body::of(&settings, options, request)?;
    Ok(serde_json::to_value(body).unwrap())
}

fn body(request: &CompletionRequest) -> Result<Value, ProviderError> {
    body_with(None, &NO_OPTIONS, request)
}

fn request() -> CompletionRequest {
    conversation(vec![])
}

fn sent(role: Role, content: Vec<ContentBlock>) -> Result<Value, ProviderError> {
    body(&conversation(vec![message(role, content)])).map(|body| body["input"].clone())
}

fn opaque(provider: &str, data: &str) -> ContentBlock {
    ContentBlock::Opaque(Opaque {
        provider: provider.into(),
        data: data.into(),
    })
}

#[test]
fn every_setting_has_its_name() {
    let mut request = request();
    request.temperature_milli = Some(700);
    request.top_p_milli = Some(50);
    request.output_tokens_max = Some(99);
    request.stream = true;
    assert_eq!(
        body(&request).unwrap(),
        json!({
            "model": "m", "input": [], "temperature": 0.7, "top_p": 0.05, "max_output_tokens": 99,
            "stream": true, "store": false, "include": ["reasoning.encrypted_content"]
        })
    );
    request.stop = vec!["END".into()];
    assert!(matches!(body(&request), Err(ProviderError::InvalidRequest(m)) if m.contains("stop")));
}

#[test]
fn options_have_their_names() {
    let schema = r#"{"type":"object","properties":{"b":{},"a":{}}}"#;
    let asked = options(Effort::High, schema);
    let body = body_with(Some("auto"), &asked, &request()).unwrap();
    assert_eq!(
        body["reasoning"],
        json!({"effort": "high", "summary": "auto"})
    );
    assert_eq!(
        body["text"],
        json!({"format": {"type": "json_schema", "name": "answer", "strict": false,
            "schema": {"type": "object", "properties": {"a": {}, "b": {}}}}})
    );
    let reasoning =
        |summary, options| body_with(summary, options, &request()).unwrap()["reasoning"].clone();
    let off = options(Effort::Off, "{}");
    assert_eq!(reasoning(Some("auto"), &off), json!({"effort": "none"}));
    assert_eq!(reasoning(None, &NO_OPTIONS), Value::Null);
    assert_eq!(
        reasoning(Some("detailed"), &NO_OPTIONS),
        json!({"summary": "detailed"})
    );
}

#[test]
fn tools_are_flat_and_keep_the_order_of_their_schemas() {
    let schema = r#"{"type":"object","properties":{"b":{},"a":{}}}"#;
    let mut request = request();
    request.tool_choice = ToolChoice::Required;
    assert!(body(&request).unwrap().get("tool_choice").is_none());
    request.tools = vec![spec(schema)];
    for (choice, wanted) in [
        (ToolChoice::Auto, Value::Null),
        (ToolChoice::None, "none".into()),
        (ToolChoice::Required, "required".into()),
        (
            ToolChoice::Tool("read".into()),
            json!({"type": "function", "name": "read"}),
        ),
    ] {
        request.tool_choice = choice;
        assert_eq!(body(&request).unwrap()["tool_choice"], wanted);
    }
    let settings = settings_with(None);
    let body = Body::of(&settings, &NO_OPTIONS, &request).unwrap();
    assert_eq!(
        serde_json::to_string(&body.tools).unwrap(),
        format!(
            r#"[{{"type":"function","name":"read","description":"Reads.","parameters":{schema},"strict":false}}]"#
        )
    );
}

#[test]
fn every_block_has_its_item() {
    assert_eq!(
        sent(Role::System, vec![text("a"), text("b")]).unwrap(),
        json!([{"type": "message", "role": "system", "content": "a\nb"}])
    );
    assert_eq!(
        sent(Role::User, vec![text("a")]).unwrap(),
        json!([{"type": "message", "role": "user", "content": "a"}])
    );
    let picture =
        json!({"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AQID"});
    assert_eq!(
        sent(Role::User, vec![text("look"), image()]).unwrap(),
        json!([{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "look"}, picture]}])
    );
    let results = vec![
        text("and now?"),
        result("a", "no", true),
        result("b", "seen", false),
        image(),
    ];
    assert_eq!(
        sent(Role::User, results).unwrap(),
        json!([
            {"type": "function_call_output", "call_id": "a", "output": "error: no"},
            {"type": "function_call_output", "call_id": "b",
                "output": [{"type": "input_text", "text": "seen"}, picture]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "and now?"}]}
        ])
    );
    assert_eq!(
        sent(Role::Assistant, vec![text("x"), call("a", "read", "{}")]).unwrap(),
        json!([
            {"type": "message", "role": "assistant", "content": "x"},
            {"type": "function_call", "call_id": "a", "name": "read", "arguments": "{}"}
        ])
    );
    assert!(sent(Role::System, vec![image()]).is_err());
    assert!(sent(Role::Assistant, vec![image()]).is_err());
    assert!(sent(Role::User, vec![call("a", "read", "{}")]).is_err());
}

#[test]
fn reasoning_goes_back_byte_for_byte_and_nobody_elses_does() {
    let item = r#"{"type":"reasoning", "id":"rs_1","summary":[],"encrypted_content":"\u00e9=="}"#;
    let content = vec![
        ContentBlock::Thinking("hidden".into()),
        opaque("openai", item),
        opaque("anthropic", "signature"),
        call("a", "read", "{}"),
        // Nothing follows this one.
        opaque("openai", r#"{"type":"reasoning","id":"rs_2"}"#),
    ];
    let request = conversation(vec![message(Role::Assistant, content)]);
    let settings = settings_with(None);
    let body = Body::of(&settings, &NO_OPTIONS, &request).unwrap();
    assert_eq!(
        serde_json::to_string(&body.input).unwrap(),
        format!(
            r#"[{item},{{"arguments":"{{}}","call_id":"a","name":"read","type":"function_call"}}]"#
        )
    );
    let broken = sent(Role::Assistant, vec![opaque("openai", "{")]);
    assert!(matches!(broken, Err(ProviderError::InvalidRequest(_))));
}

#[test]
fn a_phase_goes_back_with_its_text() {
    let content = vec![
        opaque("openai", r#"{"type":"phase","phase":"commentary"}"#),
        text("Let me see"),
        call("a", "read", "{}"),
        opaque("openai", r#"{"type":"phase","phase":"final_answer"}"#),
        text("42"),
    ];
    let said = |phase: &str, text: &str| json!({"type": "message", "role": "assistant", "content": text, "phase": phase});
    assert_eq!(
        sent(Role::Assistant, content).unwrap(),
        json!([
            said("commentary", "Let me see"),
            {"type": "function_call", "call_id": "a", "name": "read", "arguments": "{}"},
            said("final_answer", "42")
        ])
    );
}
