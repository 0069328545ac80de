//! What differs between two trees.

use crate::bounds::{DEPTH_MAX, PATHS_MAX};
use crate::id::Id;
use crate::object::Entry;
use crate::odb::Objects;
use std::cmp::Ordering;
use tollgate_sdk::ToolError;

/// One side of a file: its mode and content.
pub(crate) type Side = Option<(u32, Id)>;

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) path: Vec<u8>,
    pub(crate) old: Side,
    pub(crate) new: Side,
}

/// Paths that narrow a question; none means everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paths(Vec<Vec<u8>>);

impl Paths {
    pub(crate) fn new(paths: &[String]) -> Result<Self, ToolError> {
        if paths.len() > PATHS_MAX {
            return Err(ToolError::invalid(format!(
                "paths: are at most {PATHS_MAX}"
            )));
        }
        let paths: Vec<Vec<u8>> = paths
            .iter()
            .map(|path| inside(path))
            .collect::<Result<_, _>>()?;
        // One that means the whole repository leaves nothing to narrow.
        match paths.iter().any(Vec::is_empty) {
            true => Ok(Self::default()),
            false => Ok(Self(paths)),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a file is meant.
    fn has(&self, path: &[u8]) -> bool {
        self.0.is_empty() || self.0.iter().any(|wanted| is_at_or_below(path, wanted))
    }

    /// Whether something in a directory may be meant.
    fn may_have_below(&self, directory: &[u8]) -> bool {
        self.has(directory)
            || self
                .0
                .iter()
                .any(|wanted| is_at_or_below(wanted, directory))
    }
}

fn is_at_or_below(path: &[u8], above: &[u8]) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// A path from the repository's root, as trees spell it.
pub(crate) fn inside(path: &str) -> Result<Vec<u8>, ToolError> {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if path.starts_with('/') || parts.contains(&"..") {
        return Err(ToolError::invalid(format!(
            "{path:?}: a path in the repository begins at its root, without / and .., such as src/lib.rs"
        )));
    }
    Ok(parts.join("/").into_bytes())
}

/// Compares two trees; none is the empty one. Stops when there are more than `most` changes.
pub(crate) fn between(
    objects: &Objects,
    old: Option<Id>,
    new: Option<Id>,
    paths: &Paths,
    most: usize,
) -> Result<Vec<Change>, ToolError> {
    let mut comparison = Comparison {
        objects,
        paths,
        most,
        changes: Vec::new(),
    };
    comparison.trees(old, new, b"", 0)?;
    Ok(comparison.changes)
}

struct Comparison<'a> {
    objects: &'a Objects,
    paths: &'a Paths,
    most: usize,
    changes: Vec<Change>,
}

impl Comparison<'_> {
    fn trees(
        &mut self,
        old: Option<Id>,
        new: Option<Id>,
        above: &[u8],
        depth: usize,
    ) -> Result<(), ToolError> {
        if old == new {
            return Ok(());
        }
        if depth > DEPTH_MAX {
            return Err(ToolError::failed(format!(
                "trees are nested deeper than {DEPTH_MAX} levels"
            )));
        }
        let read = |id: Option<Id>| match id {
            Some(id) => self.objects.tree(&id),
            None => Ok(Vec::new()),
        };
        let (old, new) = (read(old)?, read(new)?);
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        while self.changes.len() <= self.most {
            let order = match (old.peek(), new.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(one), Some(other)) => one.key().cmp(&other.key()),
            };
            let before = if order.is_le() { old.next() } else { None };
            let after = if order.is_ge() { new.next() } else { None };
            self.entries(before, after, above, depth)?;
        }
        Ok(())
    }

    /// Compares two entries of one name and sort, of which one may be missing.
    fn entries(
        &mut self,
        old: Option<&Entry>,
        new: Option<&Entry>,
        above: &[u8],
        depth: usize,
    ) -> Result<(), ToolError> {
        let side = |entry: Option<&Entry>| entry.map(|entry| (entry.mode, entry.id));
        if side(old) == side(new) {
            return Ok(());
        }
        let Some(entry) = new.or(old) else {
            return Ok(());
        };
        let mut path = above.to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&entry.name);
        if entry.is_tree() {
            if !self.paths.may_have_below(&path) {
                return Ok(());
            }
            let id = |entry: Option<&Entry>| entry.map(|entry| entry.id);
            return self.trees(id(old), id(new), &path, depth.saturating_add(1));
        }
        if self.paths.has(&path) {
            self.changes.push(Change {
                path,
                old: side(old),
                new: side(new),
            });
        }
        Ok(())
    }
}

/// What a tree has at a path; the empty path is the tree itself.
pub(crate) fn at(objects: &Objects, tree: Id, path: &[u8]) -> Result<Side, ToolError> {
    let mut found = (0o040_000, tree);
    if path.is_empty() {
        return Ok(Some(found));
    }
    for name in path.split(|b| *b == b'/') {
        if found.0 & 0o170_000 != 0o040_000 {
            return Ok(None);
        }
        let entries = objects.tree(&found.1)?;
        match entries.iter().find(|entry| entry.name == name) {
            Some(entry) => found = (entry.mode, entry.id),
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_narrow_by_whole_names() {
        let paths = Paths::new(&["./src//lib.rs".into(), "docs/".into()]).unwrap();
        assert!(paths.has(b"src/lib.rs") && paths.has(b"docs/a/b") && !paths.has(b"docs2"));
        assert!(paths.may_have_below(b"src") && !paths.may_have_below(b"sr"));
        assert!(Paths::new(&["a".into(), ".".into()]).unwrap().is_empty());
        assert!(Paths::new(&["/a".into()]).is_err() && Paths::new(&["a/../b".into()]).is_err());
    }
}
