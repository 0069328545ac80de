//! `tollgate completions`.

use crate::args::Cli;
use crate::printer::Printer;
use clap::CommandFactory;

/// Prints the completion script of a shell.
pub(crate) fn print(printer: &Printer, shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tollgate", &mut script);
    printer.raw(&String::from_utf8_lossy(&script));
}
