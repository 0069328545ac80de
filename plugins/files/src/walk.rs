//! Walks a directory: sorted, within bounds, through no symbolic link.

use crate::bounds::Notes;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::fs;
use std::path::{Path, PathBuf};
use tollgate_sdk::ToolError;

/// Most entries that one walk looks at.
pub(crate) const ENTRIES_MAX: usize = 20_000;

/// Deepest directory below the start.
pub(crate) const DEPTH_MAX: u32 = 32;

/// A directory that is listed but not entered: its inside is of no use to a model.
const NOT_ENTERED: &str = ".git";

/// What an entry is; a symbolic link is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Dir,
    Symlink,
    Other,
}

impl Kind {
    pub(crate) fn of(file_type: fs::FileType) -> Self {
        if file_type.is_symlink() {
            Self::Symlink
        } else if file_type.is_dir() {
            Self::Dir
        } else if file_type.is_file() {
            Self::File
        } else {
            Self::Other
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Dir => "directory",
            Self::Symlink => "symlink",
            Self::Other => "other",
        }
    }
}

/// One entry of a walk.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    /// Relative to the start, separated by `/`.
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// Which entries a walk is about.
#[derive(Debug)]
pub(crate) struct Filter {
    include: Option<GlobSet>,
    exclude: GlobSet,
}

impl Filter {
    /// Globs match the path below the start; one without `/` matches a name at any depth.
    pub(crate) fn new(include: &[String], exclude: &[String]) -> Result<Self, ToolError> {
        Ok(Self {
            include: match include {
                [] => None,
                globs => Some(set("include", globs)?),
            },
            exclude: set("exclude", exclude)?,
        })
    }

    fn excludes(&self, name: &str) -> bool {
        self.exclude.is_match(name)
    }

    fn includes(&self, name: &str) -> bool {
        self.include.as_ref().is_none_or(|set| set.is_match(name))
    }
}

fn set(argument: &str, globs: &[String]) -> Result<GlobSet, ToolError> {
    let invalid = |error: globset::Error| ToolError::invalid(format!("{argument}: {error}"));
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let anywhere = if glob.contains('/') { "" } else { "**/" };
        let glob = format!("{anywhere}{}", glob.trim_start_matches('/'));
        set.add(
            GlobBuilder::new(&glob)
                .literal_separator(true)
                .build()
                .map_err(invalid)?,
        );
    }
    set.build().map_err(invalid)
}

/// What a walk does and found.
pub(crate) struct Walk<'a> {
    pub(crate) filter: &'a Filter,
    /// 1 = the start's own entries.
    pub(crate) depth_max: u32,
    pub(crate) notes: Notes,
    seen: usize,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(filter: &'a Filter, depth_max: u32) -> Self {
        Self {
            filter,
            depth_max: depth_max.min(DEPTH_MAX),
            notes: Notes::default(),
            seen: 0,
        }
    }

    /// Visits the entries below `start` that the filter includes, until `visit` returns false.
    ///
    /// A directory that cannot be read is a note; only the start itself is an error.
    pub(crate) fn run(
        &mut self,
        start: &Path,
        visit: &mut dyn FnMut(&mut Notes, &Entry) -> bool,
    ) -> Result<(), ToolError> {
        let entries = self.entries(start, "")?;
        self.visit_all(entries, 1, visit);
        Ok(())
    }

    fn visit_all(
        &mut self,
        entries: Vec<Entry>,
        depth: u32,
        visit: &mut dyn FnMut(&mut Notes, &Entry) -> bool,
    ) -> bool {
        for entry in entries {
            if self.seen >= ENTRIES_MAX {
                self.notes.add(format!(
                    "stopped after {ENTRIES_MAX} entries; name a smaller path"
                ));
                return false;
            }
            self.seen = self.seen.saturating_add(1);
            if self.filter.excludes(&entry.name) {
                continue;
            }
            if self.filter.includes(&entry.name) && !visit(&mut self.notes, &entry) {
                return false;
            }
            let entered = entry.kind == Kind::Dir
                && depth < self.depth_max
                && entry
                    .path
                    .file_name()
                    .is_none_or(|name| name != NOT_ENTERED);
            if !entered {
                continue;
            }
            match self.entries(&entry.path, &entry.name) {
                Ok(below) => {
                    if !self.visit_all(below, depth.saturating_add(1), visit) {
                        return false;
                    }
                }
                Err(error) => self.notes.add(why(&entry.name, &error)),
            }
        }
        true
    }

    fn entries(&mut self, dir: &Path, prefix: &str) -> Result<Vec<Entry>, ToolError> {
        let error = |e: std::io::Error| ToolError::io("list", dir, &e);
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir).map_err(error)? {
            let entry = entry.map_err(error)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let slash = if prefix.is_empty() { "" } else { "/" };
            entries.push(Entry {
                path: entry.path(),
                name: format!("{prefix}{slash}{name}"),
                kind: entry.file_type().map_or(Kind::Other, Kind::of),
            });
            if entries.len() > ENTRIES_MAX {
                break;
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}

/// A note about something that could not be read.
pub(crate) fn why(name: &str, error: &ToolError) -> String {
    match error {
        ToolError::Denied(denial) => format!("{name}: denied ({})", denial.reason),
        ToolError::Failed(message)
        | ToolError::NotFound(message)
        | ToolError::InvalidArguments(message) => format!("{name}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(include: &[&str], exclude: &[&str], depth_max: u32) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        for file in ["b.rs", "a/x.rs", "a/b/y.txt", ".git/config", ".hidden"] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink("a", dir.path().join("link")).unwrap();
        let own = |globs: &[&str]| globs.iter().map(|g| (*g).to_owned()).collect::<Vec<_>>();
        let filter = Filter::new(&own(include), &own(exclude)).unwrap();
        let mut names = Vec::new();
        Walk::new(&filter, depth_max)
            .run(dir.path(), &mut |_, entry| {
                names.push(entry.name.clone());
                true
            })
            .unwrap();
        names
    }

    #[test]
    fn a_walk_is_sorted_and_enters_neither_links_nor_git() {
        assert_eq!(
            names(&[], &[], 9),
            [
                ".git",
                ".hidden",
                "a",
                "a/b",
                "a/b/y.txt",
                "a/x.rs",
                "b.rs",
                "link"
            ]
        );
        assert_eq!(names(&[], &[], 1), [".git", ".hidden", "a", "b.rs", "link"]);
    }

    #[test]
    fn globs_match_names_or_paths() {
        assert_eq!(names(&["*.rs"], &[], 9), ["a/x.rs", "b.rs"]);
        assert_eq!(names(&["a/*"], &[], 9), ["a/b", "a/x.rs"]);
        assert_eq!(names(&["/b.rs", "a/**"], &["b"], 9), ["a/x.rs", "b.rs"]);
        assert!(matches!(
            Filter::new(&["[".into()], &[]),
            Err(ToolError::InvalidArguments(message)) if message.starts_with("include: ")
        ));
    }
}
