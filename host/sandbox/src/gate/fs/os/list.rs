//! Reading directories: piece by piece, and the search for excluded names below a directory.

use super::error::{OsError, shown};
use super::meta::{Kind, Metadata};
use super::mount::Dir;
use super::open::{OpenHow, reopen};
use super::resolve::{Resolved, resolve};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Dir as Entries, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, retry_on_intr};

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name in the directory.
    pub(crate) name: String,
    /// What it is, not followed.
    pub(crate) kind: Kind,
}

/// Reads a directory piece by piece, without `.` and `..`, in the file system's order. Names are not
/// judged here: the caller leaves out those that its rules hide.
pub(crate) struct Reader {
    directory: Entries,
    rel: String,
}

impl Reader {
    /// Opens the directory at which lookups from `dir` begin; `rel` is its name for errors.
    ///
    /// # Errors
    ///
    /// `NotDirectory`, or the kernel's.
    pub(crate) fn open(dir: &Dir<'_>, rel: &str) -> Result<Self, OsError> {
        let how = OpenHow {
            read: true,
            directory: true,
            ..OpenHow::default()
        };
        let file = reopen(&resolve(dir, ".", false)?, how)?;
        let os = |errno| OsError::os("list", rel, errno);
        Ok(Self {
            directory: Entries::new(OwnedFd::from(file)).map_err(os)?,
            rel: rel.to_owned(),
        })
    }

    /// The next entries, at most `entries_max`; none at the end. Names that are not UTF-8 are passed
    /// over: no guest can say them and no rule can be asked about them.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub(crate) fn next_entries(&mut self, entries_max: usize) -> Result<Vec<Entry>, OsError> {
        let mut entries = Vec::new();
        each(&mut self.directory, &self.rel, |name, kind| {
            if let Ok(name) = std::str::from_utf8(name) {
                entries.push(Entry {
                    name: name.to_owned(),
                    kind,
                });
            }
            Ok(entries.len() < entries_max)
        })?;
        Ok(entries)
    }
}

/// Finds a path below the checked `directory` that `excluded` holds for, without following links.
/// `excluded` is asked about paths relative to `directory` (`sub/.env`), so that a caller who
/// renames it can put the old and the new name before them.
///
/// # Errors
///
/// [`OsError::TooManyEntries`] when more than `entries_max` were looked at, and
/// [`OsError::NotUtf8`] for a name that no rule can be asked about: in both, refuse.
pub(crate) fn find_excluded(
    directory: &Resolved,
    excluded: &dyn Fn(&str) -> bool,
    entries_max: usize,
) -> Result<Option<String>, OsError> {
    let how = OpenHow {
        read: true,
        directory: true,
        ..OpenHow::default()
    };
    let top = OwnedFd::from(reopen(directory, how)?);
    let mut pending = vec![String::new()];
    let mut seen = 0;
    let mut found = None;
    while let Some(below) = pending.pop() {
        let os = |errno| OsError::os("list", &below, errno);
        let mut entries = Entries::new(open_below(&top, &below)?).map_err(os)?;
        each(&mut entries, &below, |name, kind| {
            seen += 1;
            if seen > entries_max {
                let path = shown(directory.rel());
                return Err(OsError::TooManyEntries {
                    path,
                    max: entries_max,
                });
            }
            let Ok(name) = std::str::from_utf8(name) else {
                let path = shown(&format!("{below}/{}", String::from_utf8_lossy(name)));
                return Err(OsError::NotUtf8 { path });
            };
            let path = if below.is_empty() {
                name.to_owned()
            } else {
                format!("{below}/{name}")
            };
            if excluded(&path) {
                found = Some(path);
            } else if kind == Kind::Directory {
                pending.push(path);
            }
            Ok(found.is_none())
        })?;
        if found.is_some() {
            break;
        }
    }
    Ok(found)
}

fn open_below(top: &OwnedFd, below: &str) -> Result<OwnedFd, OsError> {
    let path = if below.is_empty() { "." } else { below };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    retry_on_intr(|| rustix::fs::openat2(top, path, flags, Mode::empty(), resolve))
        .map_err(|errno| OsError::os("list", below, errno))
}

/// Calls `take` with name and kind until it says `false`.
fn each(
    directory: &mut Entries,
    rel: &str,
    mut take: impl FnMut(&[u8], Kind) -> Result<bool, OsError>,
) -> Result<(), OsError> {
    let os = |errno| OsError::os("list", rel, errno);
    while let Some(entry) = directory.read() {
        let entry = entry.map_err(os)?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => kind_of(directory, name).map_err(os)?,
            known => Kind::of(known),
        };
        if !take(name.to_bytes(), kind)? {
            break;
        }
    }
    Ok(())
}

/// Some file systems do not say in the listing what an entry is.
fn kind_of(directory: &Entries, name: &std::ffi::CStr) -> Result<Kind, Errno> {
    match Metadata::at(directory.fd()?.as_fd(), name) {
        Ok(meta) => Ok(meta.kind),
        Err(Errno::NOENT) => Ok(Kind::Unknown),
        Err(errno) => Err(errno),
    }
}
