//! The host of a server: which tools its clients are offered, and what the operator hears of it.
//!
//! The list is kept while neither the grants generation nor a component changes, so that a call reads no
//! file of a plugin. A plugin whose tools cannot be offered is left out and named; it takes no other
//! with it.

use super::House;
use crate::commands::{denied, directories};
use crate::errors::Failure;
use crate::plugins::{self, Listed, Located, World};
use crate::printer::{Printer, escape};
use async_trait::async_trait;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tollgate_contract::{CallFault, Denial, PluginName, SessionId, ToolSpec};
use tollgate_grants::AuthoritySource;
use tollgate_server::{Host, HostError, Offer};
use tollgate_sessions::catalog::ToolCatalog;

/// How old a list may be before the components' files are looked at again.
const LOOK: Duration = Duration::from_secs(2);
/// Different things that the operator is told; more would be a client's way to flood a terminal.
const TOLD_MAX: usize = 256;
/// Versions of plugins whose tools are remembered.
const LISTED_MAX: usize = 256;

/// What a server offers.
pub(crate) struct Serving {
    house: House,
    printer: Printer,
    project: String,
    /// Only these plugins; all of them if there are none.
    only: Vec<String>,
    kept: RwLock<Option<Kept>>,
    building: tokio::sync::Mutex<()>,
    /// Tools by plugin and digest of its component.
    listed: Mutex<HashMap<(String, String), Vec<ToolSpec>>>,
    told: Mutex<HashSet<String>>,
}

struct Kept {
    generation: u64,
    looked: Instant,
    offer: Offer,
}

impl Serving {
    pub(crate) fn new(house: House, printer: Printer, project: String, only: Vec<String>) -> Self {
        Self {
            house,
            printer,
            project,
            only,
            kept: RwLock::default(),
            building: tokio::sync::Mutex::default(),
            listed: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// The house that it serves.
    pub(crate) fn house(&self) -> &House {
        &self.house
    }

    fn generation(&self) -> Result<u64, HostError> {
        self.house
            .authorities
            .generation()
            .map_err(|error| HostError(error.to_string()))
    }

    fn fresh(&self, generation: u64) -> Option<Offer> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref()
            .filter(|kept| kept.generation == generation && kept.looked.elapsed() < LOOK)
            .map(|kept| kept.offer.clone())
    }

    async fn build(&self) -> Result<Offer, Failure> {
        let mut offered: Vec<(PluginName, ToolSpec)> = Vec::new();
        for (name, located) in self.wanted()? {
            match self.tools(located).await {
                Ok(None) => {}
                Ok(Some((plugin, specs))) => {
                    let mut more = offered.clone();
                    more.extend(specs.into_iter().map(|spec| (plugin.clone(), spec)));
                    match ToolCatalog::new(more.iter().cloned()) {
                        Ok(_) => offered = more,
                        Err(error) => self.left_out(&name, &error.to_string()),
                    }
                }
                Err(why) => self.left_out(&name, &why),
            }
        }
        let stamp = self.stamp(&offered)?;
        let catalog =
            ToolCatalog::new(offered).map_err(|error| Failure::input(error.to_string()))?;
        let catalog = Arc::new(catalog);
        Ok(Offer { catalog, stamp })
    }

    /// The plugins that an operator has spoken of and wants here.
    fn wanted(&self) -> Result<Vec<Listed>, Failure> {
        let spoken_of = plugins::spoken_of(&self.house)?;
        let mut all = self.house.catalogue.all().map_err(|error| {
            Failure::failed("the plugins cannot be listed", anyhow::Error::from(error))
        })?;
        all.retain(|(name, _)| {
            let wanted = self.only.is_empty() || self.only.contains(name);
            wanted && spoken_of.contains(name)
        });
        Ok(all)
    }

    /// Names of those that have tools.
    fn offered_names(&self) -> Result<Vec<String>, Failure> {
        let tools = |(name, located): Listed| {
            let located = located.ok()?;
            (located.component.world != World::Provider).then_some(name)
        };
        Ok(self.wanted()?.into_iter().filter_map(tools).collect())
    }

    /// The tools of a plugin; none if it is a provider.
    async fn tools(
        &self,
        located: Result<Located, plugins::LocateError>,
    ) -> Result<Option<(PluginName, Vec<ToolSpec>)>, String> {
        let located = located.map_err(|error| error.to_string())?;
        if located.component.world == World::Provider {
            return Ok(None);
        }
        let key = (located.name.to_string(), located.component.digest.clone());
        let known = self.listed().get(&key).cloned();
        if let Some(specs) = known {
            return Ok(Some((located.name, specs)));
        }
        let specs = plugins::tools_of(&self.house, &located)
            .await
            .map_err(|error| error.to_string())?;
        let mut listed = self.listed();
        if listed.len() >= LISTED_MAX {
            listed.clear();
        }
        listed.insert(key, specs.clone());
        Ok(Some((located.name, specs)))
    }

    fn listed(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Vec<ToolSpec>>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Differs when the tools differ, or what an operator allowed.
    fn stamp(&self, offered: &[(PluginName, ToolSpec)]) -> Result<u64, Failure> {
        let mut hasher = DefaultHasher::new();
        for (plugin, spec) in offered {
            plugin.hash(&mut hasher);
            serde_json::to_string(spec)
                .unwrap_or_default()
                .hash(&mut hasher);
        }
        let now_us = crate::time::now_us();
        let grants = self.house.store.grants().list(None).map_err(|error| {
            Failure::failed("the grants cannot be read", anyhow::Error::from(error))
        })?;
        for grant in grants.iter().filter(|grant| grant.void(now_us).is_none()) {
            grant.id.hash(&mut hasher);
        }
        let layers = self.house.catalogue.layers();
        tollgate_grants::policy::digest(&layers.files).hash(&mut hasher);
        Ok(hasher.finish().max(1))
    }

    fn left_out(&self, plugin: &str, why: &str) {
        self.tell(
            format!("the tools of {plugin} are not offered: {why}"),
            false,
        );
    }

    /// Tells the operator something once.
    fn tell(&self, what: String, warning: bool) {
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.len() >= TOLD_MAX || !told.insert(what.clone()) {
                return;
            }
        }
        let what = escape::text(&what);
        if warning {
            self.printer.warn(what);
        } else {
            self.printer.talk(what);
        }
    }
}

#[async_trait]
impl Host for Serving {
    async fn offer(&self) -> Result<Offer, HostError> {
        if let Some(offer) = self.fresh(self.generation()?) {
            return Ok(offer);
        }
        let _building = self.building.lock().await;
        // Read before the list is made: what changes meanwhile is seen the next time.
        let generation = self.generation()?;
        if let Some(offer) = self.fresh(generation) {
            return Ok(offer);
        }
        let offer = self
            .build()
            .await
            .map_err(|error| HostError(error.to_string()))?;
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(Kept {
            generation,
            looked: Instant::now(),
            offer: offer.clone(),
        });
        Ok(offer)
    }

    fn instructions(&self, session: &SessionId) -> Option<String> {
        let mut text = String::from(
            "Each tool is a sandboxed plugin's, and the operator's rules decide what a call may touch. What \
             is denied stays denied until the operator changes the rules, which no tool can do: choose \
             another way, or say what was denied.",
        );
        for plugin in self.offered_names().unwrap_or_default() {
            for directory in directories(&self.house, &plugin, session.as_str()) {
                text.push_str(&format!("\n{plugin} sees {}", escape::line(&directory)));
            }
        }
        Some(text)
    }

    fn opened(&self, session: &SessionId) {
        self.house
            .authorities
            .set_project(session.as_str(), &self.project);
        self.printer.talk(format!(
            "session {session}; see `tollgate receipt list --session {session}`"
        ));
    }

    fn ended(&self, session: &SessionId) {
        self.house.authorities.forget_session(session.as_str());
        if let Err(error) = self.house.store.end_named(session.as_str()) {
            self.printer.warn(escape::line(&format!(
                "the ledger has not heard that session {session} is over: {error}"
            )));
        }
        self.printer.talk(format!("session {session} is over"));
    }

    fn denied(&self, _: &SessionId, denial: &Denial) {
        let Failure::Denied(refused) = denied::failure(&self.house, denial) else {
            return;
        };
        let what = format!(
            "{} was denied {} {} ({})",
            refused.plugin, refused.kind, refused.target, refused.reason
        );
        let explain = format!("tollgate receipt explain {}", denial.receipt);
        let remedy = refused.remedy.unwrap_or(explain);
        // Each refusal has a receipt of its own; the operator reads a rule once.
        self.tell(format!("{what}\n  try:  {remedy}"), true);
    }

    fn refused(&self, session: &SessionId, plugin: &PluginName, count: u64) {
        let effects = if count == 1 { "effect" } else { "effects" };
        self.tell(
            format!(
                "{plugin} went on without {effects} that the gate refused; see `tollgate receipt list --session {session} --decision denied`"
            ),
            true,
        );
    }

    fn faulted(&self, session: &SessionId, _: &PluginName, fault: &CallFault) {
        let remedy = match fault {
            CallFault::LedgerUnavailable { .. } | CallFault::Sandbox { .. } => {
                "tollgate doctor".to_owned()
            }
            _ => format!("tollgate receipt list --session {session}"),
        };
        self.tell(format!("{fault}\n  try:  {remedy}"), true);
    }

    fn trouble(&self, what: &str) {
        self.tell(what.to_owned(), true);
    }
}
