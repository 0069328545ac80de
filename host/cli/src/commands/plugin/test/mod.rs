//! `plugin test`: the cases of a project, each in a home of its own with the grants that it names.
//!
//! The component, the gate and the receipts are real; a fixture stands in for the socket alone. So a
//! case can say what must be denied as well as what must work.

mod cases;
mod judge;
mod place;

use super::bench::{self, Bench, Setup};
use super::project::Project;
use super::{build, contract};
use crate::app::App;
use crate::args::plugin::Test;
use crate::commands::agent;
use crate::errors::{Context, Done, Failure};
use crate::printer::escape;
use crate::render::words::count;
use cases::{Act, Case};
use judge::{Ended, Mismatch, Outcome, Seen};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tollgate_contract::{
    CallFault, CompletionRequest, ContentBlock, IgnoreDeltas, Message, OutputBlock, PluginCaller,
    PluginName, Role, ToolChoice,
};

/// The file of cases in a project.
const CASES: &str = "tests.toml";

/// A case that was run.
#[derive(Debug, Serialize)]
struct Ran {
    name: String,
    passed: bool,
    milliseconds: u64,
    mismatches: Vec<Mismatch>,
    receipts: Vec<Seen>,
    /// What the plugin wrote to its standard error and log.
    talk: String,
}

/// Runs the cases.
pub(super) async fn run(app: &App, args: &Test) -> Done {
    let project = Project::load(&args.project)?;
    let component = project.built()?;
    let path = match &args.cases {
        Some(path) => path.clone(),
        None => project.root.join(CASES),
    };
    let mut cases = cases::read(&path)?;
    if let Some(filter) = &args.filter {
        cases.retain(|case| case.name.contains(filter.as_str()));
    }
    if cases.is_empty() {
        return Err(Failure::input(format!(
            "{} has no case{}",
            path.display(),
            args.filter
                .as_ref()
                .map(|filter| format!(" whose name contains {filter:?}"))
                .unwrap_or_default()
        )));
    }
    let name = PluginName::new(project.declared.name.clone())
        .map_err(|error| Failure::input(error.to_string()))?;
    let beside = path.parent().unwrap_or(&project.root).to_owned();
    if let Some(changed) = build::newer_than_built(&project) {
        app.printer.warn(escape::line(&format!(
            "{} was changed after the component was built; `tollgate plugin build` builds it again",
            changed.display()
        )));
    }
    let mut all = Vec::new();
    for case in &cases {
        let ran = {
            let _progress = app.printer.progress(&case.name);
            play(app, &component, &name, &beside, case).await?
        };
        tell(app, &ran);
        all.push(ran);
    }
    let failed = all.iter().filter(|ran| !ran.passed).count();
    app.printer.json(&json!({
        "plugin": name,
        "component": component,
        "cases": all,
        "passed": all.len() - failed,
        "failed": failed,
    }));
    app.printer.line(format!(
        "{}: {} passed, {failed} failed",
        count(all.len(), "case"),
        all.len() - failed
    ));
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::Run {
        what: format!("{failed} of {} failed", count(all.len(), "case")),
        rule: None,
        remedy: None,
    })
}

/// Runs one case in a home that is gone afterwards.
async fn play(
    app: &App,
    component: &Path,
    name: &PluginName,
    beside: &Path,
    case: &Case,
) -> Done<Ran> {
    let in_case = |error: Failure| Failure::Input {
        what: format!("case {:?}: {error}", case.name),
        rule: error.rule(),
        remedy: error.remedy(),
    };
    let (temporary, work) = bench::directory()?;
    place::lay_out(case, beside, &work).map_err(in_case)?;
    let fixture = case
        .fixture
        .as_ref()
        .map(|path| agent::fixture(&beside.join(path).to_string_lossy()))
        .transpose()
        .map_err(in_case)?;
    let setup = Setup {
        grants: case.grants.clone(),
        config: case.config.clone(),
        limits: case.limits.clone(),
        fixture,
    };
    let place = (temporary, work.clone());
    let bench = Bench::open(app, component, name, setup, place).map_err(in_case)?;
    contract::judge(&bench.located)?;
    let (before, last) = case.acts();
    for act in before {
        let (ended, _, _) = call(&bench, act).await?;
        if let Ended::Error { kind, message } = ended {
            return Err(in_case(Failure::input(format!(
                "a call of `before` ended without an answer, {kind}: {message}"
            ))));
        }
    }
    let started = Instant::now();
    let (ended, receipts, talk) = call(&bench, last).await?;
    let took = started.elapsed();
    let outcome = Outcome {
        ended,
        receipts,
        files: place::look(&case.expect, &work),
    };
    let mismatches = judge::judge(&case.expect, &outcome);
    Ok(Ran {
        name: case.name.clone(),
        passed: mismatches.is_empty(),
        milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        mismatches,
        receipts: outcome.receipts,
        talk,
    })
}

/// Makes one call; how it ended, its receipts, and the plugin's words.
async fn call(bench: &Bench, act: Act) -> Done<(Ended, Vec<Seen>, String)> {
    let context = bench.call()?;
    let id = context.call.clone();
    let caller = &bench.house.sandbox;
    let (ended, talk) = match act {
        Act::Tool(tool, arguments) => {
            match caller.call_tool(context, tool, arguments.to_string()).await {
                Ok(reply) => {
                    let ended = match reply.value {
                        Ok(output) => answer(&output.content, output.is_error),
                        Err(error) => refusal(&json!(error), error.to_string()),
                    };
                    (ended, reply.evidence.talk)
                }
                Err(fault) => (faulted(&fault)?, fault.talk().to_owned()),
            }
        }
        Act::Prompt(prompt) => {
            let sink = Arc::new(IgnoreDeltas);
            match caller.complete(context, request(prompt), sink).await {
                Ok(reply) => {
                    let ended = match reply.value {
                        Ok(completion) => answer(&texts(&completion.content), false),
                        Err(error) => refusal(&json!(error), error.to_string()),
                    };
                    (ended, reply.evidence.talk)
                }
                Err(fault) => (faulted(&fault)?, fault.talk().to_owned()),
            }
        }
    };
    let receipts = bench.receipts(&id)?;
    Ok((ended, receipts.iter().map(Seen::from).collect(), talk))
}

fn request(prompt: String) -> CompletionRequest {
    CompletionRequest {
        model: None,
        messages: vec![Message::text(Role::User, prompt)],
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        temperature_milli: None,
        top_p_milli: None,
        stop: Vec::new(),
        output_tokens_max: None,
        stream: false,
        options: tollgate_contract::RequestOptions::default(),
    }
}

/// What a model said, as blocks of a tool's answer.
fn texts(content: &[ContentBlock]) -> Vec<OutputBlock> {
    let said = content.iter().filter_map(|block| match block {
        ContentBlock::Text { text } => Some(OutputBlock::Text { text: text.clone() }),
        _ => None,
    });
    said.collect()
}

fn answer(content: &[OutputBlock], is_error: bool) -> Ended {
    let blocks: Vec<String> = content.iter().map(OutputBlock::as_text).collect();
    let text = blocks.join("\n");
    let json = content.iter().find_map(|block| match block {
        OutputBlock::Json { json } => serde_json::from_str(json).ok(),
        _ => None,
    });
    Ended::Answer {
        json: json.or_else(|| serde_json::from_str(&text).ok()),
        text,
        is_error,
    }
}

/// An error of the contract, by its stable label.
fn refusal(error: &Value, message: String) -> Ended {
    let kind = error.get("type").and_then(Value::as_str);
    Ended::Error {
        kind: kind.unwrap_or("failed").to_owned(),
        message,
    }
}

/// A fault of the plugin's; one of the host's ends the tests.
fn faulted(fault: &CallFault) -> Done<Ended> {
    let kind = match fault {
        CallFault::Trapped { .. } => "trapped",
        CallFault::Limit { .. } => "limit",
        CallFault::Refused { .. } => "refused",
        _ => {
            return Err(fault.clone()).doing(|| "the call could not be made".into());
        }
    };
    Ok(Ended::Error {
        kind: kind.into(),
        message: fault.to_string(),
    })
}

fn tell(app: &App, ran: &Ran) {
    let printer = &app.printer;
    let word = if ran.passed {
        printer.good("ok  ")
    } else {
        printer.bad("FAIL")
    };
    printer.line(format!(
        "{word}  {}  {}",
        escape::line(&ran.name),
        printer.dim(&format!("{} ms", ran.milliseconds))
    ));
    for wrong in &ran.mismatches {
        printer.line(format!("      {}:", escape::line(&wrong.of)));
        for line in judge::diff(wrong) {
            printer.line(format!("        {}", escape::line(&line)));
        }
    }
    if !ran.passed && !ran.talk.is_empty() {
        printer.line("      the plugin wrote:");
        for line in ran.talk.lines() {
            printer.line(format!("        {}", escape::line(line)));
        }
    }
}
