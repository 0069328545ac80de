//! Paths that run on the host later, by somebody else's hand: hooks, task files, Git's configuration.
//!
//! A plugin that may write in a project could leave there what the operator's next `git commit` or
//! editor executes. Changing such a path needs a grant whose own host path names it (a mount on
//! `…/.git/hooks`, or on `…/.git`); a mount further up does not cover it. Reading is not affected.
//!
//! Not complete: build files, scripts and CI definitions run too, and are what plugins are for; and what the
//! operator has made a link, such as a `.git` that leads elsewhere in the mount, is judged by where it leads.

use crate::fs::{ExceptGlob, FsAccess, FsOp};
use crate::glob::segments;
use std::sync::LazyLock;

/// Relative to any mount, with everything beneath.
/// Letters do not count by their case: some file systems fold it.
const PROTECTED: [&str; 9] = [
    "**/.git/hooks",
    "**/.git/config",
    "**/.git/modules",
    "**/.vscode/tasks.json",
    "**/.vscode/launch.json",
    "**/.vscode/settings.json",
    "**/.idea/runconfigurations",
    "**/.zed/tasks.json",
    "**/.zed/settings.json",
];

static GLOBS: LazyLock<Vec<ExceptGlob>> = LazyLock::new(|| {
    PROTECTED
        .iter()
        .filter_map(|text| ExceptGlob::parse(text).ok())
        .collect()
});

/// Whether `path`, relative to a mount, is one of them.
fn protects(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    GLOBS.iter().any(|g| g.covers(segments(&path)))
}

/// Whether `op` on `path` would change one of them, or put a file or a link where only a directory
/// belongs: a link called `.git` leads to hooks under another name, and so does a file of that name.
pub(crate) fn guards(op: FsOp, path: &str) -> bool {
    let leads_elsewhere = matches!(op, FsOp::Create | FsOp::Symlink | FsOp::LinkTo);
    op.required() > FsAccess::Read
        && (protects(path) || (leads_elsewhere && may_protect_below(path)))
}

/// Whether a directory that gets or had the name `path` could bring one of them along: its name begins
/// one, such as `.git`.
pub(crate) fn may_protect_below(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    GLOBS
        .iter()
        .any(|g| g.may_match_below(segments(&path), true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_valid() {
        assert_eq!(GLOBS.len(), PROTECTED.len());
    }

    #[test]
    fn hooks_are_protected_and_history_is_not() {
        assert!(protects(".git/hooks/pre-commit") && protects("a/.git/config"));
        assert!(protects(".GIT/Hooks/pre-commit") && protects(".idea/runConfigurations/a.xml"));
        assert!(!protects(".git/HEAD") && !protects("hooks/x") && !protects(".vscode/x.json"));
        assert!(may_protect_below(".git") && may_protect_below("a/.vscode"));
        assert!(!may_protect_below("src") && !may_protect_below("a/b"));
    }
}
