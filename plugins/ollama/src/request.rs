//! From the contract's request to the body that is sent.

use crate::messages::{Sent, messages};
use crate::settings::Own;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tollgate_adapter::schema;
use tollgate_sdk::options::{Effort, Options};
use tollgate_sdk::{CompletionRequest, ProviderError, ToolChoice, ToolSpec};

/// The body of a request, in the order in which it is written.
#[derive(Debug, Serialize)]
pub(crate) struct Body<'a> {
    model: &'a str,
    messages: Vec<Sent>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    /// Always said: the server's own choice is to stream.
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    think: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    options: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive: Option<Value>,
}

#[derive(Debug, Serialize)]
struct Tool<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: Box<RawValue>,
}

/// The body of the request.
pub(crate) fn body<'a>(
    model: &'a str,
    request: &'a CompletionRequest,
    options: &Options,
    own: &Own,
) -> Result<Body<'a>, ProviderError> {
    Ok(Body {
        model,
        messages: messages(&request.messages)?,
        tools: tools(request)?,
        stream: request.stream,
        think: options.effort.map(think),
        // The name of the form has no place here; the schema is what the answer follows.
        format: options.output.as_ref().map(schema::output).transpose()?,
        options: model_options(request, own),
        keep_alive: own.keep_alive.clone(),
    })
}

fn think(effort: Effort) -> Value {
    match effort {
        Effort::Off => false.into(),
        Effort::Low => "low".into(),
        Effort::Medium => "medium".into(),
        Effort::High => "high".into(),
    }
}

fn model_options(request: &CompletionRequest, own: &Own) -> Map<String, Value> {
    let mut options = Map::new();
    let mut set = |name: &str, value: Value| {
        options.insert(name.into(), value);
    };
    if let Some(tokens) = own.num_ctx {
        set("num_ctx", tokens.into());
    }
    if let Some(tokens) = request.output_tokens_max {
        set("num_predict", tokens.into());
    }
    if !request.stop.is_empty() {
        set("stop", request.stop.clone().into());
    }
    if let Some(milli) = request.temperature_milli {
        set("temperature", (f64::from(milli) / 1000.0).into());
    }
    if let Some(milli) = request.top_p_milli {
        set("top_p", (f64::from(milli) / 1000.0).into());
    }
    options
}

/// The tools that the model may ask for. The server has no setting for a choice: it can be told of none,
/// and cannot be made to use one.
fn tools(request: &CompletionRequest) -> Result<Vec<Tool<'_>>, ProviderError> {
    match request.tool_choice {
        _ if request.tools.is_empty() => Ok(Vec::new()),
        ToolChoice::None => Ok(Vec::new()),
        ToolChoice::Auto => request.tools.iter().map(Tool::of).collect(),
        ToolChoice::Required | ToolChoice::Tool(_) => Err(ProviderError::invalid(
            "Ollama cannot make a model use a tool: leave the choice to it",
        )),
    }
}

impl<'a> Tool<'a> {
    fn of(spec: &'a ToolSpec) -> Result<Self, ProviderError> {
        Ok(Self {
            kind: "function",
            function: Function {
                name: &spec.name,
                description: &spec.description,
                parameters: schema::input(spec)?,
            },
        })
    }
}

#[cfg(test)]
mod tests;
