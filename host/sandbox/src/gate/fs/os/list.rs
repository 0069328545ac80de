//! Reading directories: a bounded listing, and the search for excluded names below a directory.

use super::error::{OsError, shown};
use super::meta::{Kind, Metadata};
use super::open::{OpenHow, reopen};
use super::resolve::Resolved;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Dir as Reader, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, retry_on_intr};

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name in the directory.
    pub(crate) name: String,
    /// What it is, not followed.
    pub(crate) kind: Kind,
    /// Its inode number on the directory's file system (a mount point tells the covered one).
    pub(crate) ino: u64,
}

/// The entries of a directory, without `.` and `..`, in the file system's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Listing {
    /// At most as many as were asked for.
    pub(crate) entries: Vec<Entry>,
    /// How many were left out because their names are not UTF-8.
    pub(crate) not_utf8: usize,
    /// There are more.
    pub(crate) cut: bool,
}

/// Lists the checked directory, at most `entries_max` entries. Names are not judged here: the
/// caller leaves out those that its rules hide.
///
/// # Errors
///
/// `NotDirectory`, or the kernel's.
#[cfg_attr(not(test), expect(dead_code, reason = "for filtered listings"))]
pub(crate) fn list(directory: &Resolved, entries_max: usize) -> Result<Listing, OsError> {
    let how = OpenHow {
        read: true,
        directory: true,
        ..OpenHow::default()
    };
    let mut listing = Listing::default();
    read(
        OwnedFd::from(reopen(directory, how)?),
        directory.rel(),
        |name, kind, ino| {
            if listing.entries.len() + listing.not_utf8 >= entries_max {
                listing.cut = true;
            } else if let Ok(name) = std::str::from_utf8(name) {
                listing.entries.push(Entry {
                    name: name.to_owned(),
                    kind,
                    ino,
                });
            } else {
                listing.not_utf8 += 1;
            }
            Ok(!listing.cut)
        },
    )?;
    Ok(listing)
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
        read(open_below(&top, &below)?, &below, |name, kind, _| {
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

/// Calls `each` with name, kind and inode until it says `false`.
fn read(
    directory: OwnedFd,
    rel: &str,
    mut each: impl FnMut(&[u8], Kind, u64) -> Result<bool, OsError>,
) -> Result<(), OsError> {
    let os = |errno| OsError::os("list", rel, errno);
    let mut reader = Reader::new(directory).map_err(os)?;
    while let Some(entry) = reader.read() {
        let entry = entry.map_err(os)?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => kind_of(&reader, name).map_err(os)?,
            known => Kind::of(known),
        };
        if !each(name.to_bytes(), kind, entry.ino())? {
            break;
        }
    }
    Ok(())
}

/// Some file systems do not say in the listing what an entry is.
fn kind_of(reader: &Reader, name: &std::ffi::CStr) -> Result<Kind, Errno> {
    match Metadata::at(reader.fd()?.as_fd(), name) {
        Ok(meta) => Ok(meta.kind),
        Err(Errno::NOENT) => Ok(Kind::Unknown),
        Err(errno) => Err(errno),
    }
}
