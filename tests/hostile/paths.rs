//! Attempts on paths, one line each.

use crate::files::{self, open_to_write, touch};
use crate::wasi::filesystem::types::{Descriptor, OpenFlags, PathFlags};
use crate::{Report, Scene};

/// Characters of a path that a report shows.
const SHOWN_CHARS_MAX: usize = 60;

/// What is attempted on a path.
#[derive(Debug, Clone, Copy)]
pub enum Op {
    /// Open for reading, and read.
    Read,
    /// Open for writing, as it is.
    Write,
    /// Open for writing, and make it empty.
    Truncate,
    /// Open for writing, and create it if it is not there.
    Create,
    /// As [`Op::Create`], and it must not be there.
    CreateNew,
    /// Make a directory.
    Mkdir,
    /// Look at it.
    Stat,
    /// Hash what identifies it.
    Hash,
    /// Set its times.
    Touch,
    /// Remove it.
    Unlink,
    /// Remove a directory.
    Rmdir,
    /// Read a link.
    Readlink,
    /// List a directory.
    List,
    /// Rename it to this.
    Rename(&'static str),
    /// Give it this second name.
    Link(&'static str),
    /// Make it a symbolic link with this text.
    Symlink(&'static str),
}

/// Tries each operation below the mount of this name.
pub fn all<P: AsRef<str>>(
    report: &mut Report,
    mount: &str,
    table: impl IntoIterator<Item = (Op, P)>,
) {
    files::within(report, mount, |dir, report| {
        for (op, path) in table {
            one(report, dir, op, path.as_ref());
        }
    });
}

/// Tries one.
pub fn one(report: &mut Report, dir: &Descriptor, op: Op, path: &str) {
    let none = PathFlags::empty();
    let result = match op {
        Op::Read => files::read(dir, path).map(drop),
        Op::Write => open_to_write(dir, path, OpenFlags::empty()).map(drop),
        Op::Truncate => open_to_write(dir, path, OpenFlags::TRUNCATE).map(drop),
        Op::Create => open_to_write(dir, path, OpenFlags::CREATE).map(drop),
        Op::CreateNew => {
            open_to_write(dir, path, OpenFlags::CREATE | OpenFlags::EXCLUSIVE).map(drop)
        }
        Op::Mkdir => dir.create_directory_at(path),
        Op::Stat => dir.stat_at(none, path).map(drop),
        Op::Hash => dir.metadata_hash_at(none, path).map(drop),
        Op::Touch => touch(dir, path),
        Op::Unlink => dir.unlink_file_at(path),
        Op::Rmdir => dir.remove_directory_at(path),
        Op::Readlink => dir.readlink_at(path).map(drop),
        Op::List => files::names(dir, path).map(drop),
        Op::Rename(to) => dir.rename_at(path, dir, to),
        Op::Link(to) => dir.link_at(none, path, dir, to),
        Op::Symlink(text) => dir.symlink_at(text, path),
    };
    let shown: String = path.chars().take(SHOWN_CHARS_MAX).collect();
    let rest = path.chars().count().saturating_sub(SHOWN_CHARS_MAX);
    let cut = match rest {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    report.step(&format!("{op:?} {shown:?}{cut}"), result);
}

/// Makes an attempt of a mount and a table.
pub fn attempt_on<P: AsRef<str>>(
    mount: &'static str,
    table: impl IntoIterator<Item = (Op, P)>,
) -> impl FnOnce(&Scene, &mut Report) {
    move |_, report| all(report, mount, table)
}
