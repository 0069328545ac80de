//! `tollgate call` and `tollgate run`.

use super::agent::RunFlags;
use clap::Args;

/// `call`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
A value is JSON if it parses as JSON and the tool's schema does not ask for a string; otherwise it
is text. `key=@FILE` takes the text of a file, or its bytes in base64 where the schema asks for
that; `key:=JSON` insists on JSON. No login is needed.
The output is the tool's own, marked as such and escaped; what the call did is in its receipts.

Examples:
  tollgate call files list path=/project
  tollgate call files read path=/project/README.md start_line=1 lines_max=20
  tollgate call files search pattern=TODO --grant 'fs.read . at /project'
  tollgate call ./hello.wasm greet name=Ada
  tollgate call . greet name=Ada
  tollgate call ./command.wasm run args:='[\"--version\"]'
  tollgate receipt list --limit 5")]
pub(crate) struct Call {
    /// A plugin's name, or the path of a component or of a project that was built
    pub(crate) plugin: String,
    /// One of its tools; without it they are listed
    pub(crate) tool: Option<String>,
    /// Arguments
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) arguments: Vec<String>,
    /// All arguments as one JSON object; `-` reads it from stdin
    #[arg(long, value_name = "JSON|-", conflicts_with = "arguments")]
    pub(crate) arguments_json: Option<String>,
    /// Grant this to the plugin for this call alone; give it again for more
    #[arg(long = "grant", value_name = "CAPABILITY")]
    pub(crate) grants: Vec<String>,
}

/// `run`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
The session is made for the prompt and stopped with it; its events and receipts stay.

Examples:
  tollgate run \"What does this repository do?\"
  tollgate run @task.md --provider-id openai --max-iterations 20")]
pub(crate) struct Run {
    /// The prompt: a text, `-` for stdin, `@FILE` for a file
    #[arg(value_name = "TEXT|-|@FILE", allow_hyphen_values = true)]
    pub(crate) text: String,
    /// The provider plugin
    #[arg(long, value_name = "ID")]
    pub(crate) provider_id: Option<String>,
    /// The model, in the provider's own words
    #[arg(long, value_name = "ID")]
    pub(crate) model_id: Option<String>,
    /// Name of the project [default: the name of the project's directory]
    #[arg(long, value_name = "ID")]
    pub(crate) project_id: Option<String>,
    #[command(flatten)]
    pub(crate) run: RunFlags,
}
