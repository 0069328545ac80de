//! What a session adds below a mount counts for the session, whichever process works on it.

use super::model::Turn;
use super::{SESSION, launched, prompted};
use crate::support::{Home, Ran, ledger};
use serde_json::json;

/// What the session may add.
const BYTES_MAX: usize = 8 * 1024;

/// The session of a home whose `files` may change the project, within that quota.
fn home() -> Home {
    let home = launched();
    home.policy(&format!(
        "version = 1\n[plugins.files]\ngrants = [\"fs.full {} at /project\"]\n\
         limits = {{ disk = \"{}KiB\" }}\n",
        home.work().display(),
        BYTES_MAX / 1024
    ));
    home
}

fn write(name: &str, bytes: usize) -> Turn<'static> {
    let content = "x".repeat(bytes);
    let arguments = json!({"path": format!("/project/{name}"), "content": content, "append": true});
    Turn::Asks("files__write", arguments)
}

fn remove(name: &str) -> Turn<'static> {
    let arguments = json!({"path": format!("/project/{name}")});
    Turn::Asks("files__remove", arguments)
}

/// Prompts in a process of its own. A model that goes on knows what it did before.
fn goes_on(home: &Home, before: usize, asks: Vec<Turn<'static>>) -> Ran {
    let known = (0..before).map(|_| write("before", 0));
    let turns: Vec<Turn<'_>> = known.chain(asks).chain([Turn::Says("Done.")]).collect();
    let ran = prompted(home, "go on", &turns, &["--max-iterations", "20"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran
}

/// How the tools of a run came back.
fn came(ran: &Ran) -> Vec<&str> {
    let told = ran
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("  files "));
    told.map(|line| line.split(' ').nth(1).unwrap()).collect()
}

fn length(home: &Home, name: &str) -> Option<u64> {
    let meta = std::fs::metadata(home.work().join(name)).ok()?;
    Some(meta.len())
}

fn counted(home: &Home) -> Vec<i64> {
    let database = ledger::open(&home.own());
    let mut rows = database
        .prepare("SELECT bytes FROM quotas WHERE session = ?1")
        .unwrap();
    let rows = rows.query_map([SESSION], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn processes_that_work_on_one_session_share_its_quota_to_the_byte() {
    let home = home();
    let ran = goes_on(&home, 0, vec![write("a", 5_000)]);
    assert_eq!(came(&ran), ["ok"], "{ran}");
    assert_eq!(counted(&home), [5_000]);

    let rest = BYTES_MAX - 5_000;
    let ran = goes_on(
        &home,
        1,
        vec![write("b", rest + 1), write("c", rest), write("d", 1)],
    );
    assert_eq!(came(&ran), ["error", "ok", "error"], "{ran}");
    assert_eq!(length(&home, "c"), Some(rest as u64));
    assert_eq!(counted(&home), [BYTES_MAX as i64]);

    // What a third one removes, a fourth may add.
    let ran = goes_on(&home, 4, vec![write("e", 1), remove("a")]);
    assert_eq!(came(&ran), ["error", "ok"], "{ran}");
    assert_eq!(counted(&home), [rest as i64]);
    let ran = goes_on(&home, 6, vec![write("f", 5_000), write("g", 1)]);
    assert_eq!(came(&ran), ["ok", "error"], "{ran}");
    assert_eq!(counted(&home), [BYTES_MAX as i64]);

    home.ok(["agent", "stop", SESSION]);
    home.ok(["agent", "rm", SESSION]);
    assert_eq!(counted(&home), [0; 0], "it goes with the session");
}
