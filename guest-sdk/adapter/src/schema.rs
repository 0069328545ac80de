//! JSON Schemas as the request carries them: what somebody wrote, in the order in which it was written,
//! because a model writes the members of its answer in that order.

use serde_json::value::RawValue;
use tollgate_sdk::options::OutputFormat;
use tollgate_sdk::{ProviderError, ToolSpec};

/// The schema of a tool's arguments.
///
/// # Errors
/// It is not a JSON object.
pub fn input(spec: &ToolSpec) -> Result<Box<RawValue>, ProviderError> {
    object(&spec.input_schema_json).map_err(|why| invalid(&format!("tool {:?}", spec.name), &why))
}

/// The schema of the answer.
///
/// # Errors
/// It is not a JSON object.
pub fn output(format: &OutputFormat) -> Result<Box<RawValue>, ProviderError> {
    object(&format.schema_json).map_err(|why| invalid(&format!("output {:?}", format.name), &why))
}

fn object(text: &str) -> Result<Box<RawValue>, String> {
    let schema: Box<RawValue> = serde_json::from_str(text).map_err(|e| format!("JSON: {e}"))?;
    if schema.get().starts_with('{') {
        Ok(schema)
    } else {
        Err("a JSON object".into())
    }
}

fn invalid(whose: &str, why: &str) -> ProviderError {
    ProviderError::invalid(format!("the schema of {whose} is not {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(schema: &str) -> OutputFormat {
        OutputFormat {
            name: "answer".into(),
            schema_json: schema.into(),
        }
    }

    #[test]
    fn the_order_of_members_stays() {
        let schema = r#"{"type":"object","properties":{"why":{},"answer":{}}}"#;
        assert_eq!(
            output(&format(&format!(" {schema} "))).unwrap().get(),
            schema
        );
    }

    #[test]
    fn what_is_no_schema_is_told() {
        for (text, why) in [
            ("{", "not JSON"),
            ("[]", "not a JSON object"),
            ("", "not JSON"),
        ] {
            let Err(ProviderError::InvalidRequest(message)) = output(&format(text)) else {
                panic!("{text}");
            };
            assert!(
                message.contains(why) && message.contains("\"answer\""),
                "{message}"
            );
        }
    }
}
