//! `tollgate grant`: permissions at run time, and questions about them.

use super::plugin::failure;
use crate::app::App;
use crate::args::grant::{Add, Explain, Grant, List, Revoke};
use crate::errors::{Context, Done, Failure, Refused};
use crate::plugins::Located;
use crate::policy::effects;
use crate::printer::escape;
use crate::printer::table::{left, narrow};
use crate::render::words::{count, names, short_id};
use crate::time;
use crate::wiring::{House, Manner};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tollgate_contract::PluginName;
use tollgate_grants::{
    Authority, AuthorityInput, AuthoritySource, Capability, CapabilityError, Decision, Denial,
    Layer, Needs, RuleEffect, RuntimeGrant, Scope,
};
use tollgate_receipts::{Receipt, Standing};
use tollgate_store::{ReceiptFilter, Store, StoreError};

/// How long a revocation waits for effects in flight.
const IN_FLIGHT_WAIT: Duration = Duration::from_secs(2);
/// How often it looks.
const IN_FLIGHT_POLL: Duration = Duration::from_millis(50);
/// Receipts that are looked at for effects in flight.
const IN_FLIGHT_RECEIPTS_MAX: usize = 256;
/// Characters of a capability in a table.
const CAPABILITY_CHARS_MAX: usize = 52;

/// Carries out one verb.
pub(crate) fn run(app: &App, verb: Grant) -> Done {
    match verb {
        Grant::Add(args) => add(app, args),
        Grant::Revoke(args) => revoke(app, &args),
        Grant::List(args) => list(app, &args),
        Grant::Explain(args) => explain(app, &args),
    }
}

fn add(app: &App, args: Add) -> Done {
    let plugin = PluginName::new(args.plugin.as_str())
        .map_err(|error| Failure::input_try(error.to_string(), "tollgate plugin list"))?;
    let effect = if args.deny {
        RuleEffect::Deny
    } else {
        RuleEffect::Allow
    };
    let capability = capability(app, &args.capability, effect)?;
    let scope = scope(&args.scope)?;
    if args.retryable && scope == Scope::Once {
        return Err(Failure::Input {
            what: "--retryable and --scope once are both given".into(),
            rule: Some("a grant for one use is spent by the effect that would be repeated".into()),
            remedy: Some("leave one of them out, or give --scope session:ID".into()),
        });
    }
    let now_us = time::now_us();
    let expires_us = args
        .expires
        .as_deref()
        .map(|when| time::after(when, now_us))
        .transpose();
    let grant = RuntimeGrant {
        id: uuid::Uuid::now_v7().to_string(),
        plugin: plugin.to_string(),
        plugin_digest: args.digest.map(digest).transpose()?,
        capability,
        effect,
        scope,
        who: app.identity.subject.clone(),
        why: args.why,
        created_us: now_us,
        expires_us: expires_us.map_err(Failure::input)?,
        uses_max: args.uses,
        retryable: args.retryable,
        uses: 0,
        revoked_us: None,
    };
    let house = House::open(app, Manner::default())?;
    let warnings = judge(&house, &grant)?;
    house
        .store
        .grants()
        .add(grant.clone())
        .map_err(|error| match error {
            StoreError::Refused(_) => Failure::input_try(error.to_string(), "tollgate grant list"),
            other => Failure::failed("the grant was not stored", other),
        })?;
    app.printer.json(&to_json(&grant));
    app.printer.line(format!(
        "{} {plugin} {} ({})",
        if args.deny { "denied" } else { "granted" },
        escape::line(&grant.capability.to_string()),
        grant.id
    ));
    for warning in warnings {
        app.printer.warn(escape::line(&warning));
    }
    Ok(())
}

/// Grants of one call. Dropping them takes them back; if that fails they are left to a session that is
/// over.
pub(crate) struct ForCall<'a> {
    house: &'a House,
    who: &'a str,
    grants: Vec<String>,
}

impl Drop for ForCall<'_> {
    fn drop(&mut self) {
        for grant in &self.grants {
            let _ = self.house.store.grants().revoke(grant, self.who);
        }
    }
}

/// Grants what was typed to a plugin, as it is now, in the session of one call.
pub(crate) fn for_call<'a>(
    app: &'a App,
    house: &'a House,
    located: &Located,
    session: &str,
    typed: &[String],
) -> Done<ForCall<'a>> {
    let mut made = ForCall {
        house,
        who: &app.identity.subject,
        grants: Vec::new(),
    };
    for typed in typed {
        let grant = RuntimeGrant {
            id: uuid::Uuid::now_v7().to_string(),
            plugin: located.name.to_string(),
            plugin_digest: Some(located.component.digest.clone()),
            capability: capability(app, typed, RuleEffect::Allow)?,
            effect: RuleEffect::Allow,
            scope: Scope::Session(session.to_owned()),
            who: app.identity.subject.clone(),
            why: Some("given with the call".into()),
            created_us: time::now_us(),
            expires_us: None,
            uses_max: None,
            retryable: false,
            uses: 0,
            revoked_us: None,
        };
        for warning in judge(house, &grant)? {
            app.printer.warn(escape::line(&warning));
        }
        let id = grant.id.clone();
        let added = house.store.grants().add(grant);
        added.map_err(|error| Failure::failed("the grant was not stored", error))?;
        made.grants.push(id);
    }
    Ok(made)
}

/// The capability as it was typed; an error marks the words that are wrong.
fn capability(app: &App, typed: &str, effect: RuleEffect) -> Done<Capability> {
    let capability: Capability = typed.parse().map_err(|error: CapabilityError| {
        let at = error.at();
        let before = typed.get(..at.start).unwrap_or(typed).chars().count();
        let marks = typed.get(at).unwrap_or("").chars().count().max(1);
        Failure::Input {
            what: format!(
                "{}\n    {typed}\n    {}{}",
                error.fault().message(),
                " ".repeat(before),
                "^".repeat(marks)
            ),
            rule: Some(
                "a capability is written in the grammar of `tollgate grant add --help`".into(),
            ),
            remedy: Some(error.fault().help().to_owned()),
        }
    })?;
    let usable = match effect {
        RuleEffect::Deny => capability.deniable(),
        RuleEffect::Allow | RuleEffect::Ask => capability.grantable(),
    };
    usable.map_err(|fault| Failure::Input {
        what: fault.message().to_owned(),
        rule: Some("a grant names its targets, and could match an effect".into()),
        remedy: Some(fault.help().to_owned()),
    })?;
    Ok(capability.resolved(&app.directory))
}

fn digest(typed: String) -> Done<String> {
    let hex = typed.strip_prefix("sha256:").unwrap_or("");
    if hex.len() == 64
        && hex
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    {
        return Ok(typed);
    }
    Err(Failure::input_try(
        format!("{typed:?} is no digest: write `sha256:` and 64 hexadecimal digits"),
        "tollgate plugin list --json",
    ))
}

fn scope(typed: &str) -> Done<Scope> {
    match typed.split_once(':') {
        None if typed == "always" => Ok(Scope::Always),
        None if typed == "once" => Ok(Scope::Once),
        Some(("session", id)) if !id.is_empty() => Ok(Scope::Session(id.to_owned())),
        Some(("project", id)) if !id.is_empty() => Ok(Scope::Project(id.to_owned())),
        _ => Err(Failure::input(format!(
            "{typed:?} is no scope: write always, once, session:ID or project:ID"
        ))),
    }
}

/// What is wrong with a grant beside the others (refused), or odd about it (warned of).
fn judge(house: &House, grant: &RuntimeGrant) -> Done<Vec<String>> {
    let name = grant.plugin.as_str();
    let Some(located) = house.catalogue.named(name).map_err(failure)? else {
        return Ok(vec![format!(
            "no plugin is named {name} yet; the grant waits for one"
        )]);
    };
    let (mut runtime, generation) = house
        .store
        .grants()
        .snapshot(name)
        .doing(|| "the grants cannot be read".into())?;
    let before = authority(house, &located, &runtime, generation)?;
    if grant.effect != RuleEffect::Deny
        && let Some(conflict) = before.conflict(&grant.capability)
    {
        return Err(Failure::Input {
            what: conflict,
            rule: Some("one guest path shows one directory of the host".into()),
            remedy: Some(format!("tollgate grant list {name}")),
        });
    }
    runtime.push(grant.clone());
    let after = authority(house, &located, &runtime, generation)?;
    let unasked = after
        .unasked()
        .into_iter()
        .any(|(id, _)| id.as_str() == grant.id);
    Ok(unasked
        .then(|| format!("{name} does not declare that it needs this, so it stays denied; see `tollgate plugin show {name}`"))
        .into_iter()
        .collect())
}

fn authority(
    house: &House,
    located: &Located,
    runtime: &[RuntimeGrant],
    generation: u64,
) -> Done<Authority> {
    let layers = house.catalogue.layers();
    Authority::new(AuthorityInput {
        plugin_digest: &located.component.digest,
        needs: Needs::Declared(located.component.needs.clone()),
        layers: &layers.files,
        runtime,
        generation,
        now_us: time::now_us(),
        ..AuthorityInput::new(located.name.as_str())
    })
    .doing(|| "the grants contradict each other".into())
}

fn revoke(app: &App, args: &Revoke) -> Done {
    let not_found = || Failure::NotFound {
        kind: "grant",
        name: args.grant.clone(),
        remedy: "tollgate grant list".into(),
    };
    let of_a_file = [Layer::Managed, Layer::User, Layer::Project]
        .iter()
        .any(|layer| args.grant.starts_with(&format!("{layer}:")));
    if of_a_file {
        return Err(Failure::Input {
            what: format!("{} is a rule of a policy file", args.grant),
            rule: Some("rules of a file are taken back in the file".into()),
            remedy: Some("tollgate policy show".into()),
        });
    }
    let store = app.store_if_there()?.ok_or_else(not_found)?;
    let all = store
        .grants()
        .list(None)
        .doing(|| "the grants cannot be read".into())?;
    let found: Vec<&RuntimeGrant> = all
        .iter()
        .filter(|grant| names(&grant.id, &args.grant))
        .collect();
    let grant = match found.as_slice() {
        [] => return Err(not_found()),
        [one] => *one,
        many => {
            return Err(Failure::input_try(
                format!(
                    "{} begin or end with {:?}; name one of them whole",
                    count(many.len(), "grant"),
                    args.grant
                ),
                "tollgate grant list --json",
            ));
        }
    };
    let was = store
        .grants()
        .revoke(&grant.id, &app.identity.subject)
        .doing(|| "the grant was not revoked".into())?;
    let left = in_flight(&store, grant)?;
    app.printer.json(&json!({
        "grant": grant.id,
        "revoked": was,
        "in_flight": left.iter().map(|receipt| &receipt.id).collect::<Vec<_>>(),
    }));
    app.printer.line(if was {
        format!(
            "revoked {} {}",
            grant.plugin,
            escape::line(&grant.capability.to_string())
        )
    } else {
        "it was revoked already".to_owned()
    });
    for receipt in &left {
        let target = crate::render::receipts::target(receipt);
        app.printer.warn(format!(
            "still in flight: {} {}",
            receipt.kind,
            escape::line(&target)
        ));
    }
    Ok(())
}

/// Waits for effects that this grant allowed and that have not ended; what remains.
fn in_flight(store: &Store, grant: &RuntimeGrant) -> Done<Vec<Receipt>> {
    let filter = ReceiptFilter {
        plugin: Some(grant.plugin.clone()),
        newest_first: true,
        limit: IN_FLIGHT_RECEIPTS_MAX,
        ..ReceiptFilter::default()
    };
    let started = Instant::now();
    loop {
        let page = store
            .log()
            .receipts(&filter)
            .doing(|| "the receipts cannot be read".into())?;
        let open: Vec<Receipt> = page
            .receipts
            .into_iter()
            .map(|listed| listed.receipt)
            .filter(|receipt| {
                receipt.standing == Standing::Open
                    && receipt.decision.grant.as_deref() == Some(grant.id.as_str())
            })
            .collect();
        if open.is_empty() || started.elapsed() >= IN_FLIGHT_WAIT {
            return Ok(open);
        }
        std::thread::sleep(IN_FLIGHT_POLL);
    }
}

fn list(app: &App, args: &List) -> Done {
    let now_us = time::now_us();
    let mut values = Vec::new();
    let mut rows = Vec::new();
    for file in &app.layers()?.files {
        for (name, policy) in &file.plugins {
            if args.plugin.as_ref().is_some_and(|wanted| wanted != name) {
                continue;
            }
            for (index, rule) in policy.grants.iter().enumerate() {
                let id = format!("{}:{name}:{}", file.origin.layer, index + 1);
                let capability = rule.capability.to_string();
                values.push(json!({
                    "id": id, "plugin": name, "effect": rule.effect.as_str(), "capability": capability,
                    "retryable": rule.retryable,
                    "file": file.origin.path, "line": rule.line,
                }));
                rows.push(vec![
                    id,
                    name.clone(),
                    rule.effect.as_str().into(),
                    capability,
                    "always".into(),
                    in_force(rule.retryable),
                ]);
            }
        }
    }
    if let Some(store) = app.store_if_there()? {
        let grants = store
            .grants()
            .list(args.plugin.as_deref())
            .doing(|| "the grants cannot be read".into())?;
        for grant in grants {
            let void = grant.void(now_us);
            if void.is_some() && !args.all {
                continue;
            }
            let standing = match (void, grant.expires_us) {
                (Some(reason), _) => reason.label().to_owned(),
                (None, Some(until)) => format!("until {}", time::moment(until)),
                (None, None) => in_force(grant.retryable),
            };
            let mut value = to_json(&grant);
            if let Some(fields) = value.as_object_mut() {
                fields.insert("void".into(), json!(void.map(|reason| reason.label())));
            }
            values.push(value);
            rows.push(vec![
                short_id(&grant.id),
                grant.plugin.clone(),
                grant.effect.as_str().into(),
                grant.capability.to_string(),
                scope_words(&grant.scope),
                standing,
            ]);
        }
    }
    app.printer.json(&json!({ "grants": values }));
    if rows.is_empty() {
        app.printer
            .talk("nothing is granted; a plugin may do nothing until it is");
        return Ok(());
    }
    let columns = [
        left("GRANT"),
        left("PLUGIN"),
        left("EFFECT"),
        narrow("CAPABILITY", CAPABILITY_CHARS_MAX),
        left("SCOPE"),
        left("STANDING"),
    ];
    app.printer.table(&columns, &rows);
    Ok(())
}

fn in_force(retryable: bool) -> String {
    match retryable {
        true => "in force, retryable".into(),
        false => "in force".into(),
    }
}

fn scope_words(scope: &Scope) -> String {
    match scope {
        Scope::Once => "once".into(),
        Scope::Always => "always".into(),
        Scope::Session(id) => format!("session:{id}"),
        Scope::Project(id) => format!("project:{id}"),
    }
}

fn to_json(grant: &RuntimeGrant) -> Value {
    json!({
        "id": grant.id,
        "plugin": grant.plugin,
        "plugin_digest": grant.plugin_digest,
        "effect": grant.effect.as_str(),
        "capability": grant.capability.to_string(),
        "scope": scope_words(&grant.scope),
        "who": grant.who,
        "why": grant.why,
        "created_us": grant.created_us,
        "expires_us": grant.expires_us,
        "uses_max": grant.uses_bound(),
        "uses": grant.uses,
        "retryable": grant.retryable,
        "revoked_us": grant.revoked_us,
    })
}

fn explain(app: &App, args: &Explain) -> Done {
    let effect = effects::parse(&args.effect)
        .map_err(|what| Failure::input_try(what, "tollgate grant explain --help"))?;
    let house = House::open(app, Manner::default())?;
    let located = house.catalogue.find(&args.plugin).map_err(failure)?;
    let located = located.ok_or_else(|| Failure::NotFound {
        kind: "plugin",
        name: args.plugin.clone(),
        remedy: "tollgate plugin list".into(),
    })?;
    let name = located.name.as_str();
    let session = args.session.as_deref().unwrap_or("");
    house.authorities.set_project(session, &app.project.id());
    let authority = house
        .authorities
        .authority(name, session)
        .doing(|| "the grants cannot be read".into())?;
    let now_us = time::now_us();
    let (decision, would) = effect.present(&authority, |effect| {
        (
            authority.decide(effect, now_us),
            authority.capability_for(effect),
        )
    });
    let (verdict, grant, reason, nearest, command) = match &decision {
        Decision::Allowed(allowed) => {
            ("allowed", Some(allowed.grant.to_string()), None, None, None)
        }
        Decision::Asked(asked) => {
            let reason = "nobody is there to answer, so it is denied".to_owned();
            (
                "asked",
                Some(asked.grant.to_string()),
                Some(reason),
                None,
                None,
            )
        }
        Decision::Denied(denial) => {
            let nearest = nearest(denial);
            (
                "denied",
                None,
                Some(denial.reason.label().to_owned()),
                nearest,
                denial.command.clone(),
            )
        }
    };
    app.printer.json(&json!({
        "plugin": name,
        "effect": args.effect,
        "decision": verdict,
        "grant": grant,
        "reason": reason,
        "nearest": nearest,
        "command": command,
        "capability": would.map(|capability| capability.to_string()),
        "policy": authority.policy_digest(),
        "generation": authority.generation(),
    }));
    match decision {
        Decision::Allowed(allowed) => {
            app.printer
                .line(format!("allowed by grant {}", allowed.grant));
            Ok(())
        }
        Decision::Denied(_) | Decision::Asked(_) => {
            app.printer
                .line(format!("{verdict}: {}", reason.clone().unwrap_or_default()));
            let (kind, target) = args.effect.split_once(' ').unwrap_or((&args.effect, ""));
            Err(Failure::Denied(Box::new(Refused {
                plugin: name.to_owned(),
                kind: kind.to_owned(),
                target: target.to_owned(),
                reason: match nearest {
                    Some(nearest) => format!("{}; nearest: {nearest}", reason.unwrap_or_default()),
                    None => reason.unwrap_or_default(),
                },
                receipt: None,
                remedy: command,
            })))
        }
    }
}

fn nearest(denial: &Denial) -> Option<String> {
    let nearest = denial.nearest.as_ref()?;
    Some(format!(
        "{} ({}): {}",
        nearest.grant, nearest.capability, nearest.why
    ))
}
