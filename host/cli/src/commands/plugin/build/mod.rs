//! `plugin build`: a project's component, with what the project declares in it.
//!
//! Each language is one file that makes a component of the sources; needs and metadata are attached
//! here, the same way for all.

mod guest;
mod js;
mod needed;
mod python;
mod rust;
mod sources;
mod watch;

pub(crate) use needed::author_tools;
pub(super) use sources::newer_than_built;

use super::embedded::{self, Beside, SDK_DIR};
use super::project::{Language, Project};
use crate::app::App;
use crate::args::plugin::Build;
use crate::errors::{Context, Done, Failure};
use crate::policy::layers;
use crate::printer::escape;
use crate::render::words::{bytes, quoted};
use serde_json::json;
use std::time::{Duration, Instant, SystemTime};
use tollgate_guests::{artifact, sections};

/// Builds once, or whenever a source changes.
pub(super) async fn run(app: &App, args: &Build) -> Done {
    let project = Project::load(&args.project)?;
    if args.update_sdk {
        if project.language != Language::Rust {
            return Err(Failure::input("only a Rust project has an SDK beside it"));
        }
        embedded::write_sdk(&project.root)?;
    }
    if args.watch {
        watch::run(app, &project.root).await
    } else {
        build(app, &project)
    }
}

/// Builds once and says what came of it.
fn build(app: &App, project: &Project) -> Done {
    let started = Instant::now();
    for need in project.declared.needs.iter().flatten() {
        if let Err(error) = need.parse::<tollgate_grants::Need>() {
            return Err(Failure::Input {
                what: format!("the need {need:?} is not in the grammar: {error}"),
                rule: Some("a need is a capability in which any target may be `*`".into()),
                remedy: Some("tollgate grant add --help".into()),
            });
        }
    }
    let component = {
        let _progress = app
            .printer
            .progress(&format!("building {}", project.declared.name));
        match &project.language {
            Language::Rust => {
                note_sdk(app, project)?;
                rust::component(app, project)?
            }
            Language::Python(source) => python::component(app, project, source)?,
            Language::Js(source) => js::component(app, project, source)?,
        }
    };
    let component = sections::attach(component, &project.declared)
        .doing(|| "the component cannot carry its needs".into())?;
    let path = project.component();
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).doing(|| format!("cannot make {}", parent.display()))?;
    }
    let changed = artifact::write_if_changed(&path, &component)
        .doing(|| "the component was not written".into())?;
    if !changed && newer_than_built(project).is_some() {
        // The sources are as new as this build, also where it gave the same bytes.
        let now = std::fs::File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        now.doing(|| format!("cannot touch {}", path.display()))?;
    }
    let digest = layers::digest(&component);
    let took = started.elapsed();
    app.printer.json(&json!({
        "name": project.declared.name,
        "world": project.declared.world,
        "component": path,
        "bytes": component.len(),
        "digest": digest,
        "changed": changed,
        "milliseconds": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    }));
    app.printer.line(format!(
        "built {} ({}, {}) in {}",
        escape::line(&path.to_string_lossy()),
        bytes(component.len() as u64),
        digest,
        seconds(took)
    ));
    Ok(())
}

/// The SDK is written where it is missing; another one is left alone, and said so.
fn note_sdk(app: &App, project: &Project) -> Done {
    let uses = std::fs::read_to_string(project.root.join("Cargo.toml"))
        .is_ok_and(|manifest| manifest.contains(SDK_DIR));
    match (uses, embedded::sdk_beside(&project.root)) {
        (true, Beside::Missing) => embedded::write_sdk(&project.root),
        (true, Beside::Other) => {
            app.printer.talk(format!(
                "the SDK in {SDK_DIR} is not the one of this Tollgate; \
                 `tollgate plugin build {} --update-sdk` replaces it",
                quoted(&project.root.to_string_lossy())
            ));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
