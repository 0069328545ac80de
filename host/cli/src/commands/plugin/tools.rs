//! Programs that a build needs: finding them, running them, and saying how to get one.

use crate::app::App;
use crate::errors::{Done, Failure};
use crate::printer::escape;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The last bytes of a program's words that an error carries.
const WORDS_BYTES_MAX: usize = 16 * 1024;
/// The most bytes that a program may print for us to read.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A program that a build needs.
pub(super) struct Tool {
    /// Its name in `PATH`.
    pub(super) name: &'static str,
    /// Where a project may have its own, below its directory.
    pub(super) own: &'static str,
    /// The command that installs it.
    pub(super) install: &'static str,
}

impl Tool {
    /// Its path: the project's own before the one in `PATH`.
    pub(super) fn find(&self, project: &Path) -> Done<PathBuf> {
        let own = project.join(self.own).join(self.name);
        if own.is_file() {
            return Ok(own);
        }
        tollgate_guests::find(self.name).ok_or_else(|| Failure::Run {
            what: format!(
                "the build needs {}, which is neither in {} nor in PATH",
                self.name, self.own
            ),
            rule: Some("nothing is installed for you".into()),
            remedy: Some(self.install.into()),
        })
    }
}

/// A program that has ended.
pub(super) struct Ended {
    /// Whether it says that it succeeded.
    pub(super) ok: bool,
    /// What it printed.
    pub(super) stdout: String,
    /// The end of what it said, where that was not shown while it ran.
    pub(super) words: String,
}

/// Runs a program to its end. For people its words are shown as they come; otherwise they are kept.
pub(super) fn run(app: &App, mut command: Command) -> Done<Ended> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| Failure::failed(format!("cannot run {name}"), error);
    let shown = app.printer.shows_children();
    command
        // An author's mistake is no reason for a tool to show its own stack.
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(if shown {
            Stdio::inherit()
        } else {
            Stdio::piped()
        });
    let mut child = command.spawn().map_err(failed)?;
    let words = child.stderr.take().map(|stderr| {
        std::thread::spawn(move || last(stderr, WORDS_BYTES_MAX).unwrap_or_default())
    });
    let mut stdout = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        pipe.take(OUTPUT_BYTES_MAX)
            .read_to_end(&mut stdout)
            .map_err(failed)?;
    }
    let status = child.wait().map_err(failed)?;
    let words = words
        .and_then(|thread| thread.join().ok())
        .unwrap_or_default();
    Ok(Ended {
        ok: status.success(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        words: String::from_utf8_lossy(&words).trim_end().to_owned(),
    })
}

/// The last bytes of a stream, read to its end so that its writer is not held up.
fn last(mut from: impl Read, bytes_max: usize) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let mut buffer = [0_u8; 8 * 1024];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(kept);
        }
        kept.extend_from_slice(buffer.get(..read).unwrap_or_default());
        let over = kept.len().saturating_sub(bytes_max);
        kept.drain(..over);
    }
}

/// A build that failed, in the tool's own words.
pub(super) fn failure(tool: &str, words: &str, remedy: Option<String>) -> Failure {
    let what = if words.is_empty() {
        format!("{tool} failed; its words are above")
    } else {
        format!("{tool} failed:\n{}", escape::text(words))
    };
    Failure::Run {
        what,
        rule: None,
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_s_own_tool_comes_first_and_a_missing_one_is_named_with_its_command() {
        let temp = tempfile::tempdir().unwrap();
        let tool = Tool {
            name: "no-such-tool",
            own: "bin",
            install: "install it",
        };
        let error = tool.find(temp.path()).unwrap_err();
        assert_eq!(error.remedy().as_deref(), Some("install it"));
        assert!(error.to_string().contains("no-such-tool"), "{error}");
        std::fs::create_dir(temp.path().join("bin")).unwrap();
        std::fs::write(temp.path().join("bin/no-such-tool"), "").unwrap();
        assert!(tool.find(temp.path()).unwrap().starts_with(temp.path()));
    }

    #[test]
    fn the_end_of_long_words_is_kept() {
        let kept = last(&b"0123456789"[..], 4).unwrap();
        assert_eq!(kept, b"6789");
    }
}
