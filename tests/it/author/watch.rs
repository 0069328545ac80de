//! `plugin build --watch`: built again on a change, errors told, ended by Ctrl-C.

use super::desk::Desk;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const BUILD_TIME_MAX: Duration = Duration::from_secs(300);

/// A watching build; it is stopped when this is dropped.
struct Watch {
    child: Child,
    stdout: BufReader<ChildStdout>,
    talk: Arc<Mutex<String>>,
}

impl Watch {
    fn start(desk: &Desk) -> Self {
        let mut child = desk
            .home
            .command(["plugin", "build", "--watch"])
            .spawn()
            .unwrap();
        let talk = Arc::new(Mutex::new(String::new()));
        // Read all the while, so that the compiler is never held up by a full pipe.
        let (mut stderr, heard) = (BufReader::new(child.stderr.take().unwrap()), talk.clone());
        std::thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).unwrap_or(0) > 0 {
                heard.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        Self {
            stdout: BufReader::new(child.stdout.take().unwrap()),
            talk,
            child,
        }
    }

    /// Waits for the next build that succeeds.
    #[track_caller]
    fn built(&mut self) {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let talk = self.talk.lock().unwrap();
        assert!(line.starts_with("built "), "{line}\n{talk}");
    }

    /// Waits until it has said that.
    #[track_caller]
    fn says(&self, words: &str) {
        let started = Instant::now();
        while !self.talk.lock().unwrap().contains(words) {
            let talk = self.talk.lock().unwrap().clone();
            assert!(started.elapsed() < BUILD_TIME_MAX, "{words}: {talk}");
            std::thread::sleep(Duration::from_millis(50));
        }
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
    let greeted = |desk: &Desk| desk.home.ok(["call", ".", "greet", "name=Ada"]).stdout;
    let mut watch = Watch::start(&desk);
    watch.built();
    desk.edit("src/lib.rs", "\"Hello, {}!\"", "\"Hi, {}!\"");
    watch.built();
    assert_eq!(greeted(&desk), "Hi, Ada!\n");
    desk.edit("src/lib.rs", "\"Hi, {}!\"", "\"Hi, {}!");
    watch.says("error: cargo failed");
    watch.says("src/lib.rs:");
    desk.edit("src/lib.rs", "\"Hi, {}!", "\"Hey, {}!\"");
    watch.built();
    assert_eq!(greeted(&desk), "Hey, Ada!\n");
    kill_process(Pid::from_child(&watch.child), Signal::INT).unwrap();
    assert_eq!(watch.child.wait().unwrap().code(), Some(0));
}
