//! What no plugin may touch, whatever the grant: Tollgate's store, cache, keys and policy files.
//!
//! A protected place is held by an open descriptor, so its inode number cannot be reused and its
//! present name can always be asked. A lookup is refused when what it found
//!
//! 1. has a name at or beneath a protected directory, by the name at start *and* the name now;
//! 2. is a protected directory or file by device and inode (a hard link, a bind mount of the whole);
//! 3. was reached through another mount of the host than the protected directory and has it among
//!    its parents, by device and inode (a bind mount above it). Through the same mount names are
//!    unique, so the walk is skipped there;
//! 4. is on a procfs: its regular files are this process's environment and memory.
//!
//! A new name is refused by 1 and by (parent inode, name), so a policy file that does not exist yet
//! cannot be made. Letters of such a name do not count by their case: some file systems fold it.
//! Renaming is refused for directories that hold a protected place.
//!
//! Not covered, because the kernel does not tell: a bind mount that the host makes of a directory
//! *inside* a protected tree, and hard links that the host makes to files inside one. Whether a name
//! exists inside a protected tree can be told from the error (`NoEntry` or `Protected`).

use super::error::OsError;
use super::meta::{FileId, Metadata};
use super::name::Component;
use super::proc::proc;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags};
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// How many directories above a place are looked at.
const PARENTS_MAX: usize = 256;

/// The places that belong to Tollgate. Built once at start, then shared by every mount.
#[derive(Debug, Default)]
pub(crate) struct ProtectedRoots {
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    fd: OwnedFd,
    /// The name when it was added.
    name: Vec<u8>,
    id: FileId,
    host_mount: Option<u64>,
    parents: Vec<FileId>,
    guards: Guards,
}

#[derive(Debug)]
enum Guards {
    /// The directory and everything beneath it.
    Tree,
    /// These entries of the directory.
    Entries(BTreeSet<String>),
}

/// Whether a name is one that is guarded, on any file system.
fn same(guarded: &str, name: &[u8]) -> bool {
    guarded.as_bytes().eq_ignore_ascii_case(name)
}

/// Something found, as the checks see it.
pub(super) struct Found<'a> {
    /// Its name from this process's root.
    pub(super) absolute: &'a [u8],
    /// Its name beneath the mount, for the error.
    pub(super) shown: &'a str,
    /// What it is.
    pub(super) meta: &'a Metadata,
    /// The directory to walk up from: itself, or the one that holds it.
    pub(super) walk_from: &'a dyn Fn() -> Result<OwnedFd, OsError>,
}

impl ProtectedRoots {
    /// Nothing protected but procfs.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Protects `path`: as a tree when it is a directory, as a file otherwise, existing or not.
    ///
    /// # Errors
    ///
    /// As [`Self::add_tree`] and [`Self::add_file`].
    pub(crate) fn add(&mut self, path: &Path) -> Result<(), OsError> {
        if path.is_dir() {
            self.add_tree(path)
        } else {
            self.add_file(path)
        }
    }

    /// Protects the directory `path` and everything beneath it. It must exist.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub(crate) fn add_tree(&mut self, path: &Path) -> Result<(), OsError> {
        self.places.push(Place::open(path, Guards::Tree)?);
        Ok(())
    }

    /// Protects the file `path`, existing or not, and what it links to. Its directory must exist.
    /// Costs a look per lookup of a file: directories of many files are better added as trees.
    ///
    /// # Errors
    ///
    /// When the directory cannot be opened, or the path does not end in a name.
    pub(crate) fn add_file(&mut self, path: &Path) -> Result<(), OsError> {
        self.add_entry(path)?;
        match std::fs::canonicalize(path) {
            Ok(target) => self.add_entry(&target),
            Err(_) => Ok(()), // it does not exist yet, or its link leads nowhere: its name is guarded
        }
    }

    fn add_entry(&mut self, path: &Path) -> Result<(), OsError> {
        let unusable = || OsError::name(&path.to_string_lossy(), super::name::NameError::Dots);
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .ok_or_else(unusable)?
            .to_owned();
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let place = Place::open(parent, Guards::Entries(BTreeSet::from([name.clone()])))?;
        for known in self
            .places
            .iter_mut()
            .filter(|p| p.id == place.id && p.name == place.name)
        {
            if let Guards::Entries(names) = &mut known.guards {
                names.insert(name);
                return Ok(());
            }
        }
        self.places.push(place);
        Ok(())
    }

    /// Refuses what was found when it is protected.
    pub(super) fn check(&self, found: &Found<'_>) -> Result<(), OsError> {
        let refused = || Err(OsError::protected(found.shown));
        let mut walk = false;
        for place in &self.places {
            if place.covers(found.absolute)? || place.is(found.meta) {
                return refused();
            }
            walk |= matches!(place.guards, Guards::Tree) && place.needs_walk(found.meta);
        }
        if walk {
            let parents = parents_of((found.walk_from)()?.as_fd())
                .map_err(|errno| OsError::os("look above", found.shown, errno))?;
            if self.is_among(&parents) {
                return refused();
            }
        }
        Ok(())
    }

    /// Refuses the root of a mount that is protected or inside something protected.
    pub(super) fn check_root(
        &self,
        found: &Found<'_>,
        root: BorrowedFd<'_>,
    ) -> Result<(), OsError> {
        self.check(found)?;
        let parents =
            parents_of(root).map_err(|errno| OsError::os("look above", found.shown, errno))?;
        if self.is_among(&parents) {
            Err(OsError::protected(found.shown))
        } else {
            Ok(())
        }
    }

    /// Refuses to make or replace `name` in the checked directory `parent`, called `absolute` in full.
    pub(super) fn check_new(
        &self,
        absolute: &[u8],
        parent: &Metadata,
        name: &Component,
        shown: &str,
    ) -> Result<(), OsError> {
        for place in &self.places {
            let by_inode = match &place.guards {
                Guards::Tree => false,
                Guards::Entries(names) => {
                    place.id == parent.id
                        && names
                            .iter()
                            .any(|known| same(known, name.as_str().as_bytes()))
                }
            };
            if by_inode || place.covers(absolute)? {
                return Err(OsError::protected(shown));
            }
        }
        Ok(())
    }

    /// Tells whether moving the directory called `absolute` would move something protected.
    pub(super) fn is_below(&self, absolute: &[u8], id: Option<FileId>) -> Result<bool, OsError> {
        for place in &self.places {
            let by_inode = id.is_some_and(|id| place.id == id || place.parents.contains(&id));
            let below = |base: &[u8]| tail(base, absolute).is_some();
            if by_inode || below(&place.name) || below(&place.name_now()?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_among(&self, parents: &[FileId]) -> bool {
        let mut trees = self
            .places
            .iter()
            .filter(|p| matches!(p.guards, Guards::Tree));
        trees.any(|tree| parents.contains(&tree.id))
    }
}

impl Place {
    fn open(path: &Path, guards: Guards) -> Result<Self, OsError> {
        let shown = path.to_string_lossy();
        let os = |errno| OsError::os("protect", &shown, errno);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(CWD, path.as_os_str().as_bytes(), flags, Mode::empty())
            .map_err(os)?;
        let meta = Metadata::of(&fd, &shown)?;
        Ok(Self {
            name: proc()?.name(&fd).map_err(os)?,
            parents: parents_of(fd.as_fd()).map_err(os)?,
            id: meta.id,
            host_mount: meta.host_mount,
            fd,
            guards,
        })
    }

    fn name_now(&self) -> Result<Vec<u8>, OsError> {
        proc()?
            .name(&self.fd)
            .map_err(|errno| OsError::os("name", "a protected directory", errno))
    }

    /// By name: the name at start first, then the name now.
    fn covers(&self, absolute: &[u8]) -> Result<bool, OsError> {
        let guarded = |base: &[u8]| match (tail(absolute, base), &self.guards) {
            (None, _) => false,
            (Some(_), Guards::Tree) => true,
            (Some(rest), Guards::Entries(names)) => {
                let first = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
                names.iter().any(|name| same(name, first))
            }
        };
        Ok(guarded(&self.name) || guarded(&self.name_now()?))
    }

    /// By inode. The entries are looked at anew, because files are replaced by renaming.
    fn is(&self, found: &Metadata) -> bool {
        match &self.guards {
            Guards::Tree => self.id == found.id,
            Guards::Entries(names) => names
                .iter()
                .any(|name| Metadata::at(&self.fd, name).is_ok_and(|entry| entry.id == found.id)),
        }
    }

    fn needs_walk(&self, found: &Metadata) -> bool {
        self.host_mount.is_none() || self.host_mount != found.host_mount
    }
}

/// What follows `base` in `name`, when `name` is `base` or beneath it.
pub(super) fn tail<'a>(name: &'a [u8], base: &[u8]) -> Option<&'a [u8]> {
    if base == b"/" {
        return name.strip_prefix(b"/");
    }
    match name.strip_prefix(base)? {
        [] => Some(&[]),
        rest => rest.strip_prefix(b"/"),
    }
}

/// The identities of the directories from `directory` (included) up to the root of the host.
fn parents_of(directory: BorrowedFd<'_>) -> Result<Vec<FileId>, rustix::io::Errno> {
    let look = |path: &str| {
        let flags = if path.is_empty() {
            AtFlags::EMPTY_PATH
        } else {
            AtFlags::NO_AUTOMOUNT
        };
        let wanted = StatxFlags::INO | StatxFlags::TYPE;
        rustix::fs::statx(directory, path, flags, wanted).map(|seen| FileId {
            dev: rustix::fs::makedev(seen.stx_dev_major, seen.stx_dev_minor),
            ino: seen.stx_ino,
        })
    };
    let mut parents = vec![look("")?];
    let mut up = String::from("..");
    while parents.len() < PARENTS_MAX {
        let parent = look(&up)?;
        if parents.last() == Some(&parent) {
            return Ok(parents);
        }
        parents.push(parent);
        up.push_str("/..");
    }
    Err(rustix::io::Errno::NAMETOOLONG)
}

#[cfg(test)]
mod tests {
    use super::tail;

    #[test]
    fn a_tail_begins_at_a_component() {
        assert_eq!(tail(b"/a/b", b"/a"), Some(&b"b"[..]));
        assert_eq!(tail(b"/a", b"/a"), Some(&b""[..]));
        assert_eq!(tail(b"/ab", b"/a"), None);
        assert_eq!(tail(b"/a", b"/a/b"), None);
        assert_eq!(tail(b"/a/b", b"/"), Some(&b"a/b"[..]));
        assert_eq!(tail(b"/", b"/"), Some(&b""[..]));
        assert_eq!(tail(b"(unreachable)/a", b"/"), None);
    }
}
