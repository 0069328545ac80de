//! Which tools a session's model is offered.
//!
//! A plugin's tools are offered once an operator has said something about it: a rule in a policy file,
//! a run-time grant, or `plugin add`. Those that were added are offered as they were pinned; of others
//! the list is asked for, without any grant. Where nothing is granted the operator is told.

use super::{Located, World};
use crate::commands::directories;
use crate::errors::{Context, Done, Failure};
use crate::render::words::quoted;
use crate::wiring::House;
use serde::Serialize;
use std::collections::BTreeSet;
use tollgate_contract::{CallContext, CallId, SessionId, ToolSpec};
use tollgate_grants::{RuleEffect, Scope};
use tollgate_receipts::HOST_SESSION;
use tollgate_sessions::catalog::ToolCatalog;

/// The tools of a session.
#[derive(Debug, Default)]
pub(crate) struct Offered {
    /// They, under the names that the model is told.
    pub(crate) catalog: ToolCatalog,
    /// What the model is told of the directories, if there are any.
    pub(crate) directories: Option<String>,
    /// Plugins that could not be offered, and why.
    pub(crate) refused: Vec<String>,
    /// Plugins with tools to which nothing is granted.
    pub(crate) ungranted: Vec<Ungranted>,
}

/// A plugin with tools to which nothing is granted, although it needs something or was never spoken of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Ungranted {
    /// It.
    pub(crate) plugin: String,
    /// Whether its tools are offered all the same.
    pub(crate) offered: bool,
    /// The command that changes it.
    pub(crate) command: String,
}

impl Ungranted {
    fn of(located: &Located, offered: bool) -> Self {
        let name = quoted(located.name.as_str());
        let needs = located.component.inspection.needs.as_deref();
        let command = match needs {
            Some([]) => match located.source.path() {
                Some(path) => format!("tollgate plugin add {}", quoted(&path.to_string_lossy())),
                None => format!("tollgate plugin add {name}"),
            },
            Some(needs) if needs.iter().any(|need| need.starts_with("fs.")) => {
                format!("tollgate grant add {name} 'fs.read . at /project'")
            }
            // Which of the others it is to have, nobody but the operator knows.
            _ => format!("tollgate plugin show {name}"),
        };
        Self {
            plugin: located.name.to_string(),
            offered,
            command,
        }
    }

    /// In words, for an operator, of all in `ungranted`. Of plugins that were never spoken of only
    /// where a run has no tool at all: then one line, with the command for one of them.
    pub(crate) fn say(ungranted: &[Self], has_tools: bool) -> Vec<String> {
        let (offered, idle): (Vec<_>, Vec<_>) = ungranted.iter().partition(|one| one.offered);
        let mut lines: Vec<String> = offered
            .iter()
            .map(
                |Self {
                     plugin, command, ..
                 }| {
                    format!(
                        "{plugin} has no grant, so what its tools try is refused; try `{command}`"
                    )
                },
            )
            .collect();
        let grants = |one: &&&Self| one.command.starts_with("tollgate grant add");
        if !has_tools && let Some(first) = idle.iter().find(grants).or(idle.first()) {
            let names: Vec<&str> = idle.iter().map(|one| one.plugin.as_str()).collect();
            lines.push(format!(
                "tools not offered, for nothing is granted to them: {}; try `{}`",
                names.join(", "),
                first.command
            ));
        }
        lines
    }
}

/// The tools that `session` offers.
pub(crate) async fn offered(house: &House, session: &str) -> Done<Offered> {
    let spoken_of = spoken_of(house)?;
    let mut offered = Offered::default();
    let mut tools = Vec::new();
    let mut directories_of = Vec::new();
    for (name, located) in house
        .catalogue
        .all()
        .doing(|| "the plugins cannot be listed".into())?
    {
        if !spoken_of.contains(&name) {
            let located = located.ok();
            let tools = located.filter(|located| located.component.world != World::Provider);
            let ungranted = tools.map(|located| Ungranted::of(&located, false));
            offered.ungranted.extend(ungranted);
            continue;
        }
        let located = match located {
            Ok(located) if located.component.world == World::Provider => continue,
            Ok(located) => located,
            Err(error) => {
                offered
                    .refused
                    .push(format!("the tools of {name} are not offered: {error}"));
                continue;
            }
        };
        match tools_of(house, &located).await {
            Ok(specs) => {
                let own = specs.into_iter().map(|spec| (located.name.clone(), spec));
                let own: Vec<_> = own.collect();
                // What cannot be offered even by itself must not keep the others from being offered.
                if let Err(error) = ToolCatalog::new(own.clone()) {
                    let why = format!("the tools of {name} are not offered: {error}");
                    offered.refused.push(why);
                    continue;
                }
                tools.extend(own);
                for directory in directories(house, &name, session) {
                    directories_of.push(format!("{name}: {directory}"));
                }
                let needs = located.component.inspection.needs.as_deref();
                let needs_nothing = needs.is_some_and(<[String]>::is_empty);
                if !needs_nothing && !has_a_grant(house, &name, session)? {
                    offered.ungranted.push(Ungranted::of(&located, true));
                }
            }
            Err(error) => {
                offered
                    .refused
                    .push(format!("the tools of {name} are not offered: {error}"));
            }
        }
    }
    offered.catalog = ToolCatalog::new(tools)
        .map_err(|error| Failure::input_try(error.to_string(), "tollgate plugin list"))?;
    offered.directories = told(&directories_of);
    Ok(offered)
}

/// What a model is told of the directories that its tools see.
fn told(directories: &[String]) -> Option<String> {
    if directories.is_empty() {
        return None;
    }
    Some(format!(
        "You work through tools. {} mounted for them: {}. What a tool is denied stays denied in this run; choose another way.",
        match directories.len() {
            1 => "One directory is".to_owned(),
            many => format!("{many} directories are"),
        },
        directories.join("; ")
    ))
}

/// Names of plugins about which an operator has said something.
pub(crate) fn spoken_of(house: &House) -> Done<BTreeSet<String>> {
    let cannot = || "the grants cannot be read".to_owned();
    let mut names: BTreeSet<String> = BTreeSet::new();
    for file in &house.catalogue.layers().files {
        names.extend(file.plugins.keys().cloned());
    }
    let now_us = crate::time::now_us();
    let grants = house.store.grants().list(None).doing(cannot)?;
    names.extend(
        grants
            .into_iter()
            .filter(|grant| grant.void(now_us).is_none())
            .map(|grant| grant.plugin),
    );
    let added = house.store.plugins().list().doing(cannot)?;
    names.extend(added.into_iter().map(|added| added.plugin.name));
    Ok(names)
}

/// Whether something is granted to a plugin that may count in a session.
fn has_a_grant(house: &House, plugin: &str, session: &str) -> Done<bool> {
    let layers = house.catalogue.layers();
    let rules = layers
        .files
        .iter()
        .filter_map(|file| file.plugins.get(plugin))
        .flat_map(|policy| &policy.grants);
    if rules
        .into_iter()
        .any(|rule| rule.effect != RuleEffect::Deny)
    {
        return Ok(true);
    }
    let now_us = crate::time::now_us();
    let grants = house
        .store
        .grants()
        .list(Some(plugin))
        .doing(|| "the grants cannot be read".into())?;
    Ok(grants.iter().any(|grant| {
        let elsewhere = matches!(&grant.scope, Scope::Session(of) if of != session);
        !elsewhere && grant.effect != RuleEffect::Deny && grant.void(now_us).is_none()
    }))
}

/// The tools of one plugin: as they were pinned, else as it lists them now.
pub(crate) async fn tools_of(house: &House, located: &Located) -> Done<Vec<ToolSpec>> {
    let cannot = || format!("the tools of {} cannot be read", located.name);
    if let Some(added) = house
        .store
        .plugins()
        .get(located.name.as_str())
        .doing(cannot)?
    {
        return serde_json::from_str(&added.plugin.tools_json).doing(cannot);
    }
    list(house, located).await
}

/// The tools that a plugin lists now, asked without any grant.
pub(crate) async fn list(house: &House, located: &Located) -> Done<Vec<ToolSpec>> {
    let cannot = || format!("plugin {} did not list its tools", located.name);
    let context = CallContext {
        session: SessionId::new(HOST_SESSION).doing(cannot)?,
        run: None,
        call: CallId::new(format!("call_{}", uuid::Uuid::now_v7().simple())).doing(cannot)?,
        plugin: located.name.clone(),
        fence: None,
        effects_max: None,
    };
    let reply = house.started()?.list_tools(context).await.doing(cannot)?;
    Ok(reply.value)
}
