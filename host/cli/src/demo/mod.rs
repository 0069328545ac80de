//! `tollgate demo persistent-agent`: the whole of it, watched.
//!
//! The demo carries out the commands that it prints, word for word, in a home of its own; so what it
//! prints works in any fresh home. Only the socket is a fixture: provider, tools, decisions and receipts
//! are real, and the effect that is denied was really attempted by a component.

mod fixture;
mod script;

pub(crate) use fixture::{FIXTURE, fixture};

use crate::app::App;
use crate::args::demo::PersistentAgent;
use crate::args::{Cli, Command};
use crate::commands;
use crate::errors::{Context, Done, Failure};
use crate::home::Home;
use crate::printer::escape;
use crate::render::receipts;
use crate::render::words::{count, quoted};
use clap::Parser;
use script::{Part, Script, Step};
use serde_json::json;
use std::path::Path;
use tollgate_receipts::{Receipt, Verdict};
use tollgate_store::ReceiptFilter;

/// Runs the demo.
pub(crate) async fn run(app: &App, args: PersistentAgent) -> Done {
    if args.live && !args.allow_live {
        return Err(Failure::Input {
            what: "--live would ask the real provider and may consume your quota".into(),
            rule: Some("the demo uses live transport only when it is confirmed".into()),
            remedy: Some("tollgate demo persistent-agent --live --allow-live".into()),
        });
    }
    if args.live {
        has_keys(&args)?;
    }
    let repository = std::path::absolute(&args.repo_path)
        .ok()
        .and_then(|path| path.canonicalize().ok())
        .filter(|path| path.is_dir())
        .ok_or_else(|| {
            Failure::input_try(
                format!("{} is no directory", args.repo_path.display()),
                "--repo-path DIR",
            )
        })?;
    let temporary = tempfile::Builder::new()
        .prefix("tollgate-demo-")
        .tempdir()
        .doing(|| "no temporary home could be made".into())?;
    let done = play(app, &args, &repository, temporary.path()).await;
    if args.keep_artifacts {
        let kept = temporary.keep();
        app.printer.line(format!(
            "\nkept; look around with: export TOLLGATE_HOME={}",
            quoted(&kept.to_string_lossy())
        ));
    } else if let Err(error) = temporary.close() {
        app.printer
            .warn(format!("the demo's home was not removed: {error}"));
    } else {
        app.printer
            .talk("\nthe demo's home was removed; --keep-artifacts keeps it");
    }
    done
}

/// Fails unless the key of each provider is where the demo's policy looks for it.
fn has_keys(args: &PersistentAgent) -> Done {
    let set = |variable| std::env::var_os(variable).is_some_and(|key| !key.is_empty());
    let keys = script::keys(args);
    let Some(missing) = keys.iter().find(|key| !set(key.variable)) else {
        return Ok(());
    };
    Err(Failure::Input {
        what: format!(
            "--live asks the real provider, and {} is not set",
            missing.variable
        ),
        rule: Some(
            "the demo's policy takes each key from its variable; --provider-id names the providers to ask"
                .into(),
        ),
        remedy: Some(format!("export {}=…", missing.variable)),
    })
}

/// Plays the script and shows what it left; the first failure decides the exit code.
async fn play(app: &App, args: &PersistentAgent, repository: &Path, home: &Path) -> Done {
    let printer = if app.printer.is_json() {
        app.printer.muted()
    } else {
        app.printer.clone()
    };
    let home = Home::at(home);
    let script = Script::new(args, repository);
    if args.live {
        home.create()?;
        std::fs::write(home.policy(), script::live_policy(args))
            .doing(|| "the demo's policy was not written".into())?;
    }
    printer.line(printer.heading("Tollgate demo: a persistent agent"));
    printer.line(format!(
        "repository {}; transport {}",
        repository.display(),
        if args.live {
            "live"
        } else {
            "fixture, so no key and no network"
        }
    ));
    let mut failure = None;
    // Sessions whose preparation failed; none stands for what all need.
    let mut unprepared: Vec<Option<String>> = Vec::new();
    for step in &script.steps {
        if unprepared.contains(&None) || unprepared.contains(&step.session) {
            continue;
        }
        printer.line("");
        printer.line(printer.heading(&format!("$ {}", step.shown())));
        let stage = App::new(home.clone(), repository.to_owned(), printer.clone());
        if let Err(error) = carry_out(&stage, step).await {
            printer.failure(&error);
            failure.get_or_insert(error);
            if step.part == Part::Prepares {
                unprepared.push(step.session.clone());
            }
        }
    }
    let receipts = receipts_of(&App::new(
        home.clone(),
        repository.to_owned(),
        printer.clone(),
    ))?;
    let kept = args
        .keep_artifacts
        .then(|| home.config.parent().map(Path::to_owned))
        .flatten();
    summary(
        app,
        &printer,
        &script,
        &receipts,
        kept.as_deref(),
        failure.as_ref(),
    );
    match failure {
        // It was said already, beside the command that failed.
        Some(failure) if printer.is_muted() => Err(failure),
        Some(failure) => Err(failure.told()),
        None => Ok(()),
    }
}

async fn carry_out(stage: &App, step: &Step) -> Done {
    let cli = Cli::try_parse_from(
        std::iter::once("tollgate").chain(step.words.iter().map(String::as_str)),
    )
    .map_err(|error| Failure::input(error.to_string()))?;
    match cli.command {
        Command::Demo(_) => Err(Failure::input("a demo does not play a demo")),
        command => commands::dispatch(stage, command).await,
    }
}

fn receipts_of(stage: &App) -> Done<Vec<Receipt>> {
    let Some(store) = stage.store_if_there()? else {
        return Ok(Vec::new());
    };
    let page = store
        .log()
        .receipts(&ReceiptFilter::default())
        .doing(|| "the receipts cannot be read".into())?;
    Ok(page
        .receipts
        .into_iter()
        .map(|listed| listed.receipt)
        .collect())
}

fn summary(
    app: &App,
    printer: &crate::printer::Printer,
    script: &Script,
    receipts: &[Receipt],
    kept: Option<&Path>,
    failure: Option<&Failure>,
) {
    let denied = receipts
        .iter()
        .filter(|receipt| receipt.decision.verdict == Verdict::Denied)
        .count();
    let commands: Vec<String> = script.steps.iter().map(Step::shown).collect();
    app.printer.json(&json!({
        "home": kept,
        "sessions": script.sessions,
        "commands": commands,
        "receipts": receipts,
        "allowed": receipts.len().saturating_sub(denied),
        "denied": denied,
        "failure": failure.map(Failure::to_json),
    }));
    printer.line("");
    let allowed = receipts.len().saturating_sub(denied);
    let whole = format!(
        "{}: {allowed} allowed, {denied} denied",
        count(receipts.len(), "receipt")
    );
    printer.line(printer.heading(&whole));
    for receipt in receipts
        .iter()
        .filter(|receipt| receipt.decision.verdict == Verdict::Denied)
    {
        for sentence in receipts::sentences(receipt) {
            printer.line(format!("  {}", escape::line(&sentence)));
        }
        if let Some(command) = &receipt.decision.command {
            printer.line(format!("  This would allow it: {}", escape::line(command)));
        }
    }
    printer.line("");
    printer.line(printer.heading("The same by hand, in a fresh home"));
    for command in preparation().iter().chain(&commands) {
        printer.line(format!("  {command}"));
    }
}

/// What a shell needs before the commands work: a fresh home, and this program under its name.
fn preparation() -> Vec<String> {
    let mut lines = vec!["export TOLLGATE_HOME=\"$(mktemp -d)\"".to_owned()];
    let program = std::env::current_exe()
        .ok()
        .and_then(|program| program.canonicalize().ok());
    let on_path = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path)
            .find_map(|directory| directory.join("tollgate").canonicalize().ok())
            .is_some_and(|found| Some(found) == program)
    });
    if let (Some(directory), false) = (program.as_deref().and_then(Path::parent), on_path) {
        lines.push(format!(
            "export PATH={}:\"$PATH\"",
            quoted(&directory.to_string_lossy())
        ));
    }
    lines
}
