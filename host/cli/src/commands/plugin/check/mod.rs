//! `plugin check`: what a component imports, needs and offers, and what is wrong with it.
//!
//! The component is read, compiled and linked, and asked for its tools without any grant, in a home of
//! its own. [`rules`] judges what was found, without I/O.

mod asks;
mod page;
mod rules;

use super::bench::{self, Bench, Setup};
use super::{contract, project};
use crate::app::App;
use crate::args::plugin::Check;
use crate::errors::{Context, Done, Failure};
use crate::plugins::World;
use crate::policy::layers;
use crate::render::words::count;
use rules::{Finding, Level};
use serde::Serialize;
use std::io::Read;
use std::path::{Path, PathBuf};
use tollgate_contract::{PluginName, ToolSpec};
use tollgate_grants::{CallLimits, Need};
use tollgate_sandbox::{COMPONENT_BYTES_MAX, Inspection, PluginEntry, inspect};

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Report {
    component: PathBuf,
    name: String,
    world: Option<World>,
    version: String,
    contract: Option<String>,
    bytes: usize,
    digest: String,
    imports: Vec<String>,
    needs: Option<Vec<String>>,
    grants: Vec<asks::Ask>,
    tools: Vec<ToolSpec>,
    findings: Vec<Finding>,
}

impl Report {
    fn number(&self, level: Level) -> usize {
        let of = self
            .findings
            .iter()
            .filter(|finding| finding.level == level);
        of.count()
    }
}

/// Checks a component or a project's.
pub(super) async fn run(app: &App, args: &Check) -> Done {
    let path = project::component_of(&args.component)?;
    let path = std::path::absolute(&path).doing(|| "the path cannot be used".into())?;
    let report = {
        let _progress = app.printer.progress("checking the component");
        examine(app, &path).await?
    };
    app.printer.json(&report);
    page::print(&app.printer, &report);
    let errors = report.number(Level::Error);
    let warnings = report.number(Level::Warning);
    let counted = if args.strict {
        errors + warnings
    } else {
        errors
    };
    if counted == 0 {
        return Ok(());
    }
    let what = if args.strict {
        format!(
            "{} has {} and {}",
            report.name,
            count(errors, "error"),
            count(warnings, "warning")
        )
    } else {
        format!("{} has {}", report.name, count(errors, "error"))
    };
    Err(Failure::Run {
        what,
        rule: args
            .strict
            .then(|| "--strict counts warnings as errors".into()),
        remedy: None,
    })
}

async fn examine(app: &App, path: &Path) -> Done<Report> {
    let bytes = read(path)?;
    let mut report = Report {
        component: path.to_owned(),
        name: stem(path),
        bytes: bytes.len(),
        digest: layers::digest(&bytes),
        ..Report::default()
    };
    let inspection = match inspect(&bytes) {
        Ok(inspection) => inspection,
        Err(error) => {
            report.findings.push(rules::no_component(&error));
            return Ok(report);
        }
    };
    drop(bytes);
    if let Some(meta) = &inspection.meta {
        report.version.clone_from(&meta.version);
        if !meta.name.is_empty() {
            report.name.clone_from(&meta.name);
        }
    }
    report.world = Some(World::of(&inspection));
    report.contract = contract::claim(&inspection).map(|claim| {
        let (major, minor, patch) = claim.version;
        format!("{major}.{minor}.{patch}")
    });
    report.imports = inspection.imports.iter().cloned().collect();
    report.needs.clone_from(&inspection.needs);
    rules::component(&inspection, report.bytes, &mut report.findings);
    let needs: Vec<Need> = inspection
        .needs
        .iter()
        .flatten()
        .filter_map(|need| need.parse().ok())
        .collect();
    report.grants = asks::of(&report.name, &needs);
    if report.number(Level::Error) == 0 {
        ask(app, path, &inspection, &mut report).await?;
    }
    report.findings.sort_by_key(|finding| finding.level);
    Ok(report)
}

/// Compiles and links it, and asks it for its tools.
async fn ask(app: &App, path: &Path, inspection: &Inspection, report: &mut Report) -> Done {
    let Ok(name) = PluginName::new(report.name.clone()) else {
        report.findings.push(rules::name(&report.name));
        return Ok(());
    };
    let bench = Bench::open(app, path, &name, Setup::default(), bench::directory()?)?;
    let sandbox = bench.house.started()?;
    let entry = PluginEntry {
        name,
        component: path.to_owned().into(),
        digest: Some(report.digest.clone()),
        limits: CallLimits::default(),
        config: Default::default(),
    };
    let examined = tokio::task::spawn_blocking(move || sandbox.examine(&entry))
        .await
        .doing(|| "the component was not examined".into())?;
    if let Err(error) = examined {
        report
            .findings
            .push(rules::refused(&error.to_string(), inspection));
        return Ok(());
    }
    if report.world == Some(World::Provider) {
        return Ok(());
    }
    match bench.house.started()?.list_tools(bench.call()?).await {
        Ok(reply) => {
            rules::tools(&reply.value, &mut report.findings);
            report.tools = reply.value;
        }
        Err(fault) => report.findings.push(rules::list_failed(&fault.to_string())),
    }
    Ok(())
}

fn read(path: &Path) -> Done<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| {
            file.take(COMPONENT_BYTES_MAX as u64 + 1)
                .read_to_end(&mut bytes)
        })
        .map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))?;
    Ok(bytes)
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
