//! `greet` and `read` of tests/hostile/bench, with ACT's own SDK.

use act_sdk::prelude::*;

#[act_component]
mod component {
    use super::*;

    /// Greets someone.
    #[act_tool(description = "Greets someone.", read_only)]
    fn greet(
        /// Whom to greet.
        name: String,
    ) -> ActResult<String> {
        Ok(format!("Hello, {name}!"))
    }

    /// Reads a file.
    #[act_tool(description = "Reads a file.", read_only)]
    fn read(
        /// A path in the guest.
        path: String,
    ) -> ActResult<String> {
        std::fs::read_to_string(&path)
            .map_err(|error| ActError::internal(format!("{path}: {error}")))
    }
}
