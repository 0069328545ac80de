//! The command line as data: one file per noun, every verb and flag with its help and an example.
//!
//! Invariant: nothing here reads a file, a variable or the store; parsing twice gives the same value.

pub(crate) mod agent;
pub(crate) mod auth;
pub(crate) mod call;
pub(crate) mod credential;
pub(crate) mod demo;
pub(crate) mod grant;
pub(crate) mod ledger;
pub(crate) mod mcp;
pub(crate) mod plugin;
pub(crate) mod policy;
pub(crate) mod provider;
pub(crate) mod receipt;
pub(crate) mod serve;
pub(crate) mod values;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Runs LLM providers and tools as WebAssembly components behind one gate, with a receipt for every effect.
#[derive(Debug, Parser)]
#[command(
    name = "tollgate",
    version,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "\
Exit codes:
  0 ok       1 failed    2 wrong input or illegal transition
  3 denied   4 blocked   5 no login   6 budget

Examples:
  tollgate demo persistent-agent --repo-path .
  tollgate auth login
  tollgate call files list path=/project
  tollgate receipt list --decision denied

Variables that Tollgate reads are listed by `tollgate doctor`.
Nothing a plugin or a model can reach changes what they may do: only the verbs of `grant` and `policy` do."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every verb takes.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Global {
    /// Print data on stdout, and an error on stderr, as JSON for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// The nouns.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Log in and out; the identity is the operating system's user
    #[command(subcommand)]
    Auth(auth::Auth),
    /// Launch agent sessions, prompt them, look after them
    #[command(subcommand)]
    Agent(agent::Agent),
    /// Say where secrets are and how they are added to requests
    #[command(subcommand)]
    Credential(credential::Credential),
    /// Call one tool of one plugin, in a session of its own
    Call(call::Call),
    /// Answer one prompt in a session that ends with it
    #[command(visible_alias = "execute")]
    Run(call::Run),
    /// Add plugins and see what they are, need and may do
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// See, test and record the adapters to providers of models
    #[command(subcommand)]
    Provider(provider::Provider),
    /// Check, show and trust policy files
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Give a plugin a permission, take it back, ask why
    #[command(subcommand)]
    Grant(grant::Grant),
    /// Read what plugins did and what they were refused
    #[command(subcommand)]
    Receipt(receipt::Receipt),
    /// Sign, check, publish and prune the ledger in which receipts stand
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Offer the plugins' tools to one MCP client, over stdin and stdout
    Mcp(mcp::Mcp),
    /// Offer the plugins' tools to MCP clients, over HTTP on this machine
    Serve(serve::Serve),
    /// Watch the whole of it work, with no key and no network
    #[command(subcommand)]
    Demo(demo::Demo),
    /// Check this machine and this home, with a remedy for each fault
    #[command(after_help = "Examples:\n  tollgate doctor\n  tollgate doctor --json")]
    Doctor,
    /// Print the completion script of a shell
    #[command(
        after_help = "Examples:\n  tollgate completions bash > ~/.local/share/bash-completion/completions/tollgate"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the man page, or write one for each verb
    #[command(
        after_help = "Examples:\n  tollgate man | man -l -\n  tollgate man --dir ~/.local/share/man/man1"
    )]
    Man {
        /// Where to write them
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// What Tollgate starts as a child of itself
    #[command(subcommand, hide = true)]
    Internal(Internal),
}

/// Verbs of child processes.
#[derive(Debug, Subcommand)]
pub(crate) enum Internal {
    /// Compile the component on standard input under limits
    Compile {
        /// The artifact's path; must not exist
        out: std::path::PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_and_flag_has_help_and_every_verb_an_example() {
        fn walk(command: &clap::Command, path: &str, missing: &mut Vec<String>) {
            let path = format!("{path} {}", command.get_name());
            if command.is_hide_set() {
                return;
            }
            if command.get_about().is_none() {
                missing.push(format!("{path}: about"));
            }
            if !command.has_subcommands() && command.get_after_help().is_none() {
                missing.push(format!("{path}: example"));
            }
            for argument in command.get_arguments() {
                if argument.get_help().is_none() {
                    missing.push(format!("{path}: {}", argument.get_id()));
                }
            }
            for child in command.get_subcommands() {
                walk(child, &path, missing);
            }
        }
        let mut missing = Vec::new();
        walk(&Cli::command(), "", &mut missing);
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn help_reads_well() {
        fn walk(command: &mut clap::Command, all: &mut String) {
            if command.is_hide_set() {
                return;
            }
            all.push_str(&format!(
                "\n===== {}\n",
                command.get_bin_name().unwrap_or("tollgate")
            ));
            all.push_str(&command.render_long_help().to_string());
            for child in command.get_subcommands_mut() {
                walk(child, all);
            }
        }
        let mut command = Cli::command().term_width(100);
        command.build();
        let mut all = String::new();
        walk(&mut command, &mut all);
        insta::assert_snapshot!(all);
    }
}
