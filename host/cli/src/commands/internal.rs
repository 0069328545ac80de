//! What Tollgate starts as a child of itself.

use crate::errors::Exit;
use crate::printer::Printer;
use std::path::Path;
use std::process::ExitCode;

/// The compile child: reads a component from standard input under limits, writes the artifact.
pub(crate) fn compile(out: &Path) -> ExitCode {
    let (code, said) = tollgate_sandbox::compile_child(out);
    if !said.is_empty() {
        Printer::new(false, false, true).talk(said);
    }
    ExitCode::from(u8::try_from(code).unwrap_or(Exit::Failed as u8))
}
