//! The tool `diff`.

use super::{context_lines, head};
use crate::bounds::CHANGES_MAX;
use crate::changes::{Change, Paths, between};
use crate::patch::CONTEXT_LINES_MAX;
use crate::repository::Repository;
use crate::text::Text;
use crate::tools::show::patches;
use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_sdk::{Context, Tool, ToolError, ToolOutput};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Compare {
    /// The directory of the repository, such as /project.
    repository: String,
    /// The older revision, such as v1.0 or HEAD~3.
    from: String,
    /// The newer revision; HEAD if not given.
    #[serde(default = "head")]
    to: String,
    /// Only these files or directories.
    #[serde(default)]
    paths: Vec<String>,
    /// Whether only the names are given, each with A for added, D for removed, M for changed or T for another
    /// type.
    #[serde(default)]
    names_only: bool,
    /// How many lines to show around a change; 3 if not given, at most 20.
    #[serde(default = "context_lines")]
    context_lines: usize,
}

pub(crate) fn tool() -> Tool {
    Tool::new::<Compare>(
        "diff",
        "Compares two revisions of a Git repository and gives the difference as a patch. A renamed file is one \
         removed and one added. The working tree is not looked at.",
        diff,
    )
    .title("Git diff")
    .read_only()
}

fn diff(arguments: Compare, _: &Context) -> Result<ToolOutput, ToolError> {
    if arguments.context_lines > CONTEXT_LINES_MAX {
        return Err(ToolError::invalid(format!(
            "context_lines: is at most {CONTEXT_LINES_MAX}"
        )));
    }
    let paths = Paths::new(&arguments.paths)?;
    let repository = Repository::open(&arguments.repository)?;
    let tree = |revision: &str| -> Result<_, ToolError> {
        let id = repository.commit_of(revision)?;
        Ok(Some(repository.objects.commit(&id)?.tree))
    };
    let (old, new) = (tree(&arguments.from)?, tree(&arguments.to)?);
    let changes = between(&repository.objects, old, new, &paths, CHANGES_MAX)?;
    let mut text = Text::default();
    if changes.is_empty() {
        text.note("no difference");
    }
    if arguments.names_only {
        for change in changes.iter().take(CHANGES_MAX) {
            text.add(&format!(
                "{}\t{}\n",
                letter(change),
                String::from_utf8_lossy(&change.path)
            ));
        }
        if changes.len() > CHANGES_MAX {
            text.note(format!("more than {CHANGES_MAX} files differ"));
        }
    } else {
        patches(&repository, &changes, arguments.context_lines, &mut text)?;
    }
    Ok(text.into_output())
}

fn letter(change: &Change) -> char {
    match (change.old, change.new) {
        (None, _) => 'A',
        (_, None) => 'D',
        (Some((old, _)), Some((new, _))) if (old ^ new) & 0o170_000 != 0 => 'T',
        _ => 'M',
    }
}
