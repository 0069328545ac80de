//! Which commit each line of a file comes from.
//!
//! The lines wait at a commit. Those that a parent has too go on to it, the others stay. A file that is not at
//! its path in a parent is looked for among what the commit removed, by its whole content.

use crate::bounds::{CHANGES_MAX, COMMITS_MAX, LINES_BYTES_MAX};
use crate::changes::{Paths, at, between};
use crate::id::Id;
use crate::object::Commit;
use crate::odb::Objects;
use crate::patch::compare;
use imara_diff::Hunk;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use tollgate_sdk::ToolError;

/// A line that waits: where it is in this commit's file, and where in the file that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    here: u32,
    asked: u32,
}

/// A commit and the path that the file has there.
type Place = (Id, Vec<u8>);

/// The lines that wait, by place; the newest commit is next.
struct Waiting<'a> {
    objects: &'a Objects,
    order: BinaryHeap<(i64, Id)>,
    lines: HashMap<Id, BTreeMap<Vec<u8>, Vec<Line>>>,
    commits: usize,
}

/// The commit of each line in the range, by its number from 0.
pub(crate) fn lines(
    objects: &Objects,
    commit: Id,
    path: &[u8],
    range: std::ops::Range<u32>,
) -> Result<BTreeMap<u32, Id>, ToolError> {
    let mut waiting = Waiting {
        objects,
        order: BinaryHeap::new(),
        lines: HashMap::new(),
        commits: 0,
    };
    let lines = range.map(|asked| Line { here: asked, asked }).collect();
    waiting.add((commit, path.to_vec()), lines)?;
    let mut found = BTreeMap::new();
    while let Some((_, id)) = waiting.order.pop() {
        let commit = objects.commit(&id)?;
        for (path, lines) in waiting.lines.remove(&id).unwrap_or_default() {
            for line in waiting.pass(&id, &commit, &path, lines)? {
                found.insert(line.asked, id);
            }
        }
    }
    Ok(found)
}

impl Waiting<'_> {
    fn add(&mut self, (id, path): Place, lines: Vec<Line>) -> Result<(), ToolError> {
        if lines.is_empty() {
            return Ok(());
        }
        if !self.lines.contains_key(&id) {
            self.commits = self.commits.saturating_add(1);
            if self.commits > COMMITS_MAX {
                return Err(ToolError::failed(format!(
                    "more than {COMMITS_MAX} commits would be walked; ask for fewer lines"
                )));
            }
            let seconds = self.objects.commit(&id)?.committer.seconds;
            self.order.push((seconds, id));
        }
        let paths = self.lines.entry(id).or_default();
        paths.entry(path).or_default().extend(lines);
        Ok(())
    }

    /// Hands lines on to the parents, and gives back those that stay.
    fn pass(
        &mut self,
        id: &Id,
        commit: &Commit,
        path: &[u8],
        mut lines: Vec<Line>,
    ) -> Result<Vec<Line>, ToolError> {
        let Some((_, blob)) = at(self.objects, commit.tree, path)? else {
            return Ok(lines);
        };
        let mut origins = Vec::new();
        for parent in &commit.parents {
            if let Some((place, other)) = self.origin(*parent, commit, path, blob)? {
                if other == blob {
                    self.add(place, lines)?;
                    return Ok(Vec::new());
                }
                origins.push((place, other));
            }
        }
        let new = self.content(id, &blob)?;
        for (place, other) in origins {
            if lines.is_empty() {
                break;
            }
            let old = self.content(&place.0, &other)?;
            let (passed, stay) = split(lines, &compare(&old, &new));
            self.add(place, passed)?;
            lines = stay;
        }
        Ok(lines)
    }

    /// Where the file is in a parent.
    fn origin(
        &self,
        parent: Id,
        commit: &Commit,
        path: &[u8],
        blob: Id,
    ) -> Result<Option<(Place, Id)>, ToolError> {
        let tree = self.objects.commit(&parent)?.tree;
        if let Some((mode, id)) = at(self.objects, tree, path)?
            && mode & 0o170_000 == 0o100_000
        {
            return Ok(Some(((parent, path.to_vec()), id)));
        }
        let all = Paths::default();
        let changes = between(
            self.objects,
            Some(tree),
            Some(commit.tree),
            &all,
            CHANGES_MAX,
        )?;
        let moved = changes
            .into_iter()
            .find(|change| change.new.is_none() && change.old.is_some_and(|(_, id)| id == blob));
        Ok(moved.map(|change| ((parent, change.path), blob)))
    }

    fn content(&self, commit: &Id, blob: &Id) -> Result<std::rc::Rc<Vec<u8>>, ToolError> {
        let data = self.objects.blob(blob)?;
        match data.len() > LINES_BYTES_MAX {
            true => Err(ToolError::failed(format!(
                "the file has more than {LINES_BYTES_MAX} bytes in the commit {commit}"
            ))),
            false => Ok(data),
        }
    }
}

/// Splits lines of the new file into those that the old one has, with their place there, and the others.
fn split(mut lines: Vec<Line>, changes: &[Hunk]) -> (Vec<Line>, Vec<Line>) {
    lines.sort();
    let (mut passed, mut stay) = (Vec::new(), Vec::new());
    let mut changes = changes.iter().peekable();
    // How far the old file is ahead of the new one behind the last change.
    let mut ahead = 0_i64;
    for line in lines {
        while let Some(change) = changes.peek()
            && change.after.end <= line.here
        {
            ahead = i64::from(change.before.end) - i64::from(change.after.end);
            changes.next();
        }
        let changed = changes
            .peek()
            .is_some_and(|change| change.after.contains(&line.here));
        let there = u32::try_from(i64::from(line.here).saturating_add(ahead));
        match there {
            Ok(here) if !changed => passed.push(Line { here, ..line }),
            _ => stay.push(line),
        }
    }
    (passed, stay)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_place_around_changes() {
        let old = b"a\nb\nc\nd\n";
        let new = b"x\na\nc\ny\nd\nz\n";
        let lines = (0..6).map(|n| Line { here: n, asked: n }).collect();
        let (passed, stay) = split(lines, &compare(old, new));
        let passed: Vec<_> = passed.iter().map(|line| (line.asked, line.here)).collect();
        assert_eq!(passed, [(1, 0), (2, 2), (4, 3)]);
        let stay: Vec<_> = stay.iter().map(|line| line.asked).collect();
        assert_eq!(stay, [0, 3, 5]);
    }
}
