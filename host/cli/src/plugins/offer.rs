//! Which tools a session's model is offered.
//!
//! A plugin's tools are offered once an operator has said something about it: a rule in a policy file,
//! a run-time grant, or `plugin add`. Those that were added are offered as they were pinned; of others
//! the list is asked for, without any grant.

use super::{Located, World};
use crate::commands::directories;
use crate::errors::{Context, Done, Failure};
use crate::wiring::House;
use std::collections::BTreeSet;
use tollgate_contract::{CallContext, CallId, SessionId, ToolSpec};
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
fn spoken_of(house: &House) -> Done<BTreeSet<String>> {
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
    };
    let reply = house.started()?.list_tools(context).await.doing(cannot)?;
    Ok(reply.value)
}
