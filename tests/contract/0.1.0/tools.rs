//! A tool for each interface that a plugin of contract 0.1.0 may use. Built once; see README.md.

use tollgate_sdk::http::{Host, Request};
use tollgate_sdk::kv::Bucket;
use tollgate_sdk::{Context, Tool, ToolError, ToolOutput, Tools, config, log};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct One {
    /// What to work on.
    of: String,
}

fn echo(one: One, context: &Context) -> Result<ToolOutput, ToolError> {
    log::info("echo", &one.of);
    let call = context.call.starts_with("call_") && context.deadline_ms > 0;
    Ok(ToolOutput::text(format!("{} {call}", one.of)))
}

fn read(one: One, _: &Context) -> Result<ToolOutput, ToolError> {
    let text = std::fs::read_to_string(&one.of).map_err(|e| ToolError::io("read", &one.of, &e))?;
    Ok(ToolOutput::text(text))
}

fn write(one: One, _: &Context) -> Result<ToolOutput, ToolError> {
    std::fs::write(&one.of, "written").map_err(|e| ToolError::io("write", &one.of, &e))?;
    Ok(ToolOutput::text("written"))
}

fn fetch(one: One, _: &Context) -> Result<ToolOutput, ToolError> {
    let response = Request::get(one.of).send(&Host)?;
    let status = response.status;
    Ok(ToolOutput::text(format!("{status} {}", response.text(1024)?)))
}

fn remember(one: One, _: &Context) -> Result<ToolOutput, ToolError> {
    let bucket = Bucket::open("contract")?;
    let before = bucket.get("last")?.unwrap_or_default();
    bucket.set("last", one.of.as_bytes())?;
    Ok(ToolOutput::text(String::from_utf8_lossy(&before)))
}

fn setting(one: One, _: &Context) -> Result<ToolOutput, ToolError> {
    let value = config::get(&one.of).map_err(|e| ToolError::failed(e.to_string()))?;
    ToolOutput::json(&serde_json::json!({ "value": value }))
}

fn variable(one: One, _: &Context) -> Result<ToolOutput, ToolError> {
    let value = std::env::var(one.of).unwrap_or_default();
    Ok(ToolOutput::blob("text/plain", value.into_bytes()))
}

struct Contract;

impl Tools for Contract {
    fn tools() -> Vec<Tool> {
        let tool = |name, run: fn(One, &Context) -> _| {
            Tool::new::<One>(name, "Uses one interface of the contract.", run)
        };
        vec![
            tool("echo", echo).title("Echo").read_only(),
            tool("read", read),
            tool("write", write),
            tool("fetch", fetch).open_world(),
            tool("remember", remember),
            tool("setting", setting),
            tool("variable", variable),
        ]
    }
}

tollgate_sdk::export_tools!(Contract);
