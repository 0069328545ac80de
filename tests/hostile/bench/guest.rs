//! What the benchmarks call: nothing, a greeting, read a file, create a file.

use tollgate_sdk::{Context, Tool, ToolError, ToolOutput, Tools};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nothing {}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct At {
    /// A path in the guest.
    path: String,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Greet {
    /// Whom to greet.
    name: String,
}

fn noop(_: Nothing, _: &Context) -> Result<ToolOutput, ToolError> {
    Ok(ToolOutput::text("done"))
}

fn greet(greet: Greet, _: &Context) -> Result<ToolOutput, ToolError> {
    Ok(ToolOutput::text(format!("Hello, {}!", greet.name)))
}

fn read(at: At, _: &Context) -> Result<ToolOutput, ToolError> {
    let text = std::fs::read_to_string(&at.path)?;
    Ok(ToolOutput::text(text))
}

fn create(at: At, _: &Context) -> Result<ToolOutput, ToolError> {
    std::fs::File::create_new(&at.path)?;
    Ok(ToolOutput::text("created"))
}

/// The plugin.
#[derive(Debug)]
pub struct Bench;

impl Tools for Bench {
    fn tools() -> Vec<Tool> {
        vec![
            Tool::new::<Nothing>("noop", "Does nothing.", noop),
            Tool::new::<Greet>("greet", "Greets someone.", greet),
            Tool::new::<At>("read", "Reads a file.", read),
            Tool::new::<At>("create", "Creates a file.", create),
        ]
    }
}

tollgate_sdk::export_tools!(Bench);
