//! A host that is a part of the test: a sandbox over a real store, with hostile plugins and a neighbour.

use super::trouble::{Ill, Trouble, When};
use crate::support::{place, template};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tollgate_contract::{
    CallContext, CallFault, CallId, Completion, CompletionRequest, Delta, DeltaSink, LeaseCheck,
    PluginCaller, PluginName, ProviderError, SessionId, ToolOutput,
};
use tollgate_grants::policy::{PolicyFile, parse};
use tollgate_grants::{
    Authority, AuthorityError, AuthorityInput, AuthoritySource, CallLimits, CredentialRule,
    GrantId, Layer, Needs, Origin,
};
use tollgate_receipts::{Ledger, Receipt, SessionKey};
use tollgate_sandbox::{
    Amount, Compiler, Config, Credentials, KeyValue, KeyValueError, PluginEntry, PluginSource,
    ProcessEnvironment, QuotaBook, QuotaKey, Sandbox, SessionKeys, net,
};
use tollgate_store::{ReceiptFilter, Store};

/// What the neighbour is granted.
const NEAR: &str = "version = 1\n[plugins.files]\ngrants = [\"fs.full {ROOT}/near at /near\"]\n";

/// One host with hostile plugins and a neighbour.
pub(crate) struct Host {
    pub(crate) sandbox: Sandbox,
    store: Arc<Store>,
    trouble: Arc<Trouble>,
    calls: AtomicU64,
    directory: tempfile::TempDir,
}

impl Host {
    /// A host of the plugins of these folders.
    pub(crate) fn start(folders: &[&str]) -> Arc<Self> {
        Self::with(folders, |_| {})
    }

    /// The same, with other limits for them.
    pub(crate) fn with(folders: &[&str], limits: fn(&mut CallLimits)) -> Arc<Self> {
        let policies = folders.iter().map(|folder| {
            let source = place::repository().join("tests/hostile").join(folder);
            std::fs::read_to_string(source.join("policy.toml")).unwrap()
        });
        let policies: Vec<String> = policies.chain([NEAR.to_owned()]).collect();
        Self::made(&policies, limits, net::ClientOptions::default())
    }

    /// A host of first-party plugins, with this policy and this client.
    pub(crate) fn of(policy: &str, client: net::ClientOptions) -> Arc<Self> {
        Self::made(&[policy.to_owned()], |_| {}, client)
    }

    fn made(
        policies: &[String],
        limits: fn(&mut CallLimits),
        client: net::ClientOptions,
    ) -> Arc<Self> {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for name in ["mount/sub", "near", "plugins", "cache"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        std::fs::write(root.join("near/note.txt"), "all is well").unwrap();
        let store = Arc::new(Store::open(&root.join("store")).unwrap());
        let trouble = Trouble::over(Arc::clone(&store) as Arc<dyn Ledger>);
        let services = Services::new(policies, limits, root, &store, &trouble);
        let services = Arc::new(services);
        let sandbox = Sandbox::start(Config {
            cache: root.join("cache"),
            compiler: Compiler {
                program: place::binary(),
                arguments: vec!["internal".into(), "compile".into()],
            },
            protected: vec![root.join("store")],
            free_bytes_floor: 0,
            ledger: trouble.clone(),
            authority: services.clone(),
            lease: services.clone(),
            plugins: services.clone(),
            keys: services.clone(),
            keyvalue: services.clone(),
            quotas: services.clone(),
            credentials: services,
            environment: Arc::new(ProcessEnvironment),
            transport: net::Transport::Live(net::Client::new(client).unwrap()),
        });
        Arc::new(Self {
            sandbox: sandbox.unwrap(),
            store,
            trouble,
            calls: AtomicU64::new(0),
            directory,
        })
    }

    fn context(&self, plugin: &PluginName) -> CallContext {
        let n = self.calls.fetch_add(1, Ordering::Relaxed);
        CallContext {
            session: SessionId::new("inside").unwrap(),
            run: None,
            call: CallId::new(format!("call-{n}")).unwrap(),
            plugin: plugin.clone(),
            fence: None,
            effects_max: None,
        }
    }

    /// How a call of a hostile plugin ends. It is begun when it is first asked for.
    pub(crate) fn hostile(
        self: &Arc<Self>,
        folder: &str,
    ) -> impl Future<Output = String> + Send + use<> {
        let context = self.context(&PluginName::new(folder).unwrap());
        let host = Arc::clone(self);
        async move { host.end(context).await }
    }

    async fn end(&self, context: CallContext) -> String {
        let called = self
            .sandbox
            .call_tool(context, "attempt".into(), "{}".into());
        match called.await {
            Ok(_) => "returned".into(),
            Err(CallFault::Limit { limit, .. }) => format!("limit {limit}"),
            Err(CallFault::Trapped { .. }) => "trapped".into(),
            Err(other) => other.to_string(),
        }
    }

    /// Where everything of the host is; `near` is mounted for the plugin `files`.
    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    /// What a tool of `files` says, or why it does not.
    pub(crate) async fn files(
        &self,
        tool: &str,
        arguments: serde_json::Value,
    ) -> Result<String, String> {
        self.tool("files", tool, arguments).await
    }

    /// What a tool of a plugin says, or why it does not.
    pub(crate) async fn tool(
        &self,
        plugin: &str,
        tool: &str,
        arguments: serde_json::Value,
    ) -> Result<String, String> {
        let context = self.context(&PluginName::new(plugin).unwrap());
        let called = self
            .sandbox
            .call_tool(context, tool.into(), arguments.to_string());
        match called.await {
            Ok(reply) => match reply.value {
                Ok(output) => Ok(format!("{:?}", output.content)),
                Err(error) => Err(error.to_string()),
            },
            Err(fault) => Err(fault.to_string()),
        }
    }

    /// What a provider answers, and the pieces that it gave before.
    pub(crate) async fn complete(
        &self,
        plugin: &str,
        request: CompletionRequest,
    ) -> (
        Result<Result<Completion, ProviderError>, CallFault>,
        Vec<Delta>,
    ) {
        let pieces = Arc::new(Pieces::default());
        let context = self.context(&PluginName::new(plugin).unwrap());
        let called = self.sandbox.complete(context, request, pieces.clone());
        let ended = called.await.map(|reply| reply.value);
        let pieces = std::mem::take(&mut *pieces.0.lock().unwrap());
        (ended, pieces)
    }

    /// What the tool `attempt` of a plugin answers and the receipts of the call, in which something goes wrong.
    pub(crate) async fn troubled(
        &self,
        plugin: &str,
        arguments: serde_json::Value,
        (ill, when): (Ill, When),
    ) -> (Result<ToolOutput, String>, Vec<Receipt>) {
        let context = self.context(&PluginName::new(plugin).unwrap());
        let call = context.call.to_string();
        self.trouble.plan(ill, when);
        let called = self
            .sandbox
            .call_tool(context, "attempt".into(), arguments.to_string());
        let said = match called.await {
            Ok(reply) => reply.value.map_err(|error| error.to_string()),
            Err(fault) => Err(fault.to_string()),
        };
        let filter = ReceiptFilter {
            call: Some(call),
            ..ReceiptFilter::default()
        };
        let page = self.store.log().receipts(&filter).unwrap();
        let receipts = page.receipts.into_iter().map(|listed| listed.receipt);
        (said, receipts.collect())
    }

    /// Every receipt of a kind, in order.
    pub(crate) fn receipts(&self, kind: &str) -> Vec<Receipt> {
        let filter = ReceiptFilter {
            kind: Some(kind.to_owned()),
            ..ReceiptFilter::default()
        };
        let page = self.store.log().receipts(&filter).unwrap();
        page.receipts
            .into_iter()
            .map(|listed| listed.receipt)
            .collect()
    }

    /// One innocent call.
    pub(crate) async fn neighbour(&self) {
        let context = self.context(&PluginName::new("files").unwrap());
        let arguments = r#"{"path":"/near/note.txt"}"#.to_owned();
        let reply = self
            .sandbox
            .call_tool(context, "read".into(), arguments)
            .await
            .unwrap();
        assert!(format!("{:?}", reply.value.unwrap()).contains("all is well"));
    }

    /// Innocent calls one after the other: how many, and how long the slowest took.
    pub(crate) async fn neighbours(self: Arc<Self>, done: Arc<AtomicBool>) -> (usize, Duration) {
        let (mut count, mut slowest) = (0, Duration::ZERO);
        loop {
            let started = Instant::now();
            self.neighbour().await;
            slowest = slowest.max(started.elapsed());
            count += 1;
            if done.load(Ordering::Relaxed) {
                return (count, slowest);
            }
        }
    }
}

/// Keeps what it is given.
#[derive(Default)]
struct Pieces(Mutex<Vec<Delta>>);

impl DeltaSink for Pieces {
    fn emit(&self, delta: Delta) {
        self.0.lock().unwrap().push(delta);
    }
}

/// What a host gives its sandbox: the policy of the folder, and little else.
struct Services {
    store: Arc<Store>,
    trouble: Arc<Trouble>,
    layers: Vec<PolicyFile>,
    limits: fn(&mut CallLimits),
    root: PathBuf,
    generation: u64,
    key: SessionKey,
}

impl Services {
    fn new(
        policies: &[String],
        limits: fn(&mut CallLimits),
        root: &Path,
        store: &Arc<Store>,
        trouble: &Arc<Trouble>,
    ) -> Self {
        let origin = Origin {
            path: root.join("tollgate.toml"),
            layer: Layer::User,
            base_dir: root.to_owned(),
        };
        let layers = policies.iter().map(|policy| {
            let root = ("ROOT", root.to_str().unwrap().to_owned());
            parse(&template::fill(policy, &[root]), &origin).unwrap()
        });
        Self {
            layers: layers.collect(),
            limits,
            root: root.to_owned(),
            generation: store.grants().generation().unwrap(),
            key: store.target_key("inside").unwrap(),
            store: Arc::clone(store),
            trouble: Arc::clone(trouble),
        }
    }
}

impl AuthoritySource for Services {
    fn authority(&self, plugin: &str, session: &str) -> Result<Arc<Authority>, AuthorityError> {
        let layers: &[PolicyFile] = match self.trouble.is(Ill::Revoked) {
            true => &[],
            false => &self.layers,
        };
        let input = AuthorityInput {
            session,
            needs: Needs::Any,
            layers,
            generation: self.generation + self.trouble.turns(),
            ..AuthorityInput::new(plugin)
        };
        let authority = Arc::new(Authority::new(input).unwrap());
        // Whoever asks for a session has a call; the entry of a plugin is asked for with none.
        if !session.is_empty() {
            self.trouble.begun();
        }
        Ok(authority)
    }

    fn generation(&self) -> Result<u64, AuthorityError> {
        let generation = self.store.grants().generation();
        generation
            .map(|generation| generation + self.trouble.turns())
            .map_err(|error| AuthorityError::Unreadable(error.to_string()))
    }

    fn consume_use(&self, _: &GrantId) -> Result<bool, AuthorityError> {
        Ok(true)
    }
}

impl PluginSource for Services {
    fn entry(&self, name: &PluginName) -> Result<Option<PluginEntry>, String> {
        let component = match name.as_str() {
            ours @ ("files" | "fetch" | "anthropic" | "gemini" | "ollama") => place::plugin(ours),
            "openai-chat" | "openai-responses" => place::plugin("openai"),
            hostile => place::hostile().join(format!("{hostile}.wasm")),
        };
        let authority = self
            .authority(name.as_str(), "")
            .map_err(|error| error.to_string())?;
        assert!(component.is_file() && !component.starts_with(&self.root));
        let mut limits = *authority.limits();
        if name.as_str() != "files" {
            (self.limits)(&mut limits);
        }
        Ok(Some(PluginEntry {
            name: name.clone(),
            component: component.into(),
            digest: None,
            limits,
            config: Arc::new(authority.config().clone()),
        }))
    }
}

impl LeaseCheck for Services {
    fn held(&self, _: &SessionId, _: u64) -> bool {
        true
    }
}

impl SessionKeys for Services {
    fn key(&self, _: &str) -> SessionKey {
        self.key.clone()
    }
}

impl QuotaBook for Services {
    fn take(&self, _: &QuotaKey, _: Amount, _: Amount) -> Result<(Amount, Amount), String> {
        Err("no session of this host outlives it".into())
    }
    fn give_back(&self, _: &QuotaKey, _: Amount) -> Result<(), String> {
        Ok(())
    }
}

impl KeyValue for Services {
    fn get(&self, _: &str, _: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        Ok(None)
    }
    fn set(&self, _: &str, _: &str, _: &[u8]) -> Result<(), KeyValueError> {
        Err(KeyValueError::Refused("nothing is kept here".into()))
    }
    fn delete(&self, _: &str, _: &str) -> Result<(), KeyValueError> {
        Ok(())
    }
    fn list(&self, _: &str, _: Option<u64>) -> Result<(Vec<String>, Option<u64>), KeyValueError> {
        Ok((Vec::new(), None))
    }
}

impl Credentials for Services {
    fn secret(&self, name: &str, _: &CredentialRule) -> Result<secrecy::SecretString, String> {
        Err(format!("there is no credential {name} here"))
    }
}
