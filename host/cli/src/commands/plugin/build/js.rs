//! A JavaScript project's component, by jco on QuickJS: the interpreter and the plugin's module as it is
//! after its top level has run.

use super::super::project::Project;
use super::super::tools::{self, Tool};
use super::guest;
use crate::app::App;
use crate::errors::{Context, Done, Failure};
use std::path::Path;
use std::process::Command;

pub(super) const TOOL: Tool = Tool {
    name: "jco",
    own: "node_modules/.bin",
    install: "npm install --save-dev @bytecodealliance/jco@1.35.0",
};

/// Makes it.
pub(super) fn component(app: &App, project: &Project, source: &Path) -> Done<Vec<u8>> {
    if guest::needs(project, "http") {
        return Err(Failure::Input {
            what: "a JavaScript plugin cannot need http: jco's QuickJS backend does not build \
                   components that import wasi:http/types@0.2.12"
                .into(),
            rule: Some("what a plugin needs, its component imports (wit/world.wit)".into()),
            remedy: Some("tollgate plugin new NAME --lang rust".into()),
        });
    }
    let tool = TOOL.find(&project.root)?;
    if !project.root.join(source).is_file() {
        return Err(Failure::input(format!(
            "{} is not there",
            project.root.join(source).display()
        )));
    }
    let wit = guest::write(project)?;
    let out = tempfile::Builder::new()
        .suffix(".wasm")
        .tempfile()
        .doing(|| "no temporary file could be made".into())?;
    let mut command = Command::new(tool);
    command
        .current_dir(&project.root)
        .arg("componentize")
        .arg(source)
        // Without it jco looks for the sources elsewhere.
        .args(["--cwd", "."])
        .arg("--wit")
        .arg(&wit)
        .args(["-n", guest::WORLD, "--backend", "qjs"])
        // The host runs no component that needs the async proposal.
        .arg("--backend-qjs-disable-async")
        .arg("-o")
        .arg(out.path());
    let ended = tools::run(app, command)?;
    if !ended.ok {
        return Err(tools::failure("jco", &ended.words, None));
    }
    std::fs::read(out.path()).doing(|| "the component cannot be read".into())
}
