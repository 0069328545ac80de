//! One call, from admission to its record: a fresh store, one export, dropped.
//!
//! Invariants: the future may run on any runtime but guests get one of their own; whatever ends the
//! call, its tasks settle and its record is written before the answer can be had; the answer can be
//! had only through [`Held::release`], behind the watermark.

use crate::admission::{Admitted, NotAdmitted, WAITING_CALLS_MAX};
use crate::answer::Answer;
use crate::cache::{LoadError, Ready, UNKNOWN, World};
use crate::convert;
use crate::gate::progress::Reporter;
use crate::gate::record::{self, Caller};
use crate::gate::scope::{Bounds, CallScope};
use crate::meter::{Hit, LimitTrap, Meter};
use crate::sandbox::Inner;
use crate::services::PluginEntry;
use crate::state::{HANDLES_MAX, Seed, State};
use futures::future::{Abortable, Aborted};
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tollgate_contract::{
    CallContext, CallEvidence, CallFault, CompletionRequest, DeltaSink, Digest, ProgressSink,
    Reply, RequestOptions,
};
use tollgate_receipts::{CallRecord, LedgerError, Plugin, Record};
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Store};

/// Characters of a trap, and of each name in it; the plugin chose them.
const TRAP_CHARS_MAX: usize = 200;

/// Bytes that values of the component may take up in the host while they are copied, for each call across
/// the border and each result. One value takes up to 40 bytes, whatever it is.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What the engine says when values took up too much.
const PAYLOAD_TOO_MUCH: &str = "fuel allocated for hostcalls has been exhausted";

/// What a plugin may do that nobody knows.
const NOTHING: Bounds = Bounds {
    effects: 0,
    disk_bytes: 0,
    disk_files: 0,
};

/// What to call.
pub(crate) enum Job {
    List,
    Call {
        tool: String,
        arguments_json: String,
        progress: Option<Arc<dyn ProgressSink>>,
    },
    Describe,
    Complete(Box<CompletionRequest>, Arc<dyn DeltaSink>),
}

impl Job {
    fn export(&self) -> String {
        match self {
            Self::List => "tool.list".into(),
            Self::Call { tool, .. } => {
                format!("tool.call {}", tool.chars().take(64).collect::<String>())
            }
            Self::Describe => "model.describe".into(),
            Self::Complete(..) => "model.complete".into(),
        }
    }

    fn fits(&self, world: &World) -> bool {
        let provider = matches!(self, Self::Describe | Self::Complete(..));
        provider == matches!(world, World::Provider(_))
    }

    /// Whether the export is asked without any grant.
    fn bare(&self) -> bool {
        matches!(self, Self::List | Self::Describe)
    }
}

/// Resolves when whoever asked for the call has gone: the other end was dropped.
pub(crate) type Gone = oneshot::Receiver<std::convert::Infallible>;

/// An answer that has not left the call yet.
#[must_use = "an answer leaves the call only through release()"]
pub struct Held<T> {
    result: Result<T, CallFault>,
    evidence: CallEvidence,
    scope: Arc<CallScope>,
}

impl<T> Held<T> {
    /// Makes what the call has done durable, on this thread if it may block: then whoever releases the
    /// answer need not wait.
    pub(crate) async fn write(&self) -> Result<(), LedgerError> {
        tollgate_contract::stop_point("sandbox.before_release");
        self.scope.watermark().await
    }

    /// Waits for the call's watermark and gives the answer.
    pub async fn release(self) -> Result<Reply<T>, CallFault> {
        if let Err(error) = self.write().await {
            return Err(CallFault::LedgerUnavailable {
                message: error.to_string(),
            });
        }
        self.result.map(|value| Reply {
            value,
            evidence: self.evidence,
        })
    }

    /// Whether the call gave an answer. Says nothing of what it is.
    pub fn answered(&self) -> bool {
        self.result.is_ok()
    }

    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> Result<U, CallFault>) -> Held<U> {
        Held {
            result: self.result.and_then(f),
            evidence: self.evidence,
            scope: self.scope,
        }
    }
}

/// Runs one call, until it has an answer, a fault, or nobody who waits for it.
pub(crate) async fn run(
    inner: Arc<Inner>,
    context: CallContext,
    job: Job,
    mut gone: Gone,
) -> Held<Answer> {
    let started = Instant::now();
    let export = job.export();
    let found = inner.plugins.entry(&context.plugin);
    let (entry, ready) = match found {
        Ok(Some(entry)) => {
            let ready = ready(&inner, &entry).await;
            (Some(entry), ready)
        }
        Ok(None) => (
            None,
            Err(CallFault::UnknownPlugin {
                name: context.plugin.to_string(),
            }),
        ),
        Err(message) => (None, Err(CallFault::Sandbox { message })),
    };
    let scope = scope(&inner, &context, entry.as_ref(), ready.as_ref().ok(), &job);
    let mut peak = 0;
    let mut talk = String::new();
    let result = match (entry, ready) {
        (Some(entry), Ok(ready)) if !job.fits(&ready.world) => Err(CallFault::Refused {
            plugin: entry.name.to_string(),
            reason: match ready.world {
                World::Tools(_) | World::Functions(_) => {
                    "it offers tools; it is no provider".into()
                }
                World::Provider(_) => "it is a provider; it offers no tools".into(),
            },
        }),
        (Some(entry), Ok(ready)) => match admitted(&inner, &entry, &ready, &mut gone).await {
            Ok((admitted, waited)) => {
                let call = Call {
                    waited,
                    entry: &entry,
                    ready: &ready,
                    job,
                    gone,
                };
                let result = Box::pin(instance(&inner, &scope, call, &mut peak, &mut talk)).await;
                drop(admitted);
                result
            }
            Err(fault) => Err(fault),
        },
        (_, Err(fault)) => Err(fault),
        (None, Ok(_)) => Err(CallFault::Sandbox {
            message: "a component without an entry".into(),
        }),
    };
    scope.settle_tasks().await;
    scope.settle_quotas().await;
    tollgate_contract::mark("end", &scope.caller.call);
    let evidence = finish(&scope, export, &result, started, peak, talk);
    Held {
        result,
        evidence,
        scope,
    }
}

async fn ready(inner: &Arc<Inner>, entry: &PluginEntry) -> Result<Arc<Ready>, CallFault> {
    if let Some(ready) = inner.cache.get(entry) {
        return Ok(ready);
    }
    let refused = |error: LoadError| CallFault::Refused {
        plugin: entry.name.to_string(),
        reason: error.to_string(),
    };
    let _slot = inner.compile_slots.acquire().await;
    // Somebody who came for the same component may have made it ready meanwhile.
    if let Some(ready) = inner.cache.get(entry) {
        return Ok(ready);
    }
    let (loader, wanted) = (Arc::clone(inner), entry.clone());
    let task = inner
        .io_handle()
        .spawn_blocking(move || loader.cache.load(&wanted));
    match task.await {
        Ok(loaded) => loaded.map_err(refused),
        Err(_) => Err(CallFault::Sandbox {
            message: "the host is shutting down".into(),
        }),
    }
}

fn scope(
    inner: &Inner,
    context: &CallContext,
    entry: Option<&PluginEntry>,
    ready: Option<&Arc<Ready>>,
    job: &Job,
) -> Arc<CallScope> {
    CallScope::new(
        Arc::clone(&inner.host),
        Caller {
            session: context.session.to_string(),
            run: context.run.as_ref().map(ToString::to_string),
            call: context.call.to_string(),
            plugin: Arc::new(Plugin {
                name: context.plugin.to_string(),
                version: ready.map_or_else(|| UNKNOWN.to_owned(), |ready| ready.version()),
                digest: ready
                    .map(|ready| ready.digest.clone())
                    .or_else(|| entry.and_then(|entry| entry.digest.clone()))
                    .unwrap_or_else(|| UNKNOWN.to_owned()),
            }),
            fence: context.fence.map(|fence| (context.session.clone(), fence)),
            provider: matches!(job, Job::Describe | Job::Complete(..)),
            bare: job.bare(),
        },
        entry.map_or(NOTHING, |entry| Bounds {
            effects: context
                .effects_max
                .map_or(entry.limits.effects, |most| most.min(entry.limits.effects)),
            disk_bytes: entry.limits.disk_bytes,
            disk_files: entry.limits.disk_files,
        }),
    )
}

/// Waits for room in the pool: no longer than the call may take, and only while somebody wants it. How
/// long it waited is time that the call has used.
async fn admitted(
    inner: &Inner,
    entry: &PluginEntry,
    ready: &Ready,
    gone: &mut Gone,
) -> Result<(Admitted, Duration), CallFault> {
    let asked = Instant::now();
    let plugin = entry.name.to_string();
    let wall = Duration::from_micros(entry.limits.wall_us);
    let refused = tokio::select! {
        biased;
        _ = gone => return Err(CallFault::Cancelled { plugin }),
        admitted = tokio::time::timeout(wall, inner.admission.admit(ready.weight)) => match admitted {
            Ok(Ok(admitted)) => return Ok((admitted, asked.elapsed())),
            Ok(Err(refused)) => refused,
            Err(_) => {
                return Err(CallFault::Limit {
                    plugin,
                    limit: format!("wall {wall:?}, while it waited for room"),
                    talk: String::new(),
                    attempted: 0,
                });
            }
        },
    };
    Err(match refused {
        NotAdmitted::Full => CallFault::Busy {
            plugin,
            waiting: WAITING_CALLS_MAX,
        },
        NotAdmitted::Closed => CallFault::Sandbox {
            message: "the host is shutting down".into(),
        },
    })
}

/// What an instance is made for.
struct Call<'a> {
    /// How long it waited for room.
    waited: Duration,
    entry: &'a PluginEntry,
    ready: &'a Ready,
    job: Job,
    gone: Gone,
}

async fn instance(
    inner: &Inner,
    scope: &Arc<CallScope>,
    call: Call<'_>,
    peak: &mut u64,
    talk: &mut String,
) -> Result<Answer, CallFault> {
    let Call {
        waited,
        entry,
        ready,
        job,
        gone,
    } = call;
    let limits = &entry.limits;
    let wall = Duration::from_micros(limits.wall_us);
    let left = wall.saturating_sub(waited);
    let (deltas, options) = match &job {
        Job::Complete(request, deltas) => (Some(Arc::clone(deltas)), request.options.clone()),
        _ => (None, RequestOptions::default()),
    };
    let reporter = match &job {
        Job::Call { progress, .. } => progress.clone().map(Reporter::new),
        _ => None,
    };
    let running = scope.running.clone();
    let state = State::new(Seed {
        scope: Arc::clone(scope),
        meter: Meter::new(
            limits.memory_bytes,
            Duration::from_micros(limits.cpu_us),
            running.clone(),
        ),
        output_bytes_max: limits.output_bytes,
        http_body_bytes_max: limits.http_body_bytes,
        config: Arc::clone(&entry.config),
        deltas,
        options,
        reporter,
    });
    let output = state.output.clone();
    let mut store = Store::new(&inner.engine, state);
    store.limiter(|state| &mut state.meter);
    store.set_hostcall_fuel(PAYLOAD_BYTES_MAX);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut context| context.data_mut().meter.tick());
    let (watch, registration) = inner.clock.watch(left);
    tollgate_contract::mark("begin", &scope.caller.call);
    let deadline_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    let result = {
        let mut guest = std::pin::pin!(drive(&mut store, ready, job, deadline_ms));
        let metered = poll_fn(|context| running.during(|| guest.as_mut().poll(context)));
        let wanted = async {
            tokio::select! {
                biased;
                result = metered => Some(result),
                _ = gone => None,
            }
        };
        Abortable::new(wanted, registration).await.map(|result| {
            result.ok_or_else(|| CallFault::Cancelled {
                plugin: entry.name.to_string(),
            })
        })
    };
    let meter = store.data().meter.clone();
    *peak = meter.bytes_peak as u64;
    *talk = output.talk();
    // Closing what the instance had open writes the byte counts; it comes before the call's record.
    drop(store);
    let plugin = entry.name.to_string();
    let limit = |limit: String| CallFault::Limit {
        plugin: plugin.clone(),
        limit,
        talk: output.talk(),
        attempted: scope.attempted(),
    };
    let too_much = || limit(format!("output {} bytes", limits.output_bytes));
    let result = match result {
        Ok(Err(cancelled)) => return Err(cancelled),
        Ok(Ok(result)) => Ok(result),
        Err(aborted) => Err(aborted),
    };
    match result {
        Ok(Ok(answer)) if output.has_room(answer.bytes()) => Ok(answer),
        Ok(Ok(_)) => Err(too_much()),
        Err(Aborted) => Err(limit(format!("wall {wall:?}"))),
        Ok(Err(_)) if watch.expired() => Err(limit(format!("wall {wall:?}"))),
        Ok(Err(error)) => Err(match Cause::of(&error) {
            Cause::Limit(Hit::Cpu) => {
                limit(format!("cpu {:?}", Duration::from_micros(limits.cpu_us)))
            }
            Cause::Limit(Hit::Output) => too_much(),
            Cause::Payload => limit(format!("host call {PAYLOAD_BYTES_MAX} bytes")),
            Cause::Handles => limit(format!("handles {HANDLES_MAX}")),
            Cause::Pool => CallFault::Sandbox {
                message: error.root_cause().to_string(),
            },
            Cause::Guest if meter.refused_growth => {
                limit(format!("memory {} bytes", limits.memory_bytes))
            }
            Cause::Guest => CallFault::Trapped {
                plugin: plugin.clone(),
                message: trap_message(&error),
                talk: output.talk(),
                attempted: scope.attempted(),
            },
        }),
    }
}

/// Whose fault it is that a call gave no answer.
enum Cause {
    Limit(Hit),
    /// A value that crosses the border is too large.
    Payload,
    /// The call holds as many handles as it may.
    Handles,
    /// The pool was too small for what was admitted.
    Pool,
    Guest,
}

impl Cause {
    fn of(error: &wasmtime::Error) -> Self {
        if let Some(LimitTrap(hit)) = error.downcast_ref() {
            Self::Limit(*hit)
        } else if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
            Self::Handles
        } else if error.is::<PoolConcurrencyLimitError>() {
            Self::Pool
        } else if error.root_cause().to_string().contains(PAYLOAD_TOO_MUCH) {
            Self::Payload
        } else {
            Self::Guest
        }
    }
}

/// A trap in one line: its cause, and the innermost frames by name.
fn trap_message(error: &wasmtime::Error) -> String {
    let shown = |text: &str| text.chars().take(TRAP_CHARS_MAX).collect::<String>();
    let mut message = shown(&error.root_cause().to_string());
    if let Some(trace) = error.downcast_ref::<wasmtime::WasmBacktrace>() {
        let frames: Vec<_> = trace
            .frames()
            .iter()
            .filter_map(|frame| frame.func_name())
            .take(4)
            .map(|name| shown(&format!("{:#}", rustc_demangle::demangle(name))))
            .collect();
        if !frames.is_empty() {
            message.push_str(&format!(" (in {})", frames.join(" < ")));
        }
    }
    message
}

async fn drive(
    store: &mut Store<State>,
    ready: &Ready,
    job: Job,
    deadline_ms: u64,
) -> wasmtime::Result<Answer> {
    match (&ready.world, job) {
        (World::Tools(pre), Job::List) => {
            let tools = pre.instantiate_async(&mut *store).await?;
            let specs = tools.tollgate_plugin_tool().call_list(&mut *store).await?;
            Ok(Answer::Tools(
                specs.into_iter().map(convert::spec_from).collect(),
            ))
        }
        (
            World::Tools(pre),
            Job::Call {
                tool,
                arguments_json,
                ..
            },
        ) => {
            let tools = pre.instantiate_async(&mut *store).await?;
            let caller = &store.data().scope.caller;
            let context = crate::bindings::tool_types::CallContext {
                session: caller.session.clone(),
                run: caller.run.clone(),
                call: caller.call.clone(),
                deadline_ms,
            };
            let result = tools
                .tollgate_plugin_tool()
                .call_call(&mut *store, &tool, &arguments_json, &context)
                .await?;
            let last = store.data().scope.book().last_denial.clone();
            Ok(Answer::Tool(match result {
                Ok(output) => Ok(convert::output_from(output)),
                Err(error) => Err(convert::tool_error_from(error, last)),
            }))
        }
        (World::Provider(pre), Job::Describe) => {
            let provider = pre.instantiate_async(&mut *store).await?;
            let info = provider
                .tollgate_plugin_model()
                .call_describe(&mut *store)
                .await?;
            Ok(Answer::Info(convert::info_from(info)))
        }
        (World::Provider(pre), Job::Complete(request, _)) => {
            let provider = pre.instantiate_async(&mut *store).await?;
            let result = provider
                .tollgate_plugin_model()
                .call_complete(&mut *store, &convert::request_to(*request))
                .await?;
            let last = store.data().scope.book().last_denial.clone();
            Ok(Answer::Completion(Box::new(match result {
                Ok(completion) => Ok(convert::completion_from(completion)),
                Err(error) => Err(convert::provider_error_from(error, last)),
            })))
        }
        (World::Functions(functions), Job::List) => Ok(Answer::Tools(functions.specs())),
        (
            World::Functions(functions),
            Job::Call {
                tool,
                arguments_json,
                ..
            },
        ) => crate::plain::call(store, functions, &tool, &arguments_json).await,
        (World::Tools(_) | World::Functions(_), _) => Err(wasmtime::format_err!(
            "the plugin offers tools; it is no provider"
        )),
        (World::Provider(_), _) => Err(wasmtime::format_err!(
            "the plugin is a provider; it offers no tools"
        )),
    }
}

fn finish(
    scope: &CallScope,
    export: String,
    result: &Result<Answer, CallFault>,
    started: Instant,
    peak: u64,
    talk: String,
) -> CallEvidence {
    let (ended, detail) = match result {
        Ok(_) => ("returned", None),
        Err(CallFault::Trapped { message, .. }) => ("trapped", Some(message.clone())),
        Err(CallFault::Limit { limit, .. }) => ("limit", Some(limit.clone())),
        Err(CallFault::Cancelled { .. }) => ("cancelled", None),
        Err(fault @ CallFault::Busy { .. }) => ("refused", Some(fault.to_string())),
        Err(CallFault::LedgerUnavailable { message }) => {
            ("ledger_unavailable", Some(message.clone()))
        }
        Err(CallFault::Refused { reason, .. }) => ("refused", Some(reason.clone())),
        Err(fault @ (CallFault::UnknownPlugin { .. } | CallFault::Sandbox { .. })) => {
            ("refused", Some(fault.to_string()))
        }
    };
    let mut book = scope.book();
    book.flush_read_set(scope);
    book.write_collapsed(scope);
    let counters = &scope.counters;
    let record = Record::Call(CallRecord {
        call: scope.caller.call.clone(),
        time_us: record::now_us(),
        run: scope.caller.run.clone(),
        plugin: Arc::clone(&scope.caller.plugin),
        export,
        ended: ended.to_owned(),
        detail,
        allowed: book.allowed,
        denied: book.denied,
        clock: counters.clock.load(Ordering::Relaxed),
        random_bytes: counters.random_bytes.load(Ordering::Relaxed),
        stdio_bytes: counters.stdio_bytes.load(Ordering::Relaxed),
        duration_us: record::elapsed_us(started),
        memory_bytes_peak: peak,
    });
    let draft = tollgate_receipts::Draft {
        session: scope.caller.session.clone(),
        record,
    };
    book.submit(scope, draft);
    CallEvidence {
        digest: Digest::new(scope.caller.plugin.digest.clone()).ok(),
        allowed: book.allowed,
        denied: book.denied,
        attempted: scope.attempted(),
        receipts: std::mem::take(&mut book.receipts),
        talk,
        performed_strict: book.performed_strict,
    }
}
