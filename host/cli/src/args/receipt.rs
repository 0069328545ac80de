//! `tollgate receipt`.

use clap::{Args, Subcommand, ValueEnum};

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
    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value_t = LIMIT_DEFAULT)]
    pub(crate) limit: usize,
}

/// A verb on one receipt.
#[derive(Debug, Clone, Args)]
pub(crate) struct One {
    /// The receipt's id; its beginning or its end is enough if it is unique
    pub(crate) receipt: String,
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
Tollgate never repeats such an effect by itself. Look at the target, then say what you found; the session goes on.

Examples:
  tollgate receipt resolve 3d1e2f30
  tollgate receipt resolve 3d1e2f30 --outcome done --reason \"the file is there\"
  tollgate receipt resolve 3d1e2f30 --outcome not-done")]
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
