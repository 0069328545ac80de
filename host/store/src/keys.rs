//! Session keys: 32 random bytes each, in files outside the database.
//!
//! Deleting the file erases the meaning of the session's keyed hashes, whoever has a copy of the
//! database.

use crate::StoreError;
use crate::files::{private_directory, private_file, sync_directory};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tollgate_contract::ID_BYTES_MAX;
use tollgate_receipts::SESSION_KEY_BYTES;

pub(crate) type KeyBytes = [u8; SESSION_KEY_BYTES];

#[derive(Clone)]
pub(crate) struct Keys {
    directory: PathBuf,
}

impl Keys {
    pub(crate) fn open(directory: PathBuf) -> Result<Self, StoreError> {
        private_directory(&directory)?;
        Ok(Self { directory })
    }

    /// Makes a new key, durable, in place of one that may be there.
    pub(crate) fn create(&self, session: &str) -> Result<KeyBytes, StoreError> {
        let path = self.path(session)?;
        let mut bytes = KeyBytes::default();
        getrandom::fill(&mut bytes)
            .map_err(|error| StoreError::Unavailable(format!("no randomness: {error}")))?;
        // A name of its own until it is whole: nobody ever reads half a key.
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let fresh = self
            .directory
            .join(format!(".{session}.{}.{count}", std::process::id()));
        let file_error = |error| StoreError::file(&fresh, error);
        let mut file = private_file(&fresh)?;
        file.write_all(&bytes).map_err(file_error)?;
        file.sync_all().map_err(file_error)?;
        std::fs::rename(&fresh, &path).map_err(|error| StoreError::file(&path, error))?;
        sync_directory(&self.directory)?;
        Ok(bytes)
    }

    /// The key, if there is one.
    pub(crate) fn read(&self, session: &str) -> Result<Option<KeyBytes>, StoreError> {
        let path = self.path(session)?;
        let mut file = match std::fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::file(&path, error)),
        };
        let mut bytes = KeyBytes::default();
        file.read_exact(&mut bytes)
            .map_err(|error| StoreError::file(&path, format!("is not a session key: {error}")))?;
        Ok(Some(bytes))
    }

    /// Deletes the key; no error if there is none.
    pub(crate) fn delete(&self, session: &str) -> Result<(), StoreError> {
        let path = self.path(session)?;
        match std::fs::remove_file(&path) {
            Ok(()) => sync_directory(&self.directory),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(StoreError::file(&path, error)),
        }
    }

    /// The file of a session. The id becomes a file name, so it is checked here again.
    fn path(&self, session: &str) -> Result<PathBuf, StoreError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._:-".contains(&b);
        let valid = session.len() <= ID_BYTES_MAX
            && session.starts_with(|c: char| c.is_ascii_alphanumeric())
            && session.bytes().all(plain);
        if !valid {
            return Err(StoreError::Refused(format!(
                "{:?} is not a session id",
                tollgate_receipts::clip(session, ID_BYTES_MAX)
            )));
        }
        Ok(self
            .directory
            .join(Path::new(session))
            .with_added_extension("key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_key_is_private_stays_and_goes() {
        let directory = tempfile::tempdir().unwrap();
        let keys = Keys::open(directory.path().join("keys")).unwrap();
        assert_eq!(keys.read("s.1").unwrap(), None);
        let key = keys.create("s.1").unwrap();
        assert_eq!(keys.read("s.1").unwrap(), Some(key));
        assert_ne!(keys.create("s.2").unwrap(), key);
        let metadata = std::fs::metadata(keys.path("s.1").unwrap()).unwrap();
        assert_eq!(metadata.mode() & 0o777, 0o600);
        keys.delete("s.1").unwrap();
        keys.delete("s.1").unwrap();
        assert_eq!(keys.read("s.1").unwrap(), None);
    }

    #[test]
    fn an_id_is_not_a_path() {
        let directory = tempfile::tempdir().unwrap();
        let keys = Keys::open(directory.path().to_owned()).unwrap();
        for bad in ["", "../x", ".x", "a/b", "a\0", &"x".repeat(200)] {
            assert!(keys.create(bad).is_err(), "{bad:?}");
        }
    }
}
