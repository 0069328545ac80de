//! `tollgate call`: one tool call in a session that is only an id. It needs no login.

use super::plugin::{failure, judge_contract, project};
use super::{denied, grant, input};
use crate::app::App;
use crate::args::call::Call;
use crate::args::values::{self, WordValue};
use crate::errors::{Context, Done, Failure};
use crate::plugins::{self, LocateError, Located, World};
use crate::printer::table::{left, prose};
use crate::printer::{Spinner, escape};
use crate::render::words::count;
use crate::wiring::{House, Manner};
use base64::Engine as _;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tollgate_contract::{
    CallContext, CallEvidence, CallFault, CallId, OutputBlock, PluginCaller, PluginName, Progress,
    ProgressSink, Reply, SessionId, ToolError, ToolOutput, ToolSpec,
};
use tollgate_receipts::{CallRecord, Draft, Ledger, Plugin, Record};

/// Characters of a tool's description in a table.
const DESCRIPTION_CHARS_MAX: usize = 72;

/// Calls the tool and prints what it returned.
pub(crate) async fn run(app: &App, mut args: Call) -> Done {
    args.plugin = project::resolve(&args.plugin)?;
    let house = House::open(app, Manner::default())?;
    let located = match house.catalogue.find(&args.plugin) {
        Ok(located) => located,
        Err(error) => {
            record_refusal(&house, &args, &error).await?;
            return Err(failure(error));
        }
    };
    let located = located.ok_or_else(|| Failure::NotFound {
        kind: "plugin",
        name: args.plugin.clone(),
        remedy: "tollgate plugin list".into(),
    })?;
    judge_contract(&located)?;
    if located.component.world == World::Provider {
        return Err(Failure::input_try(
            format!("plugin {} is a provider and has no tools", located.name),
            format!("tollgate agent launch --provider-id {}", located.name),
        ));
    }
    let tools = {
        let _progress = app.printer.progress("preparing the plugin");
        plugins::tools_of(&house, &located).await?
    };
    let Some(name) = &args.tool else {
        return Err(list(app, &located, &tools));
    };
    let tool = tools
        .iter()
        .find(|tool| tool.name == *name)
        .ok_or_else(|| Failure::NotFound {
            kind: "tool",
            name: format!("{} {name}", located.name),
            remedy: format!("tollgate plugin show {}", located.name),
        })?;
    let arguments = arguments(&args, tool)?;
    let context = context(&located.name)?;
    let session = context.session.to_string();
    house.authorities.set_project(&session, &app.project.id());
    let _granted = grant::for_call(app, &house, &located, &session, &args.grants)?;
    let reply = {
        let what = format!("{} {name}", located.name);
        let shown = app.printer.progress(&what);
        let heard: Arc<dyn ProgressSink> = Arc::new(Shown {
            spinner: shown.spinner(),
            what,
        });
        house
            .sandbox
            .call_tool_watched(
                context.clone(),
                name.clone(),
                arguments.to_string(),
                Some(heard),
            )
            .await
    };
    let reply = reply.map_err(|fault| {
        print_talk(app, &context.plugin, fault.talk());
        fault_failure(fault, &session)
    })?;
    print(app, &context, name, &reply);
    app.printer.talk(format!(
        "{} allowed, {} denied; see `tollgate receipt list --session {session}`",
        count(
            usize::try_from(reply.evidence.allowed).unwrap_or(usize::MAX),
            "effect"
        ),
        reply.evidence.denied
    ));
    outcome(&house, &located, name, &session, reply)
}

/// Shows a person how far the tool says it is.
struct Shown {
    spinner: Spinner,
    what: String,
}

impl ProgressSink for Shown {
    fn report(&self, progress: Progress) {
        let of = progress
            .total
            .map_or_else(String::new, |all| format!("/{all}"));
        let words = progress
            .message
            .map_or_else(String::new, |words| format!(" {words}"));
        self.spinner
            .say(&format!("{} {}{of}{words}", self.what, progress.done));
    }
}

/// A component that is refused for what it says of itself never reaches the sandbox; that it was to be
/// called is on record all the same.
async fn record_refusal(house: &House, args: &Call, error: &LocateError) -> Done {
    if !matches!(
        error,
        LocateError::Read(_) | LocateError::Changed { .. } | LocateError::Taken { .. }
    ) {
        return Ok(());
    }
    let Ok(name) = PluginName::new(args.plugin.clone()) else {
        return Ok(()); // a path: it has no name, and so no authority, yet
    };
    let context = context(&name)?;
    let unknown = || "unknown".to_owned();
    let record = Record::Call(CallRecord {
        call: context.call.to_string(),
        time_us: crate::time::now_us(),
        run: None,
        plugin: Arc::new(Plugin {
            name: name.to_string(),
            version: unknown(),
            digest: unknown(),
        }),
        export: "tool.call".into(),
        ended: "refused".into(),
        detail: Some(error.to_string()),
        allowed: 0,
        denied: 0,
        clock: 0,
        random_bytes: 0,
        stdio_bytes: 0,
        duration_us: 0,
        memory_bytes_peak: 0,
    });
    let cannot = || "the refusal cannot be recorded".to_owned();
    let draft = Draft {
        session: context.session.to_string(),
        record,
    };
    let ticket = house.store.submit(draft).doing(cannot)?;
    house.store.durable(&[ticket]).await.doing(cannot)
}

/// Says which tools there are, for a call that names none.
fn list(app: &App, located: &Located, tools: &[ToolSpec]) -> Failure {
    let rows: Vec<Vec<String>> = tools
        .iter()
        .map(|tool| vec![tool.name.clone(), tool.description.clone()])
        .collect();
    app.printer
        .json(&json!({ "plugin": located.name, "tools": tools }));
    let columns = [
        left("TOOL"),
        prose("IN THE PLUGIN'S OWN WORDS", DESCRIPTION_CHARS_MAX),
    ];
    app.printer.table(&columns, &rows);
    Failure::Input {
        what: "no tool was named".into(),
        rule: Some("a call names its tool; none is guessed".into()),
        remedy: Some(format!("tollgate call {} TOOL KEY=VALUE", located.name)),
    }
}

/// A call in a session that is only an id.
pub(super) fn context(plugin: &PluginName) -> Done<CallContext> {
    let id = uuid::Uuid::now_v7().simple();
    let refused = |error| Failure::failed("an id could not be made", anyhow::Error::from(error));
    Ok(CallContext {
        session: SessionId::new(format!("call_{id}")).map_err(refused)?,
        run: None,
        call: CallId::new(format!("call_{id}")).map_err(refused)?,
        plugin: plugin.clone(),
        fence: None,
        effects_max: None,
    })
}

/// The arguments as one JSON object.
fn arguments(args: &Call, tool: &ToolSpec) -> Done<Value> {
    if let Some(json) = &args.arguments_json {
        let text = if json == "-" {
            input::stdin()?
        } else {
            json.clone()
        };
        let value: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::input(format!("the arguments are not JSON: {error}")))?;
        return if value.is_object() {
            Ok(value)
        } else {
            Err(Failure::input("the arguments are not a JSON object"))
        };
    }
    // A schema that does not parse asks for no strings; the tool itself judges its arguments.
    let schema: Value = serde_json::from_str(&tool.input_schema_json).unwrap_or(Value::Null);
    let mut object = Map::new();
    for word in &args.arguments {
        let word = values::parse(word).map_err(Failure::input)?;
        let value = match word.value {
            WordValue::Json(value) => value,
            WordValue::Plain(text) => values::judge(&schema, &word.key, text),
            WordValue::File(path) if values::wants_base64(&schema, &word.key) => {
                let bytes = input::bytes(&path)?;
                Value::String(base64::engine::general_purpose::STANDARD.encode(bytes))
            }
            WordValue::File(path) => Value::String(input::file(&path)?),
        };
        values::insert(&mut object, word.key, value).map_err(Failure::input)?;
    }
    Ok(Value::Object(object))
}

fn print(
    app: &App,
    context: &CallContext,
    tool: &str,
    reply: &Reply<Result<ToolOutput, ToolError>>,
) {
    let evidence = &reply.evidence;
    let (content, is_error, error) = match &reply.value {
        Ok(output) => (
            output.content.iter().map(block).collect::<Vec<_>>(),
            output.is_error,
            None,
        ),
        Err(error) => (Vec::new(), true, Some(json!(error))),
    };
    app.printer.json(&json!({
        "plugin": context.plugin,
        "tool": tool,
        "session": context.session,
        "call": context.call,
        "is_error": is_error,
        "content": content,
        "error": error,
        "evidence": evidence_json(evidence),
    }));
    if let Ok(output) = &reply.value {
        for block in &output.content {
            app.printer
                .line(escape::text(block.as_text().trim_end_matches('\n')));
        }
    }
    print_talk(app, &context.plugin, &evidence.talk);
}

/// What the plugin wrote on standard error or logged.
fn print_talk(app: &App, plugin: &PluginName, talk: &str) {
    let talk = indented(&escape::text(talk.trim_end()));
    if !talk.is_empty() {
        app.printer.talk(format!("{plugin} wrote: {talk}"));
    }
}

/// A plugin's words with their further lines indented, so that none can pass for a line of the host's.
fn indented(words: &str) -> String {
    words.replace('\n', "\n  ")
}

fn evidence_json(evidence: &CallEvidence) -> Value {
    json!({
        "digest": evidence.digest,
        "allowed": evidence.allowed,
        "denied": evidence.denied,
        "receipts": evidence.receipts,
        "performed_strict": evidence.performed_strict,
    })
}

/// A block for programs: bytes in base64 (RFC 4648).
fn block(block: &OutputBlock) -> Value {
    match block {
        OutputBlock::Text { text } => json!({ "type": "text", "text": text }),
        OutputBlock::Json { json } => {
            let value = serde_json::from_str(json).unwrap_or(Value::String(json.clone()));
            json!({ "type": "json", "json": value })
        }
        OutputBlock::Blob { media_type, data } => {
            let data = base64::engine::general_purpose::STANDARD.encode(data);
            json!({ "type": "blob", "media_type": media_type, "data_base64": data })
        }
    }
}

fn outcome(
    house: &House,
    located: &Located,
    tool: &str,
    session: &str,
    reply: Reply<Result<ToolOutput, ToolError>>,
) -> Done {
    let failed = |what: String, remedy: Option<String>| Failure::Run {
        what,
        rule: None,
        remedy,
    };
    match reply.value {
        Ok(output) if !output.is_error => Ok(()),
        // What was refused need not be why it failed; only the plugin could tell, and it did not.
        Ok(_) => Err(failed(
            format!("{} {tool} answered with an error", located.name),
            (reply.evidence.denied > 0)
                .then(|| format!("tollgate receipt list --session {session}")),
        )),
        Err(ToolError::InvalidArguments { message }) => Err(Failure::input_try(
            format!(
                "{} {tool} does not take these arguments: {}",
                located.name,
                indented(&message)
            ),
            format!("tollgate plugin show {}", located.name),
        )),
        Err(ToolError::Denied { denial }) => Err(denied::failure(house, &denial)),
        Err(error @ (ToolError::Failed { .. } | ToolError::NotFound { .. })) => {
            let words = indented(&error.to_string());
            Err(failed(format!("{} {tool} {words}", located.name), None))
        }
    }
}

/// A call that gave no answer of its own.
pub(super) fn fault_failure(fault: CallFault, session: &str) -> Failure {
    let remedy = match &fault {
        CallFault::LedgerUnavailable { .. } | CallFault::Sandbox { .. } => "tollgate doctor".into(),
        CallFault::UnknownPlugin { .. } => "tollgate plugin list".into(),
        _ => format!("tollgate receipt list --session {session}"),
    };
    Failure::Run {
        what: indented(&fault.to_string()),
        rule: None,
        remedy: Some(remedy),
    }
}
