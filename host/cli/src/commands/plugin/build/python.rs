//! A Python project's component, by componentize-py: the interpreter, the standard library and the
//! plugin's modules as they are after its top level has run.

use super::super::project::Project;
use super::super::tools::{self, Tool};
use super::guest;
use crate::app::App;
use crate::errors::{Context, Done, Failure};
use std::path::Path;
use std::process::Command;

pub(super) const TOOL: Tool = Tool {
    name: "componentize-py",
    own: ".venv/bin",
    install: "python3 -m venv .venv && .venv/bin/pip install componentize-py==0.25.0",
};

/// Makes it.
pub(super) fn component(app: &App, project: &Project, source: &Path) -> Done<Vec<u8>> {
    let tool = TOOL.find(&project.root)?;
    if !project.root.join(source).is_file() {
        return Err(Failure::input(format!(
            "{} is not there",
            project.root.join(source).display()
        )));
    }
    let wit = guest::write(project)?;
    let module: Vec<_> = source
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let out = tempfile::Builder::new()
        .suffix(".wasm")
        .tempfile()
        .doing(|| "no temporary file could be made".into())?;
    let mut command = Command::new(tool);
    command
        .current_dir(&project.root)
        .arg("-d")
        .arg(&wit)
        .args(["-w", guest::WORLD, "componentize", &module.join("."), "-o"])
        .arg(out.path());
    let ended = tools::run(app, command)?;
    if !ended.ok {
        return Err(tools::failure("componentize-py", &ended.words, None));
    }
    std::fs::read(out.path()).doing(|| "the component cannot be read".into())
}
