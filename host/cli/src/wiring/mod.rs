//! Where the crates meet: store, grants, sandbox and sessions become one host.
//!
//! - [`House`] is everything that a command needs to call plugins and drive sessions.
//! - [`adapters`] are the small traits that the sandbox wants of its host.
//! - [`binding`] checks what a session needs before it is idle.
//! - [`serving`] is the host of a server.

pub(crate) mod adapters;
pub(crate) mod binding;
mod lazy;
mod secrets;
pub(crate) mod serving;

use crate::app::{App, policy_failure};
use crate::errors::{Context, Done, Failure};
use crate::plugins::Catalogue;
use crate::policy::{Authorities, Layers, PolicyPaths, source};
use crate::printer::escape;
use std::path::PathBuf;
use std::sync::Arc;
use tollgate_contract::PluginCaller;
use tollgate_sandbox::net::{FixtureSet, Recorder};
use tollgate_sandbox::{Compiler, Sandbox};
use tollgate_sessions::clock::SystemClock;
use tollgate_sessions::driver::{Driver, Providers, Settings, StoreLeases};
use tollgate_sessions::event::Operator;
use tollgate_sessions::ports::SessionStore;
use tollgate_sessions::retry::Breakers;
use tollgate_store::Store;

pub(crate) use lazy::LazySandbox;
pub(crate) use secrets::{
    forget as forget_secret, keep as keep_secret, remedy as secret_remedy, secret_fault,
    within as secret_within,
};

/// Bytes that no plugin's write may take from the ledger's file system.
const FREE_BYTES_FLOOR: u64 = 64 * 1024 * 1024;

/// What a command may ask of a house beyond the ordinary.
#[derive(Clone, Default)]
pub(crate) struct Manner {
    /// Answers in place of the socket.
    pub(crate) fixture: Option<FixtureSet>,
    /// Keeps what is exchanged with the network.
    pub(crate) recorder: Option<Recorder>,
    /// Deny the tools everything.
    pub(crate) withhold: bool,
    /// Files that no plugin may touch, besides the usual ones.
    pub(crate) protected: Vec<PathBuf>,
}

/// One host.
pub(crate) struct House {
    /// Where things are kept.
    pub(crate) store: Arc<Store>,
    /// The plugins.
    pub(crate) catalogue: Arc<Catalogue>,
    /// What they may do.
    pub(crate) authorities: Arc<Authorities>,
    /// How they are called; started when first used.
    pub(crate) sandbox: Arc<LazySandbox>,
    /// Which providers do not answer, for every driver of this host.
    pub(crate) breakers: Arc<Breakers>,
}

impl House {
    /// Joins the crates. Reads the policy, and fails where it has a fault; starts nothing.
    pub(crate) fn open(app: &App, manner: Manner) -> Done<Self> {
        let paths = app.policy_paths();
        let layers = source::load(&paths, &*app.store()?).map_err(policy_failure)?;
        Self::join(app, manner, paths, layers)
    }

    /// The same for verbs that look or end: a fault in a policy file must not keep an operator from
    /// stopping a session. Plugins are then denied everything.
    pub(crate) fn open_to_look(app: &App) -> Done<Self> {
        let paths = app.policy_paths();
        let layers = source::load(&paths, &*app.store()?).unwrap_or_else(|error| {
            app.printer.warn(escape::text(&format!(
                "{error}\nuntil it is corrected, everything is denied"
            )));
            Layers::default()
        });
        Self::join(app, Manner::default(), paths, layers)
    }

    fn join(app: &App, manner: Manner, paths: PolicyPaths, layers: Layers) -> Done<Self> {
        let store = app.store()?;
        let mut protected = protected(app, &paths, &layers);
        protected.extend(manner.protected);
        let catalogue = app.catalogue_with(&store, layers);
        // Whoever could change a component could change what was judged.
        protected.extend(catalogue.files());
        let authorities = Authorities::new(
            Arc::clone(&store),
            paths,
            Arc::clone(&catalogue),
            manner.withhold,
        )
        .map(Arc::new)
        .doing(|| "the grants cannot be read".into())?;
        let parts = lazy::Parts {
            cache: app.home.cache.clone(),
            compiler: compiler()?,
            protected,
            free_bytes_floor: FREE_BYTES_FLOOR,
            store: Arc::clone(&store),
            authorities: Arc::clone(&authorities),
            fixture: manner.fixture,
            recorder: manner.recorder,
        };
        Ok(Self {
            store,
            catalogue,
            authorities,
            sandbox: Arc::new(LazySandbox::new(parts)),
            breakers: Arc::default(),
        })
    }

    /// The sandbox, started.
    pub(crate) fn started(&self) -> Done<Sandbox> {
        self.sandbox.get().map_err(|why| Failure::Run {
            what: format!("the sandbox did not start: {why}"),
            rule: None,
            remedy: Some("tollgate doctor".into()),
        })
    }

    /// A driver of sessions for `operator`.
    pub(crate) fn driver(&self, operator: Operator) -> Driver {
        let sessions: Arc<dyn SessionStore> = Arc::clone(&self.store) as _;
        let caller: Arc<dyn PluginCaller> = Arc::clone(&self.sandbox) as _;
        Driver {
            binds: Arc::new(binding::Checks {
                caller: Arc::clone(&caller),
                catalogue: Arc::clone(&self.catalogue),
                authorities: Arc::clone(&self.authorities),
            }),
            providers: Providers {
                models: Arc::new(adapters::PolicyModels(Arc::clone(&self.catalogue))),
                breakers: Arc::clone(&self.breakers),
                ..Providers::default()
            },
            store: sessions,
            ledger: Arc::clone(&self.store) as _,
            caller,
            clock: Arc::new(SystemClock),
            operator,
            settings: Settings::default(),
        }
    }
}

/// How to start the compile child: this program.
fn compiler() -> Done<Compiler> {
    let program = std::env::current_exe().doing(|| "this program cannot find itself".into())?;
    Ok(Compiler {
        program,
        arguments: vec!["internal".into(), "compile".into()],
    })
}

/// What no plugin may touch, whatever is granted; the store comes first.
fn protected(app: &App, paths: &PolicyPaths, layers: &Layers) -> Vec<PathBuf> {
    let home = &app.home;
    let mut protected = vec![home.state.clone(), home.config.clone(), home.cache.clone()];
    protected.push(paths.managed.clone());
    // Whoever could change the program could change the gate and the plugins inside it.
    protected.extend(std::env::current_exe().ok());
    // Also where there is none yet: a plugin must not make one.
    protected.push(app.project.root.join(crate::home::POLICY_FILE));
    protected.extend(paths.project.clone());
    for file in &layers.files {
        for credential in file.credentials.values() {
            if let tollgate_grants::CredentialSource::File(path) = &credential.source {
                protected.push(path.clone());
            }
        }
    }
    // A file whose directory is not there cannot be made by a plugin either.
    protected.retain(|path| path.parent().is_some_and(std::path::Path::is_dir));
    protected.sort_by_key(|path| *path != home.state);
    protected.dedup();
    protected
}

/// The gate's answer to whether a session's lease is held.
fn leases(store: &Arc<Store>) -> StoreLeases {
    StoreLeases(Arc::clone(store) as _)
}
