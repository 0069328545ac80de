//! A JavaScript project's component: an engine, and the plugin's module as it is after its top level has run.
//!
//! A plugin without HTTP gets QuickJS (jco). One with HTTP gets StarlingMonkey (componentize-js), because jco's
//! QuickJS backend builds no component that imports `wasi:http`.

use super::super::project::Project;
use super::super::tools::{self, Tool};
use super::guest;
use crate::app::App;
use crate::errors::{Context, Done, Failure};
use std::path::Path;
use std::process::Command;

const OWN: &str = "node_modules/.bin";

/// Makes a component on QuickJS.
pub(super) const TOOL: Tool = Tool {
    name: "jco",
    own: OWN,
    install: "npm install --save-dev @bytecodealliance/jco@1.35.0",
};

/// Makes a component on StarlingMonkey, which has `fetch`.
pub(super) const HTTP_TOOL: Tool = Tool {
    name: "componentize-js",
    own: OWN,
    install: "npm install --save-dev @bytecodealliance/componentize-js@0.19.3 \
              @bytecodealliance/jco@1.35.0 @bytecodealliance/preview2-shim@0.25.0",
};

/// Makes it.
pub(super) fn component(app: &App, project: &Project, source: &Path) -> Done<Vec<u8>> {
    let speaks_http = guest::needs(project, "http");
    let tool = if speaks_http { &HTTP_TOOL } else { &TOOL };
    let program = tool.find(&project.root)?;
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
    let mut command = Command::new(program);
    command.current_dir(&project.root);
    if speaks_http {
        guest::leave_out_unstable(&wit)?;
        command
            .arg(source)
            // A plugin is no server.
            .args(["--disable", "fetch-event"]);
    } else {
        command
            .arg("componentize")
            .arg(source)
            // Without it jco looks for the sources elsewhere.
            .args(["--cwd", "."])
            .args(["--backend", "qjs"])
            // The host runs no component that needs the async proposal.
            .arg("--backend-qjs-disable-async");
    }
    command
        .arg("--wit")
        .arg(&wit)
        .args(["-n", guest::WORLD])
        .arg("-o")
        .arg(out.path());
    let ended = tools::run(app, command)?;
    if !ended.ok {
        return Err(tools::failure(tool.name, &ended.words, None));
    }
    std::fs::read(out.path()).doing(|| "the component cannot be read".into())
}
