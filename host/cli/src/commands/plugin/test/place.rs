//! The directory of a case: what is in it before, what is in it afterwards.

use super::cases::{Case, Expect};
use crate::errors::{Context, Done, Failure};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Files that a case may copy.
const COPIED_FILES_MAX: usize = 1_000;
/// Bytes that a case may copy.
const COPIED_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The most bytes of a file that a case asks about.
const LOOKED_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Copies and writes what the case names.
pub(super) fn lay_out(case: &Case, beside: &Path, work: &Path) -> Done {
    let mut left = Left {
        files: COPIED_FILES_MAX,
        bytes: COPIED_BYTES_MAX,
    };
    for path in &case.copy {
        copy(&beside.join(path), &work.join(path), &mut left)?;
    }
    for (path, text) in &case.files {
        let to = work.join(path);
        make_parent(&to)?;
        std::fs::write(&to, text).doing(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

/// The texts of the files that the case asks about.
pub(super) fn look(expect: &Expect, work: &Path) -> BTreeMap<PathBuf, Option<String>> {
    let paths = expect.files.keys();
    paths
        .map(|path| (path.clone(), text(&work.join(path))))
        .collect()
}

/// A regular file's text, unless it is too long to be what a case wrote down.
fn text(path: &Path) -> Option<String> {
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(LOOKED_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

struct Left {
    files: usize,
    bytes: u64,
}

impl Left {
    fn take(&mut self, bytes: u64) -> Done {
        match (self.files.checked_sub(1), self.bytes.checked_sub(bytes)) {
            (Some(files), Some(bytes)) => {
                *self = Self { files, bytes };
                Ok(())
            }
            _ => Err(Failure::input(format!(
                "`copy` takes more than {COPIED_FILES_MAX} files or {COPIED_BYTES_MAX} bytes"
            ))),
        }
    }
}

/// Copies a file, or a directory with what is in it. Links are not followed and not copied.
fn copy(from: &Path, to: &Path, left: &mut Left) -> Done {
    let cannot = || format!("cannot copy {}", from.display());
    let kind = from
        .symlink_metadata()
        .map_err(|error| Failure::input(format!("cannot copy {}: {error}", from.display())))?;
    if kind.is_file() {
        left.take(kind.len())?;
        make_parent(to)?;
        std::fs::copy(from, to).doing(cannot)?;
    } else if kind.is_dir() {
        std::fs::create_dir_all(to).doing(cannot)?;
        for entry in std::fs::read_dir(from).doing(cannot)? {
            let name = entry.doing(cannot)?.file_name();
            copy(&from.join(&name), &to.join(&name), left)?;
        }
    }
    Ok(())
}

fn make_parent(path: &Path) -> Done {
    match path.parent() {
        Some(parent) => {
            std::fs::create_dir_all(parent).doing(|| format!("cannot make {}", parent.display()))
        }
        None => Ok(()),
    }
}
