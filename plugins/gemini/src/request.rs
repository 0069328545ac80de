//! From the contract's request to the body that is sent.

use crate::contents::{Content, conversation};
use crate::model::Model;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tollgate_adapter::schema;
use tollgate_sdk::options::Options;
use tollgate_sdk::{CompletionRequest, ProviderError, ToolChoice, ToolSpec};

/// The body of a request. It is written in this order; parts that came from the server stand in it as
/// they came.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body<'a> {
    contents: Vec<Content>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<[Tools<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<Value>,
    #[serde(skip_serializing_if = "GenerationConfig::is_empty")]
    generation_config: GenerationConfig<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Tools<'a> {
    function_declarations: Vec<Declaration<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: &'a str,
    description: &'a str,
    parameters_json_schema: Box<RawValue>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerationConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Value>,
}

/// The body of the request.
pub(crate) fn body<'a>(
    model: &Model,
    request: &'a CompletionRequest,
    options: &Options,
) -> Result<Body<'a>, ProviderError> {
    let conversation = conversation(&request.messages, model.must_sign())?;
    let parts: Vec<_> = conversation
        .system
        .iter()
        .map(|text| json!({"text": text}))
        .collect();
    let declared: Result<Vec<_>, _> = request.tools.iter().map(Declaration::of).collect();
    let function_declarations = declared?;
    // A choice among no tools is none.
    let offered = !function_declarations.is_empty();
    Ok(Body {
        contents: conversation.contents,
        system_instruction: (!parts.is_empty()).then(|| json!({"role": "user", "parts": parts})),
        tools: offered.then_some([Tools {
            function_declarations,
        }]),
        tool_config: tool_config(&request.tool_choice).filter(|_| offered),
        generation_config: GenerationConfig::of(model, request, options)?,
    })
}

impl<'a> GenerationConfig<'a> {
    fn of(
        model: &Model,
        request: &'a CompletionRequest,
        options: &Options,
    ) -> Result<Self, ProviderError> {
        let thousandths = |milli: u32| f64::from(milli) / 1000.0;
        let thinking = options.effort.map(|effort| model.thinking_config(effort));
        Ok(Self {
            temperature: request.temperature_milli.map(thousandths),
            top_p: request.top_p_milli.map(thousandths),
            stop_sequences: &request.stop,
            max_output_tokens: request.output_tokens_max,
            // The name of the form has no place here; the schema is what the answer follows.
            response_mime_type: options.output.as_ref().map(|_| "application/json"),
            response_json_schema: options.output.as_ref().map(schema::output).transpose()?,
            thinking_config: thinking.transpose()?.flatten(),
        })
    }

    fn is_empty(&self) -> bool {
        self.temperature.is_none()
            && self.top_p.is_none()
            && self.stop_sequences.is_empty()
            && self.max_output_tokens.is_none()
            && self.response_json_schema.is_none()
            && self.thinking_config.is_none()
    }
}

impl<'a> Declaration<'a> {
    fn of(spec: &'a ToolSpec) -> Result<Self, ProviderError> {
        Ok(Self {
            name: &spec.name,
            description: &spec.description,
            parameters_json_schema: schema::input(spec)?,
        })
    }
}

fn tool_config(choice: &ToolChoice) -> Option<Value> {
    let config = match choice {
        // What the server does by itself.
        ToolChoice::Auto => return None,
        ToolChoice::None => json!({"mode": "NONE"}),
        ToolChoice::Required => json!({"mode": "ANY"}),
        ToolChoice::Tool(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
    };
    Some(json!({"functionCallingConfig": config}))
}

#[cfg(test)]
mod tests;
