//! Running other programs as steps that can be watched.
//!
//! A child's stderr is ours; so is its stdout, turned to stderr, because stdout belongs to the
//! program that a task ends with. Programs that work long (cargo, apt, npm) show their own progress.

use anyhow::{Context, Result, bail};
use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a child with a time limit is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What `cargo run` sets for this program and another cargo must not inherit.
const OWN_VARIABLES: [&str; 4] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
];

/// Writes one line for people.
pub(crate) fn say(line: &str) {
    // A closed stderr is no reason to stop the work.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// One program to run.
pub(crate) struct Step {
    command: Command,
    shown: String,
    hint: String,
    limit: Option<Duration>,
}

impl Step {
    /// A program found in `PATH`, or a path.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let mut command = Command::new(program);
        for name in OWN_VARIABLES {
            command.env_remove(name);
        }
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CARGO_PKG_") {
                command.env_remove(name);
            }
        }
        let shown = Path::new(program)
            .file_name()
            .unwrap_or(program)
            .to_string_lossy()
            .into_owned();
        Self {
            command,
            shown,
            hint: String::new(),
            limit: None,
        }
    }

    /// A command that was put together elsewhere.
    pub(crate) fn of(command: &Command) -> Self {
        let mut step = Self::new(command.get_program());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => step.command.env(name, value),
                None => step.command.env_remove(name),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            step.command.current_dir(dir);
        }
        step.args(command.get_args())
    }

    /// The cargo that runs this program.
    pub(crate) fn cargo(root: &Path) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::new(cargo).dir(root)
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    pub(crate) fn args<I, S>(mut self, arguments: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        for argument in arguments {
            let text = argument.as_ref().to_string_lossy();
            self.shown.push(' ');
            self.shown.push_str(&quoted(&text));
            self.command.arg(argument.as_ref());
        }
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn envs(mut self, variables: &[(&'static str, OsString)]) -> Self {
        self.command
            .envs(variables.iter().map(|(name, value)| (name, value)));
        self
    }

    /// What to do when it fails.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Kills it after this long.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Runs it as a step of its own: its name, its command line, its time.
    pub(crate) fn run(self, title: &str) -> Result<()> {
        let shown = self.shown.clone();
        let hint = self.hint.clone();
        let status = self.status(title)?;
        if status.success() {
            return Ok(());
        }
        bail!("{title}: `{shown}` failed ({status}){}", on_new_line(&hint))
    }

    /// As [`Step::run`], and hands the status over whatever it is.
    pub(crate) fn status(mut self, title: &str) -> Result<ExitStatus> {
        say(&format!("\n▸ {title}: {}", self.shown));
        let started = Instant::now();
        self.command.stdin(Stdio::null());
        self.command.stdout(Stdio::from(std::io::stderr()));
        let mut child = self.spawn()?;
        let status = match self.limit {
            None => child.wait(),
            Some(limit) => wait_at_most(&mut child, limit),
        };
        let status = status.with_context(|| format!("cannot wait for `{}`", self.shown))?;
        if status.success() {
            say(&format!("  {title}: {}", seconds(started.elapsed())));
        }
        Ok(status)
    }

    /// As [`Step::run`], with the child's stdout returned.
    pub(crate) fn output(mut self, title: &str) -> Result<String> {
        say(&format!("\n▸ {title}: {}", self.shown));
        let started = Instant::now();
        self.command.stderr(Stdio::inherit());
        let text = self.read()?;
        say(&format!("  {title}: {}", seconds(started.elapsed())));
        Ok(text)
    }

    /// Asks a program something, unseen. An error if it is missing or fails.
    pub(crate) fn ask(mut self) -> Result<String> {
        self.command.stderr(Stdio::null());
        self.read()
    }

    /// Runs it in place of a last step, with this program's own streams.
    pub(crate) fn attached(mut self, title: &str) -> Result<ExitStatus> {
        say(&format!("\n▸ {title}: {}\n", self.shown));
        let mut child = self.spawn()?;
        child
            .wait()
            .with_context(|| format!("cannot wait for `{}`", self.shown))
    }

    fn read(mut self) -> Result<String> {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped());
        let output = self
            .spawn()?
            .wait_with_output()
            .with_context(|| format!("cannot read from `{}`", self.shown))?;
        if !output.status.success() {
            bail!(
                "`{}` failed ({}){}",
                self.shown,
                output.status,
                on_new_line(&self.hint)
            );
        }
        String::from_utf8(output.stdout)
            .with_context(|| format!("`{}` printed what is not UTF-8", self.shown))
    }

    fn spawn(&mut self) -> Result<Child> {
        let (shown, hint) = (&self.shown, on_new_line(&self.hint));
        self.command
            .spawn()
            .with_context(|| format!("cannot start `{shown}`{hint}"))
    }
}

fn wait_at_most(child: &mut Child, limit: Duration) -> std::io::Result<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if started.elapsed() >= limit {
            say(&format!("  stopped after {}", seconds(limit)));
            child.kill()?;
            return child.wait();
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

fn on_new_line(hint: &str) -> String {
    if hint.is_empty() {
        return String::new();
    }
    format!("\n{hint}")
}

fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=./,:+@".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_step_names_its_command_and_the_way_out() {
        let error = Step::new("sh")
            .args(["-c", "exit 3"])
            .hint("do that")
            .run("try")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "try: `sh -c 'exit 3'` failed (exit status: 3)\ndo that"
        );
    }

    #[test]
    fn a_missing_program_names_itself_and_the_way_out() {
        let error = Step::new("no-such-program").hint("install it").ask();
        assert_eq!(
            error.unwrap_err().to_string(),
            "cannot start `no-such-program`\ninstall it"
        );
    }

    #[test]
    fn a_step_past_its_limit_is_stopped() {
        let started = Instant::now();
        let status = Step::new("sleep")
            .args(["60"])
            .limit(Duration::from_millis(100))
            .status("sleep");
        assert!(!status.unwrap().success());
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_shown_command_can_be_pasted() {
        assert_eq!(quoted("a-b=c"), "a-b=c");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
