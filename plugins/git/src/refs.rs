//! References: `HEAD`, files below `refs/`, and `packed-refs`. A file wins over a packed one of its name.

use crate::bounds::{DEPTH_MAX, REFS_BYTES_MAX, REFS_MAX};
use crate::id::Id;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use tollgate_sdk::{ToolError, io_kind};

/// Longest chain of references to references.
const LINKS_MAX: usize = 5;

/// Where a short name is looked for, in order (gitrevisions(7)).
const PLACES: [(&str, &str); 6] = [
    ("", ""),
    ("refs/", ""),
    ("refs/tags/", ""),
    ("refs/heads/", ""),
    ("refs/remotes/", ""),
    ("refs/remotes/", "/HEAD"),
];

/// The references of a repository.
#[derive(Debug)]
pub(crate) struct Refs {
    directory: PathBuf,
}

/// What a reference holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Id(Id),
    Name(String),
}

impl Refs {
    pub(crate) fn open(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// What `HEAD` holds.
    pub(crate) fn head(&self) -> Result<Option<Target>, ToolError> {
        self.file("HEAD")
    }

    /// The object that a full name leads to.
    pub(crate) fn resolve(&self, name: &str) -> Result<Option<Id>, ToolError> {
        let mut name = name.to_owned();
        for _ in 0..LINKS_MAX {
            let target = match self.file(&name)? {
                Some(target) => Some(target),
                None => self.packed()?.get(&name).copied().map(Target::Id),
            };
            match target {
                Some(Target::Id(id)) => return Ok(Some(id)),
                Some(Target::Name(next)) => name = next,
                None => return Ok(None),
            }
        }
        Err(ToolError::failed(format!(
            "the reference {name} leads through more than {LINKS_MAX} others"
        )))
    }

    /// The object that a name leads to, as a person writes it.
    pub(crate) fn find(&self, short: &str) -> Result<Option<Id>, ToolError> {
        if !is_name(short) {
            return Ok(None);
        }
        for (before, after) in PLACES {
            // Without a directory only names in capitals are references: the rest are other files.
            let top = before.is_empty() && !short.contains('/');
            if top && !short.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') {
                continue;
            }
            if before.is_empty() && short.contains('/') && !short.starts_with("refs/") {
                continue;
            }
            if let Some(id) = self.resolve(&format!("{before}{short}{after}"))? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// All below `refs/`, by name.
    pub(crate) fn all(&self) -> Result<BTreeMap<String, Id>, ToolError> {
        let mut found = self.packed()?;
        let mut names = Vec::new();
        self.names("refs", 0, &mut names)?;
        for name in names {
            match self.resolve(&name)? {
                Some(id) => found.insert(name, id),
                None => found.remove(&name),
            };
        }
        Ok(found)
    }

    fn names(&self, below: &str, depth: usize, names: &mut Vec<String>) -> Result<(), ToolError> {
        let directory = self.directory.join(below);
        let error = |e: std::io::Error| ToolError::io("list", &directory, &e);
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if io_kind(&error) == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(error(e)),
        };
        for entry in entries {
            let entry = entry.map_err(error)?;
            let name = format!("{below}/{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().map_err(error)?;
            if kind.is_dir() && depth < DEPTH_MAX {
                self.names(&name, depth.saturating_add(1), names)?;
            } else if kind.is_file() && is_name(&name) {
                names.push(name);
            }
            if names.len() > REFS_MAX {
                return Err(too_many());
            }
        }
        Ok(())
    }

    fn file(&self, name: &str) -> Result<Option<Target>, ToolError> {
        if !is_name(name) {
            return Ok(None);
        }
        let Some(text) = read(&self.directory.join(name))? else {
            return Ok(None);
        };
        let text = text.trim();
        if let Some(other) = text.strip_prefix("ref:") {
            return Ok(Some(Target::Name(other.trim().to_owned())));
        }
        match Id::from_hex(text.as_bytes()) {
            Some(id) => Ok(Some(Target::Id(id))),
            None => Err(ToolError::failed(format!(
                "the reference {name} holds no name of an object of SHA-1"
            ))),
        }
    }

    fn packed(&self) -> Result<BTreeMap<String, Id>, ToolError> {
        let text = read(&self.directory.join("packed-refs"))?.unwrap_or_default();
        let mut found = BTreeMap::new();
        for line in text.lines() {
            // `#` begins the head, `^` what the annotated tag above points to.
            if line.starts_with(['#', '^']) {
                continue;
            }
            if let Some((id, name)) = line.split_once(' ')
                && let Some(id) = Id::from_hex(id.as_bytes())
            {
                found.insert(name.to_owned(), id);
            }
            if found.len() > REFS_MAX {
                return Err(too_many());
            }
        }
        Ok(found)
    }
}

fn too_many() -> ToolError {
    ToolError::failed(format!("there are more than {REFS_MAX} references"))
}

/// Whether it can name a reference (git-check-ref-format(1)); what leads up in the directory cannot.
fn is_name(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with(".lock")
            && !part.contains("..")
    };
    name.split('/').all(plain)
        && !name.contains("@{")
        && !name
            .chars()
            .any(|c| c.is_ascii_control() || " ~^:?*[\\".contains(c))
}

/// A small file as text; none if it is not there or is a directory.
fn read(path: &Path) -> Result<Option<String>, ToolError> {
    let error = |e: std::io::Error| ToolError::io("read", path, &e);
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| {
        file.take(REFS_BYTES_MAX.saturating_add(1))
            .read_to_end(&mut text)
    });
    match read {
        Ok(_) => {}
        Err(e) => {
            return match io_kind(&e) {
                ErrorKind::NotFound | ErrorKind::IsADirectory | ErrorKind::NotADirectory => {
                    Ok(None)
                }
                _ => Err(error(e)),
            };
        }
    }
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > REFS_BYTES_MAX {
        return Err(ToolError::failed(format!(
            "{} is larger than {REFS_BYTES_MAX} bytes",
            path.display()
        )));
    }
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        for good in ["HEAD", "refs/heads/a-b.c", "v1.0", "@"] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "", "../x", "a/../b", "/a", "a//b", "a.lock", ".a", "a b", "a~1", "a:b", "a@{1}",
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_file_wins_over_a_packed_one_and_links_end() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        fs::create_dir_all(dir.path().join("refs/heads")).unwrap();
        let packed =
            format!("# pack-refs with: peeled\n{one} refs/heads/a\n^{two}\n{one} refs/heads/b\n");
        fs::write(dir.path().join("packed-refs"), packed).unwrap();
        fs::write(dir.path().join("refs/heads/a"), format!("{two}\n")).unwrap();
        fs::write(dir.path().join("HEAD"), "ref: refs/heads/a\n").unwrap();
        fs::write(dir.path().join("refs/heads/loop"), "ref: refs/heads/loop\n").unwrap();
        let refs = Refs::open(dir.path());
        let id = |text: &str| Id::from_hex(text.as_bytes());
        assert_eq!(refs.find("HEAD").unwrap(), id(&two));
        assert_eq!(refs.find("b").unwrap(), id(&one));
        assert_eq!(refs.find("packed-refs").unwrap(), None);
        assert!(refs.find("loop").is_err());
        fs::remove_file(dir.path().join("refs/heads/loop")).unwrap();
        let all = refs.all().unwrap();
        assert_eq!((all.len(), all.get("refs/heads/a").copied()), (2, id(&two)));
    }
}
