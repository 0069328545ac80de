//! Revisions as people write them (gitrevisions(7)): names, digits, `~N`, `^N`, `^{}`, `REV:PATH`, `A..B`.
//!
//! Not here: `@{…}` (reflogs), `:/text`, `A...B`, dates.

use crate::id::{Id, Prefix};
use crate::object::{Kind, Tag};
use crate::repository::Repository;
use tollgate_sdk::ToolError;

/// Longest revision, in bytes.
const REVISION_BYTES_MAX: usize = 512;

/// Most steps up that one suffix asks for.
const STEPS_MAX: usize = 20_000;

/// Most tags of tags.
const TAGS_MAX: usize = 10;

impl Repository {
    /// The commit that a revision means.
    pub(crate) fn commit_of(&self, revision: &str) -> Result<Id, ToolError> {
        let id = self.object_of(revision)?;
        self.peel(id, Some(Kind::Commit), revision)
    }

    /// The object that a revision without a path means.
    pub(crate) fn object_of(&self, revision: &str) -> Result<Id, ToolError> {
        if revision.is_empty() || revision.len() > REVISION_BYTES_MAX {
            return Err(ToolError::invalid(format!(
                "a revision has 1 to {REVISION_BYTES_MAX} bytes"
            )));
        }
        let end = revision.find(['~', '^']).unwrap_or(revision.len());
        let (base, mut suffix) = revision.split_at(end);
        let mut id = self.base(base)?;
        while !suffix.is_empty() {
            let (step, rest) = step(suffix).ok_or_else(|| {
                ToolError::invalid(format!(
                    "{suffix:?} in {revision:?} is not understood; ~N, ^N and ^{{}} are"
                ))
            })?;
            id = self.walk(id, &step, revision)?;
            suffix = rest;
        }
        Ok(id)
    }

    fn base(&self, name: &str) -> Result<Id, ToolError> {
        let name = if name == "@" || name.is_empty() {
            "HEAD"
        } else {
            name
        };
        if let Some(id) = Id::from_hex(name.as_bytes()) {
            return Ok(id);
        }
        if let Some(id) = self.refs.find(name)? {
            return Ok(id);
        }
        // What `git describe` prints ends so.
        let digits = name.rsplit_once("-g").map_or(name, |(_, digits)| digits);
        if let Some(prefix) = Prefix::parse(digits)
            && let Some(id) = self.objects.with_prefix(&prefix)?
        {
            return Ok(id);
        }
        Err(ToolError::not_found(format!(
            "there is no revision {name:?}; refs names the branches and tags"
        )))
    }

    fn walk(&self, id: Id, step: &Step<'_>, revision: &str) -> Result<Id, ToolError> {
        match step {
            Step::Peel("") => self.peel(id, None, revision),
            Step::Peel("commit") | Step::Parent(0) => self.peel(id, Some(Kind::Commit), revision),
            Step::Peel("tree") => {
                let commit = self.peel(id, Some(Kind::Commit), revision)?;
                Ok(self.objects.commit(&commit)?.tree)
            }
            Step::Peel(other) => Err(ToolError::invalid(format!(
                "^{{{other}}} is not understood; ^{{}}, ^{{commit}} and ^{{tree}} are"
            ))),
            Step::Parent(number) => {
                let commit = self.peel(id, Some(Kind::Commit), revision)?;
                self.parent(&commit, *number)
            }
            Step::Up(count) => {
                let mut commit = self.peel(id, Some(Kind::Commit), revision)?;
                for _ in 0..*count {
                    commit = self.parent(&commit, 1)?;
                }
                Ok(commit)
            }
        }
    }

    fn parent(&self, id: &Id, number: usize) -> Result<Id, ToolError> {
        let parents = self.objects.commit(id)?.parents;
        parents
            .get(number.saturating_sub(1))
            .copied()
            .ok_or_else(|| {
                ToolError::not_found(format!(
                    "the commit {id} has {} parents, and parent {number} is asked for",
                    parents.len()
                ))
            })
    }

    /// Follows tags, to an object of that kind if one is asked for.
    fn peel(&self, id: Id, kind: Option<Kind>, revision: &str) -> Result<Id, ToolError> {
        let mut id = id;
        for _ in 0..TAGS_MAX {
            let object = self.objects.get(&id)?;
            if object.kind != Kind::Tag {
                return match kind {
                    Some(kind) if kind != object.kind => Err(ToolError::invalid(format!(
                        "{revision:?} is a {}, where a {} is expected",
                        object.kind.name(),
                        kind.name()
                    ))),
                    _ => Ok(id),
                };
            }
            id = Tag::parse(&id, &object.data)?.target;
        }
        Err(ToolError::failed(format!(
            "{revision:?} is a tag of more than {TAGS_MAX} tags"
        )))
    }
}

enum Step<'a> {
    Up(usize),
    Parent(usize),
    Peel(&'a str),
}

/// The first step of a suffix, and the rest.
fn step(suffix: &str) -> Option<(Step<'_>, &str)> {
    let mut characters = suffix.chars();
    let mark = characters.next()?;
    let rest = characters.as_str();
    if mark == '^'
        && let Some(inner) = rest.strip_prefix('{')
    {
        let (name, rest) = inner.split_once('}')?;
        return Some((Step::Peel(name), rest));
    }
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    let number = match digits {
        "" => 1,
        digits => digits.parse().ok().filter(|n| *n <= STEPS_MAX)?,
    };
    match mark {
        '~' => Some((Step::Up(number), rest)),
        '^' => Some((Step::Parent(number), rest)),
        _ => None,
    }
}

fn or_head(text: &str) -> &str {
    if text.is_empty() { "HEAD" } else { text }
}

/// What a range names: what is left out, and where to begin.
pub(crate) fn range(text: &str) -> Result<(Option<&str>, &str), ToolError> {
    if text.contains("...") {
        return Err(ToolError::invalid(format!(
            "{text:?}: three dots are not understood; write A..B"
        )));
    }
    Ok(match text.split_once("..") {
        Some((from, to)) => (Some(or_head(from)), or_head(to)),
        None => (None, text),
    })
}
