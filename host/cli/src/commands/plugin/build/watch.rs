//! Building again whenever a source changes.
//!
//! Sources are looked at twice a second by size and time of change, which works on every file system and
//! for every editor. What the build itself writes is not looked at.

use super::super::project::Project;
use super::build;
use super::sources::sources;
use crate::app::App;
use crate::errors::{Context, Done};
use crate::policy::layers::Stamp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often sources are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
type Seen = BTreeMap<PathBuf, Stamp>;

/// Builds, then waits for changes, until Ctrl-C.
pub(super) async fn run(app: &App, root: &Path) -> Done {
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let mut built: Option<Seen> = None;
    loop {
        let seen = look(root)?;
        if built.as_ref() != Some(&seen) {
            // Sources are looked at before they are built: what changes meanwhile is built again.
            built = Some(seen);
            let done = Project::load(root).and_then(|project| build(app, &project));
            if let Err(error) = done {
                app.printer.failure(&error);
            }
            app.printer.talk("watching for changes; Ctrl-C ends it");
        }
        tokio::select! {
            ended = &mut interrupted => {
                return ended.doing(|| "Ctrl-C cannot be waited for".into());
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// What there is to see of every source.
fn look(root: &Path) -> Done<Seen> {
    let seen = sources(root)?.into_iter();
    Ok(seen
        .map(|path| {
            let stamp = Stamp::of(&path);
            (path, stamp)
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_seen_to_change_and_what_is_built_is_not_looked_at() {
        let temp = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = temp.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("src/lib.rs", "a");
        let first = look(temp.path()).unwrap();
        for name in ["build/a.wasm", "target/x", ".tollgate/y", "Cargo.lock"] {
            write(name, "b");
        }
        assert_eq!(look(temp.path()).unwrap(), first);
        write("src/lib.rs", "ab");
        let second = look(temp.path()).unwrap();
        assert_ne!(second, first);
        write("src/new.rs", "");
        assert_ne!(look(temp.path()).unwrap(), second);
    }
}
