//! The tool `log`.

use super::head;
use crate::bounds::{LOGGED, LOGGED_MAX};
use crate::changes::Paths;
use crate::history::History;
use crate::repository::Repository;
use crate::revision::range;
use crate::text::{self, Text};
use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_sdk::{Context, Tool, ToolError, ToolOutput};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Log {
    /// The directory of the repository, such as /project.
    repository: String,
    /// Where to begin, such as main, or a range, such as v1.0..main; HEAD if not given.
    #[serde(default = "head")]
    revision: String,
    /// Only commits that changed one of these files or directories, such as src/lib.rs.
    #[serde(default)]
    paths: Vec<String>,
    /// How many commits to show at most; 20 if not given, and never more than 500.
    #[serde(default = "logged")]
    commits_max: usize,
    /// How many of the newest to leave out, to go on after an answer that was cut.
    #[serde(default)]
    skip: usize,
    /// Whether each commit is one line: its short name, its date, its author, its subject.
    #[serde(default)]
    short: bool,
}

fn logged() -> usize {
    LOGGED
}

pub(crate) fn tool() -> Tool {
    Tool::new::<Log>(
        "log",
        "Shows the commits of a Git repository, the newest first, with author, date and message.",
        log,
    )
    .title("Git log")
    .read_only()
}

fn log(arguments: Log, _: &Context) -> Result<ToolOutput, ToolError> {
    if !(1..=LOGGED_MAX).contains(&arguments.commits_max) {
        return Err(ToolError::invalid(format!(
            "commits_max: is from 1 to {LOGGED_MAX}"
        )));
    }
    let paths = Paths::new(&arguments.paths)?;
    let repository = Repository::open(&arguments.repository)?;
    let (left_out, start) = range(&arguments.revision)?;
    let start = repository.commit_of(start)?;
    let left_out = left_out
        .map(|revision| repository.commit_of(revision))
        .transpose()?;
    let mut history = History::new(&repository, start, left_out, paths)?;
    let mut text = Text::default();
    let mut shown = 0_usize;
    let mut skipped = 0_usize;
    while let Some((id, commit)) = history.next()? {
        if skipped < arguments.skip {
            skipped = skipped.saturating_add(1);
            continue;
        }
        if shown >= arguments.commits_max {
            let next = skipped.saturating_add(shown);
            text.note(format!("there are more; go on with skip {next}"));
            break;
        }
        let part = match arguments.short {
            true => format!(
                "{} {} {} {}\n",
                id.short(),
                commit.author.time(),
                commit.author.name,
                commit.subject()
            ),
            false if shown == 0 => text::commit(&id, &commit),
            false => format!("\n{}", text::commit(&id, &commit)),
        };
        if !text.add(&part) {
            break;
        }
        shown = shown.saturating_add(1);
    }
    if shown == 0 {
        text.note("no commits");
    }
    Ok(text.into_output())
}
