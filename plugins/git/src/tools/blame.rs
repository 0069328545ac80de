//! The tool `blame`.

use super::head;
use crate::blame;
use crate::bounds::{BLAMED_MAX, LINES_BYTES_MAX};
use crate::changes::{at, inside};
use crate::id::Id;
use crate::patch::{is_binary, lines};
use crate::repository::Repository;
use crate::text::Text;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use tollgate_sdk::{Context, Tool, ToolError, ToolOutput};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Blame {
    /// The directory of the repository, such as /project.
    repository: String,
    /// The file, from the repository's root, such as src/lib.rs.
    path: String,
    /// The revision whose file is asked about; HEAD if not given.
    #[serde(default = "head")]
    revision: String,
    /// The first line, counted from 1.
    #[serde(default = "one")]
    start_line: usize,
    /// How many lines at most; 2000 if not given, which is also the most.
    #[serde(default = "lines_max")]
    lines_max: usize,
}

fn one() -> usize {
    1
}

fn lines_max() -> usize {
    BLAMED_MAX
}

pub(crate) fn tool() -> Tool {
    Tool::new::<Blame>(
        "blame",
        "Says of each line of a file in a Git repository which commit it comes from: short name, author, date, \
         line number, line.",
        tell,
    )
    .title("Git blame")
    .read_only()
}

fn tell(arguments: Blame, _: &Context) -> Result<ToolOutput, ToolError> {
    if arguments.start_line == 0 || !(1..=BLAMED_MAX).contains(&arguments.lines_max) {
        return Err(ToolError::invalid(format!(
            "start_line is counted from 1, and lines_max is from 1 to {BLAMED_MAX}"
        )));
    }
    let path = inside(&arguments.path)?;
    let repository = Repository::open(&arguments.repository)?;
    let commit = repository.commit_of(&arguments.revision)?;
    let data = file(&repository, &commit, &arguments.path, &path)?;
    let lines = lines(&data);
    let start = arguments.start_line.saturating_sub(1);
    let end = start.saturating_add(arguments.lines_max).min(lines.len());
    if start >= lines.len() {
        return Err(ToolError::invalid(format!(
            "start_line: {} has {} lines",
            arguments.path,
            lines.len()
        )));
    }
    let number = |line: usize| u32::try_from(line).unwrap_or(u32::MAX);
    let found = blame::lines(
        &repository.objects,
        commit,
        &path,
        number(start)..number(end),
    )?;
    let mut authors: HashMap<Id, String> = HashMap::new();
    let mut text = Text::default();
    for (line, id) in &found {
        if let Entry::Vacant(place) = authors.entry(*id) {
            let author = repository.objects.commit(id)?.author;
            place.insert(format!("{} {}", author.name, author.time()));
        }
        let index = usize::try_from(*line).unwrap_or(usize::MAX);
        let content = lines.get(index).copied().unwrap_or_default();
        let content = String::from_utf8_lossy(content);
        let author = authors.get(id).map(String::as_str).unwrap_or_default();
        let part = format!(
            "{} ({author} {}) {}\n",
            id.short(),
            index.saturating_add(1),
            content.trim_end_matches(['\n', '\r'])
        );
        if !text.add(&part) {
            break;
        }
    }
    if end < lines.len() {
        text.note(format!(
            "lines {} to {end} of {}; go on with start_line {}",
            arguments.start_line,
            lines.len(),
            end.saturating_add(1)
        ));
    }
    Ok(text.into_output())
}

fn file(
    repository: &Repository,
    commit: &Id,
    shown: &str,
    path: &[u8],
) -> Result<std::rc::Rc<Vec<u8>>, ToolError> {
    let tree = repository.objects.commit(commit)?.tree;
    let Some((mode, id)) = at(&repository.objects, tree, path)? else {
        return Err(ToolError::not_found(format!(
            "there is no {shown:?} in {commit}"
        )));
    };
    if mode & 0o170_000 != 0o100_000 {
        return Err(ToolError::invalid(format!("path: {shown:?} is no file")));
    }
    let data = repository.objects.blob(&id)?;
    if is_binary(&data) || data.len() > LINES_BYTES_MAX {
        return Err(ToolError::failed(format!(
            "{shown} is not text, or has more than {LINES_BYTES_MAX} bytes"
        )));
    }
    Ok(data)
}
