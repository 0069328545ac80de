//! `tollgate policy`: the files, and trust in a project's.

mod remembered;

use crate::app::{App, policy_failure};
use crate::args::policy::{File, Policy, Trust};
use crate::errors::{Context, Done, Failure};
use crate::plugins::Catalogue;
use crate::policy::layers::{self, LayerError};
use crate::policy::{Layers, ProjectStanding};
use crate::printer::escape;
use crate::render::diff;
use serde_json::{Value, json};
use std::path::Path;
use tollgate_grants::{
    Authority, AuthorityInput, Capability, FsAccess, Layer, Needs, PolicyFile, RuleEffect, policy,
};

/// Carries out one verb.
pub(crate) fn run(app: &App, verb: Policy) -> Done {
    match verb {
        Policy::Check(file) => check(app, &file),
        Policy::Show => show(app),
        Policy::Trust(trust) => self::trust(app, &trust),
    }
}

fn check(app: &App, args: &File) -> Done {
    let files = match &args.file {
        Some(path) => vec![one(app, path)?],
        None => every(app)?,
    };
    let catalogue = app.catalogue_without_policy()?;
    let layers = Layers {
        files: files.clone(),
        ..Layers::default()
    };
    catalogue.set_layers(std::sync::Arc::new(layers));
    let mut warnings = warnings(&catalogue, &files);
    warnings.extend(deputies(&files));
    let checked: Vec<Value> = files
        .iter()
        .map(|file| json!({"path": file.origin.path, "layer": file.origin.layer.as_str(), "digest": file.source_digest}))
        .collect();
    app.printer
        .json(&json!({ "checked": checked, "warnings": warnings }));
    for file in &files {
        app.printer.line(format!(
            "ok    {:<8} {}",
            file.origin.layer.as_str(),
            file.origin.path.display()
        ));
    }
    if files.is_empty() {
        app.printer
            .line("no policy file applies here; nothing is granted by one");
    }
    for warning in &warnings {
        app.printer.warn(escape::line(warning));
    }
    Ok(())
}

/// Reads one named file, as a project's if it is the project's and else as the user's.
fn one(app: &App, path: &Path) -> Done<PolicyFile> {
    let path = std::path::absolute(path).doing(|| "the path cannot be used".into())?;
    let paths = app.policy_paths();
    let layer = if path == paths.managed {
        Layer::Managed
    } else if paths.project.as_ref() == Some(&path) {
        Layer::Project
    } else {
        Layer::User
    };
    let text = layers::read(&path)
        .map_err(policy_failure)?
        .ok_or_else(|| Failure::NotFound {
            kind: "policy file",
            name: path.display().to_string(),
            remedy: "tollgate policy show".into(),
        })?;
    parse(&text, &path, layer)
}

/// Reads every file that applies here; the project's also when it is not trusted.
fn every(app: &App) -> Done<Vec<PolicyFile>> {
    let paths = app.policy_paths();
    let mut files = Vec::new();
    let project = paths.project.as_deref().map(|path| (Layer::Project, path));
    let all = [
        (Layer::Managed, paths.managed.as_path()),
        (Layer::User, paths.user.as_path()),
    ];
    for (layer, path) in all.into_iter().chain(project) {
        if let Some(text) = layers::read(path).map_err(policy_failure)? {
            files.push(parse(&text, path, layer)?);
        }
    }
    Ok(files)
}

fn parse(text: &str, path: &Path, layer: Layer) -> Done<PolicyFile> {
    policy::parse(text, &layers::origin(path, layer))
        .map_err(|error| policy_failure(LayerError::Policy(error)))
}

/// Grants that no plugin asks for, and plugins that are not there.
fn warnings(catalogue: &Catalogue, files: &[PolicyFile]) -> Vec<String> {
    let mut warnings = Vec::new();
    for file in files {
        for name in file.plugins.keys() {
            let located = match catalogue.named(name) {
                Ok(Some(located)) => located,
                Ok(None) => {
                    warnings.push(format!(
                        "{}: no plugin is named {name}",
                        file.origin.path.display()
                    ));
                    continue;
                }
                Err(error) => {
                    warnings.push(format!("{}: {error}", file.origin.path.display()));
                    continue;
                }
            };
            let authority = Authority::new(AuthorityInput {
                plugin_digest: &located.component.digest,
                needs: Needs::Declared(located.component.needs.clone()),
                layers: std::slice::from_ref(file),
                ..AuthorityInput::new(name)
            });
            match authority {
                Ok(authority) => {
                    warnings.extend(authority.unasked().into_iter().map(|(grant, capability)| {
                        format!("{name} does not ask for what {grant} grants: {capability}")
                    }))
                }
                Err(error) => warnings.push(error.to_string()),
            }
        }
    }
    warnings
}

/// Plugins that could carry out of the house what another one wrote: X writes and Y reads the same
/// directory or namespace, and Y has network.
fn deputies(files: &[PolicyFile]) -> Vec<String> {
    let rules: Vec<(&str, &Capability)> = files
        .iter()
        .flat_map(|file| &file.plugins)
        .flat_map(|(name, policy)| policy.grants.iter().map(move |rule| (name.as_str(), rule)))
        .filter(|(_, rule)| rule.effect != RuleEffect::Deny)
        .map(|(name, rule)| (name, &rule.capability))
        .collect();
    let networked = |name: &str| {
        rules.iter().any(|(other, capability)| {
            *other == name && matches!(capability, Capability::Http(_) | Capability::Socket(_))
        })
    };
    let mut found = Vec::new();
    for (writer, written) in &rules {
        for (reader, read) in &rules {
            if writer == reader || !networked(reader) {
                continue;
            }
            if let Some(shared) = shared(written, read) {
                found.push(format!(
                    "{writer} can write {shared}, {reader} can read it and has network: what one learns, the other could send"
                ));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn shared(written: &Capability, read: &Capability) -> Option<String> {
    match (written, read) {
        (Capability::Fs(written), Capability::Fs(read)) if written.access > FsAccess::Read => {
            let (to, from) = (written.host.dir()?, read.host.dir()?);
            let (a, b) = (Path::new(to), Path::new(from));
            (a.starts_with(b) || b.starts_with(a)).then(|| to.to_owned())
        }
        (Capability::Kv(written), Capability::Kv(read)) => {
            (written == read).then(|| format!("the namespace {}", written.namespace))
        }
        _ => None,
    }
}

fn show(app: &App) -> Done {
    let layers = app.layers()?;
    let paths = app.policy_paths();
    let digest = policy::digest(&layers.files);
    let files: Vec<Value> = layers.files.iter().map(file_json).collect();
    let project = project_json(&paths.project, &layers.project);
    app.printer
        .json(&json!({ "digest": digest, "files": files, "project": project }));
    app.printer
        .line(format!("{}  {digest}", app.printer.dim("policy digest")));
    if layers.files.is_empty() {
        app.printer.line(format!(
            "no policy file is in force; yours would be {}",
            paths.user.display()
        ));
    }
    for file in &layers.files {
        app.printer.line("");
        let title = format!("{} {}", file.origin.layer, file.origin.path.display());
        app.printer.line(app.printer.heading(&escape::line(&title)));
        for line in rules(file) {
            app.printer.line(format!("  {}", escape::line(&line)));
        }
    }
    if let (ProjectStanding::Untrusted { digest, was }, Some(path)) =
        (&layers.project, &paths.project)
    {
        app.printer.line("");
        let why = if was.is_some() {
            "it has changed since it was trusted"
        } else {
            "it is not trusted"
        };
        app.printer.line(format!(
            "project {} grants nothing: {why} ({digest})",
            path.display()
        ));
        app.printer
            .talk("see what it would allow with `tollgate policy trust --show`");
    }
    Ok(())
}

fn file_json(file: &PolicyFile) -> Value {
    json!({
        "layer": file.origin.layer.as_str(),
        "path": file.origin.path,
        "digest": file.source_digest,
        "rules": rules(file),
    })
}

fn project_json(path: &Option<std::path::PathBuf>, standing: &ProjectStanding) -> Value {
    match standing {
        ProjectStanding::None => Value::Null,
        ProjectStanding::Trusted => json!({"path": path, "trusted": true}),
        ProjectStanding::Untrusted { digest, was } => {
            json!({"path": path, "trusted": false, "digest": digest, "trusted_before": was})
        }
    }
}

/// What a file says, one rule a line, in a stable order: what an operator compares.
fn rules(file: &PolicyFile) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, policy) in &file.plugins {
        if let Some(component) = &policy.component {
            lines.push(format!("{name}: component {component}"));
        }
        if let Some(digest) = &policy.digest {
            lines.push(format!("{name}: digest {digest}"));
        }
        for rule in &policy.grants {
            lines.push(format!(
                "{name}: {} {}",
                rule.effect.as_str(),
                rule.capability
            ));
        }
        lines.extend(
            limits(&policy.limits)
                .into_iter()
                .map(|limit| format!("{name}: limit {limit}")),
        );
        for (key, value) in &policy.config {
            lines.push(format!("{name}: config {key} = {value}"));
        }
    }
    lines.extend(
        limits(&file.default_limits)
            .into_iter()
            .map(|limit| format!("default limit {limit}")),
    );
    for (name, credential) in &file.credentials {
        lines.push(format!(
            "credential {name}: {} into {}",
            credential.source, credential.inject
        ));
    }
    lines
}

fn limits(limits: &tollgate_grants::Limits) -> Vec<String> {
    let bytes = |name: &str, value: Option<u64>| {
        value.map(|value| format!("{name} {}", policy::format_bytes(value)))
    };
    let time = |name: &str, value: Option<u64>| {
        value.map(|value| format!("{name} {}", policy::format_duration(value)))
    };
    [
        bytes("memory", limits.memory_bytes),
        time("wall", limits.wall_us),
        time("cpu", limits.cpu_us),
        limits.effects.map(|effects| format!("effects {effects}")),
        bytes("output", limits.output_bytes),
        bytes("http_body", limits.http_body_bytes),
        bytes("disk", limits.disk_bytes),
        limits.disk_files.map(|files| format!("disk_files {files}")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn trust(app: &App, args: &Trust) -> Done {
    let nothing = || Failure::NotFound {
        kind: "project file",
        name: crate::home::POLICY_FILE.into(),
        remedy: "tollgate policy show".into(),
    };
    let path = app.policy_paths().project.ok_or_else(nothing)?;
    let shown = path.to_string_lossy().into_owned();
    if args.revoke {
        return distrust(app, &shown);
    }
    let text = layers::read(&path)
        .map_err(policy_failure)?
        .ok_or_else(nothing)?;
    let file = parse(&text, &path, Layer::Project)?;
    let before = match app.store_if_there()? {
        Some(store) => store
            .trust()
            .get(&shown)
            .doing(|| "the trust cannot be read".into())?,
        None => None,
    };
    let was_rules = match &before {
        Some(_) => remembered::read(app, &path),
        None => None,
    };
    let digest = file.source_digest.clone();
    let lines = rules(&file);
    let trusted_already = before
        .as_ref()
        .is_some_and(|trusted| trusted.digest == digest);
    let asked_digest = args.digest.as_ref().is_none_or(|wanted| *wanted == digest);
    if !asked_digest {
        return Err(Failure::Input {
            what: format!("{shown} has the digest {digest}, not the one that was named"),
            rule: Some("what is trusted is what was shown".into()),
            remedy: Some("tollgate policy trust --show".into()),
        });
    }
    let trusts = !args.show && !trusted_already;
    if trusts {
        let store = app.store()?;
        store
            .trust()
            .add(&shown, &digest, &app.identity.subject)
            .doing(|| "the trust was not stored".into())?;
        remembered::write(app, &path, &lines)?;
    }
    let changes = was_rules.as_ref().map(|was| diff::lines(was, &lines));
    app.printer.json(&json!({
        "path": shown,
        "digest": digest,
        "trusted": trusts || trusted_already,
        "allows": lines,
        "changes": changes.as_ref().map(|changes| changes.iter().map(|(mark, line)| format!("{mark} {line}")).collect::<Vec<_>>()),
    }));
    app.printer.line(format!(
        "{} {}",
        app.printer.heading(&escape::line(&shown)),
        app.printer.dim(&digest)
    ));
    match &changes {
        Some(changes) if !trusted_already => {
            app.printer.line("what has changed since it was trusted:");
            for (mark, line) in changes {
                let text = format!("{mark} {}", escape::line(line));
                app.printer.line(match mark {
                    '+' => app.printer.good(&text),
                    '-' => app.printer.bad(&text),
                    _ => text,
                });
            }
        }
        _ => {
            for line in &lines {
                app.printer.line(format!("  {}", escape::line(line)));
            }
            if lines.is_empty() {
                app.printer.line("  it allows nothing");
            }
        }
    }
    app.printer.line(match (trusts, trusted_already) {
        (true, _) => "trusted; a change of the file asks again",
        (false, true) => "it is trusted already",
        (false, false) => "it is not trusted, and grants nothing",
    });
    if args.show && !trusted_already {
        app.printer.talk(format!(
            "put it in force with `tollgate policy trust --digest {digest}`"
        ));
    }
    Ok(())
}

fn distrust(app: &App, path: &str) -> Done {
    let was = match app.store_if_there()? {
        Some(store) => store
            .trust()
            .rm(path, &app.identity.subject)
            .doing(|| "the trust was not taken back".into())?,
        None => false,
    };
    app.printer.json(&json!({ "path": path, "revoked": was }));
    app.printer.line(if was {
        "trusted no longer; it grants nothing"
    } else {
        "it was not trusted"
    });
    Ok(())
}
