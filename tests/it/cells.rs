//! Access × operation on files: a guest tries every cell, the disk says what truly happened, and the table of
//! `docs/file-access.md` is what came of it.

use crate::support::{Home, place};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The columns: what is granted on the directory.
const GRANTED: [(&str, &str); 6] = [
    ("no grant", ""),
    ("fs.read", r#""fs.read {MOUNT} at /data""#),
    ("fs.create", r#""fs.create {MOUNT} at /data""#),
    ("fs.write", r#""fs.write {MOUNT} at /data""#),
    ("fs.full", r#""fs.full {MOUNT} at /data""#),
    (
        "full, no write",
        r#""fs.full {MOUNT} at /data", { deny = "fs.write {MOUNT} at *" }"#,
    ),
];

/// An operation: its name in the guest, in words, and what it does to the disk.
type Operation = (&'static str, &'static str, &'static [&'static str]);

/// In the order of the table.
const OPERATIONS: [Operation; 38] = [
    ("look", "look at a file", &[]),
    ("identify", "hash what identifies it", &[]),
    ("read_link", "read a symbolic link", &[]),
    ("list", "list a directory", &[]),
    ("read", "open to read", &[]),
    ("read_through_link", "the same through a link", &[]),
    ("create", "create a file by opening", &["+ new.txt: NEW"]),
    ("create_new", "the same, exclusively", &["+ new.txt: NEW"]),
    ("create_new_over", "the same, where one is", &[]),
    ("make_directory", "make a directory", &["+ new: directory"]),
    (
        "make_link",
        "make a symbolic link",
        &["+ new-link: link to note.txt"],
    ),
    ("make_link_over", "the same, where a file is", &[]),
    (
        "second_name",
        "give a file a second name",
        &["+ second.txt: a note"],
    ),
    ("second_name_over", "the same, where a file is", &[]),
    ("write", "open to write, and write", &["~ note.txt: NEWote"]),
    (
        "write_or_create",
        "the same, create if missing",
        &["~ note.txt: NEWote"],
    ),
    (
        "write_through_link",
        "the same through a link",
        &["~ note.txt: NEWote"],
    ),
    ("append", "append", &["~ note.txt: a note NEW"]),
    ("truncate", "truncate by opening", &["~ note.txt: "]),
    ("set_size", "set the size", &["~ note.txt: a"]),
    ("set_size_of_one_read", "the same, opened to read", &[]),
    ("write_to_one_read", "write, opened to read", &[]),
    ("set_times", "set times", &["~ note.txt: a note"]),
    (
        "set_times_of_open",
        "the same, opened to write",
        &["~ note.txt: a note"],
    ),
    (
        "set_times_of_one_read",
        "the same, opened to read",
        &["~ note.txt: a note"],
    ),
    ("delete", "delete a file", &["- note.txt"]),
    ("delete_link", "delete a symbolic link", &["- link"]),
    ("remove_directory", "remove a directory", &["- empty"]),
    (
        "rename",
        "rename a file",
        &["+ moved.txt: a note", "- note.txt"],
    ),
    (
        "rename_over",
        "rename a file onto another",
        &["- note.txt", "~ other.txt: a note"],
    ),
    (
        "rename_directory",
        "rename a directory",
        &[
            "+ moved: directory",
            "+ moved/inner.txt: inner",
            "- sub",
            "- sub/inner.txt",
        ],
    ),
    (
        "rename_directory_over",
        "the same, onto an empty one",
        &["+ empty/inner.txt: inner", "- sub", "- sub/inner.txt"],
    ),
    (
        "own_write",
        "write what this call made",
        &["+ own.txt: OWN words"],
    ),
    (
        "own_truncate",
        "truncate it by opening again",
        &["+ own.txt: "],
    ),
    ("own_set_size", "set its size", &["+ own.txt: own"]),
    ("own_rename", "rename it", &["+ moved.txt: own words"]),
    (
        "own_rename_over",
        "rename it onto another",
        &["~ note.txt: own words"],
    ),
    ("own_delete", "delete it", &[]),
];

/// What a refused operation on a file of the call's own leaves: the file, where it could be made.
const OWN: [&str; 1] = ["+ own.txt: own words"];

#[test]
fn every_access_allows_the_operations_of_the_printed_table_and_no_other() {
    let columns = GRANTED.map(|(_, grants)| tried(grants));
    let mut shown = format!("{:<30}", "");
    for (name, _) in GRANTED {
        write!(shown, "{name:<15}").unwrap();
    }
    for (name, words, _) in OPERATIONS {
        write!(shown.trimmed(), "\n{words:<30}").unwrap();
        for column in &columns {
            write!(shown, "{:<15}", column[name]).unwrap();
        }
    }
    shown.trimmed().push('\n');
    insta::assert_snapshot!(shown);
    let page = place::repository().join("docs/file-access.md");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(
        page.contains(&format!("```text\n{shown}```\n")),
        "docs/file-access.md has another table than:\n{shown}"
    );
}

/// A table is written without spaces at the end of its lines.
trait Trimmed {
    fn trimmed(&mut self) -> &mut Self;
}

impl Trimmed for String {
    fn trimmed(&mut self) -> &mut Self {
        self.truncate(self.trim_end().len());
        self
    }
}

/// What came of each operation under these grants, as the guest saw it; the disk must agree.
fn tried(grants: &str) -> BTreeMap<&'static str, String> {
    let home = Home::new();
    let mount = home.root().join("mount");
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for (name, _, _) in OPERATIONS {
        furnish(&mount.join(name), long_ago);
    }
    let before = OPERATIONS.map(|(name, _, _)| look(&mount.join(name), long_ago));
    let component = place::hostile().join("many.wasm");
    let grants = grants.replace("{MOUNT}", mount.to_str().unwrap());
    home.policy(&format!(
        "version = 1\n[plugins.cells]\ncomponent = {component:?}\ngrants = [{grants}]\n"
    ));
    let arguments = json!({ "guest": "cells" }).to_string();
    let answer = home.json(["call", "cells", "attempt", "--arguments-json", &arguments]);
    let said: Vec<(&str, &str)> = answer
        .pointer("/content/0/json")
        .and_then(Value::as_array)
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap().split_once(": ").unwrap())
        .collect();
    let names: Vec<&str> = said.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, OPERATIONS.map(|(name, _, _)| name));

    let mut came = BTreeMap::new();
    for (((name, _, effect), (_, saw)), before) in OPERATIONS.iter().zip(&said).zip(&before) {
        let happened = changes(before, &look(&mount.join(name), long_ago));
        let word = if *saw == "ok" {
            assert_eq!(happened, *effect, "{grants}: {name} succeeded");
            "yes"
        } else {
            let allowed = name.starts_with("own_") && happened == OWN;
            assert!(
                happened.is_empty() || allowed,
                "{grants}: {name} failed with {saw}, and yet {happened:?}"
            );
            saw
        };
        came.insert(*name, word.to_owned());
    }
    came
}

/// What every operation finds.
fn furnish(directory: &Path, long_ago: SystemTime) {
    for name in ["sub", "empty"] {
        std::fs::create_dir_all(directory.join(name)).unwrap();
    }
    for (name, text) in [
        ("note.txt", "a note"),
        ("other.txt", "another"),
        ("sub/inner.txt", "inner"),
    ] {
        std::fs::write(directory.join(name), text).unwrap();
        let file = std::fs::File::options()
            .write(true)
            .open(directory.join(name))
            .unwrap();
        file.set_modified(long_ago).unwrap();
    }
    std::os::unix::fs::symlink("note.txt", directory.join("link")).unwrap();
}

/// What is below a directory: what it is, and whether it was changed since it was made.
type Look = BTreeMap<String, (String, bool)>;

fn look(directory: &Path, long_ago: SystemTime) -> Look {
    let mut found = Look::new();
    walk(directory, "", long_ago, &mut found);
    found
}

fn walk(directory: &Path, above: &str, long_ago: SystemTime, found: &mut Look) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        let name = format!("{above}{name}");
        let meta = entry.metadata().unwrap();
        let is = if meta.is_dir() {
            walk(&path, &format!("{name}/"), long_ago, found);
            ("directory".to_owned(), false)
        } else if meta.is_symlink() {
            let text = std::fs::read_link(&path).unwrap();
            (format!("link to {}", text.display()), false)
        } else {
            let changed = meta.modified().unwrap() != long_ago;
            (std::fs::read_to_string(&path).unwrap(), changed)
        };
        found.insert(name, is);
    }
}

/// What is new, gone or other, in the order of the names.
fn changes(before: &Look, after: &Look) -> Vec<String> {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| match (before.get(name), after.get(name)) {
            (None, Some((is, _))) => Some(format!("+ {name}: {is}")),
            (Some(_), None) => Some(format!("- {name}")),
            (Some(was), Some(is)) if was != is => Some(format!("~ {name}: {}", is.0)),
            _ => None,
        })
        .collect()
}
