use super::*;
use crate::answer::Answer;
use tollgate_sdk::options::{Effort, OutputFormat};
use tollgate_sdk::{ContentBlock, Image, Message, Role, ToolResult};

/// What google-genai 3.6.1 sends: the path and the body of each request, as a server at the loopback saw them.
const OFFICIAL: &str = include_str!("../../testdata/requests.json");

fn official(name: &str) -> Value {
    let mut all: Value = serde_json::from_str(OFFICIAL).unwrap();
    let mut body = all[name]["body"].take();
    assert!(body.is_object(), "{name}");
    // The library says nothing with an empty object, and mixes the two names that each field has.
    if body["generationConfig"] == json!({}) {
        body.as_object_mut().unwrap().remove("generationConfig");
    }
    camel_case(body)
}

/// The names of fields as the format has them; what is inside of a schema has none.
fn camel_case(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(camel_case).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| {
                let mut camel = String::new();
                for (at, word) in name.split('_').enumerate() {
                    let (head, rest) = word.split_at(usize::from(at > 0));
                    camel.push_str(&head.to_ascii_uppercase());
                    camel.push_str(rest);
                }
                let is_schema = camel.ends_with("JsonSchema");
                (camel, if is_schema { value } else { camel_case(value) })
            })
            .collect(),
        other => other,
    }
}

fn user(content: Vec<ContentBlock>) -> Message {
    Message {
        role: Role::User,
        content,
    }
}

fn text(text: &str) -> ContentBlock {
    ContentBlock::Text(text.into())
}

fn result(id: &str, text: &str, is_error: bool) -> ContentBlock {
    ContentBlock::ToolResult(ToolResult {
        id: id.into(),
        name: "read".into(),
        text: text.into(),
        is_error,
    })
}

fn image() -> ContentBlock {
    ContentBlock::Image(Image {
        media_type: "image/png".into(),
        data: vec![1, 2, 3],
    })
}

/// The model's message, of these parts.
fn model(parts: &[&str]) -> Message {
    let mut answer = Answer::default();
    for part in parts {
        let chunk = format!(r#"{{"candidates":[{{"content":{{"parts":[{part}]}}}}]}}"#);
        answer
            .take(serde_json::from_str(&chunk).unwrap(), &mut Vec::new())
            .unwrap();
    }
    Message {
        role: Role::Assistant,
        content: answer.finish().unwrap().content,
    }
}

fn request() -> CompletionRequest {
    CompletionRequest {
        model: Some("gemini-2.5-flash".into()),
        ..tollgate_sdk::testing::sample_request(vec![user(vec![text("hi")])])
    }
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

const NO_OPTIONS: Options = Options {
    effort: None,
    output: None,
};

fn ours(request: &CompletionRequest, options: &Options) -> Result<Value, ProviderError> {
    let model = Model::new(request.model.as_deref().unwrap())?;
    Ok(serde_json::to_value(body(&model, request, options)?).unwrap())
}

#[track_caller]
fn assert_official(name: &str, request: &CompletionRequest, options: &Options) {
    assert_eq!(ours(request, options).unwrap(), official(name), "{name}");
}

#[test]
fn settings_and_instructions_are_as_the_official_library_sends_them() {
    assert_official("text", &request(), &NO_OPTIONS);
    let mut stream = request();
    stream.stream = true;
    assert_official("stream", &stream, &NO_OPTIONS);
    let mut system = request();
    system.messages.insert(
        0,
        Message {
            role: Role::System,
            content: vec![text("Be brief.")],
        },
    );
    assert_official("system", &system, &NO_OPTIONS);
    let sampling = CompletionRequest {
        temperature_milli: Some(700),
        top_p_milli: Some(50),
        stop: vec!["END".into()],
        output_tokens_max: Some(99),
        ..request()
    };
    assert_official("sampling", &sampling, &NO_OPTIONS);
}

#[test]
fn tools_and_choices_are_as_the_official_library_sends_them() {
    for (name, choice) in [
        ("tools", ToolChoice::Auto),
        ("tool-none", ToolChoice::None),
        ("tool-required", ToolChoice::Required),
        ("tool-named", ToolChoice::Tool("read".into())),
    ] {
        let mut request = with_tools();
        request.tool_choice = choice.clone();
        assert_official(name, &request, &NO_OPTIONS);
        // A choice among no tools is none.
        request.tools.clear();
        assert_official("text", &request, &NO_OPTIONS);
    }
}

#[test]
fn messages_are_as_the_official_library_sends_them() {
    let mut request = request();
    request.messages = vec![user(vec![text("look"), image()])];
    assert_official("image", &request, &NO_OPTIONS);

    let mut request = with_tools();
    request.messages.extend([
        model(&[r#"{"functionCall":{"id":"c1","name":"read","args":{"path":"/a"}}}"#]),
        user(vec![result("c1", "an image", false), image()]),
    ]);
    assert_official("result-image", &request, &NO_OPTIONS);

    request.model = Some("gemini-3-flash-preview".into());
    request.messages.truncate(1);
    request.messages.extend([
        model(&[
            r#"{"functionCall":{"id":"c1","name":"read","args":{"path":"/a"}},"thoughtSignature":"AQJzaWc="}"#,
            r#"{"functionCall":{"id":"c2","name":"read","args":{"path":"/b"}}}"#,
        ]),
        user(vec![result("c1", "A", false), result("c2", "denied", true)]),
    ]);
    assert_official("parallel-signed", &request, &NO_OPTIONS);
}

#[test]
fn a_signed_text_is_as_the_official_library_sends_it_but_for_unsigned_reasoning() {
    let mut request = request();
    request.messages.extend([
        model(&[
            r#"{"text":"Let me see.","thought":true}"#,
            r#"{"text":"Hel"}"#,
            r#"{"text":"lo","thoughtSignature":"AQJzaWc="}"#,
        ]),
        user(vec![text("more")]),
    ]);
    let mut wanted = official("signed-text");
    let parts = wanted["contents"][1]["parts"].as_array_mut().unwrap();
    assert_eq!(parts.remove(0)["thought"], true);
    assert_eq!(ours(&request, &NO_OPTIONS).unwrap(), wanted);
}

#[test]
fn options_are_as_the_official_library_sends_them() {
    let schema = r#"{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}"#;
    let format = Options {
        effort: None,
        output: Some(OutputFormat {
            name: "answer".into(),
            schema_json: schema.into(),
        }),
    };
    assert_official("format", &request(), &format);
    for (name, model, effort) in [
        ("effort-budget", "gemini-2.5-flash", Effort::Medium),
        ("effort-level", "gemini-3-flash-preview", Effort::High),
        ("effort-off", "gemini-2.5-flash", Effort::Off),
    ] {
        let mut request = request();
        request.model = Some(model.into());
        let options = Options {
            effort: Some(effort),
            output: None,
        };
        assert_official(name, &request, &options);
    }
}

#[test]
fn a_schema_keeps_its_order_and_has_to_be_one() {
    let mut request = request();
    let schema = r#"{"type":"object","properties":{"z":{},"a":{}}}"#;
    request.tools = vec![tool(schema)];
    let model = Model::new("m").unwrap();
    let sent = serde_json::to_string(&body(&model, &request, &NO_OPTIONS).unwrap()).unwrap();
    assert!(sent.contains(schema));
    request.tools = vec![tool("{")];
    assert!(
        matches!(ours(&request, &NO_OPTIONS), Err(ProviderError::InvalidRequest(m)) if m.contains("\"read\""))
    );
}
