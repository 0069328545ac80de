//! Where a component's bytes are: in a file, or inside the program.

use crate::inspect::COMPONENT_BYTES_MAX;
use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where a component's bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ComponentSource {
    /// In a file, which may change.
    File(PathBuf),
    /// Inside the program, under this name; that does not change.
    Inside(&'static str, &'static [u8]),
}

impl ComponentSource {
    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Inside(..) => None,
        }
    }

    /// The bytes; of a file at most one more than a component may have.
    pub fn read(&self) -> std::io::Result<Cow<'static, [u8]>> {
        match self {
            Self::File(path) => {
                let mut bytes = Vec::new();
                std::fs::File::open(path)?
                    .take(COMPONENT_BYTES_MAX as u64 + 1)
                    .read_to_end(&mut bytes)?;
                Ok(Cow::Owned(bytes))
            }
            Self::Inside(_, bytes) => Ok(Cow::Borrowed(bytes)),
        }
    }

    /// What is different when the bytes are others; touches only the file's metadata.
    pub fn stamp(&self) -> std::io::Result<SourceStamp> {
        Ok(SourceStamp(match self {
            Self::File(path) => {
                let meta = std::fs::metadata(path)?;
                // The change time cannot be set back, unlike the modification time.
                let [dev, ino, size] = [meta.dev(), meta.ino(), meta.size()].map(i128::from);
                let [s, ns] = [meta.ctime(), meta.ctime_nsec()].map(i128::from);
                Seen::File(path.clone(), [dev, ino, size, s, ns])
            }
            Self::Inside(_, bytes) => Seen::Inside(bytes.as_ptr().addr(), bytes.len()),
        }))
    }
}

impl fmt::Display for ComponentSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Inside(name, _) => write!(f, "{name} inside tollgate"),
        }
    }
}

impl From<PathBuf> for ComponentSource {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

/// Compares equal only for the same bytes at the same place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceStamp(Seen);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Seen {
    File(PathBuf, [i128; 5]),
    Inside(usize, usize),
}
