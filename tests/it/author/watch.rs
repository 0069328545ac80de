//! `plugin build --watch`: built again on a change, errors told, ended by Ctrl-C.

use super::desk::Desk;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout};
use std::time::{Duration, Instant};

const BUILD_TIME_MAX: Duration = Duration::from_secs(300);

/// A watching build; it is stopped when this is dropped.
struct Watch {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Watch {
    /// The next line of data.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_change_is_built_a_fault_is_told_and_ctrl_c_ends_it() {
    let mut desk = Desk::new();
    desk.project(&["watched"]);
    let mut child = desk
        .home
        .command(["plugin", "build", "--watch"])
        .spawn()
        .unwrap();
    let mut watch = Watch {
        stdout: BufReader::new(child.stdout.take().unwrap()),
        stderr: child.stderr.take(),
        child,
    };
    // Read all the while, so that the compiler is never held up by a full pipe.
    let mut stderr = watch.stderr.take().unwrap();
    let talk = std::thread::spawn(move || {
        let mut all = String::new();
        stderr.read_to_string(&mut all).unwrap();
        all
    });
    let started = Instant::now();
    assert!(watch.line().starts_with("built "));
    desk.edit("src/lib.rs", "\"Hello, {}!\"", "\"Hi, {}!\"");
    assert!(watch.line().starts_with("built "));
    assert_eq!(
        desk.home.ok(["call", ".", "greet", "name=Ada"]).stdout,
        "Hi, Ada!\n"
    );
    desk.edit("src/lib.rs", "\"Hi, {}!\"", "\"Hi, {}!");
    // It does not build; the next change does.
    std::thread::sleep(Duration::from_secs(4));
    desk.edit("src/lib.rs", "\"Hi, {}!", "\"Hey, {}!\"");
    assert!(watch.line().starts_with("built "));
    assert_eq!(
        desk.home.ok(["call", ".", "greet", "name=Ada"]).stdout,
        "Hey, Ada!\n"
    );
    assert!(started.elapsed() < BUILD_TIME_MAX);
    kill_process(Pid::from_child(&watch.child), Signal::INT).unwrap();
    assert_eq!(watch.child.wait().unwrap().code(), Some(0));
    drop(watch);
    let talk = talk.join().unwrap();
    assert!(talk.contains("src/lib.rs:"), "{talk}");
}
