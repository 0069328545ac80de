//! `tollgate mcp`.

use clap::Args;

/// `mcp`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
An MCP client starts this and speaks to it over stdin and stdout; stdout carries nothing else. The
tools of every plugin about which you have said something (a rule, a grant, `plugin add`) are
offered as `plugin__tool`. The process is one session: its id is on stderr, and its calls are in its
receipts. What is denied is told to the client as a rule and a receipt; the command that would allow
it is on stderr.

Examples:
  tollgate mcp
  tollgate mcp --plugin files
  claude mcp add tollgate -- tollgate mcp
  tollgate receipt list --limit 5")]
pub(crate) struct Mcp {
    /// Offer this plugin's tools only; give it again for more than one
    #[arg(long, value_name = "NAME")]
    pub(crate) plugin: Vec<String>,
}
