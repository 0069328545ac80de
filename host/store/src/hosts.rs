//! Which processes live: each holds the lock of a file of its own for as long as it has the store open.
//!
//! The system frees the lock when the process ends, however it ends, so a free lock proves that its
//! owner will never write again. Names are never used twice.

use crate::StoreError;
use crate::files::{private_directory, private_file, try_lock};
use std::fs::File;
use std::path::{Path, PathBuf};
use tollgate_sessions::ports::{HostId, Liveness};

pub(crate) struct Host {
    id: HostId,
    directory: PathBuf,
    /// Held open for its lock.
    _lock: File,
}

impl Host {
    /// Names this process and sweeps away the files of dead ones.
    pub(crate) fn register(directory: PathBuf) -> Result<Self, StoreError> {
        private_directory(&directory)?;
        sweep(&directory);
        let id = HostId(uuid::Uuid::now_v7().to_string());
        let path = directory.join(&id.0);
        // Locked before it has its name, so that no sweep takes it for dead.
        let unnamed = directory.join(format!(".{}", id.0));
        let lock = private_file(&unnamed)?;
        match try_lock(&lock) {
            Ok(true) => {}
            Ok(false) => return Err(StoreError::file(&unnamed, "is locked already")),
            Err(error) => return Err(StoreError::file(&unnamed, error)),
        }
        std::fs::rename(&unnamed, &path).map_err(|error| StoreError::file(&path, error))?;
        Ok(Self {
            id,
            directory,
            _lock: lock,
        })
    }

    pub(crate) fn id(&self) -> &HostId {
        &self.id
    }

    /// Whether the process behind `host` lives.
    pub(crate) fn liveness(&self, host: &HostId) -> Liveness {
        if *host == self.id {
            return Liveness::Alive;
        }
        // Only names that `register` makes become paths.
        let Ok(name) = uuid::Uuid::parse_str(&host.0) else {
            return Liveness::Unknown;
        };
        match File::open(self.directory.join(name.to_string())) {
            Ok(file) => match try_lock(&file) {
                Ok(true) => Liveness::Dead,
                Ok(false) => Liveness::Alive,
                Err(_) => Liveness::Unknown,
            },
            // Swept away, which happens to the dead only.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Liveness::Dead,
            Err(_) => Liveness::Unknown,
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // What stays is swept by the next process.
        let _ = std::fs::remove_file(self.directory.join(&self.id.0));
    }
}

fn sweep(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let named = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| !name.starts_with('.'));
        if named && File::open(&path).is_ok_and(|file| try_lock(&file) == Ok(true)) {
            let _ = std::fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_lives_while_it_holds_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let open = || Host::register(directory.path().to_owned()).unwrap();
        let (one, two) = (open(), open());
        let id = two.id().clone();
        assert_eq!(one.liveness(one.id()), Liveness::Alive);
        assert_eq!(one.liveness(&id), Liveness::Alive);
        drop(two);
        assert_eq!(one.liveness(&id), Liveness::Dead);
        assert_eq!(one.liveness(&HostId("../x".into())), Liveness::Unknown);
    }

    #[test]
    fn a_lock_that_is_free_is_of_a_dead_process() {
        let directory = tempfile::tempdir().unwrap();
        let host = Host::register(directory.path().to_owned()).unwrap();
        let dead = HostId(uuid::Uuid::now_v7().to_string());
        std::fs::write(directory.path().join(&dead.0), "").unwrap();
        assert_eq!(host.liveness(&dead), Liveness::Dead);
        let _next = Host::register(directory.path().to_owned()).unwrap();
        assert!(!directory.path().join(&dead.0).exists());
        assert_eq!(host.liveness(host.id()), Liveness::Alive);
    }
}
