//! `tollgate serve`.

use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `serve`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Streamable HTTP at /mcp. Every request needs `Authorization: Bearer TOKEN`; the token is in a file
that only you may read, made at first use, and its path is printed. Requests from web pages, and
requests under another name than this server's, are refused. Each client's session has its own
receipts.

Examples:
  tollgate serve --mcp
  tollgate serve --mcp --listen 127.0.0.1:0 --plugin files
  tollgate serve --mcp --listen 0.0.0.0:80 --beyond-loopback --name tools.internal")]
pub(crate) struct Serve {
    /// Serve the Model Context Protocol
    #[arg(long, required = true)]
    pub(crate) mcp: bool,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7411")]
    pub(crate) listen: SocketAddr,
    /// Allow an address that other machines can reach; there is no TLS
    #[arg(long)]
    pub(crate) beyond_loopback: bool,
    /// Another name under which clients reach this server; give it again for more than one
    #[arg(long, value_name = "HOST")]
    pub(crate) name: Vec<String>,
    /// A file with the token [default: mcp-token in the state directory, made if it is not there]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Offer this plugin's tools only; give it again for more than one
    #[arg(long, value_name = "NAME")]
    pub(crate) plugin: Vec<String>,
}
