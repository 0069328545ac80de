//! `tollgate agent`.

use clap::{Args, Subcommand, ValueEnum};

/// Turns of a run when none are named.
pub(crate) const ITERATIONS_DEFAULT: u32 = 5;

/// Verbs of agent sessions.
#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    /// Make a session and bind it to operator, project, provider and model
    Launch(Launch),
    /// Send a prompt to a session and wait for the run
    Prompt(Prompt),
    /// Print one session
    #[command(after_help = "Examples:\n  tollgate agent status agent_docs --json")]
    Status(One),
    /// Print all sessions
    #[command(visible_alias = "ls", after_help = "Examples:\n  tollgate agent list")]
    List(List),
    /// Print one session with its runs, links and the words that were said
    #[command(after_help = "Examples:\n  tollgate agent show agent_docs")]
    Show(One),
    /// Print the event log of a session
    Events(Events),
    /// Stop an active or resting session
    #[command(after_help = "Examples:\n  tollgate agent stop agent_docs --reason \"work is done\"")]
    Stop(WithReason),
    /// Start a stopped or failed session again
    #[command(
        after_help = "Examples:\n  tollgate agent restart agent_docs --reason \"key renewed\""
    )]
    Restart(WithReason),
    /// Go on with the run that was interrupted, or that waited for the ledger
    Continue(Continue),
    /// Go on with another provider or model; the conversation stays
    Rebind(Rebind),
    /// Remove a stopped session and what it owns on disk; its receipts stay
    Rm(Remove),
}

/// `agent launch`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Without --provider-id the provider is the policy's default, else the only one that is there.

Examples:
  tollgate agent launch
  tollgate agent launch --session-id agent_docs --project-id project_docs --provider-id openai --model-id gpt-5.2")]
pub(crate) struct Launch {
    /// Name of the session; made up if omitted
    #[arg(long, value_name = "ID")]
    pub(crate) session_id: Option<String>,
    /// Name of the project [default: the name of the project's directory]
    #[arg(long, value_name = "ID")]
    pub(crate) project_id: Option<String>,
    /// The provider plugin, such as `openai` (also written `provider_openai`)
    #[arg(long, value_name = "ID")]
    pub(crate) provider_id: Option<String>,
    /// The model, in the provider's own words
    #[arg(long, value_name = "ID")]
    pub(crate) model_id: Option<String>,
    /// What the session is for: the policy's `[models]` names the model of it
    #[arg(long, value_name = "NAME", conflicts_with = "model_id")]
    pub(crate) purpose: Option<String>,
    /// Names the credential that the session's provider may use
    #[arg(long, value_name = "ID")]
    pub(crate) auth_profile_id: Option<String>,
    /// Launch only if this is the digest of the policy in force, as `policy show` prints it
    #[arg(long, value_name = "SHA256")]
    pub(crate) policy: Option<String>,
    /// Where a background host of this session can be reached
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// Kind and hosting: `interactive` or `autonomous`, `foreground` or `background`, or `autonomous,background`
    #[arg(long, value_name = "MODE", default_value = "interactive,foreground")]
    pub(crate) mode: String,
}

/// `agent continue`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
The bounds count from now on. What is not named stays as the run was asked for, its fixture too.
A tool call whose end a crash hid is not made again, unless `receipt resolve --outcome retry` or its grant says so.

Examples:
  tollgate agent continue agent_docs
  tollgate agent continue agent_docs --max-iterations 20")]
pub(crate) struct Continue {
    /// The session
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) run: RunFlags,
}

/// `agent rebind`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
What only the old provider can read, such as its signatures and its reasoning, stays behind; the event log says what.

Examples:
  tollgate agent rebind agent_docs anthropic
  tollgate agent rebind agent_docs ollama --model-id llama3.2")]
pub(crate) struct Rebind {
    /// The session
    pub(crate) id: String,
    /// The provider plugin that it goes on with
    #[arg(value_name = "PROVIDER")]
    pub(crate) provider_id: String,
    /// The model, in the provider's own words [default: the adapter's]
    #[arg(long, value_name = "ID")]
    pub(crate) model_id: Option<String>,
    /// Names the credential that the session's provider may use
    #[arg(long, value_name = "ID")]
    pub(crate) auth_profile_id: Option<String>,
}

/// `agent prompt`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
With an id alone the text is read from stdin. Without anything the sessions are listed, exit code 2.
The texts `exit`, `/exit`, `quit` and `/quit` stop the session without a run.

Examples:
  tollgate agent prompt agent_docs \"Summarise the README\"
  tollgate agent prompt agent_docs @task.md --max-iterations 20
  git diff | tollgate agent prompt agent_docs -")]
pub(crate) struct Prompt {
    /// The session
    pub(crate) id: Option<String>,
    /// The prompt: a text, `-` for stdin, `@FILE` for a file
    #[arg(value_name = "TEXT|-|@FILE", allow_hyphen_values = true)]
    pub(crate) text: Option<String>,
    /// Refuse at once if something that the session needs is missing, instead of waiting for it
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) run: RunFlags,
}

/// What bounds a run; shared by `agent prompt`, `agent continue` and `run`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunFlags {
    /// Turns of the model after which the run is interrupted
    #[arg(long, value_name = "N", default_value_t = ITERATIONS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) max_iterations: u32,
    /// Tokens, input and output together, that the run may cost; reserved before each request
    #[arg(long, value_name = "TOKENS")]
    pub(crate) provider_token_budget: Option<u64>,
    /// Money that the run's provider calls may cost by the policy's `[prices]`, such as `0.50` or `0.50 EUR`
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) money_budget: Option<String>,
    /// How much the model shall reason
    #[arg(long, value_name = "WHAT")]
    pub(crate) effort: Option<Effort>,
    /// Answer in the form of this JSON Schema, at most 8 KiB
    #[arg(long, value_name = "FILE")]
    pub(crate) output_schema: Option<std::path::PathBuf>,
    /// Effects that the run's tools may attempt, all calls together; reserved before each call
    #[arg(long, value_name = "N")]
    pub(crate) effect_budget: Option<u64>,
    /// What a refused effect does to the run
    #[arg(long, value_name = "WHAT", default_value = "continue")]
    pub(crate) on_denied: OnDenied,
    /// What answers the provider's requests: a fixture, as with --fixture, or the network
    #[arg(long, value_name = "WHAT")]
    pub(crate) transport: Option<Transport>,
    /// Answer the provider's requests from a fixture in place of the socket: `persistent-agent`, or a file
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) fixture: Option<String>,
    /// With --fixture: withhold every grant from the tools, so that what the fixture's model tries is refused and the run blocks
    #[arg(long, requires = "fixture")]
    pub(crate) no_allow_fixture_action: bool,
}

/// What is behind the gate's permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    /// A fixture: the one of --fixture, else `persistent-agent`
    Fixture,
    /// The network
    Live,
}

/// How much a model shall reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Effort {
    /// Not at all, where it can be told so
    Off,
    /// Little
    Low,
    /// Some
    Medium,
    /// Much
    High,
}

/// What a refused effect does to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnDenied {
    /// The model is told and may choose another way
    Continue,
    /// The run blocks until an operator decides
    Block,
}

/// A verb on one session.
#[derive(Debug, Clone, Args)]
pub(crate) struct One {
    /// The session
    pub(crate) id: String,
}

/// `agent list`.
#[derive(Debug, Clone, Args)]
pub(crate) struct List {
    /// Only sessions in this state, such as `idle`
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<String>,
    /// Only sessions of this project
    #[arg(long, value_name = "ID")]
    pub(crate) project_id: Option<String>,
}

/// `agent events`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  tollgate agent events agent_docs
  tollgate agent events agent_docs --from 12 --follow --json")]
pub(crate) struct Events {
    /// The session
    pub(crate) id: String,
    /// The first event to print
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub(crate) from: u64,
    /// Go on printing as events come
    #[arg(long, short)]
    pub(crate) follow: bool,
}

/// A verb on one session that keeps a reason.
#[derive(Debug, Clone, Args)]
pub(crate) struct WithReason {
    /// The session
    pub(crate) id: String,
    /// Why; kept in the event log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// `agent rm`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  tollgate agent rm agent_docs\n  tollgate agent rm agent_docs --force\n  tollgate agent rm agent_docs --forget"
)]
pub(crate) struct Remove {
    /// The session
    pub(crate) id: String,
    /// Stop it first if it is active
    #[arg(long)]
    pub(crate) force: bool,
    /// Delete the key of the keyed hashes in its receipts, also of a session that is removed or of one call
    #[arg(long)]
    pub(crate) forget: bool,
}
