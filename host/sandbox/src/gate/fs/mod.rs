//! Files: the gate opens by itself, looks at what it opened, and only then hands it out.
//!
//! A lookup (`openat2`, beneath the mount, no magic links) gives a descriptor that can do nothing; its
//! kind, its link count and its name relative to the mount are read from that descriptor; the decision
//! is made on that name; then that same descriptor is reopened with the wanted access. Everything
//! that changes a directory acts on a checked parent and one name.
//!
//! Invariants: no guest path is ever given to a system call that opens or changes, only to the lookup;
//! wasmtime-wasi sees only files and directories that were opened here.

mod change;
mod fail;
mod handles;
mod host;
mod listing;
mod look;
mod open;
pub(crate) mod os;
mod quota;
mod stream;
mod writing;

pub(crate) use handles::Handles;

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What all calls of one host share of the file gate.
pub(crate) struct Files {
    pub(crate) protected: Arc<os::ProtectedRoots>,
    /// An empty directory that stands for everything outside the mounts.
    pub(crate) nowhere: PathBuf,
    /// The file system of the host's own store, and the bytes to leave free on it.
    store_device: Option<u64>,
    free_bytes_floor: u64,
    quotas: quota::Quotas,
}

impl Files {
    pub(crate) fn new(
        cache: &Path,
        protected: &[PathBuf],
        free_bytes_floor: u64,
    ) -> Result<Self, String> {
        os::support().map_err(|error| error.to_string())?;
        let mut roots = os::ProtectedRoots::new();
        for path in protected {
            roots.add(path).map_err(|error| error.to_string())?;
        }
        let nowhere = cache.join("nowhere");
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&nowhere)
            .map_err(|error| format!("cannot create {}: {error}", nowhere.display()))?;
        Ok(Self {
            protected: Arc::new(roots),
            nowhere,
            store_device: protected
                .first()
                .and_then(|path| std::fs::metadata(path).ok())
                .map(|meta| meta.dev()),
            free_bytes_floor,
            quotas: quota::Quotas::default(),
        })
    }

    /// Gives back what a plugin's calls in a session took of their quotas and did not use. Blocking.
    pub(crate) fn settle_quotas(&self, session: &str, plugin: &str) {
        self.quotas.settle(session, plugin);
    }

    /// Refuses a write that could take the ledger's last free bytes.
    pub(crate) fn keep_floor(&self, root: &os::MountRoot) -> Result<(), os::OsError> {
        if self.store_device == Some(root.id().dev) {
            os::keep_floor(root.as_fd(), self.free_bytes_floor)?;
        }
        Ok(())
    }
}
