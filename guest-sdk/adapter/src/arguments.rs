//! The arguments of a tool call on their way back, for formats that hold them as JSON and not as text.

use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tollgate_sdk::ProviderError;

/// Under which name arguments go back that the model did not write as a JSON object.
const AS_WRITTEN: &str = "arguments_as_written";

/// The arguments as a JSON object, in the order in which they were written. What is none goes inside of
/// one: a server takes only objects, and the conversation could never be sent again.
///
/// # Errors
/// They cannot be written as JSON.
pub fn object(arguments_json: &str) -> Result<Box<RawValue>, ProviderError> {
    let written = match arguments_json.trim() {
        "" => "{}",
        written => written,
    };
    match RawValue::from_string(written.into()) {
        Ok(object) if written.starts_with('{') => Ok(object),
        _ => to_raw_value(&json!({AS_WRITTEN: arguments_json}))
            .map_err(|e| ProviderError::invalid(format!("the arguments cannot be written: {e}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_stays_as_it_is_and_all_else_goes_into_one() {
        for (written, sent) in [
            (" {\"b\": 1, \"a\": 2} ", "{\"b\": 1, \"a\": 2}"),
            ("", "{}"),
            (" ", "{}"),
            ("[1]", "{\"arguments_as_written\":\"[1]\"}"),
            ("\"x\"", "{\"arguments_as_written\":\"\\\"x\\\"\"}"),
            ("{\"cut", "{\"arguments_as_written\":\"{\\\"cut\"}"),
        ] {
            assert_eq!(object(written).unwrap().get(), sent, "{written}");
        }
    }
}
