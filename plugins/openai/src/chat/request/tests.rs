use super::*;
use crate::common::testing::{
    NO_OPTIONS, call, image, options, request as conversation, result, said, settings, spec, text,
};
use tollgate_sdk::Opaque;
use tollgate_sdk::options::Effort;

fn body_with(options: &Options, request: &CompletionRequest) -> Result<Value, ProviderError> {
    let settings = settings("https://a.test/v1");
    let body = Body::of(&settings, options, request)?;
    Ok(serde_json::to_value(body).unwrap())
}

fn body(request: &CompletionRequest) -> Result<Value, ProviderError> {
    body_with(&NO_OPTIONS, request)
}

fn request() -> CompletionRequest {
    conversation(vec![])
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
    assert_eq!(
        sent(Role::User, vec![text("look"), image()]).unwrap(),
        json!([{"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQID"}}
        ]}])
    );
    assert!(sent(Role::System, vec![image()]).is_err());
    assert!(sent(Role::Assistant, vec![image()]).is_err());
}

#[test]
fn calls_and_results_are_messages_of_their_own_and_results_come_first() {
    let call = call("c1", "read", "{\"path\":\"/a\"}");
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
    let result = |is_error| result("c1", "denied", is_error);
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

#[test]
fn options_have_their_names_and_a_schema_keeps_its_order() {
    let schema = r#"{"type":"object","properties":{"why":{"type":"string"},"answer":{"type":"string"}},"required":["why","answer"],"additionalProperties":false}"#;
    let options = options(Effort::Off, schema);
    let body = body_with(&options, &request()).unwrap();
    assert_eq!(body["reasoning_effort"], "none");
    assert_eq!(
        body["response_format"],
        json!({"type": "json_schema", "json_schema": {
            "name": "answer", "strict": true, "schema": serde_json::from_str::<Value>(schema).unwrap()}})
    );
    let settings = settings("https://a.test/v1");
    let (mut request, options) = (request(), &options);
    request.tools = vec![spec(schema)];
    let sent = serde_json::to_string(&Body::of(&settings, options, &request).unwrap()).unwrap();
    assert_eq!(sent.matches(schema).count(), 2);
}

#[test]
fn the_images_of_results_follow_all_results() {
    let content = vec![
        result("a", "1", false),
        image(),
        result("b", "2", false),
        text("and now?"),
    ];
    let url = json!({"url": "data:image/png;base64,AQID"});
    assert_eq!(
        sent(Role::User, content).unwrap(),
        json!([
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": "2"},
            {"role": "user", "content": [
                {"type": "text", "text": "Images of the result of a:"},
                {"type": "image_url", "image_url": url},
                {"type": "text", "text": "and now?"}
            ]}
        ])
    );
}

#[test]
fn an_id_of_another_provider_fits_openai_and_stays_elsewhere() {
    let long = "x".repeat(41);
    let conversation = conversation(vec![
        said(Role::Assistant, vec![call(&long, "read", "{}")]),
        said(Role::User, vec![result(&long, "1", false)]),
    ]);
    let ids = |base_url: &str| {
        let settings = settings(base_url);
        let body = Body::of(&settings, &NO_OPTIONS, &conversation).unwrap();
        let messages = body.messages;
        assert_eq!(
            messages[0]["tool_calls"][0]["id"],
            messages[1]["tool_call_id"]
        );
        messages[1]["tool_call_id"].as_str().unwrap().to_owned()
    };
    assert_eq!(ids("https://a.test/v1"), long);
    assert!(ids(crate::BASE_URL).len() <= ID_BYTES_MAX);
}
