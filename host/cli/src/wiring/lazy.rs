//! The sandbox, started by the first call: most verbs never call a plugin, and starting an engine
//! reserves address space and threads.

use super::adapters::{KeyValues, Keys, Plugins, QuotaRows};
use super::secrets::Secrets;
use crate::policy::Authorities;
use async_trait::async_trait;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_contract::{
    CallContext, CallFault, Completion, CompletionRequest, DeltaSink, PluginCaller, PluginName,
    ProgressSink, ProviderError, ProviderInfo, Reply, SessionId, ToolError, ToolOutput,
};
use tollgate_grants::AuthoritySource as _;
use tollgate_sandbox::net::{Client, ClientOptions, FixtureSet, Recorder, Transport};
use tollgate_sandbox::{Compiler, Config, ProcessEnvironment, Sandbox};
use tollgate_store::Store;

/// What a sandbox is made of.
pub(crate) struct Parts {
    pub(crate) cache: PathBuf,
    pub(crate) compiler: Compiler,
    pub(crate) protected: Vec<PathBuf>,
    pub(crate) free_bytes_floor: u64,
    pub(crate) store: Arc<Store>,
    pub(crate) authorities: Arc<Authorities>,
    pub(crate) fixture: Option<FixtureSet>,
    pub(crate) recorder: Option<Recorder>,
}

/// A sandbox that starts when it is first used.
pub(crate) struct LazySandbox {
    parts: Parts,
    started: Mutex<Option<Sandbox>>,
}

impl LazySandbox {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            parts,
            started: Mutex::default(),
        }
    }

    /// The sandbox, started.
    pub(crate) fn get(&self) -> Result<Sandbox, String> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sandbox) = started.as_ref() {
            return Ok(sandbox.clone());
        }
        // A sandbox that does not start drops its runtimes, which must not happen on a task's thread.
        let sandbox = std::thread::scope(|scope| match scope.spawn(|| self.start()).join() {
            Ok(sandbox) => sandbox,
            Err(_) => Err("its starter panicked".to_owned()),
        })?;
        *started = Some(sandbox.clone());
        Ok(sandbox)
    }

    fn start(&self) -> Result<Sandbox, String> {
        let parts = &self.parts;
        let transport = match &parts.fixture {
            Some(fixture) => Transport::Fixture(fixture.clone()),
            None => {
                let client =
                    Client::new(ClientOptions::default()).map_err(|error| error.to_string())?;
                match &parts.recorder {
                    Some(recorder) => Transport::Recorded(client, recorder.clone()),
                    None => Transport::Live(client),
                }
            }
        };
        Sandbox::start(Config {
            cache: parts.cache.clone(),
            compiler: parts.compiler.clone(),
            protected: parts.protected.clone(),
            free_bytes_floor: parts.free_bytes_floor,
            ledger: Arc::clone(&parts.store) as _,
            authority: Arc::clone(&parts.authorities) as _,
            lease: Arc::new(super::leases(&parts.store)),
            plugins: Arc::new(Plugins(Arc::clone(&parts.authorities))),
            keys: Arc::new(Keys::new(Arc::clone(&parts.store))),
            keyvalue: Arc::new(KeyValues(Arc::clone(&parts.store))),
            quotas: Arc::new(QuotaRows(Arc::clone(&parts.store))),
            credentials: Arc::new(Secrets),
            environment: Arc::new(ProcessEnvironment),
            transport,
        })
        .map_err(|error| error.to_string())
    }

    /// Waits until no call is live.
    pub(crate) async fn settled(&self) {
        let started = {
            let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
            started.clone()
        };
        if let Some(sandbox) = started {
            sandbox.settled().await;
        }
    }

    fn ready(&self) -> Result<Sandbox, CallFault> {
        self.get().map_err(|message| CallFault::Sandbox { message })
    }
}

#[async_trait]
impl PluginCaller for LazySandbox {
    fn effects_max(&self, plugin: &PluginName) -> Option<u64> {
        self.get().ok()?.effects_max(plugin)
    }

    /// Asked by verbs that call no plugin too, so no engine is started for it.
    fn may_repeat(&self, session: &SessionId, project: &str, plugin: &str, grant: &str) -> bool {
        let authorities = &self.parts.authorities;
        authorities.set_project(session.as_str(), project);
        authorities
            .authority(plugin, session.as_str())
            .is_ok_and(|authority| authority.retryable(grant, crate::time::now_us()))
    }

    async fn call_tool_watched(
        &self,
        context: CallContext,
        tool: String,
        arguments_json: String,
        progress: Option<Arc<dyn ProgressSink>>,
    ) -> Result<Reply<Result<ToolOutput, ToolError>>, CallFault> {
        self.ready()?
            .call_tool_watched(context, tool, arguments_json, progress)
            .await
    }

    async fn describe(&self, context: CallContext) -> Result<Reply<ProviderInfo>, CallFault> {
        self.ready()?.describe(context).await
    }

    async fn complete(
        &self,
        context: CallContext,
        request: CompletionRequest,
        deltas: Arc<dyn DeltaSink>,
    ) -> Result<Reply<Result<Completion, ProviderError>>, CallFault> {
        self.ready()?.complete(context, request, deltas).await
    }
}
