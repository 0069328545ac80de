//! A session whose log is long opens as one whose log is short: from its last snapshot on.

use super::model::Turn;
use super::{SESSION, launched, prompted};
use crate::support::{Home, Ran};
use rusqlite::{Connection, params};
use std::process::Command;
use std::time::{Duration, Instant};

/// The program with what it read, bytes (proc_pid_io(5), `rchar`), and how long it took.
fn opened(home: &Home) -> (u64, Duration) {
    let words = ["agent", "status", SESSION, "--json"];
    let status = home.command(words);
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$@\" > /dev/null && cat /proc/$$/io", "sh"]);
    shell.arg(status.get_program()).args(status.get_args());
    for (name, value) in status.get_envs() {
        shell.env(name, value.unwrap());
    }
    let began = Instant::now();
    let ran = Ran::of(shell);
    let took = began.elapsed();
    let read = ran
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("rchar: "));
    let read = read.unwrap_or_else(|| panic!("no rchar: {ran}"));
    (read.trim().parse().unwrap(), took)
}

/// Makes the log `events` long, with a snapshot at its end. What stands before the snapshot is not read, so
/// it is short.
fn lengthen(database: &Connection, events: i64) {
    let next: i64 = database
        .query_row(
            "SELECT next_seq FROM sessions WHERE id = ?1",
            [SESSION],
            |row| row.get(0),
        )
        .unwrap();
    let fill = "WITH RECURSIVE n(seq) AS (SELECT ?2 UNION ALL SELECT seq + 1 FROM n WHERE seq < ?3)
        INSERT INTO session_events (session, seq, id, time_us, kind, json)
        SELECT ?1, seq, 'filler-' || seq, 1, 'filler', '{}' FROM n";
    database
        .execute(fill, params![SESSION, next, events])
        .unwrap();
    let moved = "UPDATE sessions SET next_seq = ?2 + 1, checkpoint_seq = ?2,
        checkpoint_json = json_set(checkpoint_json, '$.state.seq', ?2) WHERE id = ?1";
    assert_eq!(
        database.execute(moved, params![SESSION, events]).unwrap(),
        1
    );
}

#[test]
fn a_session_of_a_million_events_opens_like_one_of_a_thousand() {
    let home = launched();
    prompted(&home, "hi", &[Turn::Says("hello")], &[]);
    home.ok(["agent", "checkpoint", SESSION]);
    let database = Connection::open(home.own().join("state/store/store.db")).unwrap();
    let mut seen = Vec::new();
    for events in [1_000, 1_000_000] {
        lengthen(&database, events);
        opened(&home);
        let (read, took) = opened(&home);
        println!("{events} events: {read} bytes read in {took:?}");
        seen.push(read);
    }
    // The index of the log has grown by some levels; the log itself is not read.
    assert!(seen[1] < seen[0] + 256 * 1024, "{seen:?}");
    // It goes on where it was.
    let went_on = prompted(&home, "and now?", &[Turn::Says("still here")], &[]);
    assert_eq!(went_on.code, Some(0), "{went_on}");
    let all = home.json(["agent", "events", SESSION, "--from", "1000001"]);
    assert!(all["events"].as_array().unwrap().len() > 3, "{all}");
}
