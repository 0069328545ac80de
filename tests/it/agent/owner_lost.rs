//! A session whose owner works, and one whose owner is gone, as another process sees them.

use super::model::{Turn, fixture};
use super::{SESSION, events, launched, refused, standing, status};
use crate::support::Home;
use serde_json::json;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to come to the point at which it stops.
const STOP_TIME_MAX: Duration = Duration::from_secs(60);

/// A process that is killed at the latest when its test ends.
struct Owner(Child);

impl Owner {
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A prompt whose process has stopped just before its second tool call.
fn working(home: &Home) -> Owner {
    let list = |path: &str| Turn::Asks("files__list", json!({ "path": path }));
    let turns = [list("/project"), list("/project"), Turn::Says("Done.")];
    let fixture = fixture(home, &turns);
    let child = home
        .command(["agent", "prompt", SESSION, "look", "--fixture", &fixture])
        .env("TOLLGATE_TEST_STOP_AT", "before_tool_call:2")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stat = format!("/proc/{}/stat", child.id());
    let owner = Owner(child);
    let started = Instant::now();
    loop {
        let stat = std::fs::read_to_string(&stat).unwrap();
        let state = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next());
        match state {
            Some('T') => return owner,
            Some('Z') => panic!("the process ended before it stopped"),
            _ => assert!(
                started.elapsed() < STOP_TIME_MAX,
                "the process did not stop"
            ),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn it_is_busy_while_its_owner_lives_and_idle_when_that_is_killed() {
    let home = launched();
    home.ok(["grant", "add", "files", "fs.read . at /project"]);
    let mut owner = working(&home);

    assert_eq!(status(&home, SESSION)["status"], "running");
    let busy = refused(&home, 2, &["agent", "prompt", SESSION, "me too"]);
    assert!(busy.stderr.contains("session s"), "{busy}");
    for verb in ["restart", "rm"] {
        refused(&home, 2, &["agent", verb, SESSION]);
    }

    owner.kill();
    let interrupted = ("idle".into(), "interrupted".into(), "host_lost".into());
    assert_eq!(standing(&home, SESSION), interrupted);
    let events = events(&home, SESSION);
    assert_eq!(
        events.iter().filter(|event| *event == "owner_lost").count(),
        1,
        "{events:?}"
    );

    // It goes on from there, and the tool call that was completed is not made again.
    let before = super::receipts(&home, &["--kind", "fs.list"]).len();
    let fixture = fixture(&home, &[Turn::Says("Here again.")]);
    let ran = home.ok(["agent", "prompt", SESSION, "go on", "--fixture", &fixture]);
    assert!(ran.stdout.contains("Here again."), "{ran}");
    assert_eq!(super::receipts(&home, &["--kind", "fs.list"]).len(), before);
}

#[test]
fn a_session_is_taken_from_an_owner_that_does_not_answer() {
    let home = launched();
    home.ok(["grant", "add", "files", "fs.read . at /project"]);
    let mut owner = working(&home);
    let stopped = home.run(["agent", "stop", SESSION, "--reason", "it hangs"]);
    owner.kill();
    assert_eq!(stopped.code, Some(0), "{stopped}");
    assert_eq!(standing(&home, SESSION).0, "stopped");
}
