//! Names, what is behind them, what they need and may do: `plugin add`, `list`, `show` and `rm`.

use super::{contract, project};
use crate::app::App;
use crate::args::plugin::Add;
use crate::errors::{Context, Done, Failure};
use crate::plugins::{self, LocateError, Located, World};
use crate::printer::escape;
use crate::printer::table::{left, narrow};
use crate::render::words::{bytes, count, quoted, short_id};
use crate::wiring::{House, Manner};
use serde_json::{Value, json};
use tollgate_contract::{PluginName, ToolSpec};
use tollgate_grants::{AuthoritySource, CallLimits, policy};
use tollgate_sandbox::{ComponentSource, PluginEntry};
use tollgate_store::{NewPlugin, StoreError};

/// Characters of a path in a table.
const PATH_CHARS_MAX: usize = 44;
/// Characters of a tool's name and arguments on one line.
const TOOL_CHARS_MAX: usize = 200;
/// Characters of a tool's description on a page.
const DESCRIPTION_CHARS_MAX: usize = 400;

/// A plugin that cannot be used, for people.
pub(crate) fn failure(error: LocateError) -> Failure {
    let (rule, remedy) = match &error {
        LocateError::Name(_) | LocateError::Read(_) => (None, None),
        LocateError::Changed { name, place, .. } => (
            Some("a name means the component that was added; a change asks again".to_owned()),
            Some(format!(
                "tollgate plugin add {} --name {name} --replace",
                typed(place)
            )),
        ),
        LocateError::Taken { place, .. } => (
            Some("a second component cannot take a name in use".to_owned()),
            Some(format!("tollgate plugin add {} --name OTHER", typed(place))),
        ),
        LocateError::Reference { .. } => (
            None,
            Some("download it, and name the file in `component`".to_owned()),
        ),
        LocateError::Policy(_) => (None, Some("tollgate policy check".to_owned())),
        LocateError::Store(_) => (None, Some("tollgate doctor".to_owned())),
    };
    Failure::Input {
        what: error.to_string(),
        rule,
        remedy,
    }
}

/// What an operator types for a component.
fn typed(source: &ComponentSource) -> String {
    match source {
        ComponentSource::File(path) => quoted(&path.to_string_lossy()),
        ComponentSource::Inside(name, _) => quoted(name),
    }
}

/// What `plugin add` was given: a path, or else the name of a bundled plugin.
fn named(app: &App, house: &House, args: &Add) -> Done<(ComponentSource, PluginName)> {
    let bundled = args
        .component
        .to_str()
        .filter(|_| !args.component.exists())
        .and_then(|name| house.catalogue.bundled().get(name));
    let source = match bundled {
        Some(bundled) => bundled,
        None => {
            let path = project::component_of(&args.component)?;
            app.directory.join(path).into()
        }
    };
    let name = match (&args.name, &source) {
        (Some(name), _) => name.clone(),
        (None, ComponentSource::Inside(name, _)) => (*name).to_owned(),
        (None, ComponentSource::File(path)) => path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default(),
    };
    let name = PluginName::new(name)
        .map_err(|error| Failure::input_try(error.to_string(), "name it with --name"))?;
    Ok((source, name))
}

/// The plugin that was typed.
fn find(house: &House, typed: &str) -> Done<Located> {
    house
        .catalogue
        .find(typed)
        .map_err(failure)?
        .ok_or_else(|| Failure::NotFound {
            kind: "plugin",
            name: typed.to_owned(),
            remedy: "tollgate plugin list".into(),
        })
}

pub(super) async fn add(app: &App, args: &Add) -> Done {
    let house = House::open(app, Manner::default())?;
    let (source, name) = named(app, &house, args)?;
    let before = house
        .store
        .plugins()
        .get(name.as_str())
        .doing(|| "the plugins cannot be read".into())?;
    let located = house
        .catalogue
        .introduce(source, &name, args.replace)
        .map_err(failure)?;
    contract::judge(&located)?;
    if let (Some(before), false) = (&before, args.replace) {
        return Err(Failure::Input {
            what: format!(
                "plugin {name} was added already, with the digest {}",
                before.plugin.digest
            ),
            rule: Some("a name is claimed once".into()),
            remedy: Some(format!(
                "tollgate plugin add {} --name {name} --replace",
                typed(&located.source)
            )),
        });
    }
    let (tools, left_out) = {
        let _progress = app.printer.progress(&format!("compiling {name}"));
        examine(&house, &located).await?
    };
    let tools_json = serde_json::to_string(&tools).doing(|| "the tools cannot be stored".into())?;
    let new = NewPlugin {
        name: name.to_string(),
        digest: located.component.digest.clone(),
        version: located.component.version().to_owned(),
        world: located.component.world.label().to_owned(),
        needs: located.component.needs_text(),
        component_path: plugins::stored(&located.source),
        tools_json,
        names: tools
            .iter()
            .map(|tool| format!("{name}__{}", tool.name))
            .collect(),
    };
    let who = &app.identity.subject;
    let stored = match before {
        Some(_) => house.store.plugins().replace(new, who),
        None => house.store.plugins().add(new, who),
    };
    let stored = stored.map_err(|error| match error {
        error @ (StoreError::NameTaken { .. } | StoreError::Refused(_)) => {
            Failure::input_try(error.to_string(), "tollgate plugin list")
        }
        other => Failure::failed("the plugin was not added", other),
    })?;
    app.printer.json(&json!({
        "name": stored.plugin.name,
        "world": stored.plugin.world,
        "version": stored.plugin.version,
        "digest": stored.plugin.digest,
        "needs": stored.plugin.needs,
        "needs_declared": located.component.declares_needs(),
        "tools": tools,
        "left_out": left_out,
        "tools_digest": stored.tools_digest,
    }));
    app.printer.line(format!(
        "added {name} {} ({}), {}",
        escape::line(&stored.plugin.version),
        stored.plugin.digest,
        match located.component.world {
            World::Provider => "a provider".to_owned(),
            World::Tools | World::Functions => count(tools.len(), "tool"),
        }
    ));
    let label = match located.component.declares_needs() {
        true => "needs",
        false => "may need, by its imports",
    };
    for need in &stored.plugin.needs {
        app.printer.line(format!("{label}: {}", escape::line(need)));
    }
    for tool in &tools {
        let line = format!("tool: {}{}", escape::line(&tool.name), arguments(tool));
        app.printer.line(escape::cut(&line, TOOL_CHARS_MAX));
    }
    for left in &left_out {
        app.printer
            .warn(escape::cut(&escape::line(left), DESCRIPTION_CHARS_MAX));
    }
    app.printer
        .talk("it may do nothing until you grant it something: `tollgate grant add`");
    Ok(())
}

/// Compiles and links a component, and asks it for its tools, without any grant: they, and what of it
/// cannot be a tool.
async fn examine(house: &House, located: &Located) -> Done<(Vec<ToolSpec>, Vec<String>)> {
    let sandbox = house.started()?;
    let entry = PluginEntry {
        name: located.name.clone(),
        component: located.source.clone(),
        digest: Some(located.component.digest.clone()),
        limits: CallLimits::default(),
        config: Default::default(),
    };
    let examined = tokio::task::spawn_blocking(move || sandbox.examine(&entry))
        .await
        .doing(|| "the component was not examined".into())?;
    let examined = examined.map_err(|error| Failure::Input {
        what: format!("the component was refused: {error}"),
        rule: Some(
            "a plugin exports a world of the contract, functions or a command, and imports only what the gate knows"
                .into(),
        ),
        remedy: None,
    })?;
    if examined.provider {
        return Ok((Vec::new(), Vec::new()));
    }
    Ok((plugins::list(house, located).await?, examined.left_out))
}

pub(super) fn list(app: &App) -> Done {
    let catalogue = app.catalogue()?;
    let all = catalogue.all().map_err(failure)?;
    let mut values = Vec::new();
    let mut rows = Vec::new();
    let mut unusable = Vec::new();
    for (name, located) in &all {
        match located {
            Ok(located) => {
                let component = &located.component;
                let world = component.world.label();
                values.push(json!({
                    "name": name,
                    "world": world,
                    "version": component.version(),
                    "origin": located.origin,
                    "path": located.source.path(),
                    "digest": component.digest,
                }));
                rows.push(vec![
                    name.clone(),
                    world.to_owned(),
                    component.version().to_owned(),
                    located.origin.label().to_owned(),
                    located.source.to_string(),
                    short_id(&component.digest),
                ]);
            }
            Err(error) => {
                values.push(json!({"name": name, "error": error.to_string()}));
                unusable.push(format!("{name} cannot be used: {error}"));
            }
        }
    }
    app.printer.json(&json!({ "plugins": values }));
    for warning in &unusable {
        app.printer.warn(escape::line(warning));
    }
    if rows.is_empty() {
        app.printer.talk(format!(
            "no plugin: none was added, and none is bundled in {}",
            catalogue.bundled()
        ));
        return Ok(());
    }
    let columns = [
        left("PLUGIN"),
        left("WORLD"),
        left("VERSION"),
        left("FROM"),
        narrow("COMPONENT", PATH_CHARS_MAX),
        left("DIGEST"),
    ];
    app.printer.table(&columns, &rows);
    Ok(())
}

pub(super) fn remove(app: &App, name: &str) -> Done {
    let gone = || Failure::NotFound {
        kind: "added plugin",
        name: name.to_owned(),
        remedy: "tollgate plugin list".into(),
    };
    let store = app.store_if_there()?.ok_or_else(gone)?;
    store
        .plugins()
        .rm(name, &app.identity.subject)
        .map_err(|error| match error {
            StoreError::NotFound { .. } => gone(),
            other => Failure::failed("the plugin was not removed", other),
        })?;
    app.printer.json(&json!({ "removed": name }));
    app.printer.line(format!(
        "removed {name}; its component's file stays, and so do its receipts"
    ));
    Ok(())
}

pub(super) async fn show(app: &App, typed: &str) -> Done {
    let house = House::open(app, Manner::default())?;
    let located = find(&house, &project::resolve(typed)?)?;
    let name = located.name.as_str();
    let authority = house
        .authorities
        .authority(name, "")
        .doing(|| "the grants cannot be read".into())?;
    let tools = match located.component.world {
        World::Tools | World::Functions => {
            let _progress = app.printer.progress(&format!("compiling {name}"));
            plugins::tools_of(&house, &located).await?
        }
        World::Provider => Vec::new(),
    };
    let limits = limits(authority.limits());
    let grants = grants(&house, name)?;
    let component = &located.component;
    app.printer.json(&json!({
        "name": name,
        "world": component.world,
        "version": component.version(),
        "origin": located.origin,
        "path": located.source.path(),
        "bytes": component.bytes,
        "digest": component.digest,
        "needs": component.needs_text(),
        "needs_declared": component.declares_needs(),
        "limits": authority_limits(authority.limits()),
        "grants": grants.iter().map(|(id, rule)| json!({"id": id, "rule": rule})).collect::<Vec<_>>(),
        "tools": tools,
    }));
    page(app, &located, &limits, &grants, &tools);
    Ok(())
}

fn page(
    app: &App,
    located: &Located,
    limits: &[(&str, String)],
    grants: &[(String, String)],
    tools: &[ToolSpec],
) {
    let printer = &app.printer;
    let component = &located.component;
    let line = |label: &str, value: &str| {
        printer.line(format!(
            "{}  {}",
            printer.dim(&format!("{label:<10}")),
            escape::line(value)
        ));
    };
    line("plugin", located.name.as_str());
    line("world", component.world.label());
    line("version", component.version());
    line(
        "component",
        &format!("{} ({})", located.source, bytes(component.bytes as u64)),
    );
    line("from", located.origin.label());
    line("digest", &component.digest);
    let section = |title: &str| {
        printer.line("");
        printer.line(printer.heading(title));
    };
    section(match component.declares_needs() {
        true => "needs, as it declares them",
        false => "needs, by its imports; it declares none",
    });
    let needs = component.needs_text();
    if needs.is_empty() {
        printer.line("  nothing");
    }
    for need in needs {
        printer.line(format!("  {}", escape::line(&need)));
    }
    section("grants");
    if grants.is_empty() {
        printer.line("  none: it may do nothing");
    }
    for (id, rule) in grants {
        printer.line(format!(
            "  {}  {}",
            escape::line(rule),
            printer.dim(&format!("({id})"))
        ));
    }
    section("limits of a call");
    for (label, value) in limits {
        printer.line(format!("  {label:<10}  {value}"));
    }
    if !tools.is_empty() {
        section("tools, in the plugin's own words");
        for tool in tools {
            let words = escape::cut(&escape::line(&tool.description), DESCRIPTION_CHARS_MAX);
            printer.line(format!("  {}{}", escape::line(&tool.name), arguments(tool)));
            printer.line(format!("      {words}"));
        }
    }
}

/// The names of a tool's arguments; those in brackets may be left out.
fn arguments(tool: &ToolSpec) -> String {
    let schema: Value = serde_json::from_str(&tool.input_schema_json).unwrap_or(Value::Null);
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return String::new();
    };
    let words: Vec<String> = properties
        .keys()
        .map(|name| {
            let name = escape::line(name);
            if required.contains(&name.as_str()) {
                format!(" {name}=…")
            } else {
                format!(" [{name}=…]")
            }
        })
        .collect();
    words.concat()
}

fn limits(limits: &CallLimits) -> Vec<(&'static str, String)> {
    vec![
        ("memory", policy::format_bytes(limits.memory_bytes)),
        ("wall", policy::format_duration(limits.wall_us)),
        ("cpu", policy::format_duration(limits.cpu_us)),
        ("effects", limits.effects.to_string()),
        ("output", policy::format_bytes(limits.output_bytes)),
        ("http_body", policy::format_bytes(limits.http_body_bytes)),
        ("disk", policy::format_bytes(limits.disk_bytes)),
        ("disk_files", limits.disk_files.to_string()),
    ]
}

fn authority_limits(limits: &CallLimits) -> Value {
    json!({
        "memory_bytes": limits.memory_bytes,
        "wall_us": limits.wall_us,
        "cpu_us": limits.cpu_us,
        "effects": limits.effects,
        "output_bytes": limits.output_bytes,
        "http_body_bytes": limits.http_body_bytes,
        "disk_bytes": limits.disk_bytes,
        "disk_files": limits.disk_files,
    })
}

/// Rules of the policy files and run-time grants that are not void, by id.
fn grants(house: &House, name: &str) -> Done<Vec<(String, String)>> {
    let mut all = Vec::new();
    for file in &house.catalogue.layers().files {
        if let Some(policy) = file.plugins.get(name) {
            for (index, rule) in policy.grants.iter().enumerate() {
                let id = format!("{}:{name}:{}", file.origin.layer, index + 1);
                all.push((id, format!("{} {}", rule.effect.as_str(), rule.capability)));
            }
        }
    }
    let now_us = crate::time::now_us();
    let runtime = house
        .store
        .grants()
        .list(Some(name))
        .doing(|| "the grants cannot be read".into())?;
    for grant in runtime
        .into_iter()
        .filter(|grant| grant.void(now_us).is_none())
    {
        all.push((
            grant.id,
            format!("{} {}", grant.effect.as_str(), grant.capability),
        ));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_arguments_stand_in_brackets() {
        let tool = ToolSpec {
            name: "read".into(),
            title: None,
            description: String::new(),
            input_schema_json: r#"{"properties":{"path":{},"start":{}},"required":["path"]}"#
                .into(),
            output_schema_json: None,
            hints: Default::default(),
        };
        assert_eq!(arguments(&tool), " path=… [start=…]");
    }
}
