//! `tollgate receipt`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Receipts printed when no limit is named.
pub(crate) const LIMIT_DEFAULT: usize = 200;

/// Verbs of receipts.
#[derive(Debug, Subcommand)]
pub(crate) enum Receipt {
    /// Print receipts, newest last
    #[command(visible_alias = "ls")]
    List(List),
    /// Print one receipt whole, with the entries it folds from
    #[command(after_help = "Examples:\n  tollgate receipt show 3d1e2f30 --json")]
    Show(One),
    /// Say in words what was attempted, by which rule it was decided, what came of it
    #[command(after_help = "Examples:\n  tollgate receipt explain 3d1e2f30")]
    Explain(One),
    /// Print receipts as they are written
    Follow(Follow),
    /// Say what became of an effect whose outcome a crash has hidden
    Resolve(Resolve),
    /// Write receipts with their proof into one file that anybody can verify
    Export(Export),
    /// Check a file of receipts with nothing but the ledger's public key
    Verify(Verify),
    /// Print the proof that a receipt is in the ledger
    Prove(Prove),
    /// Write a page for a reviewer
    Report(Report),
    /// Print the JSON Schema of the ledger's entries
    #[command(after_help = "Examples:\n  tollgate receipt schema > entry.schema.json")]
    Schema,
}

/// A file of receipts to read in place of the store.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct From {
    /// Read this export in place of the store; no login is needed
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Verify the export first, with this public key or the file that has it
    #[arg(long, value_name = "KEY", requires = "from")]
    pub(crate) key: Option<String>,
}

/// Which part of the ledger.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub(crate) struct Part {
    /// All entries of this session
    #[arg(long, value_name = "ID", conflicts_with = "from")]
    pub(crate) session: Option<String>,
    /// The entries of this run, and what its session wrote between them
    #[arg(long, value_name = "ID", conflicts_with = "from")]
    pub(crate) run: Option<String>,
    /// Everything since: a duration such as `10m`, or a time such as `2026-12-24T18:00:00Z`
    #[arg(long, value_name = "WHEN", conflicts_with = "from")]
    pub(crate) since: Option<String>,
}

/// In which form receipts are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Entries with their proof, to be verified
    #[default]
    Proof,
    /// One OCSF API Activity event a line, for a SIEM; proves nothing
    Ocsf,
    /// One OpenTelemetry log record (OTLP JSON) a line; proves nothing
    Otel,
}

/// `receipt export`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Without a part it is the whole ledger. The file is complete: what is left out of it is found.

Examples:
  tollgate receipt export --session agent_docs --out docs.export
  tollgate receipt export --since 24h --out today.export
  tollgate receipt export --since 1h --format ocsf --out events.jsonl
  tollgate receipt export --from docs.export --format otel --out -")]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) part: Part,
    #[command(flatten)]
    pub(crate) from: From,
    /// The form
    #[arg(long, value_name = "FORMAT", default_value = "proof")]
    pub(crate) format: Format,
    /// The file; `-` is standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// `receipt verify`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Without a key, the keys of this machine's own ledger are tried. The program `tollgate-verify` does the same.
Exit codes: 0 whole and unchanged, 10 invalid, 11 incomplete, 12 unreadable.

Examples:
  tollgate receipt verify docs.export
  tollgate receipt verify docs.export --key tollgate-ledger/1f0c…+2b9a41d7+AbCd…")]
pub(crate) struct Verify {
    /// The export
    pub(crate) file: PathBuf,
    /// The ledger's public key, or a file that has it [default: the keys of this machine's ledger]
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}

/// `receipt prove`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
The proof is an audit path (RFC 6962, section 2.1.1) from the entry to the root of a signed tree head.

Examples:
  tollgate receipt prove 3d1e2f30
  tollgate receipt prove 3d1e2f30 --json > proof.json")]
pub(crate) struct Prove {
    /// The receipt's id; its beginning or its end is enough if it is unique
    pub(crate) receipt: String,
}

/// `receipt report`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
The page stands alone: it loads nothing and runs nothing, and can be printed.

Examples:
  tollgate receipt report --session agent_docs --html docs.html
  tollgate receipt report --from docs.export --key KEY --html docs.html")]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) part: Part,
    #[command(flatten)]
    pub(crate) from: From,
    /// The page; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) html: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// Which receipts.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Filter {
    /// Only of this session
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Only of this run
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<String>,
    /// Only of this call
    #[arg(long, value_name = "ID")]
    pub(crate) call: Option<String>,
    /// Only of this plugin
    #[arg(long, value_name = "NAME")]
    pub(crate) plugin: Option<String>,
    /// Only kinds that begin so, such as `fs` or `http.request`
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Only with this decision
    #[arg(long, value_name = "DECISION")]
    pub(crate) decision: Option<DecisionWord>,
    /// Only since: a duration such as `10m`, or a time such as `2026-12-24T18:00:00Z`
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
}

/// A decision as a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DecisionWord {
    /// Permitted
    Allowed,
    /// Refused
    Denied,
    /// Put to an operator
    Asked,
}

/// `receipt list`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  tollgate receipt list
  tollgate receipt list --session agent_docs --decision denied
  tollgate receipt list --plugin files --kind fs --since 10m --json")]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) filter: Filter,
    #[command(flatten)]
    pub(crate) from: From,
    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value_t = LIMIT_DEFAULT)]
    pub(crate) limit: usize,
}

/// A verb on one receipt.
#[derive(Debug, Clone, Args)]
pub(crate) struct One {
    /// The receipt's id; its beginning or its end is enough if it is unique
    pub(crate) receipt: String,
    #[command(flatten)]
    pub(crate) from: From,
}

/// `receipt follow`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  tollgate receipt follow --session agent_docs
  tollgate receipt follow --decision denied --json")]
pub(crate) struct Follow {
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// Begin with so many that are there already
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) last: usize,
}

/// `receipt resolve`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Tollgate repeats such an effect by itself only where its grant is `--retryable`. Look at the target, then say
what you found; the session goes on. `retry` has the call made again that began it, as a whole, once the run is
continued; it is refused where that call has performed more.

Examples:
  tollgate receipt resolve 3d1e2f30
  tollgate receipt resolve 3d1e2f30 --outcome done --reason \"the file is there\"
  tollgate receipt resolve 3d1e2f30 --outcome not-done
  tollgate receipt resolve 3d1e2f30 --outcome retry --reason \"a second copy does no harm\"")]
pub(crate) struct Resolve {
    /// The receipt's id; its beginning or its end is enough if it is unique
    pub(crate) receipt: String,
    /// What became of it [default: unknown]
    #[arg(long, value_name = "OUTCOME")]
    pub(crate) outcome: Option<OutcomeWord>,
    /// How you know; kept in the ledger
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// What became of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutcomeWord {
    /// It was performed
    Done,
    /// It was not performed
    NotDone,
    /// It may be performed again, whether it was or not
    Retry,
    /// Nobody can say; the session shall go on
    Unknown,
}

#[cfg(test)]
mod tests {
    use crate::args::Cli;
    use clap::Parser;

    #[test]
    fn an_effect_is_resolved_in_one_way() {
        let parses = |words: &str| {
            let words = words.split(' ');
            Cli::try_parse_from(["tollgate", "receipt", "resolve"].into_iter().chain(words)).is_ok()
        };
        assert!(parses("3d1e2f30"));
        assert!(parses("3d1e2f30 --outcome done"));
        assert!(parses("3d1e2f30 --outcome not-done --reason looked"));
        assert!(parses("3d1e2f30 --outcome unknown --json"));
        assert!(!parses("3d1e2f30 --outcome perhaps"));
        assert!(!parses("3d1e2f30 --outcome done --outcome unknown"));
    }
}
