//! The capability `fs.ACCESS HOST-PATH at GUEST-PATH [except GLOB…]`: a mount.
//!
//! Access × operation:
//!
//! | operation | least access |
//! |---|---|
//! | read, list, stat, read a link | `read` |
//! | create a file, directory, symbolic link or hard link; rename to a free name | `create` |
//! | write to a file that was there, truncate it, set times | `write` |
//! | delete, rename away, rename over, hard-link from | `full` |
//!
//! Each access includes those before it. In a rule that denies, the access named is the least one
//! refused: `deny = "fs.write …"` refuses writing and deleting and leaves reading and creating.
//!
//! `except` globs are relative to the mount, match case-sensitively (see [`crate::glob`]) and exclude
//! what they match with everything beneath: `.git/**` also excludes `.git`, `**/.env` also what lies in
//! a directory of that name. `.env` alone means the one at the mount's top.

use crate::fault::{CapabilityError, Fault, excerpt};
use crate::glob::{Automaton, Dialect, segments};
use crate::words::{Word, quote_word};
use std::fmt;
use std::path::Path;

/// What a mount allows. Ordered: each access includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FsAccess {
    /// May look, never touch.
    Read,
    /// May add, never change or delete.
    Create,
    /// May change, not delete.
    Write,
    /// May also delete and rename away.
    Full,
}

impl FsAccess {
    /// Every access, least first.
    pub const ALL: [Self; 4] = [Self::Read, Self::Create, Self::Write, Self::Full];

    /// The word of the grammar.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Write => "write",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for FsAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An operation on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FsOp {
    /// Open for reading.
    Read,
    /// List a directory.
    List,
    /// Read attributes.
    Stat,
    /// Create a file.
    Create,
    /// Create a directory.
    CreateDir,
    /// Open an existing file for writing, or truncate it. (A file that the same call created may be
    /// written all the same; that is the gate's matter.)
    Write,
    /// Set times.
    SetTimes,
    /// Delete a file or directory.
    Delete,
    /// The old name of a rename.
    RenameFrom,
    /// The new name of a rename.
    RenameTo {
        /// Whether the new name exists and would be replaced.
        replaces: bool,
    },
    /// The existing name of a hard link.
    LinkFrom,
    /// The new name of a hard link.
    LinkTo,
    /// Create a symbolic link.
    Symlink,
    /// Read a symbolic link.
    ReadLink,
}

impl FsOp {
    /// Every operation.
    pub const ALL: [Self; 15] = [
        Self::Read,
        Self::List,
        Self::Stat,
        Self::Create,
        Self::CreateDir,
        Self::Write,
        Self::SetTimes,
        Self::Delete,
        Self::RenameFrom,
        Self::RenameTo { replaces: false },
        Self::RenameTo { replaces: true },
        Self::LinkFrom,
        Self::LinkTo,
        Self::Symlink,
        Self::ReadLink,
    ];

    /// The least access that allows the operation.
    pub fn required(self) -> FsAccess {
        match self {
            Self::Read | Self::List | Self::Stat | Self::ReadLink => FsAccess::Read,
            Self::Create
            | Self::CreateDir
            | Self::RenameTo { replaces: false }
            | Self::LinkTo
            | Self::Symlink => FsAccess::Create,
            Self::Write | Self::SetTimes => FsAccess::Write,
            Self::Delete
            | Self::RenameFrom
            | Self::RenameTo { replaces: true }
            | Self::LinkFrom => FsAccess::Full,
        }
    }
}

/// A directory, or `*` for any.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathPattern {
    /// `*`: any. In needs and in rules that deny, never in a grant.
    Any,
    /// This directory and what lies in it.
    Under(String),
}

impl PathPattern {
    /// The directory, unless any is meant.
    pub fn dir(&self) -> Option<&str> {
        match self {
            Self::Any => None,
            Self::Under(dir) => Some(dir),
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Under(dir) => f.write_str(&quote_word(dir)),
        }
    }
}

/// One glob of an `except`, relative to the mount and case-sensitive.
///
/// `*` and `?` stay within a segment, `**` is any number of segments, `\` takes the next character
/// literally. What matches is excluded with everything beneath: `.git/**` also excludes `.git`, `**/.env`
/// also what lies in a directory of that name; `.env` alone means the one at the mount's top.
#[derive(Debug, Clone)]
pub struct ExceptGlob {
    text: String,
    automaton: Automaton,
}

impl PartialEq for ExceptGlob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ExceptGlob {}

impl ExceptGlob {
    /// Reads a glob relative to a mount.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.starts_with('!') {
            return Err(Fault::new(
                "`!` does not negate here",
                "list what is excluded",
            ));
        }
        if text.starts_with('/') || text.ends_with('/') {
            let inner = text.trim_matches('/');
            return Err(Fault::new(
                format!("glob `{}` starts or ends with `/`", excerpt(text)),
                format!(
                    "globs are relative to the mount: write `{0}` or `{0}/**`",
                    excerpt(inner)
                ),
            ));
        }
        if text.split('/').any(|s| matches!(s, "" | "." | "..")) {
            return Err(Fault::new(
                format!(
                    "glob `{}` can never match: a path has no empty, `.` or `..` segment",
                    excerpt(text)
                ),
                "write it relative to the mount, such as `src/**`",
            ));
        }
        // `d/**` also covers `d`: what lies beneath a match is excluded anyway.
        let mut stem = text;
        while let Some(shorter) = stem.strip_suffix("/**") {
            stem = shorter;
        }
        let automaton = Automaton::compile(stem, Dialect::File, false)?;
        if stem.split('/').all(|s| matches!(s, "*" | "**"))
            && stem.split('/').filter(|s| *s == "*").count() <= 1
        {
            return Err(Fault::new(
                format!("glob `{}` excludes everything", excerpt(text)),
                "leave the grant out instead",
            ));
        }
        Ok(Self {
            text: text.to_owned(),
            automaton,
        })
    }

    /// The glob as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn covers<'p>(&self, path: impl Iterator<Item = &'p [u8]>) -> bool {
        self.automaton.covers(path)
    }

    pub(crate) fn may_match_below<'p>(
        &self,
        path: impl Iterator<Item = &'p [u8]>,
        begun: bool,
    ) -> bool {
        self.automaton.may_match_below(path, begun)
    }
}

/// A mount: a directory of the host at a directory of the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FsCapability {
    /// What may be done, or from what on it is denied.
    pub access: FsAccess,
    /// The host's directory; absolute once resolved.
    pub host: PathPattern,
    /// The guest's directory; absolute, never `/` itself.
    pub guest: PathPattern,
    /// What is left out.
    pub except: Vec<ExceptGlob>,
}

impl FsCapability {
    pub(crate) fn parse(
        access: FsAccess,
        words: &[Word],
        end: usize,
    ) -> Result<Self, CapabilityError> {
        let usage = || {
            Fault::new(
                format!("`fs.{access}` is not complete"),
                format!(
                    "write `fs.{access} HOST-PATH at GUEST-PATH [except GLOB…]`, such as `fs.{access} . at /project`"
                ),
            )
        };
        let [host, at, guest, rest @ ..] = words else {
            return Err(usage().at(0..end));
        };
        if at.text != "at" {
            return Err(usage().at(at.at.clone()));
        }
        let globs = match rest {
            [] => rest,
            [except, globs @ ..] if except.text == "except" && !globs.is_empty() => globs,
            [other, ..] => return Err(usage().at(other.at.start..end)),
        };
        Ok(Self {
            access,
            host: host_path(&host.text).map_err(|f| f.at(host.at.clone()))?,
            guest: guest_path(&guest.text).map_err(|f| f.at(guest.at.clone()))?,
            except: globs
                .iter()
                .map(|g| ExceptGlob::parse(&g.text).map_err(|f| f.at(g.at.clone())))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether `except` leaves out `path`, which is relative to the mount.
    pub fn excludes(&self, path: &str) -> bool {
        self.except.iter().any(|g| g.covers(segments(path)))
    }

    /// The same with the host's path made absolute from `base` and `.` and `..` resolved by name.
    pub fn resolved(mut self, base: &Path) -> Self {
        if let PathPattern::Under(dir) = &mut self.host {
            *dir = absolute(base, dir);
        }
        self
    }

    pub(crate) fn grantable(&self) -> Result<(), Fault> {
        if self.host == PathPattern::Any || self.guest == PathPattern::Any {
            return Err(Fault::new(
                "`*` for a directory is only for needs and rules that deny",
                "write the directories: `fs.read /path/on/host at /project`",
            ));
        }
        Ok(())
    }
}

fn host_path(text: &str) -> Result<PathPattern, Fault> {
    if text == "*" {
        return Ok(PathPattern::Any);
    }
    if text.is_empty() {
        return Err(Fault::new(
            "the host path is empty",
            "write `.` for the policy file's directory",
        ));
    }
    if text.starts_with('~') {
        return Err(Fault::new(
            "`~` is not expanded",
            "write the whole path, or `./~` for a directory of that name",
        ));
    }
    if text.contains(['*', '?']) {
        return Err(Fault::new(
            format!(
                "host path `{}` is a pattern, and would never match",
                excerpt(text)
            ),
            "write the directory; everything in it is meant, `except GLOB…` leaves out",
        ));
    }
    Ok(PathPattern::Under(text.to_owned()))
}

fn guest_path(text: &str) -> Result<PathPattern, Fault> {
    if text == "*" {
        return Ok(PathPattern::Any);
    }
    let normal = text
        .strip_prefix('/')
        .is_some_and(|rest| is_normal(rest) && !rest.is_empty());
    if !normal {
        return Err(Fault::new(
            format!(
                "guest path `{}` is not an absolute directory below `/`",
                excerpt(text)
            ),
            "write it such as `/project`, without `.`, `..`, `//` or a `/` at the end",
        ));
    }
    if text.contains(['*', '?']) {
        return Err(Fault::new(
            format!(
                "guest path `{}` is a pattern, and would never match",
                excerpt(text)
            ),
            "write the directory, such as `/project`",
        ));
    }
    Ok(PathPattern::Under(text.to_owned()))
}

/// Whether a relative path has no empty, `.` or `..` segment; the empty path is normal.
pub(crate) fn is_normal(path: &str) -> bool {
    path.is_empty() || !path.split('/').any(|s| matches!(s, "" | "." | ".."))
}

/// `path` from `base`, absolute, resolved by name alone. A symbolic link before `..` is not followed;
/// whoever opens the mount uses this same path.
pub(crate) fn absolute(base: &Path, path: &str) -> String {
    let base = if path.starts_with('/') {
        "".into()
    } else {
        base.to_string_lossy()
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

impl fmt::Display for FsCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fs.{} {} at {}", self.access, self.host, self.guest)?;
        if !self.except.is_empty() {
            f.write_str(" except")?;
        }
        for glob in &self.except {
            write!(f, " {}", quote_word(&glob.text))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded(glob: &str, path: &str) -> bool {
        ExceptGlob::parse(glob).unwrap().covers(segments(path))
    }

    #[test]
    fn an_excluded_directory_takes_everything_beneath_with_it() {
        for (glob, path) in [
            (".git/**", ".git"),
            (".git/**", ".git/config"),
            (".git/**", ".git/a/b"),
            ("**/.env", ".env"),
            ("**/.env", "a/.env"),
            ("**/.env", "a/.env/b"),
            ("secrets/**", "secrets"),
            ("*.pem", "a.pem"),
            ("a/*/b", "a/x/b/c"),
        ] {
            assert!(excluded(glob, path), "{glob} {path}");
        }
        for (glob, path) in [
            (".git/**", "a/.git"),
            (".git/**", ".gitignore"),
            ("**/.env", "a/.ENV"),
            ("**/.env", "a/.env.example"),
            ("*.pem", "a/b.pem"),
            (".git/**", ""),
        ] {
            assert!(!excluded(glob, path), "{glob} {path}");
        }
    }

    #[test]
    fn a_glob_that_excludes_all_or_nothing_is_refused() {
        for bad in [
            "*", "**", "*/**", "**/*", "/a", "a/", "./a", "../a", "a//b", "!a", "", "a/[bc]",
        ] {
            assert!(ExceptGlob::parse(bad).is_err(), "{bad:?}");
        }
        assert!(
            ExceptGlob::parse(r"\[id\].ts")
                .unwrap()
                .covers(segments("[id].ts"))
        );
    }

    #[test]
    fn renaming_knows_what_could_be_hidden_below() {
        let below = |g: &str, p: &str| {
            ExceptGlob::parse(g)
                .unwrap()
                .may_match_below(segments(p), false)
        };
        assert!(below("**/.env", "src"));
        assert!(below("a/b/c", "a"));
        assert!(!below("a/b/c", "b"));
        assert!(!below("*.pem", "src"));
    }

    #[test]
    fn host_paths_resolve_by_name() {
        assert_eq!(absolute(Path::new("/home/me/p"), "."), "/home/me/p");
        assert_eq!(
            absolute(Path::new("/home/me/p"), "../q/./x"),
            "/home/me/q/x"
        );
        assert_eq!(absolute(Path::new("/home"), "/etc/../var/"), "/var");
        assert_eq!(absolute(Path::new("/"), "../.."), "/");
    }

    #[test]
    fn the_table_of_access_and_operation() {
        let table: Vec<String> = FsOp::ALL
            .iter()
            .map(|op| format!("{op:?} {}", op.required()))
            .collect();
        assert_eq!(
            table,
            [
                "Read read",
                "List read",
                "Stat read",
                "Create create",
                "CreateDir create",
                "Write write",
                "SetTimes write",
                "Delete full",
                "RenameFrom full",
                "RenameTo { replaces: false } create",
                "RenameTo { replaces: true } full",
                "LinkFrom full",
                "LinkTo create",
                "Symlink create",
                "ReadLink read",
            ]
        );
    }
}
