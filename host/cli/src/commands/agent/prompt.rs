//! `agent prompt`: a prompt, its run, and what became of it as an exit code.

use super::{failure, look, session_id};
use crate::app::App;
use crate::args::agent::{
    Effort as EffortWord, OnDenied as OnDeniedWord, Prompt, RunFlags, Transport,
};
use crate::commands::{denied, input};
use crate::demo;
use crate::errors::{Context, Done, Failure};
use crate::plugins::{self, Ungranted};
use crate::printer::{Printer, Progress as Spinner, escape};
use crate::render::words::{count, quoted, resolve_command};
use crate::wiring::{House, Manner};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tollgate_contract::{Effort, OutputFormat, RequestOptions, SessionId};
use tollgate_grants::AuthoritySource;
use tollgate_sandbox::net::FixtureSet;
use tollgate_sessions::driver::{PromptRequest, Prompted, RunOptions, Work, is_exit_word};
use tollgate_sessions::event::RunTerms;
use tollgate_sessions::models::Cost;
use tollgate_sessions::observe::{Cancel, Progress, RunObserver};
use tollgate_sessions::ports::SessionStore as _;
use tollgate_sessions::record::RunReport;
use tollgate_sessions::status::{OnDenied, RunStatus, Status, ToolOutcome};

/// How long a prompt waits for a session that misses something.
const WAIT_MAX: Duration = Duration::from_secs(600);
/// The most bytes of a schema of answers.
const SCHEMA_BYTES_MAX: usize = 8 * 1024;
/// Exit code of a process that was interrupted: 128 and the number of SIGINT.
const EXIT_INTERRUPTED: i32 = 130;
/// The most bytes of a fixture file.
const FIXTURE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Sends a prompt.
pub(crate) async fn run(app: &App, args: Prompt) -> Done {
    let operator = app.operator("agent prompt")?;
    let Some(id) = &args.id else {
        let driver = House::open(app, Manner::default())?.driver(operator);
        return look::list_for_prompt(app, &driver).await;
    };
    let session = session_id(id)?;
    let text = match &args.text {
        Some(text) => input::text(text)?,
        None => input::stdin()?,
    };
    if text.trim().is_empty() {
        return Err(Failure::input("the prompt is empty"));
    }
    let terms = terms(&args.run)?;
    let house = House::open(app, manner(&terms)?)?;
    let driver = house.driver(operator);
    let prepared = if is_exit_word(&text) {
        Prepared::idle(terms)
    } else {
        let record = driver.status(&session).await.map_err(failure)?;
        if takes_a_prompt(record.status) {
            house
                .authorities
                .set_project(session.as_str(), &record.project);
            prepare(app, &house, session.as_str(), terms).await?
        } else {
            // The driver will refuse; no plugin is compiled nor asked for its tools before.
            Prepared::idle(terms)
        }
    };
    let request = PromptRequest {
        text,
        wait_max: (!args.no_wait).then_some(WAIT_MAX),
    };
    match driver
        .prompt(&session, &request, &prepared.work)
        .await
        .map_err(failure)?
    {
        Prompted::Exited(record) => {
            app.printer.json(&record);
            app.printer
                .line(format!("session {} is {}", record.id, record.status));
            Ok(())
        }
        Prompted::Ran(ran) => report(app, &house, &ran, &prepared),
    }
}

/// Whether a prompt is legal, or waits, in this state.
fn takes_a_prompt(status: Status) -> bool {
    matches!(
        status,
        Status::Unbound | Status::Idle | Status::Dormant | Status::Suspended
    )
}

/// The terms of a run that the flags ask for.
pub(crate) fn terms(flags: &RunFlags) -> Done<RunTerms> {
    Ok(RunTerms {
        iterations_max: flags.max_iterations,
        token_budget: flags.provider_token_budget,
        money_budget: flags.money_budget.as_deref().map(money).transpose()?,
        effect_budget: flags.effect_budget,
        on_denied: match (flags.on_denied, flags.no_allow_fixture_action) {
            (OnDeniedWord::Block, _) | (_, true) => OnDenied::Block,
            (OnDeniedWord::Continue, false) => OnDenied::Tell,
        },
        fixture: fixture_of(flags)?.map(wherever).transpose()?,
        withhold: flags.no_allow_fixture_action,
        request: RequestOptions {
            effort: flags.effort.map(|word| match word {
                EffortWord::Off => Effort::Off,
                EffortWord::Low => Effort::Low,
                EffortWord::Medium => Effort::Medium,
                EffortWord::High => Effort::High,
            }),
            output: flags
                .output_schema
                .as_deref()
                .map(output_format)
                .transpose()?,
        },
    })
}

/// `0.50`, or `0.50 EUR`.
fn money(typed: &str) -> Done<Cost> {
    let (amount, currency) = typed
        .trim()
        .split_once(' ')
        .unwrap_or((typed.trim(), "USD"));
    let wrong = || {
        Failure::input_try(
            format!("{typed:?} is no amount of money"),
            "--money-budget 0.50, or --money-budget '0.50 EUR'",
        )
    };
    let currency = currency.trim();
    let letters = currency.len() == 3 && currency.bytes().all(|letter| letter.is_ascii_uppercase());
    let (units, parts) = amount.split_once('.').unwrap_or((amount, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    if !letters || !digits(units) || !digits(parts) || parts.len() > 6 {
        return Err(wrong());
    }
    let units: u64 = units.parse().map_err(|_| wrong())?;
    let parts: u64 = format!("{parts:0<6}").parse().map_err(|_| wrong())?;
    let micros = units
        .checked_mul(1_000_000)
        .and_then(|micros| micros.checked_add(parts))
        .ok_or_else(wrong)?;
    Ok(Cost {
        micros,
        currency: currency.to_owned(),
    })
}

/// The form of the answer, named after its file.
fn output_format(path: &std::path::Path) -> Done<OutputFormat> {
    let shown = path.display();
    let schema = std::fs::read_to_string(path).doing(|| format!("{shown} cannot be read"))?;
    if schema.len() > SCHEMA_BYTES_MAX {
        return Err(Failure::input(format!(
            "{shown} has more than {SCHEMA_BYTES_MAX} bytes"
        )));
    }
    let object: Result<serde_json::Map<String, serde_json::Value>, _> =
        serde_json::from_str(&schema);
    let object =
        object.map_err(|error| Failure::input(format!("{shown} is no JSON Schema: {error}")))?;
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let name: String = stem
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .take(64)
        .collect();
    Ok(OutputFormat {
        name,
        schema_json: serde_json::Value::Object(object).to_string(),
    })
}

/// The fixture that the flags name, or mean.
fn fixture_of(flags: &RunFlags) -> Done<Option<&str>> {
    match (flags.transport, flags.fixture.as_deref()) {
        (Some(Transport::Live), Some(named)) => Err(Failure::Input {
            what: format!(
                "--transport live and --fixture {} are both given",
                quoted(named)
            ),
            rule: Some("a run is answered by the network or by a fixture".into()),
            remedy: Some("leave one of them out".into()),
        }),
        (Some(Transport::Fixture), None) => Ok(Some(demo::FIXTURE)),
        (_, named) => Ok(named),
    }
}

/// A fixture's name, or its path as it can be found from any directory.
fn wherever(named: &str) -> Done<String> {
    if demo::fixture(named).is_some() {
        return Ok(named.to_owned());
    }
    let path = std::path::absolute(named)
        .doing(|| format!("the path of fixture {named:?} cannot be made absolute"))?;
    path.into_os_string().into_string().map_err(|_| {
        Failure::input(format!(
            "fixture {named:?} is in a directory whose name is not UTF-8"
        ))
    })
}

/// What the terms of a run ask of the house.
pub(crate) fn manner(terms: &RunTerms) -> Done<Manner> {
    Ok(Manner {
        fixture: terms.fixture.as_deref().map(fixture).transpose()?,
        withhold: terms.withhold,
        ..Manner::default()
    })
}

/// The fixture of a name or a file.
pub(crate) fn fixture(named: &str) -> Done<FixtureSet> {
    let text = match demo::fixture(named) {
        Some(text) => text,
        None => {
            let size = std::fs::metadata(named).map(|seen| seen.len()).unwrap_or(0);
            if size > FIXTURE_BYTES_MAX {
                return Err(Failure::input(format!(
                    "fixture {named} has more than {FIXTURE_BYTES_MAX} bytes"
                )));
            }
            std::fs::read_to_string(named).map_err(|error| Failure::Input {
                what: format!("fixture {named:?} cannot be read: {error}"),
                rule: Some(
                    "a fixture is a file, or one of the built-in names: persistent-agent".into(),
                ),
                remedy: Some("--fixture persistent-agent".into()),
            })?
        }
    };
    FixtureSet::parse(&text, named).map_err(|error| Failure::input(error.to_string()))
}

/// What a run works with, and what its operator should know.
pub(crate) struct Prepared {
    pub(crate) work: Work,
    /// Plugins with tools to which nothing is granted.
    pub(crate) ungranted: Vec<Ungranted>,
}

impl Prepared {
    /// Where no run will be worked on.
    pub(crate) fn idle(terms: RunTerms) -> Self {
        Self {
            work: idle_work(terms),
            ungranted: Vec::new(),
        }
    }
}

/// What a run works with: the tools of the granted plugins, and its terms.
pub(crate) async fn prepare(
    app: &App,
    house: &House,
    session: &str,
    terms: RunTerms,
) -> Done<Prepared> {
    let offered = {
        let _progress = app.printer.progress("preparing the tools");
        plugins::offered(house, session).await?
    };
    for refused in &offered.refused {
        app.printer.warn(escape::line(refused));
    }
    for line in Ungranted::say(&offered.ungranted, !offered.catalog.specs().is_empty()) {
        app.printer.warn(escape::line(&line));
    }
    let mut work = work(&app.printer, terms);
    work.options.system = offered.directories;
    work.catalog = Arc::new(offered.catalog);
    Ok(Prepared {
        work,
        ungranted: offered.ungranted,
    })
}

/// The terms of a run, with no tool.
fn work(printer: &Printer, terms: RunTerms) -> Work {
    let cancel = Cancel::default();
    let asked = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            asked.cancel();
        }
        // Who asks twice does not want to wait; what is open is settled by whoever comes next.
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(EXIT_INTERRUPTED);
        }
    });
    Work {
        observer: Arc::new(Watcher::new(printer.clone())),
        cancel,
        ..idle_work(terms)
    }
}

fn idle_work(terms: RunTerms) -> Work {
    Work {
        catalog: Arc::default(),
        options: RunOptions {
            terms,
            stream: true,
            ..RunOptions::default()
        },
        observer: Arc::new(tollgate_sessions::observe::NoObserver),
        cancel: Cancel::default(),
    }
}

/// Prints a run and turns how it stands into an exit code.
pub(crate) fn report(app: &App, house: &House, ran: &RunReport, prepared: &Prepared) -> Done {
    if let Ok(serde_json::Value::Object(mut fields)) = serde_json::to_value(ran) {
        fields.insert("ungranted".into(), json!(prepared.ungranted));
        app.printer.json(&fields);
    }
    if !ran.output.is_empty() {
        app.printer.line(escape::text(ran.output.trim_end()));
    }
    let turns = count(usize::try_from(ran.turns).unwrap_or(usize::MAX), "turn");
    app.printer.talk(format!(
        "run {} {}: {turns}, {} + {} tokens, {}; see `tollgate receipt list --run {}`",
        ran.run,
        ran.status,
        ran.usage.input,
        ran.usage.output,
        count(ran.environment_receipts.len(), "receipt"),
        ran.run,
    ));
    outcome(house, ran, prepared.work.options.terms.fixture.as_deref())
}

fn outcome(house: &House, ran: &RunReport, fixture: Option<&str>) -> Done {
    // Who goes on with a fixture does not mean the network.
    let fixture = fixture
        .map(|fixture| format!(" --fixture {}", quoted(fixture)))
        .unwrap_or_default();
    let reason = ran.reason.clone().unwrap_or_else(|| ran.status.to_string());
    let said = ran
        .message
        .as_ref()
        .map(|message| format!(": {message}"))
        .unwrap_or_default();
    let (session, run) = (ran.session.clone(), ran.run.clone());
    match (ran.status, reason.as_str()) {
        (RunStatus::Completed | RunStatus::Running, _) => Ok(()),
        (RunStatus::Interrupted, "max_iterations") => Err(Failure::Budget {
            remedy: Some(format!(
                "tollgate agent prompt {session} {} --max-iterations {}{fixture}",
                quoted("go on"),
                ran.turns.saturating_mul(2).max(2)
            )),
            session,
            run,
            reason: "max_iterations".into(),
        }),
        (RunStatus::Interrupted, "effect_budget") => Err(Failure::Budget {
            remedy: Some(format!(
                "tollgate agent prompt {session} {} --effect-budget {}{fixture}",
                quoted("go on"),
                ran.effects.saturating_mul(2).max(100)
            )),
            session,
            run,
            reason,
        }),
        (RunStatus::Interrupted, "money_budget") => Err(Failure::Budget {
            remedy: Some(format!(
                "tollgate agent prompt {session} {} --money-budget AMOUNT{fixture}",
                quoted("go on"),
            )),
            session,
            run,
            reason,
        }),
        (RunStatus::Interrupted, "token_budget" | "output_limit") => Err(Failure::Budget {
            remedy: Some(format!(
                "tollgate agent prompt {session} {} --provider-token-budget {}{fixture}",
                quoted("go on"),
                ran.usage
                    .input
                    .saturating_add(ran.usage.output)
                    .saturating_mul(2)
                    .max(10_000)
            )),
            session,
            run,
            reason,
        }),
        (RunStatus::Blocked, _) => Err(Failure::Blocked {
            remedy: match reason.as_str() {
                "indeterminate" => Some(unresolved(house, &session)),
                "ledger_unavailable" => Some("tollgate doctor".into()),
                // A rule that denies is not answered by a grant; the run is ended, or waits.
                _ => ran
                    .denials
                    .last()
                    .and_then(|denial| denied::failure(house, denial).remedy())
                    .or_else(|| Some(format!("tollgate agent stop {session}"))),
            },
            session,
            run,
            reason: format!("{reason}{said}"),
        }),
        (RunStatus::Failed, "denied") => Err(match ran.denials.last() {
            Some(denial) => denied::failure(house, denial),
            None => denied::of_run(house, &run).unwrap_or_else(|| failed(ran, &said)),
        }),
        _ => Err(failed(ran, &said)),
    }
}

/// The command on the effect for which a session waits.
fn unresolved(house: &House, session: &str) -> String {
    let open = SessionId::new(session)
        .ok()
        .and_then(|session| house.store.open_intents(&session, 1).ok());
    match open.unwrap_or_default().first() {
        Some(intent) => resolve_command(&intent.receipt),
        None => format!("tollgate agent status {session}"),
    }
}

fn failed(ran: &RunReport, said: &str) -> Failure {
    let reason = ran.reason.as_deref();
    let reason = reason.map(|reason| format!(" ({reason})"));
    Failure::Run {
        what: format!(
            "run {} of session {} {}{}{said}",
            ran.run,
            ran.session,
            ran.status,
            reason.unwrap_or_default()
        ),
        rule: Some(format!("the session is {} now", ran.session_status)),
        remedy: Some(if ran.session_status.is_recoverable() {
            format!("tollgate agent restart {}", ran.session)
        } else {
            format!("tollgate agent events {}", ran.session)
        }),
    }
}

/// Tells an operator on standard error what a run does.
struct Watcher {
    printer: Printer,
    spinner: std::sync::Mutex<Option<Spinner>>,
}

impl Watcher {
    fn new(printer: Printer) -> Self {
        Self {
            printer,
            spinner: std::sync::Mutex::default(),
        }
    }

    fn waiting(&self, what: Option<&str>) {
        let mut spinner = self
            .spinner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *spinner = what.map(|what| self.printer.progress(what));
    }
}

impl RunObserver for Watcher {
    fn progress(&self, progress: &Progress<'_>) {
        let say = |text: String| {
            self.waiting(None);
            self.printer.talk(escape::line(&text));
        };
        match progress {
            Progress::Waiting { unmet } => {
                for one in *unmet {
                    say(format!("waiting: missing {}: {}", one.label, one.help));
                }
            }
            Progress::RunStarted { run } => say(format!("run {run}")),
            Progress::Turn { turn, .. } => {
                self.waiting(Some(&format!("turn {turn}: waiting for the provider")));
            }
            Progress::Retry { error, wait } => {
                say(format!(
                    "  the provider says {error}; trying again in {} s",
                    wait.as_secs_f32()
                ));
            }
            Progress::ToolStarted { plugin, tool } => {
                self.waiting(Some(&format!("{plugin} {tool}")));
            }
            Progress::ToolCompleted {
                plugin,
                tool,
                outcome,
                denial,
                talk,
            } => {
                match denial {
                    Some(denial) => say(format!(
                        "  {plugin} {tool}: {outcome} {} {} ({})",
                        denial.kind, denial.target, denial.reason
                    )),
                    None => say(format!("  {plugin} {tool}: {outcome}")),
                }
                if *outcome != ToolOutcome::Ok && !talk.is_empty() {
                    say(format!("  {plugin} wrote: {}", escape::cut(talk, 400)));
                }
            }
            Progress::RunEnded { .. } => self.waiting(None),
        }
    }
}

/// The grants of a plugin as the model may know them: which directories there are.
pub(crate) fn directories(house: &House, plugin: &str, session: &str) -> Vec<String> {
    match house.authorities.authority(plugin, session) {
        Ok(authority) => authority
            .mounts()
            .iter()
            .map(|mount| format!("{} ({})", mount.guest, mount.access))
            .collect(),
        Err(_) => Vec::new(),
    }
}
