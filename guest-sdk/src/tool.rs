//! Typed tools: arguments are a serde type, and the schema that the model sees is derived from it.

use crate::{Blob, Context, OutputBlock, ToolError, ToolHints, ToolOutput, ToolSpec};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// A plugin that offers tools.
pub trait Tools {
    /// The tools, the same at every call.
    fn tools() -> Vec<Tool>;

    /// What the tools are. It is asked without any grant when the plugin is added.
    fn list() -> Vec<ToolSpec> {
        Self::tools().into_iter().map(|tool| tool.spec).collect()
    }

    /// Calls the tool `name` with a JSON object of arguments.
    ///
    /// # Errors
    /// There is no such tool, the arguments do not fit, or the tool failed.
    fn call(name: &str, arguments_json: &str, context: &Context) -> Result<ToolOutput, ToolError> {
        let tools = Self::tools();
        match tools.iter().find(|tool| tool.spec.name == name) {
            Some(tool) => tool.call(arguments_json, context),
            None => {
                let names: Vec<_> = tools.iter().map(|tool| tool.spec.name.as_str()).collect();
                Err(ToolError::NotFound(format!(
                    "no tool is named {name:?}; there are {}",
                    names.join(", ")
                )))
            }
        }
    }
}

type Run = Box<dyn Fn(&str, &Context) -> Result<ToolOutput, ToolError>>;

/// One tool: what it is, and the function that does it.
pub struct Tool {
    spec: ToolSpec,
    run: Run,
}

impl Tool {
    /// A tool whose arguments are an `A`. The doc comments of its fields are what the model reads.
    pub fn new<A: DeserializeOwned + JsonSchema + 'static>(
        name: impl Into<String>,
        description: impl Into<String>,
        run: impl Fn(A, &Context) -> Result<ToolOutput, ToolError> + 'static,
    ) -> Self {
        Self {
            spec: ToolSpec {
                name: name.into(),
                title: None,
                description: description.into(),
                input_schema_json: schema::<A>(),
                output_schema_json: None,
                hints: ToolHints {
                    read_only: false,
                    destructive: false,
                    idempotent: false,
                    open_world: false,
                },
            },
            run: Box::new(move |json, context| run(arguments(json)?, context)),
        }
    }

    /// Gives the tool a short title for people.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.spec.title = Some(title.into());
        self
    }

    /// Hints that the tool changes nothing, and so may be called twice.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.spec.hints.read_only = true;
        self.spec.hints.idempotent = true;
        self
    }

    /// Hints that the tool may destroy something.
    #[must_use]
    pub fn destructive(mut self) -> Self {
        self.spec.hints.destructive = true;
        self
    }

    /// Hints that calling the tool twice is the same as calling it once.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.spec.hints.idempotent = true;
        self
    }

    /// Hints that the tool reaches an open world, such as the web.
    #[must_use]
    pub fn open_world(mut self) -> Self {
        self.spec.hints.open_world = true;
        self
    }

    /// Says that the tool answers with JSON of the type `T`.
    #[must_use]
    pub fn output<T: JsonSchema>(mut self) -> Self {
        self.spec.output_schema_json = Some(schema::<T>());
        self
    }

    /// What the tool is.
    pub fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    /// Calls the tool with a JSON object of arguments.
    ///
    /// # Errors
    /// The arguments do not fit, or the tool failed.
    pub fn call(&self, arguments_json: &str, context: &Context) -> Result<ToolOutput, ToolError> {
        (self.run)(arguments_json, context)
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tool").field(&self.spec).finish()
    }
}

/// Reads arguments; the error names the field. No text at all counts as an object without fields.
fn arguments<A: DeserializeOwned>(json: &str) -> Result<A, ToolError> {
    let json = if json.trim().is_empty() { "{}" } else { json };
    let mut reader = serde_json::Deserializer::from_str(json);
    let arguments = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let message = plain(&error.into_inner().to_string());
        ToolError::InvalidArguments(match path.as_str() {
            "." => message,
            field => format!("{field}: {message}"),
        })
    })?;
    reader.end().map_err(|error| {
        ToolError::InvalidArguments(format!("more than one JSON value: {error}"))
    })?;
    Ok(arguments)
}

/// A message of serde_json without its position, which means nothing to a model.
fn plain(message: &str) -> String {
    match message.rfind(" at line ") {
        Some(end) => message.get(..end).unwrap_or(message).to_owned(),
        None => message.to_owned(),
    }
}

/// The JSON Schema of `T`, in one piece and without what a model does not need.
fn schema<T: JsonSchema>() -> String {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("$schema");
    schema.remove("title");
    schema.to_value().to_string()
}

impl ToolOutput {
    /// An answer of one text.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            content: vec![OutputBlock::Text(text.into())],
            is_error: false,
        }
    }

    /// An answer of one JSON value.
    ///
    /// # Errors
    /// The value cannot be written as JSON, such as a map whose keys are not text.
    pub fn json(value: &impl Serialize) -> Result<Self, ToolError> {
        let json = serde_json::to_string(value)
            .map_err(|e| ToolError::Failed(format!("cannot write the answer as JSON: {e}")))?;
        Ok(Self {
            content: vec![OutputBlock::Json(json)],
            is_error: false,
        })
    }

    /// An answer of bytes with their media type (RFC 6838).
    pub fn blob(media_type: impl Into<String>, data: Vec<u8>) -> Self {
        Self {
            content: vec![OutputBlock::Blob(Blob {
                media_type: media_type.into(),
                data,
            })],
            is_error: false,
        }
    }

    /// Adds a text.
    #[must_use]
    pub fn and_text(mut self, text: impl Into<String>) -> Self {
        self.content.push(OutputBlock::Text(text.into()));
        self
    }

    /// Marks the answer as an error that the model shall read.
    #[must_use]
    pub fn into_error(mut self) -> Self {
        self.is_error = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use serde::Deserialize;
    use serde_json::{Value, json};

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Greet {
        /// Whom to greet.
        name: String,
        /// How often.
        #[serde(default)]
        times: u8,
        #[serde(default)]
        style: Style,
    }

    #[derive(Default, Deserialize, JsonSchema)]
    struct Style {
        #[serde(default)]
        loud: bool,
    }

    struct Hello;

    impl Tools for Hello {
        fn tools() -> Vec<Tool> {
            vec![
                Tool::new::<Greet>("greet", "Greets.", |greet, context| {
                    let mark = if greet.style.loud { "!" } else { "." };
                    Ok(ToolOutput::text(format!(
                        "{} {} {}{mark}",
                        context.session, greet.name, greet.times
                    )))
                })
                .title("Greet")
                .read_only(),
            ]
        }
    }

    fn call(json: &str) -> Result<ToolOutput, ToolError> {
        Hello::call("greet", json, &testing::context())
    }

    fn refusal(json: &str) -> String {
        match call(json) {
            Err(ToolError::InvalidArguments(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn arguments_arrive_typed() {
        assert_eq!(
            call(r#"{"name":"Ada","times":2,"style":{"loud":true}}"#).unwrap(),
            ToolOutput::text("test Ada 2!")
        );
    }

    #[test]
    fn a_refusal_names_the_field() {
        assert_eq!(refusal(""), "missing field `name`");
        assert_eq!(
            refusal(r#"{"name":3}"#),
            "name: invalid type: integer `3`, expected a string"
        );
        assert_eq!(
            refusal(r#"{"name":"a","style":{"loud":1}}"#),
            "style.loud: invalid type: integer `1`, expected a boolean"
        );
        assert!(refusal(r#"{"name":"a","nmae":"b"}"#).contains("unknown field `nmae`"));
        assert!(refusal(r#"{"name":"a"} {}"#).starts_with("more than one JSON value"));
        assert!(refusal("[").starts_with("EOF"));
    }

    #[test]
    fn an_unknown_tool_is_not_found_and_the_known_are_named() {
        assert_eq!(
            Hello::call("gret", "{}", &testing::context()),
            Err(ToolError::NotFound(
                "no tool is named \"gret\"; there are greet".into()
            ))
        );
    }

    #[test]
    fn the_schema_is_what_a_model_needs() {
        let specs = Hello::list();
        let spec = specs.first().unwrap();
        let schema: Value = serde_json::from_str(&spec.input_schema_json).unwrap();
        assert_eq!(schema["type"], json!("object"));
        assert_eq!(schema["required"], json!(["name"]));
        assert_eq!(
            schema["properties"]["name"],
            json!({"type": "string", "description": "Whom to greet."})
        );
        assert_eq!(schema["properties"]["style"]["type"], json!("object"));
        assert!(schema.get("$schema").is_none() && schema.get("title").is_none());
        assert!(spec.hints.read_only && !spec.hints.destructive);
    }
}
