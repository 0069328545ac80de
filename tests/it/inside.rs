//! Hostile calls and a neighbour inside one host: the same engine, pool, runtimes, clock and store.
//!
//! The black-box tests call each component in a process of its own; here more of them than the host has
//! workers run at once, and an innocent call beside them must be done in time.

use crate::support::{place, template};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tollgate_contract::{
    CallContext, CallFault, CallId, LeaseCheck, PluginCaller, PluginName, SessionId,
};
use tollgate_grants::policy::{PolicyFile, parse};
use tollgate_grants::{
    Authority, AuthorityError, AuthorityInput, AuthoritySource, CredentialRule, GrantId, Layer,
    Needs, Origin,
};
use tollgate_receipts::{Ledger, SessionKey};
use tollgate_sandbox::{
    Compiler, Config, Credentials, KeyValue, KeyValueError, PluginEntry, PluginSource,
    ProcessEnvironment, Sandbox, SessionKeys, net,
};
use tollgate_store::Store;

/// Hostile calls at once; a host has one worker for each core.
const HOSTILE_CALLS: usize = 8;
/// A neighbour's call takes a millisecond; it may wait for one tick of each spinning guest.
const NEIGHBOUR_TIME_MAX: Duration = Duration::from_secs(1);
/// All hostile calls together: their limits are one second, and two cores share their loops.
const HOSTILE_TIME_MAX: Duration = Duration::from_secs(20);

#[test]
fn heavy_loops_on_every_worker() {
    let ended = beside("endless_loop");
    assert!(
        ended.iter().all(|e| e.starts_with("limit cpu 1s")),
        "{ended:?}"
    );
}

#[test]
fn heavy_waits_without_end() {
    let ended = beside("endless_wait");
    assert!(
        ended.iter().all(|e| e.starts_with("limit wall 1s")),
        "{ended:?}"
    );
}

#[test]
fn heavy_memory_for_all() {
    let ended = beside("memory");
    assert!(
        ended.iter().all(|e| e.starts_with("limit memory")),
        "{ended:?}"
    );
}

#[test]
fn heavy_floods_of_receipts() {
    let ended = beside("receipt_flood");
    assert!(ended.iter().all(|e| e == "returned"), "{ended:?}");
}

#[test]
fn heavy_floods_of_output() {
    let ended = beside("output_flood");
    assert!(
        ended.iter().all(|e| e.starts_with("limit output")),
        "{ended:?}"
    );
}

#[test]
fn traps_one_after_the_other() {
    let ended = beside("trap");
    assert!(ended.iter().all(|e| e == "trapped"), "{ended:?}");
}

/// Runs hostile calls and a neighbour; how the hostile ones ended.
fn beside(folder: &str) -> Vec<String> {
    let host = Host::start(folder);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        host.neighbour().await; // compiled now
        let done = Arc::new(AtomicBool::new(false));
        let started = Instant::now();
        let calls: Vec<_> = (0..HOSTILE_CALLS)
            .map(|_| tokio::spawn(Arc::clone(&host).hostile()))
            .collect();
        let neighbours = tokio::spawn(Arc::clone(&host).neighbours(Arc::clone(&done)));
        let mut ended = Vec::new();
        for call in calls {
            ended.push(call.await.unwrap());
        }
        let took = started.elapsed();
        done.store(true, Ordering::Relaxed);
        let (count, slowest) = neighbours.await.unwrap();
        println!(
            "{folder}: {HOSTILE_CALLS} in {took:.2?}; {count} neighbours, slowest {slowest:.2?}"
        );
        assert!(took < HOSTILE_TIME_MAX, "{took:?}");
        assert!(slowest < NEIGHBOUR_TIME_MAX, "{slowest:?}");
        ended
    })
}

/// One host with a hostile plugin and a neighbour.
struct Host {
    sandbox: Sandbox,
    hostile: PluginName,
    calls: AtomicU64,
    _directory: tempfile::TempDir,
}

impl Host {
    fn start(folder: &str) -> Arc<Self> {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for name in ["mount/sub", "near", "plugins", "cache"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        std::fs::write(root.join("near/note.txt"), "all is well").unwrap();
        let store = Arc::new(Store::open(&root.join("store")).unwrap());
        let services = Arc::new(Services::new(folder, root, &store));
        let sandbox = Sandbox::start(Config {
            cache: root.join("cache"),
            compiler: Compiler {
                program: place::binary(),
                arguments: vec!["internal".into(), "compile".into()],
            },
            protected: vec![root.join("store")],
            free_bytes_floor: 0,
            ledger: Arc::clone(&store) as Arc<dyn Ledger>,
            authority: services.clone(),
            lease: services.clone(),
            plugins: services.clone(),
            keys: services.clone(),
            keyvalue: services.clone(),
            credentials: services,
            environment: Arc::new(ProcessEnvironment),
            transport: net::Transport::Live(
                net::Client::new(net::ClientOptions::default()).unwrap(),
            ),
        });
        Arc::new(Self {
            sandbox: sandbox.unwrap(),
            hostile: PluginName::new(folder).unwrap(),
            calls: AtomicU64::new(0),
            _directory: directory,
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
        }
    }

    async fn hostile(self: Arc<Self>) -> String {
        let context = self.context(&self.hostile);
        match self
            .sandbox
            .call_tool(context, "attempt".into(), "{}".into())
            .await
        {
            Ok(_) => "returned".into(),
            Err(CallFault::Limit { limit, .. }) => format!("limit {limit}"),
            Err(CallFault::Trapped { .. }) => "trapped".into(),
            Err(other) => other.to_string(),
        }
    }

    async fn neighbour(&self) {
        let context = self.context(&PluginName::new("files").unwrap());
        let arguments = r#"{"path":"/near/note.txt"}"#.to_owned();
        let reply = self
            .sandbox
            .call_tool(context, "read".into(), arguments)
            .await
            .unwrap();
        assert!(format!("{:?}", reply.value.unwrap()).contains("all is well"));
    }

    async fn neighbours(self: Arc<Self>, done: Arc<AtomicBool>) -> (usize, Duration) {
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

/// What a host gives its sandbox: the policy of the folder, and little else.
struct Services {
    store: Arc<Store>,
    layers: Vec<PolicyFile>,
    root: PathBuf,
    generation: u64,
    key: SessionKey,
}

impl Services {
    fn new(folder: &str, root: &Path, store: &Arc<Store>) -> Self {
        let source = place::repository().join("tests/hostile").join(folder);
        let policy = std::fs::read_to_string(source.join("policy.toml")).unwrap();
        let policy =
            format!("{policy}\n[plugins.files]\ngrants = [\"fs.read {{ROOT}}/near at /near\"]\n");
        let policy = template::fill(&policy, &[("ROOT", root.to_str().unwrap().to_owned())]);
        let origin = Origin {
            path: root.join("tollgate.toml"),
            layer: Layer::User,
            base_dir: root.to_owned(),
        };
        Self {
            layers: vec![parse(&policy, &origin).unwrap()],
            root: root.to_owned(),
            generation: store.grants().generation().unwrap(),
            key: store.target_key("inside").unwrap(),
            store: Arc::clone(store),
        }
    }
}

impl AuthoritySource for Services {
    fn authority(&self, plugin: &str, session: &str) -> Result<Arc<Authority>, AuthorityError> {
        let input = AuthorityInput {
            session,
            needs: Needs::Any,
            layers: &self.layers,
            generation: self.generation,
            ..AuthorityInput::new(plugin)
        };
        Ok(Arc::new(Authority::new(input).unwrap()))
    }

    fn generation(&self) -> Result<u64, AuthorityError> {
        let generation = self.store.grants().generation();
        generation.map_err(|error| AuthorityError::Unreadable(error.to_string()))
    }

    fn consume_use(&self, _: &GrantId) -> Result<bool, AuthorityError> {
        Ok(true)
    }
}

impl PluginSource for Services {
    fn entry(&self, name: &PluginName) -> Result<Option<PluginEntry>, String> {
        let component = match name.as_str() {
            "files" => place::binary().with_file_name("plugins").join("files.wasm"),
            hostile => place::hostile().join(format!("{hostile}.wasm")),
        };
        let authority = self
            .authority(name.as_str(), "")
            .map_err(|error| error.to_string())?;
        assert!(component.is_file() && !component.starts_with(&self.root));
        Ok(Some(PluginEntry {
            name: name.clone(),
            component: component.into(),
            digest: None,
            limits: *authority.limits(),
            config: Arc::default(),
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
