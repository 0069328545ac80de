//! `tollgate credential`: where secrets are and how they are added to requests.
//!
//! Invariants: no secret is printed, and none is written anywhere but into the keyring; a policy file is
//! only ever replaced by one that parses; the ledger has an entry before anything is changed.

mod file;

use crate::app::App;
use crate::args::credential::{Add, Credential, One};
use crate::commands::input;
use crate::errors::{Context, Done, Failure};
use crate::policy::Layers;
use crate::printer::escape;
use crate::printer::table::left;
use crate::render::words::quoted;
use crate::wiring::{forget_secret, keep_secret, secret_fault, secret_remedy};
use serde_json::json;
use std::sync::Arc;
use tollgate_grants::{Capability, CredentialRule, CredentialSource, Layer};
use tollgate_store::{CredentialChange, Store};

/// Carries out one verb.
pub(crate) fn run(app: &App, verb: Credential) -> Done {
    match verb {
        Credential::Add(args) => add(app, &args),
        Credential::List => list(app),
        Credential::Test(one) => test(app, &one),
        Credential::Rm(one) => remove(app, &one),
    }
}

/// What was defined, with the layer that binds.
fn defined<'a>(layers: &'a Layers, name: &str) -> Option<(Layer, &'a CredentialRule)> {
    // The files stand in the order in which they bind.
    layers.files.iter().find_map(|file| {
        let rule = file.credentials.get(name)?;
        Some((file.origin.layer, rule))
    })
}

fn unknown(name: &str) -> Failure {
    Failure::NotFound {
        kind: "credential",
        name: name.to_owned(),
        remedy: format!("tollgate credential add {} --env VARIABLE", quoted(name)),
    }
}

fn add(app: &App, args: &Add) -> Done {
    app.home.create()?;
    let mut file = file::UserFile::read(app)?;
    if file.defines(&args.name) && !args.replace {
        return Err(Failure::Input {
            what: format!("credential {} is defined already", args.name),
            rule: Some("a name means one secret".into()),
            remedy: Some("add it again with --replace".into()),
        });
    }
    file.define(app, args)?;
    // Judged as it will be read, before a secret is asked for.
    let rule = file.rule(&args.name)?;
    let record = Record::begin(app, CredentialChange::Add, &args.name, &rule)?;
    record.settle(add_recorded(args, &file, &rule))?;
    let fault = secret_fault(&args.name, &rule);
    app.printer.json(&json!({
        "name": args.name,
        "source": rule.source.to_string(),
        "into": rule.inject.to_string(),
        "fault": fault,
    }));
    app.printer.line(format!(
        "credential {}: {} into {}",
        args.name,
        escape::line(&rule.source.to_string()),
        escape::line(&rule.inject.to_string())
    ));
    if let Some(fault) = fault {
        app.printer.warn(escape::line(&fault));
    }
    app.printer.talk(format!(
        "no plugin uses it yet: `tollgate grant add PLUGIN 'http METHOD URL with {}'`",
        args.name
    ));
    Ok(())
}

fn add_recorded(args: &Add, file: &file::UserFile, rule: &CredentialRule) -> Done {
    if let CredentialSource::Keyring(entry) = &rule.source {
        let secret = input::secret(&format!("secret of {}: ", args.name))?;
        keep_secret(entry, &secret).map_err(|why| keyring_failure(&why))?;
    }
    if let Err(failure) = file.write() {
        // A secret that no policy names would stay in the keyring unseen.
        if let (CredentialSource::Keyring(entry), false) = (&rule.source, args.replace) {
            forget_secret(entry).map_err(|why| keyring_failure(&why))?;
        }
        return Err(failure);
    }
    Ok(())
}

/// A change that the ledger knows of.
struct Record<'a> {
    app: &'a App,
    store: Arc<Store>,
    name: &'a str,
}

impl<'a> Record<'a> {
    fn begin(
        app: &'a App,
        change: CredentialChange,
        name: &'a str,
        rule: &CredentialRule,
    ) -> Done<Self> {
        let store = app.store()?;
        let detail = format!("{} into {}", rule.source, rule.inject);
        store
            .credentials()
            .record(change, name, &detail, &app.identity.subject)
            .doing(|| format!("the ledger has no entry, so credential {name} stays as it was"))?;
        Ok(Self { app, store, name })
    }

    /// Tells the ledger what came of it.
    fn settle(&self, made: Done) -> Done {
        let (change, detail) = match &made {
            Ok(()) => (CredentialChange::Done, ""),
            Err(_) => (
                CredentialChange::Failed,
                "the policy file or the keyring could not be changed",
            ),
        };
        let who = &self.app.identity.subject;
        let told = self
            .store
            .credentials()
            .record(change, self.name, detail, who);
        // What went wrong first is what the operator is told.
        made.and_then(|()| {
            told.doing(|| {
                format!(
                    "credential {} is changed, and the ledger not told",
                    self.name
                )
            })
        })
    }
}

fn keyring_failure(why: &str) -> Failure {
    Failure::Run {
        what: format!("the keyring refused: {why}"),
        rule: None,
        remedy: Some("use --env or --file; some containers have no keyring".into()),
    }
}

fn list(app: &App) -> Done {
    let layers = app.layers()?;
    let mut values = Vec::new();
    let mut rows = Vec::new();
    for file in &layers.files {
        for (name, rule) in &file.credentials {
            let fault = secret_fault(name, rule);
            values.push(json!({
                "name": name,
                "source": rule.source.to_string(),
                "into": rule.inject.to_string(),
                "layer": file.origin.layer.to_string(),
                "fault": fault,
            }));
            rows.push(vec![
                name.clone(),
                rule.source.to_string(),
                rule.inject.to_string(),
                file.origin.layer.to_string(),
                if fault.is_some() {
                    "cannot be used"
                } else {
                    "ok"
                }
                .to_owned(),
            ]);
        }
    }
    app.printer.json(&json!({ "credentials": values }));
    if rows.is_empty() {
        app.printer
            .talk("no credential is defined; try `tollgate credential add NAME --env VARIABLE`");
        return Ok(());
    }
    let columns = ["CREDENTIAL", "SOURCE", "INTO", "POLICY", "STATE"].map(left);
    app.printer.table(&columns, &rows);
    Ok(())
}

fn test(app: &App, one: &One) -> Done {
    let layers = app.layers()?;
    let (_, rule) = defined(&layers, &one.name).ok_or_else(|| unknown(&one.name))?;
    if let Some(fault) = secret_fault(&one.name, rule) {
        return Err(Failure::Run {
            what: fault,
            rule: None,
            remedy: Some(secret_remedy(&one.name, rule)),
        });
    }
    let naming = naming(app, &layers, &one.name)?;
    app.printer
        .json(&json!({ "name": one.name, "usable": true, "grants": naming }));
    app.printer.line(format!(
        "credential {} can be used: {} into {}",
        one.name,
        escape::line(&rule.source.to_string()),
        escape::line(&rule.inject.to_string())
    ));
    for grant in &naming {
        app.printer.line(format!("  {}", escape::line(grant)));
    }
    if naming.is_empty() {
        app.printer.talk(format!(
            "no grant names it: `tollgate grant add PLUGIN 'http METHOD URL with {}'`",
            one.name
        ));
    }
    Ok(())
}

fn remove(app: &App, one: &One) -> Done {
    let layers = app.layers()?;
    let (layer, rule) = defined(&layers, &one.name).ok_or_else(|| unknown(&one.name))?;
    let naming = naming(app, &layers, &one.name)?;
    if let Some(first) = naming.first() {
        return Err(Failure::Input {
            what: format!("credential {} is named by a grant: {first}", one.name),
            rule: Some("what a grant names is not taken away under it".into()),
            remedy: Some("tollgate grant revoke ID, or edit the policy file".into()),
        });
    }
    let mut file = file::UserFile::read(app)?;
    if layer != Layer::User || !file.defines(&one.name) {
        return Err(Failure::input(format!(
            "credential {} is defined by the {layer} policy, which only its owner edits",
            one.name
        )));
    }
    file.remove(&one.name);
    let record = Record::begin(app, CredentialChange::Remove, &one.name, rule)?;
    let removed = file.write().and_then(|()| match &rule.source {
        CredentialSource::Keyring(entry) => {
            forget_secret(entry).map_err(|why| keyring_failure(&why))
        }
        _ => Ok(()),
    });
    record.settle(removed)?;
    app.printer
        .json(&json!({ "name": one.name, "removed": true }));
    app.printer
        .line(format!("credential {} is forgotten", one.name));
    Ok(())
}

/// The grants that name a credential: `PLUGIN: CAPABILITY`.
fn naming(app: &App, layers: &Layers, name: &str) -> Done<Vec<String>> {
    let names = |capability: &Capability| match capability {
        Capability::Http(http) => http.credential.as_deref() == Some(name),
        _ => false,
    };
    let mut found = Vec::new();
    for file in &layers.files {
        for (plugin, policy) in &file.plugins {
            let rules = policy.grants.iter().map(|rule| &rule.capability);
            found.extend(
                rules
                    .filter(|capability| names(capability))
                    .map(|capability| format!("{plugin}: {capability}")),
            );
        }
    }
    if let Some(store) = app.store_if_there()? {
        let now_us = crate::time::now_us();
        let grants = store
            .grants()
            .list(None)
            .doing(|| "the grants cannot be read".into())?;
        let live = grants
            .iter()
            .filter(|grant| grant.void(now_us).is_none() && names(&grant.capability));
        found.extend(
            live.map(|grant| format!("{}: {} ({})", grant.plugin, grant.capability, grant.id)),
        );
    }
    Ok(found)
}
