//! What the documents refer to is there.

use crate::support::place;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every document under version control.
pub(super) fn documents() -> Vec<PathBuf> {
    let root = place::repository();
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "*.md",
        ])
        .current_dir(&root)
        .output()
        .unwrap();
    let names = String::from_utf8(listed.stdout).unwrap();
    let names = names.split('\0').filter(|name| !name.is_empty());
    let documents: Vec<PathBuf> = names
        .map(|name| root.join(name))
        .filter(|path| path.is_file())
        .collect();
    for expected in ["README.md", "ARCHITECTURE.md", "plugins/files/README.md"] {
        assert!(
            documents.contains(&root.join(expected)),
            "{expected} is not listed: {documents:?}"
        );
    }
    documents
}

/// The targets of a document's links.
fn targets(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(to, _)| to)
        .collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut followed = 0;
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for target in targets(&text) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            let leads_to = document.parent().unwrap().join(path);
            assert!(
                leads_to.exists(),
                "{}: {target} is not there",
                document.display()
            );
            followed += 1;
        }
    }
    assert!(followed >= 6, "{followed}");
}

/// The directories of the host's crates.
fn host_crates() -> Vec<String> {
    let host = place::repository().join("host");
    let mut names: Vec<String> = std::fs::read_dir(host)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn architecture() -> String {
    std::fs::read_to_string(place::repository().join("ARCHITECTURE.md")).unwrap()
}

#[test]
fn the_architecture_names_every_host_crate() {
    let text = architecture();
    let map = text.split("```").nth(1).unwrap();
    for name in host_crates() {
        assert!(
            map.contains(&format!("  {name}/")),
            "host/{name} is not on the map"
        );
        assert!(
            text.contains(&format!("\n## host/{name}\n")),
            "host/{name} has no chapter"
        );
    }
    // And none that is not there.
    for line in text
        .lines()
        .filter_map(|line| line.strip_prefix("## host/"))
    {
        assert!(
            host_crates().iter().any(|name| name == line),
            "host/{line} is not there"
        );
    }
}

#[test]
fn the_files_that_the_architecture_names_are_there() {
    let text = architecture();
    let (_, chapter) = text.split_once("## host/sandbox\n").unwrap();
    let source = place::repository().join("host/sandbox/src");
    let mut named = 0;
    for line in chapter.lines().take_while(|line| !line.starts_with("## ")) {
        let Some(cells) = line.strip_prefix("| `") else {
            continue;
        };
        let in_backticks = cells.split('`').step_by(2);
        for path in in_backticks.filter(|path| path.ends_with(".rs") || path.ends_with('/')) {
            let near = source.join(path).exists() || beside(&source, cells, path);
            assert!(near, "{path} is not in host/sandbox/src: {line}");
            named += 1;
        }
    }
    assert!(named >= 15, "{named}");
}

/// Whether a file named after a directory of the same row is in that directory.
fn beside(source: &Path, row: &str, path: &str) -> bool {
    row.split('`')
        .step_by(2)
        .any(|directory| source.join(directory).join(path).exists())
}
