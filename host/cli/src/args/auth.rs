//! `tollgate auth`.

use clap::Subcommand;

/// Verbs of the operator's login.
#[derive(Debug, Subcommand)]
pub(crate) enum Auth {
    /// Log in as the operating system's user; asks nothing
    #[command(after_help = "\
The subject is `os:USER`, the issuer `local:HOST`. Both are stamped into every session, grant and
receipt. Without a login every verb of `agent` is refused with exit code 5.

Examples:
  tollgate auth login")]
    Login,
    /// Print who is logged in
    #[command(
        visible_alias = "status",
        after_help = "Examples:\n  tollgate auth whoami --json"
    )]
    Whoami,
    /// Log out
    #[command(after_help = "Examples:\n  tollgate auth logout")]
    Logout,
}
