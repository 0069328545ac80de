//! Evidence that leaves the machine: an export, verified elsewhere with nothing but the public key.

mod bytes;
mod faults;

use crate::support::{Home, Ran, place};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::process::Command;

/// A home in which a plugin was allowed something and refused something.
fn home() -> Home {
    let home = Home::new();
    let project = home.root().join("project");
    std::fs::create_dir_all(&project).unwrap();
    std::fs::write(project.join("a.txt"), "TODO one").unwrap();
    let grant = format!("fs.read {} at /project", project.display());
    home.ok(["call", "files", "search", "pattern=TODO", "--grant", &grant]);
    let refused = home.run([
        "call",
        "files",
        "write",
        "path=/project/x",
        "content=hi",
        "--grant",
        &grant,
    ]);
    assert_eq!(refused.code, Some(3));
    home
}

fn key(home: &Home) -> String {
    home.ok(["ledger", "key"]).stdout.trim().to_owned()
}

fn export(home: &Home, name: &str) -> PathBuf {
    let file = home.root().join(name);
    let path = file.to_str().unwrap();
    home.ok(["receipt", "export", "--since", "1h", "--out", path]);
    file
}

/// The program that is built of the receipts alone.
fn verify_program(file: &std::path::Path, key: &str) -> Ran {
    let mut command = Command::new(place::binary().with_file_name("tollgate-verify"));
    command.env_clear().arg(file).args(["--key", key]);
    Ran::of(command)
}

/// The file with other lines and the digest that they have.
fn rewritten(file: &std::path::Path, change: impl Fn(&str) -> Option<String>) -> PathBuf {
    let text = std::fs::read_to_string(file).unwrap();
    let mut changed = String::new();
    for line in text.lines().filter(|line| !line.starts_with("sha256 ")) {
        if let Some(line) = change(line) {
            changed.push_str(&line);
            changed.push('\n');
        }
    }
    let digest = Sha256::digest(changed.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    changed.push_str(&format!("sha256 {digest}\n"));
    let path = file.with_extension("changed");
    std::fs::write(&path, changed).unwrap();
    path
}

#[test]
fn an_export_is_read_and_verified_where_there_is_no_store() {
    let home = home();
    let (file, key) = (export(&home, "all.export"), key(&home));
    let found = verify_program(&file, &key);
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    assert!(found.stdout.contains("complete to 2"), "{}", found.stdout);
    // A call's session ends with it; that of the host goes on.
    for line in found.stdout.lines() {
        let closed = line.starts_with("session call_");
        let says = if closed { ", closed" } else { ", open" };
        assert!(
            !line.starts_with("session ") || line.contains(says),
            "{line}"
        );
    }

    let elsewhere = Home::new();
    let path = file.to_str().unwrap();
    let listed = elsewhere.json(["receipt", "list", "--from", path, "--key", &key]);
    let receipts = listed["receipts"].as_array().unwrap();
    let denied: Vec<_> = receipts
        .iter()
        .filter(|receipt| receipt["decision"]["verdict"] == "denied")
        .collect();
    assert_eq!(denied.len(), 1);
    let id = denied[0]["id"].as_str().unwrap();
    let told = elsewhere.ok(["receipt", "explain", id, "--from", path, "--key", &key]);
    assert!(told.stdout.contains("/project/x"), "{}", told.stdout);
    // What is in a file is not chosen again.
    let html = elsewhere.root().join("part.html");
    let part = [
        "receipt",
        "report",
        "--from",
        path,
        "--session",
        "x",
        "--html",
    ];
    let refused = elsewhere.run(part.into_iter().chain(html.to_str()));
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let shown = elsewhere.json(["receipt", "show", id, "--from", path, "--key", &key]);
    assert_eq!(&shown, denied[0]);
    let page = elsewhere.root().join("page.html");
    let html = page.to_str().unwrap();
    elsewhere.ok([
        "receipt", "report", "--from", path, "--key", &key, "--html", html,
    ]);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("/project/x") && !page.contains("<script"));
    assert!(!elsewhere.own().join("state").exists() && !elsewhere.own().join("store.db").exists());
}

#[test]
fn who_leaves_out_a_denial_is_caught() {
    let home = home();
    let (file, key) = (export(&home, "all.export"), key(&home));
    let is_denial = |line: &str| line.contains("access_too_low");
    // The denial is gone, and the header says one record less.
    let gone = rewritten(&file, |line| (!is_denial(line)).then(|| line.to_owned()));
    let found = verify_program(&gone, &key);
    assert_eq!(found.code, Some(12), "{}", found.stderr);
    let counted = rewritten(&file, |line| match line.strip_prefix("{\"created_us\"") {
        Some(_) => {
            let mut header: serde_json::Value = serde_json::from_str(line).unwrap();
            header["records"] = (header["records"].as_u64().unwrap() - 1).into();
            Some(header.to_string())
        }
        None => (!is_denial(line)).then(|| line.to_owned()),
    });
    let found = verify_program(&counted, &key);
    assert_eq!(found.code, Some(10), "{}", found.stderr);
    // One record stands in the place of another: the number is right, and one is missing.
    let lines = std::fs::read_to_string(&file).unwrap();
    let last = lines
        .lines()
        .rev()
        .find(|line| line.contains("\"record\"") || line.contains("\"seq\""));
    let last = last.unwrap().to_owned();
    let replaced = rewritten(&file, |line| {
        Some(if is_denial(line) {
            last.clone()
        } else {
            line.to_owned()
        })
    });
    let found = verify_program(&replaced, &key);
    assert!(matches!(found.code, Some(10 | 11)), "{}", found.stderr);
    // Another word in it.
    let changed = rewritten(&file, |line| {
        Some(line.replace("access_too_low", "access_too_lou"))
    });
    let found = verify_program(&changed, &key);
    assert_eq!(found.code, Some(10), "{}", found.stderr);
    assert!(found.stderr.contains("leaf"), "{}", found.stderr);
    let said = home.run(["receipt", "verify", changed.to_str().unwrap()]);
    assert_eq!(said.code, Some(10));
    let other = Home::new();
    let found = verify_program(&file, &self::key(&other));
    assert_eq!(found.code, Some(10), "{}", found.stderr);
}

#[test]
fn a_published_head_holds_the_ledger_to_its_word() {
    let home = home();
    let heads = home.root().join("heads");
    std::fs::create_dir(&heads).unwrap();
    let published = home.json(["ledger", "publish", "--to", heads.to_str().unwrap()]);
    let head = published["file"].as_str().unwrap().to_owned();
    home.ok(["auth", "login"]);
    let rotated = home.json(["ledger", "rotate-key"]);
    assert_ne!(rotated["old"], rotated["new"]);
    let held = home.json(["ledger", "consistency", "--head", &head]);
    assert!(held["to"].as_u64() > held["from"].as_u64());
    home.ok(["ledger", "consistency"]);
    let within = home.own().join("state");
    let refused = home.run(["ledger", "publish", "--to", within.to_str().unwrap()]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    // The ledger of another home is not what that head is of.
    let other = self::home();
    let refused = other.run(["ledger", "consistency", "--head", &head]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
}

#[test]
fn the_published_schema_is_that_of_every_entry() {
    let home = home();
    let file = place::repository().join("docs/schemas/tollgate.entry-2.schema.json");
    let printed = home.ok(["receipt", "schema"]).stdout;
    if std::env::var_os("TOLLGATE_EXPECT").is_some_and(|word| word == "write") {
        std::fs::write(&file, &printed).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), printed);

    home.ok(["auth", "login"]);
    home.ok(["ledger", "rotate-key"]);
    home.ok(["grant", "add", "files", "fs.read /tmp at /tmp"]);
    let export = export(&home, "all.export");
    let entries = home.root().join("entries.jsonl");
    let text = std::fs::read_to_string(export).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, entry)| entry.starts_with("{\"schema\""))
        .map(|(_, entry)| entry)
        .collect();
    assert!(lines.len() > 5);
    // One that no entry may look like comes last.
    let spoilt = lines[0].replacen("\"seq\":", "\"seq\":-1,\"was\":", 1);
    std::fs::write(&entries, format!("{}\n{spoilt}\n", lines.join("\n"))).unwrap();
    let mut python = Command::new(place::tools().join("python/bin/python"));
    python
        .arg(place::repository().join("tests/it/ledger/validate.py"))
        .args([&file, &entries]);
    let ran = Ran::of(python);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(
        ran.stdout,
        format!("valid {} invalid 1\n", lines.len()),
        "{ran}"
    );
}

#[test]
fn a_session_that_is_forgotten_leaves_a_ledger_that_verifies() {
    let home = home();
    let before = export(&home, "before.export");
    let text = std::fs::read_to_string(&before).unwrap();
    let session = text
        .lines()
        .filter(|line| line.contains(" {\"schema\""))
        .filter_map(|line| line.split("\"session\":\"").nth(1)?.split('"').next())
        .find(|session| *session != "host")
        .unwrap()
        .to_owned();
    home.ok(["auth", "login"]);
    let forgotten = home.ok(["agent", "rm", &session, "--forget"]);
    assert!(forgotten.stdout.contains("key"), "{forgotten}");
    assert!(
        !home
            .own()
            .join(format!("state/store/session-keys/{session}.key"))
            .exists()
    );
    let after = export(&home, "after.export");
    for file in [before, after] {
        let found = verify_program(&file, &key(&home));
        assert_eq!(found.code, Some(0), "{found}");
    }
}

#[test]
fn a_ledger_whose_key_is_lost_goes_on_with_another() {
    let home = home();
    home.ok(["auth", "login"]);
    let before = key(&home);
    let out = home.root().join("out.export");
    let export = ["receipt", "export", "--since", "1h", "--out"];
    let export: Vec<&str> = export.into_iter().chain(out.to_str()).collect();
    // As long as it is there it signs the one that follows it.
    let refused = home.run(["ledger", "rotate-key", "--lost"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("not lost"), "{refused}");

    std::fs::remove_file(home.own().join("state/store/ledger-key")).unwrap();
    let failed = home.run(&export);
    assert_eq!(failed.code, Some(1), "{failed}");
    assert!(
        failed.stderr.contains("tollgate ledger rotate-key --lost"),
        "{failed}"
    );
    let rotated = home.json(["ledger", "rotate-key", "--lost"]);
    assert_eq!(rotated["old"], before.as_str());
    let after = key(&home);
    assert_eq!(rotated["new"], after.as_str());
    home.ok(&export);
    assert_eq!(verify_program(&out, &after).code, Some(0));
    assert_eq!(verify_program(&out, &before).code, Some(10));
    // What the old key has signed still holds, and what happened is on record.
    home.ok(["ledger", "consistency"]);
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.contains("whose private part is lost"), "{text}");
}
