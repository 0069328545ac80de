//! One tool, `fetch`: one request to the web, and its answer as text, as bytes, or as what a person would
//! read of a page.
//!
//! Invariants: each redirect is a request of its own, so each passes the gate and leaves its receipt; what
//! a call adds to a request goes to the origin that it named and to no other; every answer is bounded
//! and says what was cut.
//!
//! Not here: cookies between calls, caches, credentials (the host adds what a grant names), compressed
//! answers, and pages that need a script to be seen.

mod body;
mod bounds;
mod charset;
mod exchange;
mod tool;
mod url;

use tollgate_sdk::{Tool, Tools};

/// The plugin.
#[derive(Debug)]
pub struct Fetch;

impl Tools for Fetch {
    fn tools() -> Vec<Tool> {
        vec![tool::tool()]
    }
}

tollgate_sdk::export_tools!(Fetch);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_tool_has_a_schema_of_an_object() {
        for spec in Fetch::list() {
            let schema: Value = serde_json::from_str(&spec.input_schema_json).unwrap();
            assert_eq!(schema["type"], "object");
            assert_eq!(schema["additionalProperties"], false);
            for (field, about) in schema["properties"].as_object().unwrap() {
                assert!(about["description"].is_string(), "{field}");
            }
        }
    }
}
