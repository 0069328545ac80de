//! The `tollgate` binary: arguments in, one command, an exit code out.
//!
//! It joins the crates below; none of them knows it. Data leaves through [`printer`] alone, errors
//! through [`errors::Failure`].

mod app;
mod args;
mod commands;
mod demo;
mod env_vars;
mod errors;
mod files;
mod home;
mod identity;
mod plugins;
mod policy;
mod printer;
mod render;
mod time;
mod wiring;

use clap::Parser;
use errors::{Done, Exit, Failure};
use printer::Printer;
use std::process::ExitCode;

fn main() -> ExitCode {
    let no_colour = env_vars::NO_COLOR.get().is_some();
    let arguments: Vec<_> = std::env::args_os().collect();
    let cli = match args::Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let json = arguments.iter().any(|argument| argument == "--json");
            return exit(refuse(&Printer::new(json, false, no_colour), &error));
        }
    };
    if let args::Command::Internal(args::Internal::Compile { out }) = &cli.command {
        return commands::internal::compile(out);
    }
    let printer = Printer::new(cli.global.json, cli.global.quiet, no_colour);
    match carry_out(cli, &printer) {
        Ok(()) => exit(Exit::Ok),
        Err(failure) => {
            if !failure.is_told() {
                printer.failure(&failure);
            }
            exit(failure.exit())
        }
    }
}

fn carry_out(cli: args::Cli, printer: &Printer) -> Done {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(HOST_WORKERS)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("the runtime could not start", error))?;
    let app = app::App::from_environment(printer.clone())?;
    let done = runtime.block_on(commands::dispatch(&app, cli.command));
    drop(app);
    // A blocking read of standard input must not keep the process.
    runtime.shutdown_background();
    done
}

/// Threads of the host's own work: sessions, store, timers. Guests have a runtime of their own.
const HOST_WORKERS: usize = 2;

/// Says why the words on the command line were not understood, or prints the help that was asked for.
fn refuse(printer: &Printer, error: &clap::Error) -> Exit {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            printer.raw(&printer.styled(&error.render()));
            Exit::Ok
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            printer.talk(error.render().to_string().trim_end());
            Exit::Input
        }
        _ => {
            let text = error.render().to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
            printer.failure(&Failure::input(text));
            Exit::Input
        }
    }
}

fn exit(code: Exit) -> ExitCode {
    ExitCode::from(code as u8)
}
