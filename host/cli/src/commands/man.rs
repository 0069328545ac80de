//! `tollgate man`.

use crate::args::Cli;
use crate::errors::{Context, Done};
use crate::printer::Printer;
use clap::CommandFactory;
use std::path::Path;

/// Writes a man page for every verb into `directory`, or prints the program's own.
pub(crate) fn write(printer: &Printer, directory: Option<&Path>) -> Done {
    let Some(directory) = directory else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command())
            .render(&mut page)
            .doing(|| "the man page could not be made".into())?;
        printer.raw(&String::from_utf8_lossy(&page));
        return Ok(());
    };
    let cannot = || format!("the man pages cannot be written to {}", directory.display());
    std::fs::create_dir_all(directory).doing(cannot)?;
    clap_mangen::generate_to(Cli::command(), directory).doing(cannot)?;
    let count = std::fs::read_dir(directory).doing(cannot)?.count();
    printer.talk(format!("{count} pages in {}", directory.display()));
    Ok(())
}
