//! `provider list` and `provider show`.

use super::facts::{Credential, Facts, Grant, find};
use crate::app::App;
use crate::commands::{agent, call, plugin};
use crate::errors::Done;
use crate::printer::escape;
use crate::printer::table::{left, narrow};
use crate::wiring::{House, Manner};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_sessions::record::Listed;

/// Characters of a model's name in a table.
const MODEL_CHARS_MAX: usize = 32;

/// Sessions by their provider; none if nobody is logged in.
type Bound = Option<BTreeMap<String, Vec<String>>>;

/// The sessions that are not over.
async fn bound(app: &App, house: &House) -> Done<Bound> {
    let Ok(operator) = app.operator("provider list") else {
        return Ok(None);
    };
    let listed = house
        .driver(operator)
        .list()
        .await
        .map_err(agent::failure)?;
    let mut bound: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in listed {
        if let Listed::Session { session } = one
            && (session.status.is_active()
                || session.status.is_resting()
                || session.status.is_recoverable())
        {
            let sessions = bound.entry(session.provider.clone()).or_default();
            sessions.push(session.id.clone());
        }
    }
    Ok(Some(bound))
}

async fn facts(app: &App, house: &House, located: crate::plugins::Located) -> Done<Facts> {
    // A session of its own: no grant of another one counts.
    let session = call::context(&located.name)?.session;
    house
        .authorities
        .set_project(session.as_str(), &app.project.id());
    let what = format!("compiling {}", located.name);
    let _progress = app.printer.progress(&what);
    Facts::read(house, located, &session, None).await
}

/// Prints every adapter.
pub(super) async fn list(app: &App) -> Done {
    let house = House::open(app, Manner::default())?;
    let bound = bound(app, &house).await?;
    let (mut values, mut rows, mut steps) = (Vec::new(), Vec::new(), Vec::new());
    for located in house.catalogue.providers().map_err(plugin::failure)? {
        let name = located.name.to_string();
        let facts = match facts(app, &house, located).await {
            Ok(facts) => facts,
            Err(error) => {
                app.printer.warn(escape::line(&format!(
                    "{name} cannot be asked what it is: {error}"
                )));
                values.push(json!({ "name": name, "error": error.to_string() }));
                continue;
            }
        };
        values.push(value(&facts, &bound));
        rows.push(row(&facts, &bound));
        steps.extend(facts.next().map(|step| format!("{name}: `{step}`")));
    }
    app.printer.json(&json!({ "providers": values }));
    if rows.is_empty() {
        app.printer
            .talk("no provider adapter: none was added, and none is bundled");
        return Ok(());
    }
    let columns = [
        left("PROVIDER"),
        left("FORMAT"),
        narrow("MODEL", MODEL_CHARS_MAX),
        left("FROM"),
        left("GRANT"),
        left("CREDENTIAL"),
        left("SESSIONS"),
    ];
    app.printer.table(&columns, &rows);
    for step in steps {
        app.printer.talk(escape::line(&format!("next for {step}")));
    }
    Ok(())
}

fn row(facts: &Facts, bound: &Bound) -> Vec<String> {
    let sessions = bound.as_ref().map_or_else(
        || "not logged in".to_owned(),
        |bound| bound.get(facts.name()).map_or(0, Vec::len).to_string(),
    );
    vec![
        facts.name().to_owned(),
        facts.info.format.clone(),
        facts.model.clone().unwrap_or_else(|| "-".to_owned()),
        facts.located.origin.label().to_owned(),
        match &facts.grant {
            Grant::Stands(_) => "ok".to_owned(),
            Grant::Missing(denial) => denial.reason.label().to_owned(),
            Grant::Asks(_) => "asks".to_owned(),
            Grant::Unknown => "unknown".to_owned(),
        },
        match &facts.credential {
            Credential::None => "none".to_owned(),
            Credential::Usable(name) => name.clone(),
            Credential::Undefined(name) => format!("{name}: not defined"),
            Credential::Unusable { name, .. } => format!("{name}: cannot be used"),
        },
        sessions,
    ]
}

/// One adapter for programs.
fn value(facts: &Facts, bound: &Bound) -> Value {
    let grant = match &facts.grant {
        Grant::Stands(id) => json!({ "state": "stands", "id": id }),
        Grant::Asks(id) => json!({ "state": "asks", "id": id }),
        Grant::Missing(denial) => json!({
            "state": "missing",
            "reason": denial.reason.label(),
            "nearest": denial.nearest.as_ref().map(|nearest| json!({
                "id": nearest.grant.to_string(),
                "capability": nearest.capability,
                "why": nearest.why,
            })),
        }),
        Grant::Unknown => json!({ "state": "unknown" }),
    };
    let credential = match &facts.credential {
        Credential::None => json!({ "state": "none" }),
        Credential::Usable(name) => json!({ "state": "usable", "name": name }),
        Credential::Undefined(name) => json!({ "state": "undefined", "name": name }),
        Credential::Unusable { name, fault, .. } => {
            json!({ "state": "unusable", "name": name, "fault": fault })
        }
    };
    let sessions = bound
        .as_ref()
        .map(|bound| bound.get(facts.name()).cloned().unwrap_or_default());
    json!({
        "name": facts.name(),
        "provider": facts.info.name,
        "format": facts.info.format,
        "streams": facts.info.streams,
        "model": facts.model,
        "origin": facts.located.origin,
        "digest": facts.located.component.digest,
        "endpoint": facts.endpoint.as_ref().map(|endpoint| &endpoint.url),
        "grant": grant,
        "credential": credential,
        "sessions": sessions,
        "next": facts.next(),
    })
}

/// Prints one adapter.
pub(super) async fn show(app: &App, typed: &str) -> Done {
    let house = House::open(app, Manner::default())?;
    let located = find(&house, typed)?;
    let facts = facts(app, &house, located).await?;
    let bound = bound(app, &house).await?;
    if let Value::Object(mut fields) = value(&facts, &bound) {
        fields.insert("needs".into(), json!(facts.located.component.needs_text()));
        fields.insert("config".into(), json!(facts.config));
        fields.insert("smallest_grant".into(), json!(facts.smallest()));
        fields.insert("policy".into(), json!(facts.policy()));
        app.printer.json(&fields);
    }
    page(app, &facts, &bound);
    Ok(())
}

fn page(app: &App, facts: &Facts, bound: &Bound) {
    let printer = &app.printer;
    for (label, value) in summary(facts, bound) {
        let label = printer.dim(&format!("{label:<10}"));
        printer.line(format!("{label}  {}", escape::line(&value)));
    }
    let section = |title: &str| {
        printer.line("");
        printer.line(printer.heading(title));
    };
    section(match facts.located.component.declares_needs() {
        true => "needs, as it declares them",
        false => "needs, by its imports; it declares none",
    });
    for need in facts.located.component.needs_text() {
        printer.line(format!("  {}", escape::line(&need)));
    }
    section("settings");
    let settings = settings(facts);
    if settings.is_empty() {
        printer.line("  none");
    }
    for (key, value) in settings {
        printer.line(format!(
            "  {}  {}",
            format_args!("{key:<18}"),
            escape::line(&value)
        ));
    }
    if let Some(policy) = facts.policy() {
        section("smallest grant, for a tollgate.toml");
        for line in policy.lines() {
            printer.line(format!("  {}", escape::line(line)).trim_end());
        }
    }
    if let Some(step) = facts.next() {
        printer.talk(escape::line(&format!("next: `{step}`")));
    }
}

fn summary(facts: &Facts, bound: &Bound) -> Vec<(&'static str, String)> {
    let streams = if facts.info.streams { ", streams" } else { "" };
    let grant = match &facts.grant {
        Grant::Stands(id) => format!("stands: {id}"),
        Grant::Asks(id) => format!("asks, and nobody would answer: {id}"),
        Grant::Missing(denial) => match &denial.nearest {
            Some(near) => format!(
                "{}; nearest is {}: {}",
                denial.reason.label(),
                near.capability,
                near.why
            ),
            None => denial.reason.label().to_owned(),
        },
        Grant::Unknown => "unknown: this format's addresses are not known here".to_owned(),
    };
    let credential = match &facts.credential {
        Credential::None => "none is added".to_owned(),
        Credential::Usable(name) => format!("{name} can be used"),
        Credential::Undefined(name) => format!("{name} is not defined"),
        Credential::Unusable { fault, .. } => fault.clone(),
    };
    let sessions = match bound {
        None => "shown to an operator who is logged in".to_owned(),
        Some(bound) => match bound.get(facts.name()) {
            None => "none".to_owned(),
            Some(sessions) => sessions.join(", "),
        },
    };
    let endpoint = facts.endpoint.as_ref();
    vec![
        ("provider", facts.name().to_owned()),
        ("speaks", format!("{}{streams}", facts.info.format)),
        (
            "model",
            facts
                .model
                .clone()
                .unwrap_or_else(|| "none is configured".into()),
        ),
        (
            "from",
            format!(
                "{} ({})",
                facts.located.origin.label(),
                facts.located.source
            ),
        ),
        ("digest", facts.located.component.digest.clone()),
        (
            "asks",
            endpoint.map_or_else(|| "unknown".into(), |at| format!("POST {}", at.url)),
        ),
        ("grant", grant),
        ("credential", credential),
        ("sessions", sessions),
    ]
}

/// The settings with their values: those that the format knows, and whatever else is set.
fn settings(facts: &Facts) -> Vec<(String, String)> {
    let known = facts.format.map_or(&[][..], |format| format.settings);
    let of_format = known.iter().map(|(key, default)| {
        let value = match facts.config.get(*key) {
            Some(value) => value.clone(),
            None => format!("({default})"),
        };
        ((*key).to_owned(), value)
    });
    let is_known = |key: &str| known.iter().any(|(known, _)| *known == key);
    let others = facts.config.iter().filter(|(key, _)| !is_known(key));
    of_format
        .chain(others.map(|(key, value)| (key.clone(), value.clone())))
        .collect()
}
