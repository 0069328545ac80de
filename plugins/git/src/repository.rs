//! A repository in the directory that a call names.

use crate::odb::Objects;
use crate::refs::Refs;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use tollgate_sdk::ToolError;

/// Longest path that a call names, in bytes.
const PATH_BYTES_MAX: usize = 4096;

/// Longest `.git` file that is quoted, in bytes.
const LINK_BYTES_MAX: u64 = 1024;

/// An open repository.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) objects: Objects,
    pub(crate) refs: Refs,
}

impl Repository {
    /// Opens what is in a directory: a working tree with `.git`, or a bare repository.
    pub(crate) fn open(path: &str) -> Result<Self, ToolError> {
        if path.len() > PATH_BYTES_MAX || path.contains('\0') || !Path::new(path).is_absolute() {
            return Err(ToolError::invalid(format!(
                "repository: {path:?} is no absolute path; write one such as /project"
            )));
        }
        let directory = git_directory(Path::new(path))?;
        if let Some(common) = link(&directory.join("commondir")) {
            return Err(elsewhere(&directory, &common));
        }
        Ok(Self {
            objects: Objects::open(&directory.join("objects"))?,
            refs: Refs::open(&directory),
        })
    }
}

fn git_directory(path: &Path) -> Result<PathBuf, ToolError> {
    let inside = path.join(".git");
    match fs::metadata(&inside) {
        Ok(found) if found.is_dir() => return Ok(inside),
        Ok(_) => {
            let target = link(&inside).unwrap_or_default();
            return Err(elsewhere(&inside, &target));
        }
        Err(error) => {
            // A refusal is more than an absence: it is what the operator may want to change.
            if let denied @ ToolError::Denied(_) = ToolError::io("read", &inside, &error) {
                return Err(denied);
            }
        }
    }
    let bare = path.join("HEAD").is_file() && path.join("objects").is_dir();
    match bare {
        true => Ok(path.to_owned()),
        false => Err(ToolError::not_found(format!(
            "{} is no Git repository: there is no .git in it, or nothing is mounted there",
            path.display()
        ))),
    }
}

/// What a file says that leads elsewhere.
fn link(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(LINK_BYTES_MAX)
        .read_to_string(&mut text)
        .ok()?;
    Some(text.trim().trim_start_matches("gitdir:").trim().to_owned())
}

fn elsewhere(file: &Path, target: &str) -> ToolError {
    ToolError::failed(format!(
        "{} points to a repository elsewhere ({target}): this is a linked worktree or a submodule. Mount that \
         repository and name its directory",
        file.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &Path) -> String {
        match Repository::open(path.to_str().unwrap()) {
            Err(
                ToolError::Failed(text)
                | ToolError::NotFound(text)
                | ToolError::InvalidArguments(text),
            ) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_repository_of_its_own_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(refusal(dir.path()).contains("is no Git repository"));
        assert!(refusal(Path::new("project")).contains("no absolute path"));
        fs::write(dir.path().join(".git"), "gitdir: /elsewhere/x\n").unwrap();
        let text = refusal(dir.path());
        assert!(
            text.contains("(/elsewhere/x)") && text.contains("linked worktree"),
            "{text}"
        );
        let bare = dir.path().join("bare");
        fs::create_dir_all(bare.join("objects")).unwrap();
        fs::write(bare.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        assert!(Repository::open(bare.to_str().unwrap()).is_ok());
        fs::write(bare.join("commondir"), "../..\n").unwrap();
        assert!(refusal(&bare).contains("linked worktree"));
    }
}
