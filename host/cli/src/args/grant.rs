//! `tollgate grant`.

use clap::{Args, Subcommand};

/// Verbs of grants.
#[derive(Debug, Subcommand)]
pub(crate) enum Grant {
    /// Permit a plugin a kind of effect on a pattern of targets
    Add(Add),
    /// Take a grant back; effects decided after it are refused
    Revoke(Revoke),
    /// Print the grants that were given at run time, and those of the policy files
    #[command(visible_alias = "ls")]
    List(List),
    /// Say whether an effect would be allowed, by which grant, or what would allow it
    Explain(Explain),
}

/// `grant add`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Capabilities:
  fs.ACCESS HOST-PATH at GUEST-PATH [except GLOB…]    ACCESS = read | create | write | full
  http METHOD URL-PATTERN [with CREDENTIAL]
  tcp|udp connect|bind HOST:PORT      env NAME      kv NAMESPACE      dns NAME-PATTERN

Examples:
  tollgate grant add files 'fs.read . at /project except **/.env .git/**'
  tollgate grant add openai 'http POST https://api.openai.com/v1/** with openai' --why \"work account\"
  tollgate grant add fetch 'http GET https://example.org/**' --expires 2h --uses 10
  tollgate grant add mail 'tcp connect 192.0.2.25:993'
  tollgate grant add mail 'dns *.example.org'")]
pub(crate) struct Add {
    /// The plugin
    pub(crate) plugin: String,
    /// The capability, quoted as one argument
    pub(crate) capability: String,
    /// How far it reaches: `always`, `once`, `session:ID`, `project:ID`
    #[arg(long, default_value = "always")]
    pub(crate) scope: String,
    /// When it ends: a duration such as `2h` or `7d`, or a time such as `2026-12-24T18:00:00Z`
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<String>,
    /// How often it may be used
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) uses: Option<u32>,
    /// What it allowed may be performed again by itself where a crash hid how it ended
    #[arg(long, conflicts_with = "deny")]
    pub(crate) retryable: bool,
    /// Why; kept in the ledger
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: Option<String>,
    /// Only for the component with this digest
    #[arg(long, value_name = "SHA256")]
    pub(crate) digest: Option<String>,
    /// Refuse instead of permit: deny wins over every grant
    #[arg(long)]
    pub(crate) deny: bool,
}

/// `grant revoke`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
A grant of a policy file is taken back by editing the file, or narrowed by `grant add --deny`.

Examples:
  tollgate grant revoke 0198c5de-7a3e-7b1c-9f1c-0d7a3d1e2f30")]
pub(crate) struct Revoke {
    /// The grant's id, as `grant list` prints it; its beginning or its end is enough if it is unique
    pub(crate) grant: String,
}

/// `grant list`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  tollgate grant list\n  tollgate grant list files --all --json"
)]
pub(crate) struct List {
    /// Only grants of this plugin
    pub(crate) plugin: Option<String>,
    /// Also those that are revoked, expired or used up
    #[arg(long)]
    pub(crate) all: bool,
}

/// `grant explain`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Effects:
  fs.read|list|stat|create|mkdir|write|delete|rename|link|symlink|readlink GUEST-PATH
  http METHOD URL      tcp|udp connect|bind HOST:PORT      env NAME      kv NAMESPACE      dns NAME

Exit code 3 if it would be denied.

Examples:
  tollgate grant explain files 'fs.write /project/NOTES.md'
  tollgate grant explain openai 'http POST https://api.openai.com/v1/chat/completions'
  tollgate grant explain mail 'tcp connect 192.0.2.25:993'")]
pub(crate) struct Explain {
    /// The plugin
    pub(crate) plugin: String,
    /// The effect, quoted as one argument
    pub(crate) effect: String,
    /// Decide as for this session
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
}
