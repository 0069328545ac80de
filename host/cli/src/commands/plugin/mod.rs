//! `tollgate plugin`: for operators, names and what is behind them ([`registry`]); for authors, a
//! project from nothing to a component that is checked and tested.
//!
//! Invariant: nothing is installed and nothing is fetched from here; a tool that is missing is named
//! with the command that installs it.

mod bench;
mod build;
mod check;
mod contract;
mod embedded;
mod new;
pub(crate) mod project;
mod registry;
mod test;
mod tools;

pub(crate) use build::author_tools;
pub(crate) use contract::judge as judge_contract;
pub(crate) use registry::failure;

use crate::app::App;
use crate::args::plugin::Plugin;
use crate::errors::Done;

/// Carries out one verb.
pub(crate) async fn run(app: &App, verb: Plugin) -> Done {
    match verb {
        Plugin::New(args) => new::run(app, &args),
        Plugin::Build(args) => build::run(app, &args).await,
        Plugin::Check(args) => check::run(app, &args).await,
        Plugin::Test(args) => test::run(app, &args).await,
        Plugin::Add(args) => registry::add(app, &args).await,
        Plugin::List => registry::list(app),
        Plugin::Show(one) => registry::show(app, &one.plugin).await,
        Plugin::Rm(one) => registry::remove(app, &one.plugin),
    }
}
