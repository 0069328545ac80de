//! From the contract's request to the body that is sent.

use crate::messages::{Block, Conversation, Turn};
use crate::reasoning::{Reasoning, Way};
use crate::schema;
use crate::settings::Settings;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tollgate_adapter::schema as written;
use tollgate_sdk::options::{Options, OutputFormat};
use tollgate_sdk::{CompletionRequest, ProviderError, ToolChoice, ToolSpec};

/// The body of the request.
#[derive(Debug, Serialize)]
pub(crate) struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block>,
    messages: Vec<Turn>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

#[derive(Debug, Serialize)]
struct OutputConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format>,
}

impl<'a> Body<'a> {
    /// The body for `request`.
    pub(crate) fn new(
        request: &'a CompletionRequest,
        options: &Options,
        settings: &'a Settings,
    ) -> Result<Self, ProviderError> {
        let model = settings.server.model(request);
        let max_tokens = request.output_tokens_max.unwrap_or(settings.max_tokens);
        let reasoning = Reasoning::new(
            options.effort,
            settings.thinking.unwrap_or_else(|| Way::of(model)),
            settings.thinking_display.as_deref(),
            max_tokens,
        )?;
        if reasoning.has_budget() {
            fits_a_budget(request)?;
        }
        let format = options.output.as_ref().map(format).transpose()?;
        let output_config = OutputConfig {
            effort: reasoning.effort,
            format,
        };
        let conversation = Conversation::new(&request.messages)?;
        let tools: Result<Vec<_>, _> = request.tools.iter().map(tool).collect();
        let choice = tool_choice(&request.tool_choice).filter(|_| !request.tools.is_empty());
        let thousandths = |milli: u32| f64::from(milli) / 1000.0;
        Ok(Self {
            model,
            max_tokens,
            system: conversation.system,
            messages: conversation.turns,
            tools: tools?,
            tool_choice: choice,
            thinking: reasoning.thinking,
            output_config: (output_config.effort.is_some() || output_config.format.is_some())
                .then_some(output_config),
            temperature: request.temperature_milli.map(thousandths),
            top_p: request.top_p_milli.map(thousandths),
            stop_sequences: &request.stop,
            stream: request.stream,
        })
    }
}

/// What the API does not take beside a budget for reasoning.
fn fits_a_budget(request: &CompletionRequest) -> Result<(), ProviderError> {
    let temperature = request.temperature_milli.is_some_and(|milli| milli != 1000);
    let top_p = request.top_p_milli.is_some_and(|milli| milli < 950);
    let forced = !request.tools.is_empty()
        && matches!(
            request.tool_choice,
            ToolChoice::Required | ToolChoice::Tool(_)
        );
    let what = match (temperature, top_p, forced) {
        (true, _, _) => "a temperature other than 1",
        (_, true, _) => "top-p below 0.95",
        (_, _, true) => "a tool that it must use",
        _ => return Ok(()),
    };
    Err(ProviderError::invalid(format!(
        "this model does not reason with {what}; leave that or the effort out"
    )))
}

#[derive(Debug, Serialize)]
struct Tool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    input_schema: Box<RawValue>,
}

fn tool(spec: &ToolSpec) -> Result<Tool<'_>, ProviderError> {
    let schema = written::input(spec)?;
    Ok(Tool {
        name: &spec.name,
        description: &spec.description,
        input_schema: schema::arguments(&schema)?,
    })
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        // What the server does by itself.
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!({"type": "none"})),
        ToolChoice::Required => Some(json!({"type": "any"})),
        ToolChoice::Tool(name) => Some(json!({"type": "tool", "name": name})),
    }
}

/// The form of the answer. Its name has no place in this format, and says nothing that the schema does not.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "json_schema")]
struct Format {
    schema: Box<RawValue>,
}

fn format(output: &OutputFormat) -> Result<Format, ProviderError> {
    Ok(Format {
        schema: schema::closed(&written::output(output)?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::options::Effort;
    use tollgate_sdk::{ContentBlock, Image, Message, Opaque, Role, ToolResult, ToolUse};

    const NO_OPTIONS: Options = Options {
        effort: None,
        output: None,
    };

    fn text(text: &str) -> ContentBlock {
        ContentBlock::Text(text.into())
    }

    fn message(role: Role, content: Vec<ContentBlock>) -> Message {
        Message { role, content }
    }

    fn request() -> CompletionRequest {
        tollgate_sdk::testing::sample_request(vec![message(Role::User, vec![text("hi")])])
    }

    fn spec(schema: &str) -> ToolSpec {
        tollgate_sdk::testing::sample_tool(schema)
    }

    fn read() -> ToolSpec {
        spec(r#"{"type":"object","properties":{"path":{"type":"string"}},"required":["path"]}"#)
    }

    fn effort(effort: Effort) -> Options {
        Options {
            effort: Some(effort),
            output: None,
        }
    }

    fn body(request: &CompletionRequest, options: &Options) -> Result<Value, ProviderError> {
        let settings = Settings::read()?;
        Body::new(request, options, &settings).map(|body| serde_json::to_value(body).unwrap())
    }

    fn image() -> ContentBlock {
        ContentBlock::Image(Image {
            media_type: "image/png".into(),
            data: vec![1, 2, 3],
        })
    }

    fn call(id: &str, path: &str) -> ContentBlock {
        ContentBlock::ToolUse(ToolUse {
            id: id.into(),
            name: "read".into(),
            arguments_json: json!({"path": path}).to_string(),
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

    fn opaque(data: Value) -> ContentBlock {
        ContentBlock::Opaque(Opaque {
            provider: "anthropic".into(),
            data: data.to_string().into_bytes(),
        })
    }

    /// The requests for which the bodies in `testdata/requests.json` were sent by Anthropic's own library
    /// (Python, 2.11.0).
    fn requests() -> Vec<(&'static str, CompletionRequest, Options)> {
        let with = |change: fn(&mut CompletionRequest)| {
            let mut request = request();
            change(&mut request);
            request
        };
        let tools = |choice| {
            let mut request = request();
            request.tools = vec![read()];
            request.tool_choice = choice;
            request
        };
        let talk = |said: Vec<ContentBlock>, answered: Vec<ContentBlock>| {
            let mut request = tools(ToolChoice::Auto);
            request.messages.push(message(Role::Assistant, said));
            request.messages.push(message(Role::User, answered));
            request
        };
        let form = Options {
            effort: Some(Effort::Low),
            output: Some(OutputFormat {
                name: "number".into(),
                schema_json:
                    r#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#
                        .into(),
            }),
        };
        vec![
            ("plain", request(), NO_OPTIONS),
            ("stream", with(|r| r.stream = true), NO_OPTIONS),
            (
                "system",
                with(|r| {
                    r.messages.insert(0, message(Role::System, vec![text("a")]));
                    r.messages.push(message(Role::System, vec![text("b")]));
                }),
                NO_OPTIONS,
            ),
            (
                "sampling",
                with(|r| {
                    r.temperature_milli = Some(700);
                    r.top_p_milli = Some(50);
                    r.stop = vec!["END".into()];
                }),
                NO_OPTIONS,
            ),
            (
                "image",
                with(|r| r.messages = vec![message(Role::User, vec![text("look"), image()])]),
                NO_OPTIONS,
            ),
            ("tools_auto", tools(ToolChoice::Auto), NO_OPTIONS),
            ("tools_any", tools(ToolChoice::Required), NO_OPTIONS),
            (
                "tools_one",
                tools(ToolChoice::Tool("read".into())),
                NO_OPTIONS,
            ),
            ("tools_none", tools(ToolChoice::None), NO_OPTIONS),
            (
                "results",
                talk(
                    vec![text("x"), call("a", "/a"), call("b", "/b")],
                    vec![
                        text("and now?"),
                        result("a", "A", false),
                        image(),
                        result("b", "no", true),
                    ],
                ),
                NO_OPTIONS,
            ),
            (
                "thinking_back",
                talk(
                    vec![
                        ContentBlock::Thinking("hm".into()),
                        opaque(json!({"type": "thinking", "thinking": "hm", "signature": "c2ln"})),
                        opaque(json!({"type": "redacted_thinking", "data": "ZGF0YQ=="})),
                        call("a", "/a"),
                    ],
                    vec![result("a", "A", false)],
                ),
                NO_OPTIONS,
            ),
            ("adaptive", request(), effort(Effort::High)),
            ("off", request(), effort(Effort::Off)),
            (
                "budget",
                with(|r| {
                    r.model = Some("claude-haiku-4-5".into());
                    r.output_tokens_max = Some(8_000);
                }),
                effort(Effort::Medium),
            ),
            ("format", request(), form),
        ]
    }

    #[test]
    fn bodies_are_what_the_providers_own_library_sends() {
        let sent: Value = serde_json::from_str(include_str!("../testdata/requests.json")).unwrap();
        let requests = requests();
        assert_eq!(sent.as_object().unwrap().len(), requests.len());
        for (name, request, options) in requests {
            assert_eq!(body(&request, &options).unwrap(), sent[name], "{name}");
        }
    }

    #[test]
    fn a_choice_without_tools_is_not_sent() {
        let mut request = request();
        request.tool_choice = ToolChoice::Required;
        assert!(
            body(&request, &NO_OPTIONS)
                .unwrap()
                .get("tool_choice")
                .is_none()
        );
    }

    #[test]
    fn a_schema_that_says_no_type_says_object_and_one_that_is_none_is_refused() {
        let mut request = request();
        request.tools = vec![spec("{}")];
        let sent = body(&request, &NO_OPTIONS).unwrap();
        assert_eq!(sent["tools"][0]["input_schema"], json!({"type": "object"}));
        request.tools[0].description.clear();
        let sent = body(&request, &NO_OPTIONS).unwrap();
        assert!(sent["tools"][0].get("description").is_none());
        for schema in ["{", "true", "[]", ""] {
            request.tools = vec![spec(schema)];
            assert!(
                matches!(body(&request, &NO_OPTIONS), Err(ProviderError::InvalidRequest(m)) if m.contains("\"read\""))
            );
        }
        let form = Options {
            effort: None,
            output: Some(OutputFormat {
                name: "number".into(),
                schema_json: "7".into(),
            }),
        };
        request.tools = vec![];
        assert!(
            matches!(body(&request, &form), Err(ProviderError::InvalidRequest(m)) if m.contains("\"number\""))
        );
    }

    #[test]
    fn what_a_budget_does_not_allow_is_refused_and_an_effort_alone_does_not() {
        let mut cases: Vec<CompletionRequest> = vec![request(), request(), request(), request()];
        cases[0].temperature_milli = Some(999);
        cases[1].top_p_milli = Some(949);
        cases[2].tools = vec![read()];
        cases[2].tool_choice = ToolChoice::Required;
        cases[3].tools = vec![read()];
        cases[3].tool_choice = ToolChoice::Tool("read".into());
        for mut request in cases {
            request.model = Some("claude-haiku-4-5".into());
            let got = body(&request, &effort(Effort::Low));
            assert!(
                matches!(got, Err(ProviderError::InvalidRequest(_))),
                "{got:?}"
            );
            assert!(body(&request, &effort(Effort::Off)).is_ok());
            request.model = Some("claude-opus-4-6".into());
            assert!(body(&request, &effort(Effort::Low)).is_ok());
        }
        let mut fits = request();
        fits.model = Some("claude-haiku-4-5".into());
        fits.temperature_milli = Some(1000);
        fits.top_p_milli = Some(950);
        fits.tool_choice = ToolChoice::Required;
        assert!(body(&fits, &effort(Effort::Low)).is_ok());
    }
}
