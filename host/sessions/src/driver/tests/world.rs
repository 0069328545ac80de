//! A small world: one disk, processes on it, a scripted provider and scripted tools.

use crate::catalog::ToolCatalog;
use crate::clock::Clock;
use crate::driver::*;
use crate::event::{Event, EventRecord, Operator, RunTerms};
use crate::memory::MemoryStore;
use crate::observe::{Cancel, NoObserver};
use crate::ports::{OpenIntent, SessionStore as _};
use crate::record::{RunReport, SessionRecord};
use crate::retry::Jitter;
use crate::status::{FaultReason, Resolution};
use async_trait::async_trait;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tollgate_contract::*;

pub(super) type Answer = Result<Reply<Result<Completion, ProviderError>>, CallFault>;
pub(super) type ToolAnswer = Result<Reply<Result<ToolOutput, ToolError>>, CallFault>;

/// Effects that a call of a tool may attempt.
pub(super) const EFFECTS_MAX: u64 = 10;

/// The wall clock on tokio's paused one.
#[derive(Clone, Copy)]
pub(super) struct TestClock(tokio::time::Instant);

impl Clock for TestClock {
    fn now_us(&self) -> i64 {
        1_700_000_000_000_000 + self.0.elapsed().as_micros() as i64
    }
}

/// Plugins that say what they were told to say.
#[derive(Default)]
pub(super) struct Script {
    pub(super) answers: Mutex<VecDeque<Answer>>,
    /// Answers by the number of assistant messages seen, for scripts that survive a restart.
    pub(super) by_turn: Mutex<Vec<Answer>>,
    pub(super) tools: Mutex<VecDeque<ToolAnswer>>,
    pub(super) requests: Mutex<Vec<CompletionRequest>>,
    /// Tool calls that were made: tool and arguments.
    pub(super) called: Mutex<Vec<(String, String)>>,
    /// Effects that each of them was let attempt.
    pub(super) bounds: Mutex<Vec<Option<u64>>>,
    /// How the next provider calls come; the rest says one piece at once and answers.
    pub(super) paces: Mutex<VecDeque<Pace>>,
    /// The plugins whose provider calls began.
    pub(super) asked: Mutex<Vec<String>>,
    /// Provider calls that were dropped before they had answered.
    pub(super) dropped: Arc<Mutex<u32>>,
    /// A tool call of this name never comes back.
    pub(super) hangs: Mutex<Option<String>>,
    /// Grants that let their effects be performed again.
    pub(super) retryable: Mutex<Vec<String>>,
}

#[async_trait]
impl PluginCaller for Script {
    fn effects_max(&self, _: &PluginName) -> Option<u64> {
        Some(EFFECTS_MAX)
    }

    fn may_repeat(&self, _: &SessionId, _: &str, _: &str, grant: &str) -> bool {
        self.retryable.lock().unwrap().iter().any(|it| it == grant)
    }

    async fn call_tool_watched(
        &self,
        context: CallContext,
        tool: String,
        arguments: String,
        _: Option<Arc<dyn ProgressSink>>,
    ) -> ToolAnswer {
        assert!(context.fence.is_some());
        self.bounds.lock().unwrap().push(context.effects_max);
        self.called.lock().unwrap().push((tool.clone(), arguments));
        if self.hangs.lock().unwrap().as_deref() == Some(&tool) {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        self.tools
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or_else(|| tool_ok("done"))
    }

    async fn describe(&self, _: CallContext) -> Result<Reply<ProviderInfo>, CallFault> {
        let info = ProviderInfo {
            name: "scripted".into(),
            format: "script".into(),
            default_model: None,
            streams: false,
        };
        Ok(Reply {
            value: info,
            evidence: CallEvidence::default(),
        })
    }

    async fn complete(
        &self,
        context: CallContext,
        request: CompletionRequest,
        deltas: Arc<dyn DeltaSink>,
    ) -> Answer {
        let mut under_way = UnderWay(Some(Arc::clone(&self.dropped)));
        self.asked.lock().unwrap().push(context.plugin.to_string());
        let pace = self.paces.lock().unwrap().pop_front().unwrap_or_default();
        let turn = request
            .messages
            .iter()
            .filter(|m| m.role == Role::Assistant)
            .count();
        self.requests.lock().unwrap().push(request);
        for wait in pace.pieces {
            tokio::time::sleep(wait).await;
            deltas.emit(Delta::Text { text: "…".into() });
        }
        tokio::time::sleep(pace.end).await;
        under_way.0 = None;
        if let Some(answer) = self.by_turn.lock().unwrap().get(turn) {
            return answer.clone();
        }
        self.answers
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or_else(|| say("nothing more"))
    }
}

/// How a provider call comes.
#[derive(Clone)]
pub(super) struct Pace {
    /// Waits before its pieces.
    pub(super) pieces: Vec<Duration>,
    /// Wait before its end.
    pub(super) end: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            pieces: vec![Duration::ZERO],
            end: Duration::from_millis(1),
        }
    }
}

impl Pace {
    /// In seconds.
    pub(super) fn of(pieces: &[u64], end: u64) -> Self {
        Self {
            pieces: pieces.iter().copied().map(Duration::from_secs).collect(),
            end: Duration::from_secs(end),
        }
    }
}

/// A provider call that has not answered.
struct UnderWay(Option<Arc<Mutex<u32>>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(dropped) = &self.0 {
            *dropped.lock().unwrap() += 1;
        }
    }
}

/// No chance: as long as may be.
pub(super) struct Longest;

impl Jitter for Longest {
    fn up_to(&self, most: Duration) -> Duration {
        most
    }
}

fn reply<T>(value: T, receipts: &[&str], denied: u64) -> Reply<T> {
    let receipts = receipts.iter().map(|&id| id.to_owned()).collect();
    Reply {
        value,
        evidence: CallEvidence {
            receipts,
            denied,
            ..CallEvidence::default()
        },
    }
}

fn completion(content: Vec<ContentBlock>, stop: StopReason) -> Answer {
    let usage = Usage {
        input: 10,
        output: 5,
        ..Usage::default()
    };
    let completion = Completion {
        model: "m-1".into(),
        response_id: None,
        content,
        stop,
        usage,
    };
    Ok(reply(Ok(completion), &["env_http"], 0))
}

pub(super) fn say(text: &str) -> Answer {
    completion(
        vec![ContentBlock::Text { text: text.into() }],
        StopReason::EndTurn,
    )
}

pub(super) fn cut(text: &str) -> Answer {
    completion(
        vec![ContentBlock::Text { text: text.into() }],
        StopReason::MaxTokens,
    )
}

/// Asks for tools: id, offered name, arguments.
pub(super) fn ask(uses: &[(&str, &str, &str)]) -> Answer {
    let blocks = uses
        .iter()
        .map(|(id, name, arguments_json)| ContentBlock::ToolUse {
            id: (*id).into(),
            name: (*name).into(),
            arguments_json: (*arguments_json).into(),
        });
    completion(blocks.collect(), StopReason::ToolUse)
}

pub(super) fn fails(error: ProviderError) -> Answer {
    Ok(reply(Err(error), &["env_http"], 0))
}

/// The provider could not be reached.
pub(super) fn unavailable() -> ProviderError {
    ProviderError::Unavailable {
        message: "the provider's own words".into(),
        retry_after_ms: None,
    }
}

pub(super) fn denial() -> Denial {
    Denial {
        receipt: "r_denied".into(),
        kind: "fs.create".into(),
        target: "/project/x".into(),
        reason: "no_grant".into(),
    }
}

pub(super) fn tool_ok(text: &str) -> ToolAnswer {
    let content = vec![OutputBlock::Text { text: text.into() }];
    Ok(reply(
        Ok(ToolOutput {
            content,
            is_error: false,
        }),
        &["env_file"],
        0,
    ))
}

/// As [`tool_ok`], of a call that attempted so many effects.
pub(super) fn tool_attempted(effects: u64) -> ToolAnswer {
    let mut answer = tool_ok("done");
    if let Ok(reply) = &mut answer {
        reply.evidence.attempted = effects;
    }
    answer
}

pub(super) fn tool_denied() -> ToolAnswer {
    Ok(reply(
        Err(ToolError::Denied { denial: denial() }),
        &["r_denied"],
        1,
    ))
}

pub(super) fn trapped() -> CallFault {
    CallFault::Trapped {
        plugin: "files".into(),
        message: "unreachable".into(),
        talk: String::new(),
        attempted: 0,
    }
}

/// What is missing, as long as the list is not empty.
#[derive(Default)]
pub(super) struct Needs(
    pub(super) Mutex<Vec<&'static str>>,
    /// The provider component traps.
    pub(super) Mutex<bool>,
);

#[async_trait]
impl BindChecks for Needs {
    async fn check(&self, context: BindContext<'_>) -> Binding {
        assert!(context.fence > 0);
        if *self.1.lock().unwrap() {
            return Binding::Fault {
                reason: FaultReason::SandboxFailed,
                detail: "the component trapped".into(),
            };
        }
        let missing = self.0.lock().unwrap().clone();
        if missing.is_empty() {
            return Binding::Holds {
                provider_name: Some(format!("{} by script", context.identity.provider)),
                format: None,
            };
        }
        let unmet = |label: &&str| Unmet {
            label: (*label).into(),
            help: "do it".into(),
        };
        Binding::Missing(missing.iter().map(unmet).collect())
    }
}

pub(super) struct World {
    pub(super) store: MemoryStore,
    pub(super) script: Arc<Script>,
    pub(super) needs: Arc<Needs>,
    clock: TestClock,
    pub(super) driver: Driver,
}

impl World {
    pub(super) fn new() -> Self {
        let clock = TestClock(tokio::time::Instant::now());
        Self::on(MemoryStore::new("host_a"), Arc::default(), clock)
    }

    fn on(store: MemoryStore, script: Arc<Script>, clock: TestClock) -> Self {
        let needs = Arc::new(Needs::default());
        let driver = Driver {
            store: Arc::new(store.clone()),
            ledger: Arc::new(store.clone()),
            caller: script.clone(),
            binds: needs.clone(),
            providers: Providers {
                jitter: Arc::new(Longest),
                ..Providers::default()
            },
            clock: Arc::new(clock),
            operator: Operator {
                subject: "ada".into(),
                issuer: "os".into(),
            },
            settings: Settings::default(),
        };
        Self {
            store,
            script,
            needs,
            clock,
            driver,
        }
    }

    /// Another process on the same disk, with the same plugins.
    pub(super) fn beside(&self, host: &str) -> Self {
        Self::on(
            self.store.beside(host),
            Arc::clone(&self.script),
            self.clock,
        )
    }

    pub(super) fn paces(&self, paces: Vec<Pace>) {
        self.script.paces.lock().unwrap().extend(paces);
    }

    /// How many provider calls began.
    pub(super) fn asked(&self) -> usize {
        self.script.asked.lock().unwrap().len()
    }

    pub(super) fn answers(&self, answers: Vec<Answer>) {
        self.script.answers.lock().unwrap().extend(answers);
    }

    pub(super) async fn launch(&self, mode: &str) -> SessionRecord {
        let launch = Launch {
            session: Some(id()),
            project: "p".into(),
            provider: "openai".into(),
            mode: mode.parse().unwrap(),
            ..Launch::default()
        };
        self.driver.launch(launch).await.unwrap().session
    }

    pub(super) async fn prompt(&self, text: &str) -> Result<Prompted, DriverError> {
        self.prompt_with(text, RunOptions::default()).await
    }

    pub(super) async fn prompt_with(
        &self,
        text: &str,
        options: RunOptions,
    ) -> Result<Prompted, DriverError> {
        let request = PromptRequest {
            text: text.into(),
            wait_max: None,
        };
        self.driver.prompt(&id(), &request, &work(options)).await
    }

    pub(super) async fn run(&self, text: &str) -> RunReport {
        ran(self.prompt(text).await)
    }

    pub(super) async fn run_with(&self, text: &str, options: RunOptions) -> RunReport {
        ran(self.prompt_with(text, options).await)
    }

    pub(super) async fn status(&self) -> SessionRecord {
        self.driver.status(&id()).await.unwrap()
    }

    pub(super) fn events(&self) -> Vec<Event> {
        let stored = self.store.beside("reader").load(&id(), 1, 10_000).unwrap();
        stored
            .iter()
            .map(|e| EventRecord::parse(e.seq, &e.json).unwrap().event)
            .collect()
    }

    pub(super) fn event_names(&self) -> Vec<&'static str> {
        self.events().iter().map(Event::name).collect()
    }

    /// An effect that was begun and not ended.
    pub(super) fn leave_intent(&self, receipt: &str) {
        self.leave_intent_of(receipt, "call_x");
    }

    /// An effect of a call that was begun and not ended.
    pub(super) fn leave_intent_of(&self, receipt: &str, call: &str) {
        let intent = OpenIntent {
            receipt: receipt.into(),
            call: call.into(),
            run: None,
            plugin: "files".into(),
            kind: "fs.create".into(),
            target: "/project/x".into(),
            time_us: 1,
            grant: Some("g1".into()),
            indeterminate: false,
        };
        self.store
            .disk()
            .intents
            .entry(id().to_string())
            .or_default()
            .push(intent);
    }
}

pub(super) fn id() -> SessionId {
    SessionId::new("agent_docs").unwrap()
}

/// Options with these terms.
pub(super) fn on_terms(terms: RunTerms) -> RunOptions {
    RunOptions {
        terms,
        ..RunOptions::default()
    }
}

pub(super) fn work(options: RunOptions) -> Work {
    let tools = ["read", "write"].map(|name| {
        let spec = ToolSpec {
            name: name.into(),
            title: None,
            description: "a tool".into(),
            input_schema_json: "{}".into(),
            output_schema_json: None,
            hints: ToolHints::default(),
        };
        (PluginName::new("files").unwrap(), spec)
    });
    Work {
        catalog: Arc::new(ToolCatalog::new(tools).unwrap()),
        options,
        observer: Arc::new(NoObserver),
        cancel: Cancel::default(),
    }
}

pub(super) fn ran(prompted: Result<Prompted, DriverError>) -> RunReport {
    match prompted.unwrap() {
        Prompted::Ran(report) => *report,
        other => panic!("no run: {other:?}"),
    }
}

/// An operator's word without a reason.
pub(super) fn said(resolution: Resolution) -> Word<'static> {
    Word {
        resolution: Some(resolution),
        reason: None,
    }
}

pub(super) fn refused(error: DriverError) -> String {
    match error {
        DriverError::Refused(refusal) => refusal.to_string(),
        other => panic!("no refusal: {other}"),
    }
}
