//! The tool `show`.

use super::{context_lines, head};
use crate::bounds::CHANGES_MAX;
use crate::changes::{Paths, at, between, inside};
use crate::id::Id;
use crate::object::{Kind, Tag};
use crate::patch::{self, CONTEXT_LINES_MAX};
use crate::repository::Repository;
use crate::text::{self, Text};
use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_sdk::{Context, Tool, ToolError, ToolOutput};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Show {
    /// The directory of the repository, such as /project.
    repository: String,
    /// A commit or tag, such as HEAD~2, or a file at a commit, such as v1.0:src/lib.rs; HEAD if not given.
    #[serde(default = "head")]
    revision: String,
    /// Only changes of these files or directories.
    #[serde(default)]
    paths: Vec<String>,
    /// How many lines to show around a change; 3 if not given, at most 20.
    #[serde(default = "context_lines")]
    context_lines: usize,
}

pub(crate) fn tool() -> Tool {
    Tool::new::<Show>(
        "show",
        "Shows a commit of a Git repository with its changes as a patch, or with REVISION:PATH a file or a \
         directory as it was at a commit.",
        show,
    )
    .title("Git show")
    .read_only()
}

fn show(arguments: Show, _: &Context) -> Result<ToolOutput, ToolError> {
    if arguments.context_lines > CONTEXT_LINES_MAX {
        return Err(ToolError::invalid(format!(
            "context_lines: is at most {CONTEXT_LINES_MAX}"
        )));
    }
    let paths = Paths::new(&arguments.paths)?;
    let repository = Repository::open(&arguments.repository)?;
    let mut text = Text::default();
    if let Some((revision, path)) = arguments.revision.split_once(':') {
        file(&repository, revision, path, &mut text)?;
        return Ok(text.into_output());
    }
    let mut id = repository.object_of(&arguments.revision)?;
    let object = repository.objects.get(&id)?;
    match object.kind {
        Kind::Tag => {
            tag(&id, &object.data, &arguments.revision, &mut text)?;
            id = repository.commit_of(&arguments.revision)?;
        }
        Kind::Commit => {}
        Kind::Tree | Kind::Blob => {
            content(&repository, id, object.kind, &mut text)?;
            return Ok(text.into_output());
        }
    }
    commit(&repository, &id, &paths, arguments.context_lines, &mut text)?;
    Ok(text.into_output())
}

fn commit(
    repository: &Repository,
    id: &Id,
    paths: &Paths,
    context: usize,
    text: &mut Text,
) -> Result<(), ToolError> {
    let objects = &repository.objects;
    let commit = objects.commit(id)?;
    text.add(&text::commit(id, &commit));
    let parent = match commit.parents.as_slice() {
        [] => None,
        [parent] => Some(objects.commit(parent)?.tree),
        [first, ..] => {
            text.note(format!(
                "a merge; diff shows its changes, such as from {first}"
            ));
            return Ok(());
        }
    };
    let changes = between(objects, parent, Some(commit.tree), paths, CHANGES_MAX)?;
    if !changes.is_empty() {
        text.add("\n");
    }
    patches(repository, &changes, context, text)
}

/// Adds the patches of changes, as far as there is room.
pub(super) fn patches(
    repository: &Repository,
    changes: &[crate::changes::Change],
    context: usize,
    text: &mut Text,
) -> Result<(), ToolError> {
    for change in changes.iter().take(CHANGES_MAX) {
        if !patch::add(text, &repository.objects, change, context)? {
            return Ok(());
        }
    }
    if changes.len() > CHANGES_MAX {
        text.note(format!(
            "more than {CHANGES_MAX} files differ; the others are left out"
        ));
    }
    Ok(())
}

fn tag(id: &Id, data: &[u8], name: &str, text: &mut Text) -> Result<(), ToolError> {
    let tag = Tag::parse(id, data)?;
    text.add(&format!("tag {name}\n"));
    if let Some(tagger) = tag.tagger {
        text.add(&format!(
            "Tagger: {} <{}>\nDate:   {}\n",
            tagger.name,
            tagger.email,
            tagger.time()
        ));
    }
    text.add(&format!("\n{}\n\n", tag.message.trim_end()));
    Ok(())
}

fn file(
    repository: &Repository,
    revision: &str,
    path: &str,
    text: &mut Text,
) -> Result<(), ToolError> {
    let revision = if revision.is_empty() {
        "HEAD"
    } else {
        revision
    };
    let commit = repository.commit_of(revision)?;
    let tree = repository.objects.commit(&commit)?.tree;
    let Some((mode, id)) = at(&repository.objects, tree, &inside(path)?)? else {
        return Err(ToolError::not_found(format!(
            "there is no {path:?} in {revision}"
        )));
    };
    match mode & 0o170_000 {
        0o040_000 => content(repository, id, Kind::Tree, text),
        0o160_000 => {
            text.add(&format!("a submodule at commit {id}\n"));
            Ok(())
        }
        _ => content(repository, id, Kind::Blob, text),
    }
}

fn content(repository: &Repository, id: Id, kind: Kind, text: &mut Text) -> Result<(), ToolError> {
    if kind == Kind::Tree {
        for entry in repository.objects.tree(&id)? {
            let mark = if entry.is_tree() { "/" } else { "" };
            let name = String::from_utf8_lossy(&entry.name);
            if !text.add(&format!("{:06o} {} {name}{mark}\n", entry.mode, entry.id)) {
                break;
            }
        }
        return Ok(());
    }
    let data = repository.objects.blob(&id)?;
    if patch::is_binary(&data) {
        text.note(format!("{} bytes that are not text", data.len()));
    } else {
        text.add(&String::from_utf8_lossy(&data));
    }
    Ok(())
}
