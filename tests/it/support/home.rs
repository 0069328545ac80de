//! A home of Tollgate of its own, and the binary run in it.

use super::place;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// What the environment of a run always has, so that a test can look for it where it must not be.
pub(crate) const PLAIN: (&str, &str) = ("HOSTILE_PLAIN", "plain value");
/// The secret of the credential in the tests.
pub(crate) const CREDENTIAL: (&str, &str) = ("HOSTILE_CREDENTIAL", "s3cret-of-the-vault");
/// A variable that no policy names.
pub(crate) const OTHER: (&str, &str) = ("HOSTILE_OTHER", "other value");

/// A directory with a home in it, removed in the end.
pub(crate) struct Home {
    directory: tempfile::TempDir,
    environment: Vec<(String, String)>,
    work: PathBuf,
}

impl Home {
    /// An empty home.
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("tollgate-it-")
            .tempdir()
            .unwrap();
        let root = directory.path();
        for name in ["home/config", "home/cache", "user", "work"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        let work = root.join("work");
        let home = Self {
            directory,
            environment: Vec::new(),
            work,
        };
        home.take_artifacts();
        home
    }

    /// The directory in which everything of the test is.
    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    /// Tollgate's own directory.
    pub(crate) fn own(&self) -> PathBuf {
        self.root().join("home")
    }

    /// The working directory of the runs.
    pub(crate) fn work(&self) -> &Path {
        &self.work
    }

    /// Uses another working directory.
    pub(crate) fn work_in(&mut self, directory: impl Into<PathBuf>) {
        self.work = directory.into();
    }

    /// Sets a variable for every run.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Writes the operator's policy.
    pub(crate) fn policy(&self, text: &str) {
        std::fs::write(self.own().join("config/tollgate.toml"), text).unwrap();
    }

    /// A run of the binary, to be started.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(place::binary());
        command
            .args(arguments)
            .current_dir(&self.work)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root().join("user"))
            .env("TOLLGATE_HOME", self.own())
            .envs([PLAIN, CREDENTIAL, OTHER])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        Ran::of(self.command(arguments))
    }

    /// As [`Home::run`]; it must end with exit code 0.
    #[track_caller]
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{ran}");
        ran
    }

    /// The JSON that a run prints; it must end with exit code 0.
    #[track_caller]
    pub(crate) fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        let mut command = self.command(arguments);
        command.arg("--json");
        let ran = Ran::of(command);
        assert_eq!(ran.code, Some(0), "{ran}");
        ran.json()
    }

    /// Compiled components are named by digest and engine, so that tests may share them.
    fn take_artifacts(&self) {
        share(&place::shared("artifacts"), &self.own().join("cache"));
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        share(&self.own().join("cache"), &place::shared("artifacts"));
    }
}

/// Copies compiled components that are not there yet.
fn share(from: &Path, to: &Path) {
    let Ok(entries) = std::fs::read_dir(from) else {
        return;
    };
    for entry in entries.flatten() {
        let (path, there) = (entry.path(), to.join(entry.file_name()));
        if path.extension().is_some_and(|ending| ending == "cwasm") && !there.exists() {
            let half = to.join(format!("{}.part", uuid()));
            let done = std::fs::copy(&path, &half).and_then(|_| std::fs::rename(&half, &there));
            if done.is_err() {
                let _ = std::fs::remove_file(&half);
            }
        }
    }
}

fn uuid() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!(
        "{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// A run that has ended.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    /// The command line.
    pub(crate) line: String,
    /// The exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Data.
    pub(crate) stdout: String,
    /// Talk.
    pub(crate) stderr: String,
}

impl Ran {
    /// Runs a command to its end.
    pub(crate) fn of(mut command: Command) -> Self {
        let line = line(&command);
        let output = command.output().unwrap();
        Self::ended(line, output)
    }

    /// Waits for a child.
    pub(crate) fn wait(child: Child) -> Self {
        let output = child.wait_with_output().unwrap();
        Self::ended("(a child)".into(), output)
    }

    fn ended(line: String, output: Output) -> Self {
        Self {
            line,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The JSON on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The JSON error on standard error: its last object.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        let start = self
            .stderr
            .find("{\"error\"")
            .or_else(|| self.stderr.find("{\n  \"error\""));
        let text = start
            .and_then(|start| self.stderr.get(start..))
            .unwrap_or_default();
        let value: Value =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {self}"));
        value["error"].clone()
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            line,
            code,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "`{line}` ended with {code:?}\n--- stdout\n{stdout}--- stderr\n{stderr}---"
        )
    }
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
