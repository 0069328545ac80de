//! Real files in temporary directories. What a guest could try, one file per kind of trick.

mod edges;
mod kinds;
mod opening;
mod protected;
mod races;
mod renaming;

use super::resolve::Observed;
use super::*;
use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink as host_symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A mount `m` with a neighbour `out` that must never be reached. Every file outside holds SECRET.
pub(super) struct World {
    /// Removes everything at the end.
    _dir: TempDir,
    pub(super) base: PathBuf,
    pub(super) mount: Arc<MountRoot>,
}

pub(super) const SECRET: &str = "outside";

impl World {
    pub(super) fn new() -> Self {
        Self::with(|_| ProtectedRoots::new())
    }

    pub(super) fn with(protect: impl FnOnce(&Path) -> ProtectedRoots) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir_all(base.join("m/d/e")).unwrap();
        fs::create_dir(base.join("out")).unwrap();
        fs::write(base.join("out/f"), SECRET).unwrap();
        fs::write(base.join("f"), SECRET).unwrap();
        for file in ["m/f", "m/d/f", "m/d/e/f"] {
            fs::write(base.join(file), "inside").unwrap();
        }
        let mount = MountRoot::open(&base.join("m"), Arc::new(protect(&base))).unwrap();
        Self {
            _dir: dir,
            base,
            mount,
        }
    }

    pub(super) fn host(&self, path: &str) -> PathBuf {
        self.base.join(path)
    }

    pub(super) fn find(&self, path: &str) -> Result<Resolved, OsError> {
        resolve(&self.mount.dir(), path, true)
    }

    pub(super) fn itself(&self, path: &str) -> Result<Resolved, OsError> {
        resolve(&self.mount.dir(), path, false)
    }

    pub(super) fn target(&self, path: &str) -> Target {
        resolve_parent(&self.mount.dir(), path).unwrap()
    }

    pub(super) fn read(&self, path: &str) -> Result<String, OsError> {
        read(&self.find(path)?)
    }

    pub(super) fn rel(&self, path: &str) -> String {
        self.find(path).unwrap().rel().to_owned()
    }
}

pub(super) const READ: OpenHow = OpenHow {
    read: true,
    write: false,
    truncate: false,
    append: false,
    directory: false,
};
pub(super) const WRITE: OpenHow = OpenHow {
    write: true,
    ..READ
};

pub(super) fn read(what: &Resolved) -> Result<String, OsError> {
    let mut text = String::new();
    reopen(what, READ)?.read_to_string(&mut text).unwrap();
    Ok(text)
}

#[track_caller]
pub(super) fn refused<T>(result: Result<T, OsError>, class: Class) {
    match result {
        Ok(_) => panic!("was not refused; expected {class:?}"),
        Err(error) => assert_eq!(error.class(), class, "{error}"),
    }
}

#[test]
fn this_system_is_supported() {
    support().unwrap();
}
