//! The plugins that come with the program: inside it, or in a directory that the environment names.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use tollgate_sandbox::ComponentSource;

include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// Ending of a component's file.
const WASM: &str = "wasm";
/// Components that one directory may hold.
const BUNDLED_MAX: usize = 256;

/// The bundled plugins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bundled {
    /// Those inside the program.
    Inside,
    /// Those in this directory.
    In(PathBuf),
}

impl Bundled {
    /// The plugin of this name.
    pub(crate) fn get(&self, name: &str) -> Option<ComponentSource> {
        match self {
            Self::Inside => {
                let of_name = INSIDE.iter().find(|(inside, _)| *inside == name);
                of_name.map(|(name, bytes)| ComponentSource::Inside(name, bytes))
            }
            Self::In(directory) => {
                let path = directory.join(format!("{name}.{WASM}"));
                path.is_file().then(|| path.into())
            }
        }
    }

    /// Their names.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        match self {
            Self::Inside => INSIDE.iter().map(|(name, _)| (*name).to_owned()).collect(),
            Self::In(directory) => {
                let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
                let paths = entries.map(|entry| entry.path());
                paths
                    .filter(|path| path.extension().is_some_and(|ending| ending == WASM))
                    .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
                    .take(BUNDLED_MAX)
                    .collect()
            }
        }
    }

    /// Their directory, if they are in one that is there.
    pub(crate) fn directory(&self) -> Option<PathBuf> {
        match self {
            Self::In(directory) if directory.is_dir() => Some(directory.clone()),
            Self::In(_) | Self::Inside => None,
        }
    }
}

impl fmt::Display for Bundled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inside => f.write_str("this program"),
            Self::In(directory) => directory.display().fmt(f),
        }
    }
}
