//! `tollgate provider`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Verbs of provider adapters.
#[derive(Debug, Subcommand)]
pub(crate) enum Provider {
    /// Print the adapters that can be found, and what each still misses
    #[command(
        visible_alias = "ls",
        after_help = "Examples:\n  tollgate provider list\n  tollgate provider list --json"
    )]
    List,
    /// Print one adapter: its format and settings, its grant and credential, what to add
    #[command(after_help = "Examples:\n  tollgate provider show anthropic")]
    Show(One),
    /// Ask for one small answer through the gate, and say what is wrong if none comes
    Test(Test),
    /// Make one real exchange and write it as a fixture, without secrets
    Record(Record),
}

/// One adapter.
#[derive(Debug, Clone, Args)]
pub(crate) struct One {
    /// Its name, such as `openai` (also written `provider_openai`)
    pub(crate) name: String,
}

/// `provider test`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
It may cost a few tokens. The request is decided and put on record as every other.

Examples:
  tollgate provider test openai
  tollgate provider test ollama --model qwen3:8b")]
pub(crate) struct Test {
    /// The adapter
    pub(crate) name: String,
    /// The model, in the provider's own words [default: the adapter's]
    #[arg(long, value_name = "ID")]
    pub(crate) model: Option<String>,
}

/// `provider record`.
#[derive(Debug, Clone, Args)]
#[command(
    group(clap::ArgGroup::new("question")),
    after_help = "\
The file holds the request's method and URL, and the answer; no credential, cookie, id of a request
or name of an organisation. The answer's own words are in it: read it before you give it away.
It answers one request to the same URL, whatever it says; with \"repeat\": true beside an exchange,
any number.

Examples:
  tollgate provider record openai --out hello.json
  tollgate provider record ollama --model qwen3:8b --prompt 'Count to three' --out count.json
  tollgate provider record anthropic --request request.json --out tools.json
  tollgate run 'Say hello' --provider-id openai --fixture hello.json"
)]
pub(crate) struct Record {
    /// The adapter
    pub(crate) name: String,
    /// Where to write it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// What to ask: a text, `-` for stdin, `@FILE` for a file [default: a greeting]
    #[arg(
        long,
        value_name = "TEXT|-|@FILE",
        group = "question",
        allow_hyphen_values = true
    )]
    pub(crate) prompt: Option<String>,
    /// The whole request as JSON, in the contract's words: `messages`, `tools`, `output_tokens_max` and so on
    #[arg(long, value_name = "FILE|-", group = "question")]
    pub(crate) request: Option<String>,
    /// The model, in the provider's own words [default: the adapter's]
    #[arg(long, value_name = "ID")]
    pub(crate) model: Option<String>,
    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) force: bool,
}
