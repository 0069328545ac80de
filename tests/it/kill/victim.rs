//! A process that is stopped at a named point, killed, or left to its end.

use crate::support::Ran;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// The variable that names the point at which a process stops itself.
const STOP_AT: &str = tollgate_contract::STOP_AT_VARIABLE;
/// No process of the tests takes longer to its point.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// How often it is looked at.
const POLL: Duration = Duration::from_millis(1);

/// A process. It does not outlive its test.
pub(crate) struct Victim {
    child: Option<Child>,
    line: String,
}

impl Victim {
    /// Starts a process that stops where it passes `point` for the `nth` time.
    pub(crate) fn until(mut command: Command, point: &str, nth: u32) -> Self {
        command.env(STOP_AT, format!("{point}:{nth}"));
        Self::start(command)
    }

    /// Starts a process.
    pub(crate) fn start(mut command: Command) -> Self {
        let line = format!("{command:?}");
        let child = Some(command.spawn().unwrap());
        Self { child, line }
    }

    /// Waits until the process has stopped itself.
    #[track_caller]
    pub(crate) fn wait_stopped(&mut self) {
        let stopped = self.stops();
        assert!(stopped, "it never came to its point: {}", self.line);
    }

    /// Waits until the process has stopped itself; false if it came to its end.
    #[track_caller]
    pub(crate) fn stops(&mut self) -> bool {
        let started = Instant::now();
        while self.state() != 'T' {
            if self.has_ended() {
                return false;
            }
            let waits = started.elapsed() < WAIT_MAX;
            assert!(waits, "neither stopped nor ended: {}", self.line);
            std::thread::sleep(POLL);
        }
        true
    }

    /// Its process.
    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(self.child.as_ref().unwrap())
    }

    /// Whether it has come to its end.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    /// Kills it with SIGKILL, which nothing survives. What it said if it had come to its end before.
    pub(crate) fn kill(mut self) -> Option<Ran> {
        self.child.as_mut().unwrap().kill().unwrap();
        let ran = self.end();
        ran.code.is_some().then_some(ran)
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ran {
        Ran::wait(self.child.take().unwrap())
    }

    /// The state of its first thread (proc_pid_stat(5)); 'X' if there is none.
    fn state(&self) -> char {
        let id = self.child.as_ref().unwrap().id();
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        after_name.chars().next().unwrap_or('X')
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
