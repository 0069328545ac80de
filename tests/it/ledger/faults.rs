//! A disk that fails, one that may only be read, a lock that somebody keeps, a file that is damaged: nothing is
//! done that the ledger does not know, nothing that it knows is lost, and work goes on when the fault is gone.

use crate::support::{Home, Ran, ledger};
use rusqlite::Connection;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// How far the limit of file sizes moves from one call to the next, blocks of 512 bytes (POSIX `ulimit -f`).
const STEP_BLOCKS: u64 = 8;
const SHELL_IGNORES_LIMIT: &str = "trap '' XFSZ; ulimit -f $0; exec \"$@\"";

struct House {
    home: Home,
    out: PathBuf,
    grant: String,
}

impl House {
    fn new() -> Self {
        let home = Home::new();
        let out = home.root().join("out");
        std::fs::create_dir_all(&out).unwrap();
        let grant = format!("fs.create {} at /out", out.display());
        let house = Self { home, out, grant };
        assert_eq!(Ran::of(house.writing("first")).code, Some(0));
        house
    }

    /// A call that makes one file.
    fn writing(&self, name: &str) -> Command {
        let (path, content) = (format!("path=/out/{name}"), format!("content={name}"));
        let words = [
            "call",
            "files",
            "write",
            &path,
            &content,
            "--grant",
            &self.grant,
        ];
        self.home.command(words)
    }

    fn made(&self, name: &str) -> bool {
        self.out.join(name).exists()
    }

    /// What the ledger says of the file: an intent, and an outcome.
    fn told(&self, name: &str) -> (bool, bool) {
        let entries = ledger::read(&self.home.own());
        let target = format!("/out/{name}");
        let intent = entries.iter().find(|entry| {
            entry.text("/state") == "intended" && entry.text("/target/text").ends_with(&target)
        });
        let receipt = intent.map(|entry| entry.text("/receipt").to_owned());
        let settled = |receipt: &String| {
            entries.iter().any(|entry| {
                entry.kind() == "outcome"
                    && entry.text("/receipt") == receipt
                    && entry.text("/outcome/result") == "ok"
            })
        };
        (intent.is_some(), receipt.as_ref().is_some_and(settled))
    }

    fn database(&self) -> PathBuf {
        self.home.own().join("state/store/store.db")
    }

    /// Everything that was signed holds, and a call works.
    fn works(&self, name: &str) {
        self.home.ok(["ledger", "consistency"]);
        let ran = Ran::of(self.writing(name));
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(self.made(name));
        assert_eq!(self.told(name), (true, true));
    }
}

/// The command in a shell that does something before it.
fn within(shell: &str, first: &str, command: &Command) -> Command {
    let mut wrapped = Command::new("sh");
    wrapped
        .args(["-c", shell, first])
        .arg(command.get_program());
    wrapped.args(command.get_args());
    for (name, value) in command.get_envs() {
        wrapped.env(name, value.unwrap());
    }
    if let Some(directory) = command.get_current_dir() {
        wrapped.current_dir(directory);
    }
    wrapped
}

#[test]
fn a_write_that_fails_stops_the_effect_or_leaves_it_open() {
    let house = House::new();
    let wal = house.database().with_file_name("store.db-wal");
    let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
    // Below what is there every write fails; a little above, each of them in turn does.
    let largest = size(&house.database()).max(size(&wal));
    let mut seen = std::collections::BTreeMap::<(bool, bool, bool), u32>::new();
    let mut limit = 0;
    for n in 0.. {
        let name = format!("f{n}");
        let ran = Ran::of(within(
            SHELL_IGNORES_LIMIT,
            &limit.to_string(),
            &house.writing(&name),
        ));
        let (intended, settled) = house.told(&name);
        let made = house.made(&name);
        *seen.entry((intended, made, settled)).or_default() += 1;
        let case = format!("limit {limit}: {ran}");
        assert!(!made || intended, "an effect without an intent; {case}");
        assert!(!settled || made, "an outcome without an effect; {case}");
        if ran.code == Some(0) {
            assert!(settled, "{case}");
            break;
        }
        assert!(matches!(ran.code, Some(1 | 3 | 4)), "{case}");
        assert!(limit * 512 < largest * 4, "{case}");
        limit += STEP_BLOCKS;
    }
    println!("(intent, effect, outcome): {seen:?}");
    assert!(seen[&(false, false, false)] > 1, "{seen:?}");
    house.works("after");
}

#[test]
fn a_store_that_may_only_be_read_allows_nothing_that_changes_the_world() {
    let house = House::new();
    let state = house.home.own().join("state");
    let shell = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\"";
    let inside = within(shell, state.to_str().unwrap(), &house.writing("second"));
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount"]);
    command.arg(inside.get_program()).args(inside.get_args());
    for (name, value) in inside.get_envs() {
        command.env(name, value.unwrap());
    }
    let ran = Ran::of(command);
    if ran.stderr.contains("Operation not permitted") {
        eprintln!("skipped: this machine forbids mount namespaces");
        return;
    }
    assert!(matches!(ran.code, Some(1 | 3 | 4)), "{ran}");
    assert!(!house.made("second"));
    house.works("after");
}

#[test]
fn a_lock_that_is_kept_is_waited_for_and_then_said() {
    let house = House::new();
    let holder = Connection::open(house.database()).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let ran = Ran::of(house.writing("second"));
    assert!(began.elapsed() > Duration::from_secs(4), "{ran}");
    assert!(matches!(ran.code, Some(1 | 3 | 4)), "{ran}");
    assert!(ran.stderr.contains("lock"), "{ran}");
    assert!(!house.made("second"));
    holder.execute_batch("ROLLBACK").unwrap();
    house.works("after");
}

/// Writes over the pages of a table that hold this text.
fn tear(house: &House, text: &str, offset: usize) {
    let connection = Connection::open(house.database()).unwrap();
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    drop(connection);
    let bytes = std::fs::read(house.database()).unwrap();
    let at = bytes
        .windows(text.len())
        .position(|window| window == text.as_bytes())
        .unwrap_or_else(|| panic!("{text:?} is nowhere in the database"));
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(house.database())
        .unwrap();
    file.write_all_at(&[0xa5; 64], (at + offset) as u64)
        .unwrap();
}

#[test]
fn a_torn_page_is_found_and_repaired_only_when_asked_to() {
    let house = House::new();
    for n in 0..8 {
        assert_eq!(Ran::of(house.writing(&format!("w{n}"))).code, Some(0));
    }
    let key = house.home.ok(["ledger", "key"]).stdout;
    let untouched = house.home.ok(["ledger", "repair"]);
    assert!(untouched.stdout.contains("nothing is wrong"), "{untouched}");
    let mut beside = std::fs::read_dir(house.database().parent().unwrap()).unwrap();
    let is_kept = |name: &str| name.starts_with("damaged-");
    assert!(!beside.any(|one| is_kept(one.unwrap().file_name().to_str().unwrap())));

    tear(&house, "/out/w5", 0);
    let found = house.home.run(["ledger", "consistency"]);
    assert_eq!(found.code, Some(1), "{found}");
    assert!(found.stderr.contains("tollgate ledger repair"), "{found}");

    let damaged = std::fs::read(house.database()).unwrap();
    let repaired = house.home.json(["ledger", "repair"]);
    assert_eq!(repaired["repaired"], true, "{repaired}");
    assert!(repaired["lost"].as_u64().unwrap() > 0, "{repaired}");
    let kept = PathBuf::from(repaired["kept"].as_str().unwrap()).join("store.db");
    assert!(
        std::fs::read(kept).unwrap() == damaged,
        "what was damaged is not kept as it was"
    );
    // What comes before it is there, and the ledger does not pass for the one that was signed.
    assert_eq!(house.told("w2"), (true, true));
    assert_eq!(house.told("w7"), (false, false));
    assert_ne!(house.home.ok(["ledger", "key"]).stdout, key);
    let entries = ledger::read(&house.home.own());
    let record = entries
        .iter()
        .find(|entry| entry.text("/what") == "ledger.repair")
        .unwrap();
    assert!(
        record.text("/detail").contains("are lost"),
        "{}",
        record.written()
    );
    house.works("after");
    let again = house.home.ok(["ledger", "repair"]);
    assert!(again.stdout.contains("nothing is wrong"), "{again}");
}

#[test]
fn a_file_that_was_cut_off_is_found_and_repaired() {
    let house = House::new();
    for n in 0..40 {
        assert_eq!(Ran::of(house.writing(&format!("w{n}"))).code, Some(0));
    }
    tear(&house, "SQLite format 3", 4096 * 2);
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(house.database())
        .unwrap();
    let whole = file.metadata().unwrap().len();
    file.set_len(whole - 3 * 4096).unwrap();
    drop(file);
    let ran = Ran::of(house.writing("second"));
    let said = house.home.run(["ledger", "consistency"]);
    assert!(ran.code != Some(0) || said.code != Some(0), "{ran}{said}");
    let repaired = house.home.json(["ledger", "repair"]);
    assert_eq!(repaired["repaired"], true, "{repaired}");
    house.works("after");
}
