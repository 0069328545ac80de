//! Where things are.
//!
//! | what | where |
//! |---|---|
//! | user policy | `$XDG_CONFIG_HOME/tollgate/tollgate.toml` |
//! | store and keys | `$XDG_STATE_HOME/tollgate` |
//! | compiled components | `$XDG_CACHE_HOME/tollgate` |
//! | managed policy | `/etc/tollgate/tollgate.toml` |
//! | project policy | the nearest `tollgate.toml` upward, not above the repository's root |
//!
//! `TOLLGATE_HOME` replaces the first three by `config`, `state` and `cache` below it.
//! Nothing here creates anything but [`Home::create`].

use crate::env_vars;
use crate::errors::{Context, Done, Failure};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Name of every policy file.
pub(crate) const POLICY_FILE: &str = "tollgate.toml";
/// The managed policy: the machine's administrator writes it, nobody else may.
const MANAGED_DIR: &str = "/etc/tollgate";
/// Directories above the current one that are searched for a project file.
const ANCESTORS_MAX: usize = 64;
/// Characters of a project id made from a name; well below the bound of an id.
const PROJECT_ID_CHARS_MAX: usize = 64;

/// The directories of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    /// Where the user's policy is.
    pub(crate) config: PathBuf,
    /// Where the store and the keys are.
    pub(crate) state: PathBuf,
    /// Where compiled components are.
    pub(crate) cache: PathBuf,
}

impl Home {
    /// The home that the environment names.
    pub(crate) fn from_environment() -> Done<Self> {
        if let Some(home) = env_vars::TOLLGATE_HOME.get() {
            let home = std::path::absolute(&home).doing(|| "cannot use TOLLGATE_HOME".into())?;
            return Ok(Self::at(&home));
        }
        let home = env_vars::HOME.path();
        let directory = |variable: &env_vars::EnvVar, default: &str| {
            variable
                .path()
                .or_else(|| home.as_ref().map(|home| home.join(default)))
                .map(|base| base.join("tollgate"))
                .ok_or_else(|| {
                    Failure::input_try(
                        format!("neither HOME nor {} names a directory", variable.name),
                        "export TOLLGATE_HOME=/path/of/a/directory",
                    )
                })
        };
        Ok(Self {
            config: directory(&env_vars::XDG_CONFIG_HOME, ".config")?,
            state: directory(&env_vars::XDG_STATE_HOME, ".local/state")?,
            cache: directory(&env_vars::XDG_CACHE_HOME, ".cache")?,
        })
    }

    /// A home that is one directory.
    pub(crate) fn at(directory: &Path) -> Self {
        Self {
            config: directory.join("config"),
            state: directory.join("state"),
            cache: directory.join("cache"),
        }
    }

    /// The user's policy file, whether it exists or not.
    pub(crate) fn policy(&self) -> PathBuf {
        self.config.join(POLICY_FILE)
    }

    /// The store's directory.
    pub(crate) fn store(&self) -> PathBuf {
        self.state.join("store")
    }

    /// Whether anything was ever stored here.
    pub(crate) fn exists(&self) -> bool {
        self.store().is_dir()
    }

    /// Makes the three directories, readable by nobody else.
    pub(crate) fn create(&self) -> Done {
        for directory in [&self.config, &self.state, &self.cache] {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)
                .doing(|| format!("cannot make the directory {}", directory.display()))?;
        }
        Ok(())
    }
}

/// The managed policy file, whether it exists or not.
pub(crate) fn managed_policy() -> PathBuf {
    Path::new(MANAGED_DIR).join(POLICY_FILE)
}

/// A project: a directory with a policy file, a repository, or just the current directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Project {
    /// Its root.
    pub(crate) root: PathBuf,
    /// Its policy file, if it has one.
    pub(crate) policy: Option<PathBuf>,
}

impl Project {
    /// Finds the project of `start`, an absolute path.
    pub(crate) fn find(start: &Path, home: &Home) -> Self {
        for directory in start.ancestors().take(ANCESTORS_MAX) {
            let file = directory.join(POLICY_FILE);
            // The user's own configuration directory is no project.
            if file.is_file() && directory != home.config {
                return Self {
                    root: directory.to_owned(),
                    policy: Some(file),
                };
            }
            if directory.join(".git").exists() {
                return Self {
                    root: directory.to_owned(),
                    policy: None,
                };
            }
        }
        Self {
            root: start.to_owned(),
            policy: None,
        }
    }

    /// The project's id when none is named: the name of its directory, as far as an id may hold it.
    pub(crate) fn id(&self) -> String {
        let name = self
            .root
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let id: String = name
            .unwrap_or_default()
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
                    c
                } else {
                    '-'
                }
            })
            .skip_while(|c| !c.is_ascii_alphanumeric())
            .take(PROJECT_ID_CHARS_MAX)
            .collect();
        if id.is_empty() { "project".into() } else { id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(path: &Path) {
        std::fs::create_dir_all(path).unwrap();
    }

    #[test]
    fn the_project_file_is_the_nearest_and_never_above_the_repository() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("outer/repo");
        let home = Home::at(&temp.path().join("home"));
        dir(&root.join(".git"));
        dir(&root.join("a/b"));
        std::fs::write(temp.path().join("outer/tollgate.toml"), "").unwrap();

        let without = Project::find(&root.join("a/b"), &home);
        assert_eq!(
            without,
            Project {
                root: root.clone(),
                policy: None
            }
        );

        std::fs::write(root.join("tollgate.toml"), "").unwrap();
        std::fs::write(root.join("a/tollgate.toml"), "").unwrap();
        let nearest = Project::find(&root.join("a/b"), &home);
        assert_eq!(nearest.policy, Some(root.join("a/tollgate.toml")));
        assert_eq!(
            Project::find(&root, &home).policy,
            Some(root.join("tollgate.toml"))
        );
    }

    #[test]
    fn the_users_configuration_is_no_project() {
        let temp = tempfile::tempdir().unwrap();
        let home = Home::at(temp.path());
        dir(&home.config);
        std::fs::write(home.policy(), "").unwrap();
        assert_eq!(Project::find(&home.config, &home).policy, None);
    }

    #[test]
    fn a_project_id_is_an_id() {
        for (name, id) in [
            ("my repo", "my-repo"),
            (".hidden", "hidden"),
            ("–", "project"),
        ] {
            let project = Project {
                root: Path::new("/x").join(name),
                policy: None,
            };
            assert_eq!(project.id(), id);
        }
    }
}
