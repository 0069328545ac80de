//! Tollgate as a host would join it: real store, real policy, real component.

use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tollgate_contract::{CallContext, CallId, LeaseCheck, PluginName, SessionId};
use tollgate_grants::policy::parse;
use tollgate_grants::{
    Authority, AuthorityError, AuthorityInput, AuthoritySource, CredentialRule, GrantId, Layer,
    Needs, Origin,
};
use tollgate_receipts::{Ledger, SessionKey};
use tollgate_sandbox::{
    Amount, Compiler, Config, Credentials, KeyValue, KeyValueError, PluginEntry, PluginSource,
    ProcessEnvironment, QuotaBook, QuotaKey, Sandbox, SessionKeys, net,
};
use tollgate_store::Store;

/// The plugin under test.
pub(crate) const PLUGIN: &str = "bench";
/// The session of all calls.
const SESSION: &str = "bench";

/// A host.
pub(crate) struct Host {
    pub(crate) sandbox: Sandbox,
    pub(crate) store: Arc<Store>,
    calls: std::sync::atomic::AtomicU64,
}

struct Services {
    store: Arc<Store>,
    authority: Arc<Authority>,
    component: PathBuf,
    key: SessionKey,
}

impl AuthoritySource for Services {
    fn authority(&self, _: &str, _: &str) -> Result<Arc<Authority>, AuthorityError> {
        Ok(Arc::clone(&self.authority))
    }

    fn generation(&self) -> Result<u64, AuthorityError> {
        self.store
            .grants()
            .generation()
            .map_err(|error| AuthorityError::Unreadable(error.to_string()))
    }

    fn consume_use(&self, _: &GrantId) -> Result<bool, AuthorityError> {
        Ok(true)
    }
}

impl PluginSource for Services {
    fn entry(&self, name: &PluginName) -> Result<Option<PluginEntry>, String> {
        Ok(Some(PluginEntry {
            name: name.clone(),
            component: self.component.clone().into(),
            digest: None,
            limits: *self.authority.limits(),
            config: Arc::new(self.authority.config().clone()),
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
        Err(KeyValueError::Refused("the benchmarks keep nothing".into()))
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
        Err(format!("no credential {name} in the benchmarks"))
    }
}

impl Host {
    /// Starts a host whose plugin reads `data` and creates in `out`.
    pub(crate) fn start(home: &Path, component: &Path, data: &Path, out: &Path) -> Result<Self> {
        let policy = format!(
            "grants = [{:?}, {:?}]\n",
            format!("fs.read {} at /data", data.display()),
            format!("fs.create {} at /out", out.display()),
        );
        Self::with_policy(home, component, &policy)
    }

    /// Starts a host of a plugin, with what a policy says of it.
    pub(crate) fn with_policy(home: &Path, component: &Path, policy: &str) -> Result<Self> {
        let store = Arc::new(Store::open(&home.join("store"))?);
        let policy =
            format!("version = 1\n[plugins.{PLUGIN}]\ncomponent = {component:?}\n{policy}");
        let origin = Origin {
            path: home.join("tollgate.toml"),
            layer: Layer::User,
            base_dir: home.to_owned(),
        };
        let layers = [parse(&policy, &origin).map_err(|error| anyhow::anyhow!("{error}"))?];
        let authority = Authority::new(AuthorityInput {
            session: SESSION,
            needs: Needs::Any,
            layers: &layers,
            generation: store.grants().generation()?,
            ..AuthorityInput::new(PLUGIN)
        })?;
        let services = Arc::new(Services {
            key: store.target_key(SESSION)?,
            store: Arc::clone(&store),
            authority: Arc::new(authority),
            component: component.to_owned(),
        });
        let sandbox = Sandbox::start(Config {
            cache: home.join("cache"),
            compiler: Compiler {
                program: std::env::current_exe().context("own path")?,
                arguments: vec!["internal-compile".into()],
            },
            protected: vec![home.join("store")],
            free_bytes_floor: 0,
            ledger: Arc::clone(&store) as Arc<dyn Ledger>,
            authority: services.clone(),
            lease: services.clone(),
            plugins: services.clone(),
            keys: services.clone(),
            keyvalue: services.clone(),
            quotas: services.clone(),
            credentials: services,
            environment: Arc::new(ProcessEnvironment),
            transport: net::Transport::Live(net::Client::new(net::ClientOptions::default())?),
        })?;
        Ok(Self {
            sandbox,
            store,
            calls: std::sync::atomic::AtomicU64::new(0),
        })
    }

    /// A new call.
    pub(crate) fn context(&self) -> Result<CallContext> {
        let n = self
            .calls
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(CallContext {
            session: SessionId::new(SESSION)?,
            run: None,
            call: CallId::new(format!("call-{n}"))?,
            plugin: PluginName::new(PLUGIN)?,
            fence: None,
            effects_max: None,
        })
    }
}
