//! The bearer token: a file that only its owner may read.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Random bytes of a token that is made here.
const RANDOM_BYTES: usize = 32;
/// The fewest characters of a token.
const CHARS_MIN: usize = 16;
/// The most characters of a token.
const CHARS_MAX: usize = 512;
/// Modes that let others at the file.
const OTHERS: u32 = 0o077;

/// A token. It cannot be printed.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The token, to compare with.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A token that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file.
    #[error("the token file {path}: {why}")]
    File {
        /// It.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// Others may read it.
    #[error("the token file {path} may be read by others (mode {mode:o})")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// What is in it.
    #[error(
        "the token file {path} does not hold one word of {CHARS_MIN} to {CHARS_MAX} visible ASCII characters"
    )]
    Content {
        /// The file.
        path: PathBuf,
    },
}

impl Token {
    /// Reads a token.
    ///
    /// # Errors
    ///
    /// [`TokenError`] if it cannot be read, others may read it, or it is no token.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let failed = |why| TokenError::File {
            path: path.to_owned(),
            why,
        };
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let mode = metadata.mode() & 0o777;
        if mode & OTHERS != 0 {
            return Err(TokenError::Open {
                path: path.to_owned(),
                mode,
            });
        }
        let mut text = String::new();
        file.take(CHARS_MAX as u64 + 3)
            .read_to_string(&mut text)
            .map_err(failed)?;
        let word = text.trim_end_matches(['\n', '\r']);
        let fits = (CHARS_MIN..=CHARS_MAX).contains(&word.len());
        if !fits || !word.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Content {
                path: path.to_owned(),
            });
        }
        Ok(Self(word.to_owned()))
    }

    /// Reads the token, which is made if there is none yet.
    ///
    /// # Errors
    ///
    /// [`TokenError`] as [`Token::read`], or if it cannot be made.
    pub fn read_or_make(path: &Path) -> Result<Self, TokenError> {
        match Self::read(path) {
            Err(TokenError::File { why, .. }) if why.kind() == ErrorKind::NotFound => {
                make(path).map_err(|why| TokenError::File {
                    path: path.to_owned(),
                    why,
                })?;
                Self::read(path)
            }
            read => read,
        }
    }
}

/// Makes the file as a whole or not at all; who comes second leaves the first one's.
fn make(path: &Path) -> std::io::Result<()> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    let half = path.with_extension(format!("{}.part", std::process::id()));
    let _ = std::fs::remove_file(&half);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&half)?;
    let written = writeln!(file, "{}", hex::encode(bytes)).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| match std::fs::hard_link(&half, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let removed = std::fs::remove_file(&half);
    linked.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_token_is_made_once_and_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let made = Token::read_or_make(&path).unwrap();
        assert_eq!(made.expose().len(), 2 * RANDOM_BYTES);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(Token::read_or_make(&path).unwrap().expose(), made.expose());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(!format!("{made:?}").contains(made.expose()));
        make(&path).unwrap();
        assert_eq!(Token::read(&path).unwrap().expose(), made.expose());
    }

    #[test]
    fn what_others_may_read_and_what_is_no_token_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let write = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            Token::read(&path)
        };
        let good = "x".repeat(CHARS_MIN);
        assert!(write(&format!("{good}\r\n"), 0o600).is_ok());
        assert!(matches!(write(&good, 0o640), Err(TokenError::Open { .. })));
        for bad in ["", "short", &format!("{good} {good}"), &"x".repeat(600)] {
            let read = write(bad, 0o600);
            assert!(matches!(read, Err(TokenError::Content { .. })), "{bad}");
        }
    }
}
