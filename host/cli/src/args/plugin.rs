//! `tollgate plugin`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Verbs of plugins.
#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// Write a new plugin's project: sources, what it needs, two test cases
    New(New),
    /// Build the component of a project
    Build(Build),
    /// Say what a component imports, needs and offers, and what is wrong with it
    Check(Check),
    /// Run a project's cases from tests.toml, each in a home of its own
    Test(Test),
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

/// The languages that a project can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// Rust, built by cargo for wasm32-wasip2
    Rust,
    /// Python, built by componentize-py
    Python,
    /// JavaScript, built by jco on QuickJS, or by componentize-js if it needs HTTP
    Js,
}

/// The worlds of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorldChoice {
    /// Offers tools to a model
    Tools,
    /// Is an adapter to a model
    Provider,
}

/// `plugin new`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
The project stands on its own: the contract, and for Rust the SDK's sources, are written beside it
in .tollgate/. Nothing is installed; a tool that the build misses is named with the command that
installs it.

Examples:
  tollgate plugin new hello && cd hello && tollgate plugin build && tollgate call . greet name=Ada
  tollgate plugin new summaries --lang python
  tollgate plugin new my-model --world provider")]
pub(crate) struct New {
    /// The plugin's name: a-z, 0-9, `-`, `_`; also the directory, which must not exist or be empty
    pub(crate) name: String,
    /// What it is to be
    #[arg(long, value_enum, default_value_t = WorldChoice::Tools)]
    pub(crate) world: WorldChoice,
    /// What it is written in
    #[arg(long, value_enum, default_value_t = Lang::Rust)]
    pub(crate) lang: Lang,
    /// The directory [default: the name]
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Option<PathBuf>,
}

/// `plugin build`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Writes build/NAME.wasm, with what the project declares as custom sections. A Rust project declares
in [package.metadata.tollgate] of Cargo.toml, others in tollgate-plugin.toml. The component is
found there by `tollgate call DIR TOOL`.

Examples:
  tollgate plugin build
  tollgate plugin build ./hello --watch")]
pub(crate) struct Build {
    /// The project
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) project: PathBuf,
    /// Build again whenever a source changes, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
    /// Replace the SDK in .tollgate/sdk by the one of this Tollgate first
    #[arg(long)]
    pub(crate) update_sdk: bool,
}

/// `plugin check`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
The component is compiled and asked for its tools without any grant; nothing else of it runs.
Exit code 1 if there is an error, 0 if there are only warnings.

Examples:
  tollgate plugin check .
  tollgate plugin check ./build/hello.wasm --strict --json")]
pub(crate) struct Check {
    /// A component, or a project that was built
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    pub(crate) component: PathBuf,
    /// Count warnings as errors
    #[arg(long)]
    pub(crate) strict: bool,
}

/// `plugin test`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Each case runs in a temporary home with the grants that it names and no others, so that what is
denied can be tested too. A case says a tool and arguments, or a prompt for a provider, and what
is expected:

  [[case]]
  name = \"reads what it may\"
  tool = \"summarize\"
  arguments = { path = \"/data/a.csv\" }
  files = { \"data/a.csv\" = \"a,b\\n1,2\\n\" }      # written in the case's own directory
  grants = [\"fs.read data at /data\"]              # relative to that directory
  [case.expect]
  contains = \"2 columns\"                          # or text, json, error
  receipts = [{ kind = \"fs.open.read\", decision = \"allowed\", target = \"/data/a.csv\" }]

Exit code 1 if a case fails, 2 if the file has a fault.

Examples:
  tollgate plugin test
  tollgate plugin test ./hello --filter denied --json")]
pub(crate) struct Test {
    /// A project that was built
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) project: PathBuf,
    /// Run only cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// The cases [default: tests.toml in DIR]
    #[arg(long, value_name = "FILE")]
    pub(crate) cases: Option<PathBuf>,
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
    /// The component's file, or a project that was built
    #[arg(value_name = "FILE|DIR")]
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
    /// A plugin's name, or the path of a component or of a project that was built
    pub(crate) plugin: String,
}
