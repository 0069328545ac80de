//! The sandbox of one host: engine, runtimes, ready components, gate; and `PluginCaller` on top.
//!
//! Guests run on a runtime of their own, whose workers look at other events after every poll, so that
//! a guest that spins delays no other. What the gate owns runs on a second runtime.

use crate::admission::Admission;
use crate::answer::Answer;
use crate::cache::{Cache, LoadError, World};
use crate::call::{self, Held, Job};
use crate::clock::Clock;
use crate::compile::Compiler;
use crate::engine::{self, Pool};
use crate::gate::{self, GateHost};
use crate::inspect::Inspection;
use crate::services::{
    Credentials, Environment, KeyValue, PluginEntry, PluginSource, QuotaBook, SessionKeys,
};
use async_trait::async_trait;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{oneshot, watch};
use tollgate_contract::{
    CallContext, CallFault, Completion, CompletionRequest, DeltaSink, LeaseCheck, PluginCaller,
    PluginName, ProgressSink, ProviderError, ProviderInfo, Reply, SessionId, ToolError, ToolOutput,
    ToolSpec,
};
use tollgate_grants::AuthoritySource;
use tollgate_receipts::Ledger;

/// Threads for blocking file and store work that the gate performs.
const IO_THREADS_MAX: usize = 64;
/// Threads for blocking work of guests on handles that the gate minted, and for those that go on with
/// the tasks of a worker that blocks in place.
const GUEST_BLOCKING_THREADS_MAX: usize = 128;

/// What a sandbox is made of.
pub struct Config {
    /// Where compiled components are kept. Created with mode 0700.
    pub cache: PathBuf,
    /// How to start the compile child.
    pub compiler: Compiler,
    /// Directories that no grant can open: the host's own store, keys and cache.
    pub protected: Vec<PathBuf>,
    /// Free bytes that a write must leave on a file system.
    pub free_bytes_floor: u64,
    /// Where entries go.
    pub ledger: Arc<dyn Ledger>,
    /// Who may do what.
    pub authority: Arc<dyn AuthoritySource>,
    /// Whether a session's lease is still held.
    pub lease: Arc<dyn LeaseCheck>,
    /// The plugins.
    pub plugins: Arc<dyn PluginSource>,
    /// Keys for hashing targets.
    pub keys: Arc<dyn SessionKeys>,
    /// Keys and values.
    pub keyvalue: Arc<dyn KeyValue>,
    /// Counts what sessions add below their mounts.
    pub quotas: Arc<dyn QuotaBook>,
    /// Secrets of credentials.
    pub credentials: Arc<dyn Credentials>,
    /// The host's environment.
    pub environment: Arc<dyn Environment>,
    /// Real sockets or fixtures.
    pub transport: gate::http::net::Transport,
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine refused its configuration, usually for lack of address space.
    #[error("the engine did not start: {0}; check `ulimit -v`")]
    Engine(String),
    /// A thread, a runtime or a directory.
    #[error("the sandbox did not start: {0}")]
    Io(#[from] std::io::Error),
    /// The file gate cannot work here.
    #[error("the file gate did not start: {0}")]
    Files(String),
}

pub(crate) struct Inner {
    pub(crate) engine: wasmtime::Engine,
    pub(crate) clock: Clock,
    pub(crate) admission: Admission,
    pub(crate) cache: Cache,
    pub(crate) compile_slots: tokio::sync::Semaphore,
    pub(crate) plugins: Arc<dyn PluginSource>,
    pub(crate) host: Arc<GateHost>,
    /// Calls that are not over.
    live: watch::Sender<usize>,
    guests: Own,
    io: Own,
}

/// A runtime that is never waited for: dropping one on a thread of another would panic.
struct Own(Option<Runtime>, Handle);

impl Own {
    fn new(runtime: Runtime) -> Self {
        let handle = runtime.handle().clone();
        Self(Some(runtime), handle)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Inner {
    pub(crate) fn io_handle(&self) -> &Handle {
        &self.io.1
    }
}

/// Runs plugins. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

/// What a component is, read and compiled but never called with any grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// `sha256:` and the digest of its bytes.
    pub digest: String,
    /// What it says of itself.
    pub inspection: Inspection,
    /// Whether it is a provider adapter; otherwise it offers tools.
    pub provider: bool,
    /// Functions of it that are no tools, each with the reason; the names are the component's own words.
    pub left_out: Vec<String>,
}

impl Sandbox {
    /// Starts the engine, the clock and the runtimes.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let engine_error = |error: wasmtime::Error| StartError::Engine(format!("{error:#}"));
        crate::cache::prepare(&config.cache)?;
        raise_open_files();
        let engine = engine::build(Pool::Full).map_err(engine_error)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let guests = Builder::new_multi_thread()
            .worker_threads(cores)
            .max_blocking_threads(GUEST_BLOCKING_THREADS_MAX)
            .event_interval(1)
            .thread_name("tollgate-guest")
            .enable_all()
            .build()
            .map(Own::new)?;
        let io = Builder::new_multi_thread()
            .worker_threads(cores)
            .max_blocking_threads(IO_THREADS_MAX)
            .thread_name("tollgate-io")
            .enable_all()
            .build()
            .map(Own::new)?;
        let files = gate::fs::Files::new(&config.cache, &config.protected, config.free_bytes_floor)
            .map_err(StartError::Files)?;
        let host = Arc::new(GateHost {
            ledger: config.ledger,
            authority: config.authority,
            lease: config.lease,
            keys: config.keys,
            keyvalue: config.keyvalue,
            quotas: config.quotas,
            environment: config.environment,
            credentials: config.credentials,
            transport: config.transport,
            files,
            sockets: gate::sockets::HostRooms::default(),
            io: io.1.clone(),
        });
        Ok(Self {
            inner: Arc::new(Inner {
                clock: Clock::start(engine.clone())?,
                admission: Admission::new(),
                cache: Cache::new(engine.clone(), config.cache, config.compiler)
                    .map_err(engine_error)?,
                compile_slots: tokio::sync::Semaphore::new(cores),
                plugins: config.plugins,
                host,
                live: watch::Sender::new(0),
                guests,
                io,
                engine,
            }),
        })
    }

    /// Reads, compiles and links a component without running it. Blocking; may take a minute.
    pub fn examine(&self, entry: &PluginEntry) -> Result<Examined, LoadError> {
        let ready = self.inner.cache.load(entry)?;
        Ok(Examined {
            digest: ready.digest.clone(),
            inspection: ready.inspection.clone(),
            provider: matches!(ready.world, World::Provider(_)),
            left_out: match &ready.world {
                World::Functions(functions) => functions.left_out().to_vec(),
                World::Tools(_) | World::Provider(_) => Vec::new(),
            },
        })
    }

    /// The tools that a plugin lists, asked without any grant.
    pub async fn list_tools(
        &self,
        context: CallContext,
    ) -> Result<Reply<Vec<ToolSpec>>, CallFault> {
        self.spawn(context, Job::List)
            .await?
            .map(|answer| match answer {
                Answer::Tools(tools) => Ok(tools),
                _ => Err(mixed_up()),
            })
            .release()
            .await
    }

    /// Calls a tool on the current task, for a caller that is on the guests' runtime already
    /// ([`Sandbox::guests`]); the answer is still held.
    pub async fn call_tool_here(
        &self,
        context: CallContext,
        tool: String,
        arguments_json: String,
    ) -> Held<Result<ToolOutput, ToolError>> {
        let job = Job::Call {
            tool,
            arguments_json,
            progress: None,
        };
        // Dropping this future drops the call itself.
        let (_here, gone) = oneshot::channel();
        call::run(Arc::clone(&self.inner), context, job, gone)
            .await
            .map(tool_answer)
    }

    /// The guests' runtime.
    pub fn guests(&self) -> &Handle {
        &self.inner.guests.1
    }

    /// Waits until no call is live: also those whose callers went away have settled and are on record.
    pub async fn settled(&self) {
        // The sender is ours, so that the wait cannot fail.
        let _ = self
            .inner
            .live
            .subscribe()
            .wait_for(|live| *live == 0)
            .await;
    }

    async fn spawn(&self, context: CallContext, job: Job) -> Result<Held<Answer>, CallFault> {
        let inner = Arc::clone(&self.inner);
        let live = Live::new(&inner);
        // Dropped with this future, and with it the call ends.
        let (_here, gone) = oneshot::channel();
        let call = async move {
            let _live = live;
            let held = call::run(inner, context, job, gone).await;
            // If it fails, releasing says so.
            let _ = held.write().await;
            held
        };
        self.inner
            .guests
            .1
            .spawn(call)
            .await
            .map_err(|error| CallFault::Sandbox {
                message: format!("the call's task ended: {error}"),
            })
    }
}

/// Counts one call for as long as it is not over.
struct Live(Arc<Inner>);

impl Live {
    fn new(inner: &Arc<Inner>) -> Self {
        inner
            .live
            .send_modify(|live| *live = live.saturating_add(1));
        Self(Arc::clone(inner))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0
            .live
            .send_modify(|live| *live = live.saturating_sub(1));
    }
}

/// Lets the process have as many files open as it may: calls share them. Where that cannot be changed the
/// calls have fewer.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let all = Rlimit {
            current: limit.maximum,
            ..limit
        };
        let _ = setrlimit(Resource::Nofile, all);
    }
}

fn mixed_up() -> CallFault {
    CallFault::Sandbox {
        message: "an export answered with the value of another".into(),
    }
}

fn tool_answer(answer: Answer) -> Result<Result<ToolOutput, ToolError>, CallFault> {
    match answer {
        Answer::Tool(result) => Ok(result),
        Answer::Command(output) => Ok(Ok(output)),
        _ => Err(mixed_up()),
    }
}

#[async_trait]
impl PluginCaller for Sandbox {
    fn effects_max(&self, plugin: &PluginName) -> Option<u64> {
        let entry = self.inner.plugins.entry(plugin).ok().flatten();
        entry.map(|entry| entry.limits.effects)
    }

    fn may_repeat(&self, session: &SessionId, _project: &str, plugin: &str, grant: &str) -> bool {
        let source = &self.inner.host.authority;
        let authority = source.authority(plugin, session.as_str());
        authority.is_ok_and(|authority| authority.retryable(grant, gate::record::now_us()))
    }

    async fn call_tool_watched(
        &self,
        context: CallContext,
        tool: String,
        arguments_json: String,
        progress: Option<Arc<dyn ProgressSink>>,
    ) -> Result<Reply<Result<ToolOutput, ToolError>>, CallFault> {
        let job = Job::Call {
            tool,
            arguments_json,
            progress,
        };
        self.spawn(context, job)
            .await?
            .map(tool_answer)
            .release()
            .await
    }

    async fn describe(&self, context: CallContext) -> Result<Reply<ProviderInfo>, CallFault> {
        self.spawn(context, Job::Describe)
            .await?
            .map(|answer| match answer {
                Answer::Info(info) => Ok(info),
                _ => Err(mixed_up()),
            })
            .release()
            .await
    }

    async fn complete(
        &self,
        context: CallContext,
        request: CompletionRequest,
        deltas: Arc<dyn DeltaSink>,
    ) -> Result<Reply<Result<Completion, ProviderError>>, CallFault> {
        self.spawn(context, Job::Complete(Box::new(request), deltas))
            .await?
            .map(|answer| match answer {
                Answer::Completion(result) => Ok(*result),
                _ => Err(mixed_up()),
            })
            .release()
            .await
    }
}
