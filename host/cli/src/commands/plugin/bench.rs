//! A home of its own for one component: checked and tested there, it touches nothing of the operator's.
//!
//! Only compiled components are shared with the operator's cache; they are named by what they were
//! compiled from. The machine's managed policy is in force here too.

use super::registry::failure;
use crate::app::App;
use crate::errors::{Context, Done, Failure};
use crate::home::Home;
use crate::plugins::Located;
use crate::wiring::{House, Manner};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tollgate_contract::{CallContext, CallId, PluginName, SessionId};
use tollgate_grants::Capability;
use tollgate_receipts::Receipt;
use tollgate_sandbox::net::FixtureSet;
use tollgate_store::ReceiptFilter;
use toml::{Table, Value};

/// What the component may do and gets.
#[derive(Default)]
pub(super) struct Setup {
    /// Capabilities; host paths are relative to the working directory.
    pub(super) grants: Vec<String>,
    /// Its configuration.
    pub(super) config: BTreeMap<String, String>,
    /// Limits of a call, as a policy file writes them.
    pub(super) limits: BTreeMap<String, Value>,
    /// Answers in place of the socket.
    pub(super) fixture: Option<FixtureSet>,
}

/// A component in a home of its own; both are gone when this is dropped.
pub(super) struct Bench {
    /// The host.
    pub(super) house: House,
    /// The component.
    pub(super) located: Located,
    session: SessionId,
    _home: tempfile::TempDir,
}

/// A directory for one bench; the working directory in it is `work`.
pub(super) fn directory() -> Done<(tempfile::TempDir, PathBuf)> {
    let made = tempfile::Builder::new()
        .prefix("tollgate-author-")
        .tempdir()
        .and_then(|temp| {
            // The gate names what it opened by its real path.
            let work = temp.path().canonicalize()?.join("work");
            std::fs::create_dir(&work)?;
            Ok((temp, work))
        });
    made.doing(|| "no temporary home could be made".into())
}

impl Bench {
    /// Puts the component called `name` on the bench in `home`, whose working directory is `work`.
    pub(super) fn open(
        app: &App,
        component: &Path,
        name: &PluginName,
        setup: Setup,
        (temporary, work): (tempfile::TempDir, PathBuf),
    ) -> Done<Self> {
        let at = Home::at(temporary.path());
        let home = Home {
            cache: app.home.cache.clone(),
            ..at
        };
        home.create()?;
        std::fs::write(home.policy(), policy(component, name, &setup, &work)?)
            .doing(|| "the temporary policy was not written".into())?;
        let stage = App::new(home, work, app.printer.muted());
        let manner = Manner {
            fixture: setup.fixture,
            ..Manner::default()
        };
        let house = House::open(&stage, manner)?;
        let located = house
            .catalogue
            .named(name.as_str())
            .map_err(failure)?
            .ok_or_else(|| Failure::input(format!("{} was not found", component.display())))?;
        let session = SessionId::new(format!("bench_{}", uuid::Uuid::now_v7().simple()))
            .doing(|| "an id could not be made".into())?;
        Ok(Self {
            house,
            located,
            session,
            _home: temporary,
        })
    }

    /// The context of a new call.
    pub(super) fn call(&self) -> Done<CallContext> {
        Ok(CallContext {
            session: self.session.clone(),
            run: None,
            call: CallId::new(format!("call_{}", uuid::Uuid::now_v7().simple()))
                .doing(|| "an id could not be made".into())?,
            plugin: self.located.name.clone(),
            fence: None,
            effects_max: None,
        })
    }

    /// What a call left, in the order in which it was decided.
    pub(super) fn receipts(&self, call: &CallId) -> Done<Vec<Receipt>> {
        let filter = ReceiptFilter {
            call: Some(call.to_string()),
            ..ReceiptFilter::default()
        };
        let page = self
            .house
            .store
            .log()
            .receipts(&filter)
            .doing(|| "the receipts cannot be read".into())?;
        Ok(page
            .receipts
            .into_iter()
            .map(|listed| listed.receipt)
            .collect())
    }
}

/// The policy file of the bench.
fn policy(component: &Path, name: &PluginName, setup: &Setup, work: &Path) -> Done<String> {
    let mut grants = Vec::new();
    for typed in &setup.grants {
        let wrong = |why: String| Failure::Input {
            what: format!("the grant {typed:?} cannot be used: {why}"),
            rule: Some("a grant is written as in `tollgate grant add`".into()),
            remedy: Some("tollgate grant add --help".into()),
        };
        let capability: Capability = typed
            .parse()
            .map_err(|error: tollgate_grants::CapabilityError| wrong(error.to_string()))?;
        capability
            .grantable()
            .map_err(|fault| wrong(fault.message().to_owned()))?;
        grants.push(Value::String(capability.resolved(work).to_string()));
    }
    let texts = |map: &BTreeMap<String, String>| {
        Value::Table(
            map.iter()
                .map(|(key, value)| (key.clone(), Value::String(value.clone())))
                .collect(),
        )
    };
    let component = component.to_string_lossy().into_owned();
    let mut plugin = Table::from_iter([
        ("component".to_owned(), Value::String(component)),
        ("grants".to_owned(), Value::Array(grants)),
        ("config".to_owned(), texts(&setup.config)),
    ]);
    if !setup.limits.is_empty() {
        let limits = setup.limits.clone().into_iter();
        plugin.insert("limits".into(), Value::Table(limits.collect()));
    }
    let plugins = Table::from_iter([(name.to_string(), Value::Table(plugin))]);
    let policy = Table::from_iter([
        ("version".to_owned(), Value::Integer(1)),
        ("plugins".to_owned(), Value::Table(plugins)),
    ]);
    toml::to_string(&policy).doing(|| "the temporary policy cannot be written".into())
}
