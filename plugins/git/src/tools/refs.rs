//! The tool `refs`.

use crate::bounds::NAMED_MAX;
use crate::object::{Kind, Tag};
use crate::refs::Target;
use crate::repository::Repository;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tollgate_sdk::{Context, Tool, ToolError, ToolOutput};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Ask {
    /// The directory of the repository, such as /project.
    repository: String,
    /// Only references whose full names begin so, such as refs/tags/.
    #[serde(default)]
    prefix: String,
}

/// What `refs` answers.
#[derive(Serialize, JsonSchema)]
struct Answer {
    /// The branch that HEAD is on; null if it is on none.
    head: Option<String>,
    /// The commit of HEAD; null before the first one.
    head_commit: Option<String>,
    /// The references, by name.
    refs: Vec<Reference>,
    /// Whether there are more.
    more: bool,
}

#[derive(Serialize, JsonSchema)]
struct Reference {
    /// The full name, such as refs/heads/main.
    name: String,
    /// The object that it names.
    id: String,
    /// The object that an annotated tag points to.
    #[serde(skip_serializing_if = "Option::is_none")]
    tag_of: Option<String>,
}

pub(crate) fn tool() -> Tool {
    Tool::new::<Ask>(
        "refs",
        "Names the branches, tags and other references of a Git repository, and where HEAD is.",
        refs,
    )
    .title("Git references")
    .read_only()
    .output::<Answer>()
}

fn refs(arguments: Ask, _: &Context) -> Result<ToolOutput, ToolError> {
    let repository = Repository::open(&arguments.repository)?;
    let all = repository.refs.all()?;
    let mut wanted = all
        .iter()
        .filter(|(name, _)| name.starts_with(&arguments.prefix));
    let mut refs = Vec::new();
    for (name, id) in wanted.by_ref().take(NAMED_MAX) {
        let object = name
            .starts_with("refs/tags/")
            .then(|| repository.objects.get(id))
            .transpose()?;
        let tag_of = match object {
            Some(object) if object.kind == Kind::Tag => {
                Some(Tag::parse(id, &object.data)?.target.to_string())
            }
            _ => None,
        };
        refs.push(Reference {
            name: name.clone(),
            id: id.to_string(),
            tag_of,
        });
    }
    let more = wanted.next().is_some();
    let head = match repository.refs.head()? {
        Some(Target::Name(name)) => Some(name),
        _ => None,
    };
    let head_commit = repository.refs.resolve("HEAD")?;
    ToolOutput::json(&Answer {
        head,
        head_commit: head_commit.map(|id| id.to_string()),
        refs,
        more,
    })
}
