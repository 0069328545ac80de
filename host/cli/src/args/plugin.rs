//! `tollgate plugin`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Verbs of plugins.
#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// Claim a name for a component, pin its digest and its list of tools
    Add(Add),
    /// Print the plugins that are found here, and from where
    #[command(visible_alias = "ls", after_help = "Examples:\n  tollgate plugin list")]
    List,
    /// Print what a plugin needs, may do, costs at most and offers
    #[command(
        after_help = "Examples:\n  tollgate plugin show files\n  tollgate plugin show ./hello.wasm"
    )]
    Show(One),
    /// Give up a name; the component's file stays
    #[command(after_help = "Examples:\n  tollgate plugin rm hello")]
    Rm(One),
}

/// `plugin add`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
The component is run once without any grant, to list its tools. A name that another component holds
is refused; so is a changed component under its old name, unless --replace is given.

Examples:
  tollgate plugin add ./hello.wasm
  tollgate plugin add ./build/files.wasm --name my-files
  tollgate plugin add ./hello.wasm --replace")]
pub(crate) struct Add {
    /// The component's file
    #[arg(value_name = "FILE")]
    pub(crate) component: PathBuf,
    /// The name [default: the file's name without `.wasm`]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Accept that the component behind the name has changed
    #[arg(long)]
    pub(crate) replace: bool,
}

/// A verb on one plugin.
#[derive(Debug, Clone, Args)]
pub(crate) struct One {
    /// A plugin's name, or the path of a component
    pub(crate) plugin: String,
}
