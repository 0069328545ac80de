//! What each language needs to be built, and whether it is there.

use super::{js, python, rust};
use std::path::Path;

/// What builds the plugins of one language.
pub(crate) struct Needed {
    /// The language, as a check's name.
    pub(crate) language: &'static str,
    /// What it is.
    pub(crate) name: &'static str,
    /// Where it is, if it is there.
    pub(crate) found: Option<String>,
    /// The command that installs it.
    pub(crate) install: &'static str,
}

/// That of all languages, for a project here.
pub(crate) fn author_tools() -> Vec<Needed> {
    let here = Path::new(".");
    let script = |language, tool: &super::super::tools::Tool| Needed {
        language,
        name: tool.name,
        found: tool.find(here).ok().map(|path| path.display().to_string()),
        install: tool.install,
    };
    vec![
        Needed {
            language: "rust",
            name: "compiler for wasm32-wasip2",
            found: rust::compiler(),
            install: "rustup target add wasm32-wasip2",
        },
        script("python", &python::TOOL),
        script("javascript", &js::TOOL),
        script("javascript-http", &js::HTTP_TOOL),
    ]
}
