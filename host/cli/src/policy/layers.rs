//! The policy files that are in force here.
//!
//! Invariant: a project's file counts only if the digest of its bytes is the one that the operator has
//! trusted; until then it is not even parsed, so that a clone can neither grant nor break anything.

use crate::home::{self, Home, Project};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tollgate_grants::policy::{self, POLICY_BYTES_MAX};
use tollgate_grants::{Layer, Origin, PolicyError, PolicyFile};

/// Where the policy files are, whether they exist or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicyPaths {
    /// The administrator's.
    pub(crate) managed: PathBuf,
    /// The operator's.
    pub(crate) user: PathBuf,
    /// The project's, if it has one.
    pub(crate) project: Option<PathBuf>,
}

impl PolicyPaths {
    /// Those of a home and a project.
    pub(crate) fn of(home: &Home, project: &Project) -> Self {
        Self {
            managed: home::managed_policy(),
            user: home.policy(),
            project: project.policy.clone(),
        }
    }

    fn all(&self) -> impl Iterator<Item = (Layer, &Path)> {
        let project = self.project.as_deref().map(|path| (Layer::Project, path));
        [
            (Layer::Managed, self.managed.as_path()),
            (Layer::User, self.user.as_path()),
        ]
        .into_iter()
        .chain(project)
    }

    /// What can be seen of the files without reading them.
    pub(crate) fn stamps(&self) -> Vec<Stamp> {
        self.all().map(|(_, path)| Stamp::of(path)).collect()
    }
}

/// What a change of a file changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp(Option<[i64; 5]>);

impl Stamp {
    /// The stamp of what is at `path` now.
    pub(crate) fn of(path: &Path) -> Self {
        Self(std::fs::metadata(path).ok().map(|seen| {
            let number = |value: u64| i64::from_ne_bytes(value.to_ne_bytes());
            // The change time cannot be set back, unlike the modification time.
            [
                number(seen.dev()),
                number(seen.ino()),
                number(seen.size()),
                seen.ctime(),
                seen.ctime_nsec(),
            ]
        }))
    }
}

/// A policy file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LayerError {
    /// It does not parse; the text shows the line.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// It cannot be read.
    #[error("the policy file {path} cannot be read: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// The store cannot say whether the project is trusted.
    #[error("{0}")]
    Trust(String),
}

/// How the project's file stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum ProjectStanding {
    /// There is none.
    #[default]
    None,
    /// It is in force.
    Trusted,
    /// It grants nothing.
    Untrusted {
        /// Digest of its bytes.
        digest: String,
        /// The digest that was trusted before it changed.
        was: Option<String>,
    },
}

/// The files in force.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    /// They, in the order managed, user, project.
    pub(crate) files: Vec<PolicyFile>,
    /// How the project's file stands.
    pub(crate) project: ProjectStanding,
}

impl Layers {
    /// Reads them. `trusted` says which digest of a project's file the operator has trusted.
    pub(crate) fn load(
        paths: &PolicyPaths,
        trusted: impl Fn(&Path) -> Result<Option<String>, String>,
    ) -> Result<Self, LayerError> {
        let mut layers = Self {
            files: Vec::new(),
            project: ProjectStanding::None,
        };
        for (layer, path) in paths.all() {
            let Some(text) = read(path)? else { continue };
            if layer == Layer::Project {
                let digest = digest(text.as_bytes());
                let was = trusted(path).map_err(LayerError::Trust)?;
                if was.as_ref() != Some(&digest) {
                    layers.project = ProjectStanding::Untrusted { digest, was };
                    continue;
                }
                layers.project = ProjectStanding::Trusted;
            }
            layers
                .files
                .push(policy::parse(&text, &origin(path, layer))?);
        }
        Ok(layers)
    }
}

/// The origin of a file, whose paths are relative to its own directory.
pub(crate) fn origin(path: &Path, layer: Layer) -> Origin {
    let base_dir = path.parent().unwrap_or(Path::new("/")).to_owned();
    Origin {
        path: path.to_owned(),
        layer,
        base_dir,
    }
}

/// The file's text; none where there is no file.
pub(crate) fn read(path: &Path) -> Result<Option<String>, LayerError> {
    let unreadable = |why: String| LayerError::Unreadable {
        path: path.display().to_string(),
        why,
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if absent(error.kind()) => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let mut bytes = Vec::new();
    file.take(POLICY_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() > POLICY_BYTES_MAX {
        return Err(unreadable(format!(
            "it has more than {POLICY_BYTES_MAX} bytes"
        )));
    }
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| unreadable("it is not UTF-8".into()))
}

fn absent(kind: std::io::ErrorKind) -> bool {
    matches!(
        kind,
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
    )
}

/// `sha256:` and the digest of `bytes` in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRANTS: &str = "version = 1\n[plugins.files]\ngrants = [\"fs.read . at /project\"]\n";

    fn paths(root: &Path) -> PolicyPaths {
        PolicyPaths {
            managed: root.join("managed.toml"),
            user: root.join("user.toml"),
            project: Some(root.join("tollgate.toml")),
        }
    }

    #[test]
    fn a_project_counts_only_with_the_trusted_digest() {
        let temp = tempfile::tempdir().unwrap();
        let paths = paths(temp.path());
        let file = paths.project.clone().unwrap();
        std::fs::write(&file, GRANTS).unwrap();

        let untrusted = Layers::load(&paths, |_| Ok(None)).unwrap();
        assert!(untrusted.files.is_empty());
        let ProjectStanding::Untrusted { digest, was: None } = untrusted.project else {
            panic!("{untrusted:?}")
        };

        let trusted = Layers::load(&paths, |_| Ok(Some(digest.clone()))).unwrap();
        assert_eq!(trusted.project, ProjectStanding::Trusted);
        assert_eq!(trusted.files.len(), 1);

        std::fs::write(&file, format!("{GRANTS}# changed\n")).unwrap();
        let changed = Layers::load(&paths, |_| Ok(Some(digest.clone()))).unwrap();
        assert!(changed.files.is_empty());
        assert!(matches!(
            changed.project,
            ProjectStanding::Untrusted { was: Some(_), .. }
        ));
    }

    #[test]
    fn a_strangers_broken_file_breaks_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let paths = paths(temp.path());
        std::fs::write(paths.project.as_ref().unwrap(), "not = [toml").unwrap();
        assert!(Layers::load(&paths, |_| Ok(None)).is_ok());
        std::fs::write(&paths.user, "not = [toml").unwrap();
        assert!(matches!(
            Layers::load(&paths, |_| Ok(None)),
            Err(LayerError::Policy(_))
        ));
    }

    #[test]
    fn a_stamp_sees_a_change_of_the_same_size() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("f");
        let nothing = Stamp::of(&file);
        std::fs::write(&file, "a").unwrap();
        let first = Stamp::of(&file);
        assert_ne!(nothing, first);
        std::fs::remove_file(&file).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(&file, "b").unwrap();
        assert_ne!(first, Stamp::of(&file));
    }
}
