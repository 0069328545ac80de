//! Named points at which a test can stop a process, to kill it there.
//!
//! With `TOLLGATE_TEST_STOP_AT=NAME` in the environment a process stops itself (SIGSTOP) when it first
//! passes [`stop_point`] with that name; with `NAME:N` at the N-th time, counted from 1. Whoever
//! started it then kills it, or lets it go on (SIGCONT). Without the variable a point costs one check
//! of a value read once.
//!
//! Harmless by design: the variable can do no more than stop the process of whoever set it, and no
//! component sees the host's environment.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The variable that names the point.
pub const STOP_AT_VARIABLE: &str = "TOLLGATE_TEST_STOP_AT";

/// How long the thread at a point waits for the process to stop.
const STOP_WAIT: Duration = Duration::from_millis(500);

struct StopAt {
    name: String,
    nth: u64,
    passed: AtomicU64,
}

impl StopAt {
    fn parse(text: &str) -> Option<Self> {
        let (name, nth) = match text.rsplit_once(':') {
            Some((name, nth)) => (name, nth.parse().ok()?),
            None => (text, 1),
        };
        (!name.is_empty() && nth > 0).then(|| Self {
            name: name.to_owned(),
            nth,
            passed: AtomicU64::new(0),
        })
    }

    fn hit(&self, name: &str) -> bool {
        self.name == name && self.passed.fetch_add(1, Ordering::SeqCst) + 1 == self.nth
    }
}

/// Stops this process if the environment asks for it here. `name` is words joined by `_`.
pub fn stop_point(name: &str) {
    static STOP_AT: OnceLock<Option<StopAt>> = OnceLock::new();
    let stop_at = STOP_AT.get_or_init(|| {
        let text = std::env::var(STOP_AT_VARIABLE).ok()?;
        StopAt::parse(&text)
    });
    if stop_at.as_ref().is_some_and(|at| at.hit(name)) {
        stop_this_process();
    }
}

#[cfg(unix)]
fn stop_this_process() {
    // A process may always signal itself; if it could not, the test that waits for it would say so.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
    // The kernel hands the signal to any thread, as a rule to the first: until that one has run and
    // stopped all others, this one would go on past the point.
    std::thread::sleep(STOP_WAIT);
}

#[cfg(not(unix))]
fn stop_this_process() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_nth_passing_of_the_name_hits() {
        let at = StopAt::parse("before_tool:2").unwrap();
        assert!(!at.hit("before_tool"));
        assert!(!at.hit("after_tool"));
        assert!(at.hit("before_tool"));
        assert!(!at.hit("before_tool"));
        assert!(StopAt::parse("x").unwrap().hit("x"));
        for bad in ["", ":1", "x:0", "x:y"] {
            assert!(StopAt::parse(bad).is_none(), "{bad}");
        }
    }
}
