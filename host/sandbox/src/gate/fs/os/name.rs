//! One path component, and where the last one of a path begins.
//!
//! Pure text: nothing here touches the file system. A [`Component`] can only ever name an entry
//! *of* the directory that it is used with, never the directory itself, its parent or a path.

use std::fmt;

/// The longest name that a directory entry can have, in bytes (`NAME_MAX`).
pub(crate) const NAME_BYTES_MAX: usize = 255;

/// One path component: not empty, no `/`, no NUL, neither `.` nor `..`, at most [`NAME_BYTES_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Component(String);

/// Why a text is not one path component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    /// Nothing was named.
    #[error("the path is empty: name an entry")]
    Empty,
    /// The path starts at the root of the file system.
    #[error("the path is absolute: write it relative to the directory")]
    Absolute,
    /// `.` or `..` in the place of a name.
    #[error("`.` and `..` name no entry: write the entry's own name")]
    Dots,
    /// A `/` inside what should be one name.
    #[error("a name cannot hold `/`")]
    Slash,
    /// A NUL byte.
    #[error("a path cannot hold a NUL byte")]
    Nul,
    /// Longer than [`NAME_BYTES_MAX`].
    #[error("a name has at most {NAME_BYTES_MAX} bytes")]
    TooLong,
}

impl Component {
    /// Takes `name` when it is one component.
    pub(crate) fn new(name: &str) -> Result<Self, NameError> {
        if name.is_empty() {
            Err(NameError::Empty)
        } else if name == "." || name == ".." {
            Err(NameError::Dots)
        } else if name.contains('/') {
            Err(NameError::Slash)
        } else if name.contains('\0') {
            Err(NameError::Nul)
        } else if name.len() > NAME_BYTES_MAX {
            Err(NameError::TooLong)
        } else {
            Ok(Self(name.to_owned()))
        }
    }

    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path cut before its last component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Split<'a> {
    /// The directory part, `.` when there is none. Still a path: to be resolved, not trusted.
    pub(crate) parent: &'a str,
    /// The last component.
    pub(crate) name: Component,
    /// The path ended in `/`, which promises that the name is a directory's.
    pub(crate) trailing_slash: bool,
}

/// Cuts `path` before its last component.
///
/// # Errors
///
/// When `path` is empty, absolute, holds a NUL, or ends in something that is not a [`Component`].
pub(crate) fn split_parent(path: &str) -> Result<Split<'_>, NameError> {
    if path.is_empty() {
        return Err(NameError::Empty);
    }
    if path.starts_with('/') {
        return Err(NameError::Absolute);
    }
    if path.contains('\0') {
        return Err(NameError::Nul);
    }
    let trimmed = path.trim_end_matches('/');
    let (parent, name) = trimmed.rsplit_once('/').unwrap_or((".", trimmed));
    Ok(Split {
        parent,
        name: Component::new(name)?,
        trailing_slash: trimmed.len() < path.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_component_is_one_name_and_nothing_else() {
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        let refused = [
            ("", NameError::Empty),
            (".", NameError::Dots),
            ("..", NameError::Dots),
            ("a/b", NameError::Slash),
            ("/", NameError::Slash),
            ("a\0", NameError::Nul),
            (long.as_str(), NameError::TooLong),
        ];
        for (name, why) in refused {
            assert_eq!(Component::new(name), Err(why), "{name:?}");
        }
        for name in [
            "a",
            "...",
            ".a",
            "..a",
            " ",
            "a\nb",
            "x (deleted)",
            &"y".repeat(NAME_BYTES_MAX),
        ] {
            assert_eq!(Component::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn paths_are_cut_before_their_last_component() {
        let cut = |path| {
            split_parent(path).map(|s| (s.parent.to_owned(), s.name.to_string(), s.trailing_slash))
        };
        let ok = |parent: &str, name: &str, slash| Ok((parent.to_owned(), name.to_owned(), slash));
        assert_eq!(cut("a"), ok(".", "a", false));
        assert_eq!(cut("a/b"), ok("a", "b", false));
        assert_eq!(cut("a/../b//"), ok("a/..", "b", true));
        assert_eq!(cut("a//b"), ok("a/", "b", false));
        assert_eq!(cut(""), Err(NameError::Empty));
        assert_eq!(cut("/"), Err(NameError::Absolute));
        assert_eq!(cut("/a"), Err(NameError::Absolute));
        assert_eq!(cut("a/."), Err(NameError::Dots));
        assert_eq!(cut("a/../"), Err(NameError::Dots));
        assert_eq!(cut("a\0/b"), Err(NameError::Nul));
    }

    proptest! {
        #[test]
        fn a_cut_never_loses_or_invents_anything(path in "[a./\\\\ ]{0,12}") {
            if let Ok(split) = split_parent(&path) {
                prop_assert!(!split.name.as_str().contains('/'));
                let joined = format!("{}/{}", split.parent, split.name);
                let kept = path.trim_end_matches('/');
                let dotted = format!("./{kept}");
                prop_assert!(joined == kept || joined == dotted);
                prop_assert_eq!(split.trailing_slash, path.ends_with('/'));
            }
        }
    }
}
