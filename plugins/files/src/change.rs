//! The tools `mkdir`, `move`, `remove` and `stat`.

use crate::path::guest;
use crate::walk::{DEPTH_MAX, ENTRIES_MAX, Kind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::UNIX_EPOCH;
use tollgate_sdk::{Context, Tool, ToolError, ToolOutput, io_kind};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MakeDir {
    /// The directory, such as /project/src/new.
    path: String,
    /// Whether to make missing directories above it too, and to accept one that exists; yes unless false.
    #[serde(default = "yes")]
    parents: bool,
}

fn yes() -> bool {
    true
}

pub(crate) fn mkdir() -> Tool {
    Tool::new::<MakeDir>("mkdir", "Makes a directory.", |arguments, _: &Context| {
        let path = guest(&arguments.path)?;
        let made = if arguments.parents {
            fs::create_dir_all(&path)
        } else {
            fs::create_dir(&path)
        };
        made.map_err(|error| match io_kind(&error) {
            ErrorKind::AlreadyExists => {
                ToolError::failed(format!("{} exists already", arguments.path))
            }
            ErrorKind::NotFound => ToolError::NotFound(format!(
                "the directory above {} does not exist; set parents",
                arguments.path
            )),
            _ => ToolError::io("make the directory", &path, &error),
        })?;
        Ok(ToolOutput::text(format!("made {}", arguments.path)))
    })
    .title("Make a directory")
    .idempotent()
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Move {
    /// What to move, such as /project/a.txt.
    from: String,
    /// Its new path, such as /project/b.txt. Its directory must exist.
    to: String,
    /// Whether to replace a file that is there.
    #[serde(default)]
    overwrite: bool,
}

pub(crate) fn rename() -> Tool {
    Tool::new::<Move>(
        "move",
        "Moves or renames a file or directory within one mount.",
        |arguments, _: &Context| {
            let (from, to) = (guest(&arguments.from)?, guest(&arguments.to)?);
            // Another process may come between this look and the move; the host's access level of the
            // mount is what really protects a file from being replaced.
            if !arguments.overwrite && fs::symlink_metadata(&to).is_ok() {
                return Err(ToolError::failed(format!(
                    "{} exists already; set overwrite to replace it",
                    arguments.to
                )));
            }
            fs::rename(&from, &to).map_err(|error| match io_kind(&error) {
                ErrorKind::CrossesDevices => ToolError::failed(format!(
                    "{} and {} are in different mounts; write a copy and remove the first",
                    arguments.from, arguments.to
                )),
                _ => ToolError::io("move", &from, &error),
            })?;
            Ok(ToolOutput::text(format!(
                "moved {} to {}",
                arguments.from, arguments.to
            )))
        },
    )
    .title("Move a file")
    .destructive()
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Remove {
    /// What to remove, such as /project/a.txt.
    path: String,
    /// Whether to remove a directory with all that is in it.
    #[serde(default)]
    recursive: bool,
}

pub(crate) fn remove() -> Tool {
    Tool::new::<Remove>(
        "remove",
        "Removes a file, a symbolic link (not what it points to), or a directory.",
        |arguments, _: &Context| {
            let path = guest(&arguments.path)?;
            let kind = kind(&path)?;
            let removed = if kind == Kind::Dir && arguments.recursive {
                let mut removed = 0;
                remove_below(&path, 0, &mut removed)?;
                removed
            } else {
                remove_one(&path, kind)?;
                1
            };
            Ok(ToolOutput::text(match removed {
                1 => format!("removed {}", arguments.path),
                _ => format!(
                    "removed {} and all in it, {removed} entries",
                    arguments.path
                ),
            }))
        },
    )
    .title("Remove a file")
    .destructive()
}

fn kind(path: &Path) -> Result<Kind, ToolError> {
    let metadata = fs::symlink_metadata(path).map_err(|e| ToolError::io("look at", path, &e))?;
    Ok(Kind::of(metadata.file_type()))
}

fn remove_one(path: &Path, kind: Kind) -> Result<(), ToolError> {
    let removed = match kind {
        Kind::Dir => fs::remove_dir(path),
        _ => fs::remove_file(path),
    };
    removed.map_err(|error| match io_kind(&error) {
        ErrorKind::DirectoryNotEmpty => ToolError::failed(format!(
            "{} is not empty; set recursive to remove all that is in it",
            path.display()
        )),
        _ => ToolError::io("remove", path, &error),
    })
}

/// Removes a directory from its leaves up. Stops at the first refusal; what is gone is gone.
fn remove_below(dir: &Path, depth: u32, removed: &mut usize) -> Result<(), ToolError> {
    if depth > DEPTH_MAX {
        return Err(ToolError::failed(format!(
            "{} is deeper than {DEPTH_MAX} directories; remove it first",
            dir.display()
        )));
    }
    let error = |e: std::io::Error| ToolError::io("list", dir, &e);
    // All names first: removing while listing may skip some.
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir).map_err(error)?.take(ENTRIES_MAX) {
        let entry = entry.map_err(error)?;
        let kind = entry.file_type().map_or(Kind::Other, Kind::of);
        entries.push((entry.path(), kind));
    }
    for (path, kind) in entries {
        if *removed >= ENTRIES_MAX {
            return Err(ToolError::failed(format!(
                "stopped after {ENTRIES_MAX} entries were removed; call again to go on"
            )));
        }
        if kind == Kind::Dir {
            remove_below(&path, depth.saturating_add(1), removed)?;
        } else {
            remove_one(&path, kind)?;
            *removed = removed.saturating_add(1);
        }
    }
    remove_one(dir, Kind::Dir)?;
    *removed = removed.saturating_add(1);
    Ok(())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Stat {
    /// The file or directory, such as /project/README.md.
    path: String,
}

/// What `stat` answers.
#[derive(Serialize, JsonSchema)]
struct Facts {
    /// The path as it was given.
    path: String,
    /// file, directory, symlink or other.
    kind: &'static str,
    /// Size in bytes.
    bytes: u64,
    /// When it was last changed: microseconds since 1970-01-01 00:00 UTC; null if not known.
    modified_us: Option<u64>,
}

pub(crate) fn stat() -> Tool {
    Tool::new::<Stat>(
        "stat",
        "Says of a path what it is, its size in bytes and when it was last changed. A symbolic link is not \
         followed.",
        |arguments, _: &Context| {
            let path = guest(&arguments.path)?;
            let metadata =
                fs::symlink_metadata(&path).map_err(|e| ToolError::io("look at", &path, &e))?;
            let modified = metadata.modified().ok();
            let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            ToolOutput::json(&Facts {
                path: arguments.path,
                kind: Kind::of(metadata.file_type()).name(),
                bytes: metadata.len(),
                modified_us: since.and_then(|since| u64::try_from(since.as_micros()).ok()),
            })
        },
    )
    .title("Look at a path")
    .read_only()
    .output::<Facts>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, call};
    use serde_json::{Value, json};

    #[test]
    fn directories_are_made_with_those_above() {
        let dir = tempfile::tempdir().unwrap();
        let path = at(dir.path(), "a/b");
        assert!(matches!(
            call("mkdir", json!({"path": path, "parents": false})),
            Err(ToolError::NotFound(_))
        ));
        call("mkdir", json!({"path": path})).unwrap();
        call("mkdir", json!({"path": path})).unwrap();
        assert!(matches!(
            call("mkdir", json!({"path": path, "parents": false})),
            Err(ToolError::Failed(message)) if message.ends_with("exists already")
        ));
    }

    #[test]
    fn a_move_replaces_only_when_told() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (at(dir.path(), "a"), at(dir.path(), "b"));
        fs::write(&a, "a").unwrap();
        fs::write(&b, "b").unwrap();
        assert!(call("move", json!({"from": a, "to": b})).is_err());
        assert_eq!(fs::read_to_string(&b).unwrap(), "b");
        call("move", json!({"from": a, "to": b, "overwrite": true})).unwrap();
        assert_eq!(fs::read_to_string(&b).unwrap(), "a");
        assert!(matches!(
            call("move", json!({"from": a, "to": at(dir.path(), "c")})),
            Err(ToolError::NotFound(_))
        ));
    }

    #[test]
    fn a_removal_follows_no_link_and_asks_for_recursive() {
        let dir = tempfile::tempdir().unwrap();
        let (kept, gone) = (dir.path().join("kept"), dir.path().join("gone"));
        fs::create_dir_all(gone.join("below")).unwrap();
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("f"), "").unwrap();
        fs::write(gone.join("below/f"), "").unwrap();
        std::os::unix::fs::symlink(&kept, gone.join("link")).unwrap();
        assert!(matches!(
            call("remove", json!({"path": gone})),
            Err(ToolError::Failed(message)) if message.contains("set recursive")
        ));
        let said = call("remove", json!({"path": gone, "recursive": true})).unwrap();
        assert!(said.ends_with("all in it, 4 entries"), "{said}");
        assert!(!gone.exists() && kept.join("f").exists());
        assert!(matches!(
            call("remove", json!({"path": gone})),
            Err(ToolError::NotFound(_))
        ));
        let file = kept.join("f");
        assert_eq!(
            call("remove", json!({"path": file})).unwrap(),
            format!("removed {}", file.display())
        );
    }

    #[test]
    fn stat_says_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = at(dir.path(), "f");
        fs::write(&path, "four").unwrap();
        let facts: Value =
            serde_json::from_str(&call("stat", json!({"path": path})).unwrap()).unwrap();
        assert_eq!(facts["kind"], "file");
        assert_eq!(facts["bytes"], 4);
        assert!(facts["modified_us"].as_u64().unwrap() > 1_600_000_000_000_000);
    }
}
