//! Files that a verb writes for its user: whole or not at all, and never over another one unasked.

use crate::errors::{Context, Done, Failure};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Where something was written.
pub(crate) enum Sink {
    /// Standard output.
    Output,
    /// This file.
    File(PathBuf),
}

/// Writes a file whole; `-` is standard output.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], force: bool) -> Done<Sink> {
    let cannot = || format!("{} cannot be written", path.display());
    if path.as_os_str() == "-" {
        let written = std::io::stdout().write_all(bytes);
        return written.doing(cannot).map(|()| Sink::Output);
    }
    refuse_to_replace(path, force)?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut fresh = tempfile::NamedTempFile::new_in(parent).doing(cannot)?;
    fresh.write_all(bytes).doing(cannot)?;
    fresh.as_file().sync_all().doing(cannot)?;
    let placed = match force {
        true => fresh.persist(path),
        false => fresh.persist_noclobber(path),
    };
    placed.map_err(|error| error.error).doing(cannot)?;
    Ok(Sink::File(path.to_owned()))
}

/// Refuses a file that is there already, unless it shall be replaced.
pub(crate) fn refuse_to_replace(path: &Path, force: bool) -> Done {
    if force || path.as_os_str() == "-" || path.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(Failure::Input {
        what: format!("{} is there already", path.display()),
        rule: Some("no file is replaced unasked".into()),
        remedy: Some("name another file, or add --force".into()),
    })
}
