//! The verbs, one file per noun: arguments in, data through the printer, a [`Failure`] if it was not
//! done.

mod agent;
mod auth;
mod call;
mod completions;
mod credential;
pub(crate) mod denied;
mod doctor;
mod grant;
mod input;
pub(crate) mod internal;
mod ledger;
mod man;
mod mcp;
mod plugin;
mod policy;
mod provider;
mod receipt;
mod run;
mod serve;

pub(crate) use agent::directories;

use crate::app::App;
use crate::args::Command;
use crate::demo;
use crate::errors::Done;
use std::future::Future;
use std::pin::Pin;

/// Carries one command out. Boxed, because the demo carries out commands.
pub(crate) fn dispatch(app: &App, command: Command) -> Pin<Box<dyn Future<Output = Done> + '_>> {
    Box::pin(async move {
        match command {
            Command::Auth(verb) => auth::run(app, &verb),
            Command::Agent(verb) => agent::run(app, verb).await,
            Command::Credential(verb) => credential::run(app, verb),
            Command::Call(call) => call::run(app, call).await,
            Command::Run(run) => run::run(app, run).await,
            Command::Plugin(verb) => plugin::run(app, verb).await,
            Command::Provider(verb) => provider::run(app, verb).await,
            Command::Policy(verb) => policy::run(app, verb),
            Command::Grant(verb) => grant::run(app, verb),
            Command::Ledger(verb) => ledger::run(app, verb),
            Command::Receipt(verb) => receipt::run(app, verb).await,
            Command::Mcp(args) => mcp::run(app, args).await,
            Command::Serve(args) => serve::run(app, args).await,
            Command::Demo(crate::args::demo::Demo::PersistentAgent(demo)) => {
                demo::run(app, demo).await
            }
            Command::Doctor => doctor::run(app),
            Command::Man { dir } => man::write(&app.printer, dir.as_deref()),
            Command::Completions { shell } => {
                completions::print(&app.printer, shell);
                Ok(())
            }
            // Handled before anything else is set up.
            Command::Internal(_) => Ok(()),
        }
    })
}
