//! `tollgate policy`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Verbs of policy files.
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Read every policy file that applies here and name each fault with its line
    Check(File),
    /// Print what is in force here, and from which file
    #[command(after_help = "Examples:\n  tollgate policy show\n  tollgate policy show --json")]
    Show,
    /// Show what the project's file would allow, and put it in force
    Trust(Trust),
}

/// `policy check`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  tollgate policy check\n  tollgate policy check ./tollgate.toml"
)]
pub(crate) struct File {
    /// Read this file instead
    pub(crate) file: Option<PathBuf>,
}

/// `policy trust`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
A project's tollgate.toml grants nothing until its digest is trusted. A changed file asks again and is
shown as a difference to what was trusted.

Examples:
  tollgate policy trust --show
  tollgate policy trust
  tollgate policy trust --revoke")]
pub(crate) struct Trust {
    /// Only show what it would allow
    #[arg(long)]
    pub(crate) show: bool,
    /// Trust only if the file has this digest, as `--show` printed it
    #[arg(long, value_name = "SHA256")]
    pub(crate) digest: Option<String>,
    /// Take the trust back
    #[arg(long, conflicts_with_all = ["show", "digest"])]
    pub(crate) revoke: bool,
}
