use super::*;
use serde_json::json;
use tollgate_sdk::options::OutputFormat;
use tollgate_sdk::{ContentBlock, Image, Message, Role, ToolResult, ToolUse};

/// What ollama 0.6.3 (Python) sends: the body of each request, as a server at the loopback saw it.
const OFFICIAL: &str = include_str!("../../testdata/requests.json");

/// The library's body as ours should be: without the empty list of tools that it always sends, and with the
/// ids of calls, for which it has no place yet.
fn official(name: &str) -> Value {
    let mut all: Value = serde_json::from_str(OFFICIAL).unwrap();
    assert_eq!(all[name]["path"], "/api/chat", "{name}");
    let mut body = all[name]["body"].take();
    if body["tools"] == json!([]) {
        body.as_object_mut().unwrap().remove("tools");
    }
    if body["keep_alive"] == json!(-1.0) {
        body["keep_alive"] = json!(-1);
    }
    let mut results = 0;
    for message in body["messages"].as_array_mut().unwrap() {
        for (at, call) in message["tool_calls"]
            .as_array_mut()
            .into_iter()
            .flatten()
            .enumerate()
        {
            call["id"] = format!("c{at}").into();
        }
        if message["role"] == "tool" {
            message["tool_call_id"] = format!("c{results}").into();
            results += 1;
        }
        // Looking for a field has made it.
        message
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
    }
    body
}

fn message(role: Role, content: Vec<ContentBlock>) -> Message {
    Message { role, content }
}

fn text(text: &str) -> ContentBlock {
    ContentBlock::Text(text.into())
}

fn image() -> ContentBlock {
    ContentBlock::Image(Image {
        media_type: "image/png".into(),
        data: vec![1, 2, 3],
    })
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

fn request() -> CompletionRequest {
    tollgate_sdk::testing::sample_request(vec![message(Role::User, vec![text("hi")])])
}

fn tool(schema: &str) -> ToolSpec {
    tollgate_sdk::testing::sample_tool(schema)
}

fn with_tools() -> CompletionRequest {
    CompletionRequest {
        tools: vec![tool(
            r#"{"type":"object","properties":{"path":{"type":"string"}}}"#,
        )],
        ..request()
    }
}

fn effort(effort: Effort) -> Options {
    Options {
        effort: Some(effort),
        output: None,
    }
}

const NO_OPTIONS: Options = Options {
    effort: None,
    output: None,
};

fn ours(request: &CompletionRequest, options: &Options, own: &Own) -> Result<Value, ProviderError> {
    Ok(serde_json::to_value(body("qwen3", request, options, own)?).unwrap())
}

#[track_caller]
fn assert_official(name: &str, request: &CompletionRequest, options: &Options, own: &Own) {
    assert_eq!(
        ours(request, options, own).unwrap(),
        official(name),
        "{name}"
    );
}

#[test]
fn settings_are_as_the_official_library_sends_them() {
    let none = Own::default();
    assert_official("text", &request(), &NO_OPTIONS, &none);
    let mut stream = request();
    stream.stream = true;
    assert_official("stream", &stream, &NO_OPTIONS, &none);
    let sampling = CompletionRequest {
        temperature_milli: Some(700),
        top_p_milli: Some(50),
        stop: vec!["END".into()],
        output_tokens_max: Some(99),
        ..request()
    };
    assert_official("sampling", &sampling, &NO_OPTIONS, &none);
    let own = |num_ctx, keep_alive| Own {
        num_ctx,
        keep_alive: Some(keep_alive),
    };
    assert_official(
        "settings",
        &request(),
        &NO_OPTIONS,
        &own(Some(8192), "5m".into()),
    );
    assert_official(
        "keep-loaded",
        &request(),
        &NO_OPTIONS,
        &own(None, Value::from(-1)),
    );
}

#[test]
fn messages_are_as_the_official_library_sends_them() {
    let none = Own::default();
    let hi = request().messages.remove(0);
    let with = |messages: Vec<Message>, request: CompletionRequest| CompletionRequest {
        messages,
        ..request
    };
    let system = message(Role::System, vec![text("Be brief.")]);
    assert_official(
        "system",
        &with(vec![system, hi.clone()], request()),
        &NO_OPTIONS,
        &none,
    );
    let look = message(Role::User, vec![text("look"), image()]);
    assert_official("image", &with(vec![look], request()), &NO_OPTIONS, &none);
    let said = vec![
        hi.clone(),
        message(
            Role::Assistant,
            vec![ContentBlock::Thinking("hm".into()), text("Hello.")],
        ),
        message(Role::User, vec![text("more")]),
    ];
    assert_official("said", &with(said, request()), &NO_OPTIONS, &none);
    let parallel = vec![
        hi.clone(),
        message(
            Role::Assistant,
            vec![
                ContentBlock::Thinking("hm".into()),
                call("c0", r#"{"path":"/a"}"#),
                call("c1", r#"{"path":"/b"}"#),
            ],
        ),
        message(
            Role::User,
            vec![result("c0", "A", false), result("c1", "denied", true)],
        ),
    ];
    assert_official(
        "parallel",
        &with(parallel, with_tools()),
        &NO_OPTIONS,
        &none,
    );
    let shown = vec![
        hi,
        message(Role::Assistant, vec![call("c0", r#"{"path":"/a"}"#)]),
        message(Role::User, vec![result("c0", "an image", false), image()]),
    ];
    assert_official("result-image", &with(shown, request()), &NO_OPTIONS, &none);
}

#[test]
fn options_are_as_the_official_library_sends_them() {
    let none = Own::default();
    let schema = r#"{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}"#;
    let format = Options {
        effort: None,
        output: Some(OutputFormat {
            name: "answer".into(),
            schema_json: schema.into(),
        }),
    };
    assert_official("format", &request(), &format, &none);
    assert_official("effort-off", &request(), &effort(Effort::Off), &none);
    assert_official("effort-high", &request(), &effort(Effort::High), &none);
    for (asked, wanted) in [(Effort::Low, "low"), (Effort::Medium, "medium")] {
        assert_eq!(
            ours(&request(), &effort(asked), &none).unwrap()["think"],
            wanted
        );
    }
}

#[test]
fn a_choice_that_the_server_cannot_make_is_told() {
    let none = Own::default();
    assert_official("tools", &with_tools(), &NO_OPTIONS, &none);
    let mut request = with_tools();
    request.tool_choice = ToolChoice::None;
    assert_official("text", &request, &NO_OPTIONS, &none);
    for choice in [ToolChoice::Required, ToolChoice::Tool("read".into())] {
        request.tool_choice = choice;
        assert!(matches!(
            ours(&request, &NO_OPTIONS, &none),
            Err(ProviderError::InvalidRequest(_))
        ));
        let without = CompletionRequest {
            tools: vec![],
            ..request.clone()
        };
        assert_official("text", &without, &NO_OPTIONS, &none);
    }
}

#[test]
fn a_schema_keeps_its_order_and_has_to_be_one() {
    let mut request = request();
    let schema = r#"{"type":"object","properties":{"z":{},"a":{}}}"#;
    request.tools = vec![tool(schema)];
    let own = Own::default();
    let sent = serde_json::to_string(&body("m", &request, &NO_OPTIONS, &own).unwrap()).unwrap();
    assert!(sent.contains(schema));
    request.tools = vec![tool("{")];
    assert!(
        matches!(ours(&request, &NO_OPTIONS, &own), Err(ProviderError::InvalidRequest(m)) if m.contains("\"read\""))
    );
}
