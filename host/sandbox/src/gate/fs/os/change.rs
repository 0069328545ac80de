//! Changing directories: make, remove, rename, link. Every function acts on checked descriptors and
//! single names; none takes a path.
//!
//! Removing needs no check of the inode: what goes is a name. Renaming gives an inode a new name,
//! so [`rename`] takes the inode that was decided on and looks afterwards whether it was that one.

use super::error::{OsError, shown};
use super::meta::{Kind, Metadata};
use super::open::MODE_MASK;
use super::proc::proc;
use super::resolve::{Observed, Resolved, Target};
use rustix::fs::{AtFlags, Mode, RenameFlags};
use rustix::io::Errno;

/// Whether a rename may replace what has the new name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replace {
    /// Never: `Exist` when there is something (`RENAME_NOREPLACE`; `Invalid` on file systems that
    /// cannot promise it).
    Never,
    /// As POSIX has it: a file by a file, an empty directory by a directory.
    Allowed,
}

/// Makes the directory `target`. [`Target::look`] afterwards tells what is there.
pub(crate) fn mkdir(target: &Target, mode: u32) -> Result<(), OsError> {
    let mode = Mode::from_raw_mode(mode & MODE_MASK);
    rustix::fs::mkdirat(target.parent.as_fd(), target.name.as_str(), mode)
        .map_err(|errno| OsError::os("make the directory", target.rel(), errno))
}

/// Removes the name `target` of anything that is no directory.
pub(crate) fn unlink(target: &Target) -> Result<(), OsError> {
    let refused = |errno| OsError::os("remove", target.rel(), errno);
    if target.must_be_directory {
        return Err(refused(Errno::NOTDIR));
    }
    rustix::fs::unlinkat(
        target.parent.as_fd(),
        target.name.as_str(),
        AtFlags::empty(),
    )
    .map_err(refused)
}

/// Removes the empty directory `target`, unless a protected file would be in it.
pub(crate) fn rmdir(target: &Target) -> Result<(), OsError> {
    if target.holds_protected()? {
        return Err(OsError::protected(target.rel()));
    }
    rustix::fs::unlinkat(
        target.parent.as_fd(),
        target.name.as_str(),
        AtFlags::REMOVEDIR,
    )
    .map_err(|errno| OsError::os("remove the directory", target.rel(), errno))
}

/// Renames `checked`, which `from.look()` found, to `to`, and tells what has the new name.
///
/// # Errors
///
/// [`OsError::Changed`] when something else took the old name meanwhile: that is moved back where
/// possible, and never over anything. [`OsError::Protected`] when something of Tollgate's would
/// move or be covered. `Outside` for a link that would lead out of the mount from its new place.
pub(crate) fn rename(
    from: &Target,
    checked: &Resolved,
    to: &Target,
    replace: Replace,
) -> Result<Observed, OsError> {
    may_rename(from, checked, to)?;
    let flags = match replace {
        Replace::Never => RenameFlags::NOREPLACE,
        Replace::Allowed => RenameFlags::empty(),
    };
    move_entry(from, to, flags).map_err(|errno| OsError::os("rename", from.rel(), errno))?;
    if is_still(to, checked) {
        return checked.observe();
    }
    let undone = move_entry(to, from, RenameFlags::NOREPLACE).is_ok();
    Err(OsError::Changed {
        path: shown(from.rel()),
        undone,
    })
}

fn may_rename(from: &Target, checked: &Resolved, to: &Target) -> Result<(), OsError> {
    let directory = checked.kind() == Kind::Directory;
    if !directory && (from.must_be_directory || to.must_be_directory) {
        return Err(OsError::os("rename", from.rel(), Errno::NOTDIR));
    }
    if directory && (from.holds_protected()? || checked.holds_protected()?) {
        return Err(OsError::protected(from.rel()));
    }
    if to.holds_protected()? {
        return Err(OsError::protected(to.rel()));
    }
    if checked.kind() == Kind::Symlink {
        may_lead_to(&read_link_bytes(checked)?, to)?;
    }
    if !is_still(from, checked) {
        return Err(OsError::Changed {
            path: shown(from.rel()),
            undone: true,
        });
    }
    Ok(())
}

fn move_entry(from: &Target, to: &Target, flags: RenameFlags) -> Result<(), Errno> {
    let (old, new) = (from.parent.as_fd(), to.parent.as_fd());
    rustix::fs::renameat_with(old, from.name.as_str(), new, to.name.as_str(), flags)
}

fn is_still(target: &Target, checked: &Resolved) -> bool {
    Metadata::at(target.parent.as_fd(), target.name.as_str())
        .is_ok_and(|entry| entry.id == checked.meta().id)
}

/// Gives the checked file `source` a second name.
///
/// # Errors
///
/// `NotPermitted` for a directory, [`OsError::NotFileOrDirectory`] for what is no file; or the
/// kernel's.
pub(crate) fn link(source: &Resolved, target: &Target) -> Result<(), OsError> {
    let refused = |errno| OsError::os("link", target.rel(), errno);
    match source.kind() {
        Kind::Regular if target.must_be_directory => return Err(refused(Errno::NOENT)),
        Kind::Regular => {}
        Kind::Directory => return Err(OsError::os("link", source.rel(), Errno::PERM)),
        kind => {
            return Err(OsError::NotFileOrDirectory {
                path: shown(source.rel()),
                kind,
            });
        }
    }
    // Through /proc, because linking a bare descriptor needs a capability before Linux 6.10.
    let (proc, inode) = proc()?.link(source.as_fd());
    let (parent, name) = (target.parent.as_fd(), target.name.as_str());
    rustix::fs::linkat(
        proc,
        inode.as_c_str(),
        parent,
        name,
        AtFlags::SYMLINK_FOLLOW,
    )
    .map_err(refused)
}

/// Makes the symbolic link `target` that leads to `text`.
///
/// Our own lookups never leave the mount, whatever a link says. What is refused here would mislead
/// the *host's* programs: absolute texts, and texts that climb above the mount. `..` is taken only
/// at the start, where it means what it says; behind a name it would depend on another link. Moving
/// a directory later can still change what a relative link inside it means.
///
/// # Errors
///
/// [`OsError::Outside`] for such a text; `Exist`; `Invalid` and `NoEntry` for no text; or the
/// kernel's.
pub(crate) fn symlink(text: &str, target: &Target) -> Result<(), OsError> {
    let refused = |errno| OsError::os("make the link", target.rel(), errno);
    if text.is_empty() || target.must_be_directory {
        return Err(refused(Errno::NOENT));
    }
    may_lead_to(text.as_bytes(), target)?;
    rustix::fs::symlinkat(text, target.parent.as_fd(), target.name.as_str()).map_err(refused)
}

fn may_lead_to(text: &[u8], link: &Target) -> Result<(), OsError> {
    let outside = || Err(OsError::outside(&String::from_utf8_lossy(text)));
    if text.starts_with(b"/") {
        return outside();
    }
    let above = link
        .parent
        .rel()
        .split('/')
        .filter(|name| !name.is_empty())
        .count();
    let mut climbed = 0;
    let mut named = false;
    for part in text.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if named || climbed == above => return outside(),
            b".." => climbed += 1,
            _ => named = true,
        }
    }
    Ok(())
}

/// Reads what the link `what` (found without following) says.
///
/// # Errors
///
/// `Invalid` for what is no link; [`OsError::Outside`] for an absolute text, which would tell a
/// guest of the host's paths; [`OsError::NotUtf8`]; or the kernel's.
pub(crate) fn read_link(what: &Resolved) -> Result<String, OsError> {
    let text = read_link_bytes(what)?;
    if text.starts_with(b"/") {
        return Err(OsError::outside(what.rel()));
    }
    String::from_utf8(text).map_err(|_| OsError::NotUtf8 {
        path: shown(what.rel()),
    })
}

fn read_link_bytes(what: &Resolved) -> Result<Vec<u8>, OsError> {
    let refused = |errno| OsError::os("read the link", what.rel(), errno);
    if what.kind() != Kind::Symlink {
        return Err(refused(Errno::INVAL));
    }
    rustix::fs::readlinkat(what.as_fd(), "", Vec::new())
        .map(std::ffi::CString::into_bytes)
        .map_err(refused)
}
