//! Walking commits, the newest first, as `git log` does.

use crate::bounds::COMMITS_MAX;
use crate::changes::{Paths, between};
use crate::id::Id;
use crate::object::Commit;
use crate::repository::Repository;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use tollgate_sdk::ToolError;

/// A walk that has begun.
pub(crate) struct History<'a> {
    repository: &'a Repository,
    paths: Paths,
    /// By time, then by when they were met.
    waiting: BinaryHeap<(i64, Reverse<usize>, Id)>,
    /// Met, or left out.
    seen: HashSet<Id>,
    met: usize,
}

impl<'a> History<'a> {
    /// From `start`, without what `left_out` and its ancestors are.
    pub(crate) fn new(
        repository: &'a Repository,
        start: Id,
        left_out: Option<Id>,
        paths: Paths,
    ) -> Result<Self, ToolError> {
        let mut history = Self {
            repository,
            paths,
            waiting: BinaryHeap::new(),
            seen: HashSet::new(),
            met: 0,
        };
        if let Some(id) = left_out {
            history.seen = ancestors(repository, id)?;
        }
        history.meet(start)?;
        Ok(history)
    }

    /// The next commit that changes something that is meant.
    pub(crate) fn next(&mut self) -> Result<Option<(Id, Commit)>, ToolError> {
        while let Some((_, _, id)) = self.waiting.pop() {
            let commit = self.repository.objects.commit(&id)?;
            let shown = self.follow(&commit)?;
            if shown {
                return Ok(Some((id, commit)));
            }
        }
        Ok(None)
    }

    /// Goes on to the parents; true if the commit is to be shown. Where paths are asked for, a merge that is the
    /// same as one of its parents leads to that one alone (git-log(1), History Simplification).
    fn follow(&mut self, commit: &Commit) -> Result<bool, ToolError> {
        if self.paths.is_empty() {
            for parent in &commit.parents {
                self.meet(*parent)?;
            }
            return Ok(true);
        }
        if commit.parents.is_empty() {
            return self.differs(None, commit.tree);
        }
        for parent in &commit.parents {
            let tree = self.repository.objects.commit(parent)?.tree;
            if !self.differs(Some(tree), commit.tree)? {
                self.meet(*parent)?;
                return Ok(false);
            }
        }
        for parent in &commit.parents {
            self.meet(*parent)?;
        }
        Ok(true)
    }

    fn differs(&self, old: Option<Id>, new: Id) -> Result<bool, ToolError> {
        let changes = between(&self.repository.objects, old, Some(new), &self.paths, 0)?;
        Ok(!changes.is_empty())
    }

    fn meet(&mut self, id: Id) -> Result<(), ToolError> {
        if !self.seen.insert(id) {
            return Ok(());
        }
        self.met = self.met.saturating_add(1);
        if self.met > COMMITS_MAX {
            return Err(too_many());
        }
        let commit = self.repository.objects.commit(&id)?;
        self.waiting
            .push((commit.committer.seconds, Reverse(self.met), id));
        Ok(())
    }
}

/// A commit and all before it.
fn ancestors(repository: &Repository, id: Id) -> Result<HashSet<Id>, ToolError> {
    let mut seen = HashSet::from([id]);
    let mut waiting = vec![id];
    while let Some(id) = waiting.pop() {
        for parent in repository.objects.commit(&id)?.parents {
            if seen.insert(parent) {
                waiting.push(parent);
            }
        }
        if seen.len() > COMMITS_MAX {
            return Err(too_many());
        }
    }
    Ok(seen)
}

fn too_many() -> ToolError {
    ToolError::failed(format!(
        "more than {COMMITS_MAX} commits would be walked; ask for a range such as v1.0..HEAD"
    ))
}
