//! `tollgate credential`.

use clap::{Args, Subcommand};

/// Verbs of credentials.
#[derive(Debug, Subcommand)]
pub(crate) enum Credential {
    /// Say where a secret is and how it is added to requests
    Add(Add),
    /// Print the credentials, without their secrets
    #[command(
        visible_alias = "ls",
        after_help = "Examples:\n  tollgate credential list --json"
    )]
    List,
    /// Say whether a credential can be used, without using it
    #[command(after_help = "Examples:\n  tollgate credential test openai")]
    Test(One),
    /// Forget a credential that no grant names, and its entry in the keyring
    #[command(after_help = "Examples:\n  tollgate credential rm openai")]
    Rm(One),
}

/// One credential.
#[derive(Debug, Clone, Args)]
pub(crate) struct One {
    /// Its name
    pub(crate) name: String,
}

/// `credential add`.
#[derive(Debug, Clone, Args)]
#[command(
    group(clap::ArgGroup::new("source").required(true)),
    group(clap::ArgGroup::new("place")),
    after_help = "\
It is written to your tollgate.toml; a secret itself only ever to the keyring, which is the kernel's and
forgotten when the machine restarts. No plugin reads a secret: it is added to requests that a grant
`http … with NAME` allows, over TLS or to this machine itself.

Examples:
  tollgate credential add openai --env OPENAI_API_KEY
  tollgate credential add anthropic --env ANTHROPIC_API_KEY --header x-api-key --value '{}'
  tollgate credential add gemini --keyring --query key
  tollgate credential add registry --file ~/.registry-token --basic robot"
)]
pub(crate) struct Add {
    /// Its name, as grants say it
    pub(crate) name: String,
    /// Read it from this variable of Tollgate's own environment
    #[arg(long, value_name = "VARIABLE", group = "source")]
    pub(crate) env: Option<String>,
    /// Read it from this file, which nobody else may read
    #[arg(long, value_name = "FILE", group = "source")]
    pub(crate) file: Option<String>,
    /// Keep it in the keyring; it is asked for, or read from standard input
    #[arg(long, group = "source")]
    pub(crate) keyring: bool,
    /// Add it as this header [default: authorization]
    #[arg(long, value_name = "NAME", group = "place")]
    pub(crate) header: Option<String>,
    /// The header's value, with `{}` for the secret [default: Bearer {}]
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["query", "basic"])]
    pub(crate) value: Option<String>,
    /// Add it as this parameter of the query
    #[arg(long, value_name = "NAME", group = "place")]
    pub(crate) query: Option<String>,
    /// Add it as the password of this user
    #[arg(long, value_name = "USER", group = "place")]
    pub(crate) basic: Option<String>,
    /// Replace one of the same name
    #[arg(long)]
    pub(crate) replace: bool,
}
