//! `tollgate demo`.

use super::agent::ITERATIONS_DEFAULT;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The demonstrations.
#[derive(Debug, Subcommand)]
pub(crate) enum Demo {
    /// Launch a session, let its provider work on a repository, show every receipt
    PersistentAgent(PersistentAgent),
}

/// `demo persistent-agent`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
The demo has a home of its own and removes it. Only the socket is a fixture: the provider and the tools
are the real components, and every decision is the gate's. It prints each command before running it.

Examples:
  tollgate demo persistent-agent --repo-path .
  tollgate demo persistent-agent --repo-path . --provider-id anthropic
  tollgate demo persistent-agent --repo-path . --no-allow-fixture-action
  tollgate demo persistent-agent --repo-path . --no-provider-grant
  tollgate demo persistent-agent --repo-path . --provider-id openai --live --allow-live --keep-artifacts")]
pub(crate) struct PersistentAgent {
    /// The repository to work on; it is only read
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo_path: PathBuf,
    /// The provider; give it again for more than one
    #[arg(long, value_name = "ID", default_values = ["openai", "anthropic", "gemini", "ollama"])]
    pub(crate) provider_id: Vec<String>,
    /// Ask the real providers instead of the fixture; needs --allow-live and each one's key in its variable
    #[arg(long)]
    pub(crate) live: bool,
    /// Confirm that a live run may consume your quota
    #[arg(long)]
    pub(crate) allow_live: bool,
    /// Keep the demo's home and print where it is
    #[arg(long)]
    pub(crate) keep_artifacts: bool,
    /// Withhold every grant from the tools: what the model tries is refused and the run blocks
    #[arg(long)]
    pub(crate) no_allow_fixture_action: bool,
    /// Withhold the provider's HTTP grant: its request is refused
    #[arg(long)]
    pub(crate) no_provider_grant: bool,
    /// Turns of the model after which the run is interrupted
    #[arg(long, value_name = "N", default_value_t = ITERATIONS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) max_iterations: u32,
    /// Tokens that the run may cost
    #[arg(long, value_name = "TOKENS")]
    pub(crate) provider_token_budget: Option<u64>,
}
