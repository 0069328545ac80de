//! The plugin `git` on a clone of this repository, held against the real `git`.

use super::receipts;
use crate::support::{Home, place};
use std::path::Path;
use std::process::Command;

const GRANT: &str = "fs.read .git at /project/.git except config hooks/**";
/// Commits that are compared.
const COMMITS: usize = 25;

fn git(directory: &Path, words: &[&str]) -> String {
    let ran = Command::new("git")
        .args(["-c", "core.abbrev=7", "-c", "core.quotePath=false"])
        .args(words)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    let talk = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "git {words:?}: {talk}");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

/// A home whose working directory is a clone with one pack.
fn cloned() -> Home {
    let mut home = Home::new();
    // An address makes `git` send a pack; a path would make links to the files of this repository.
    let from = format!("file://{}", place::repository().display());
    git(home.root(), &["clone", "--quiet", &from, "clone"]);
    home.work_in(home.root().join("clone"));
    home
}

fn call(home: &Home, tool: &str, more: &[&str]) -> String {
    let words = ["call", "git", tool, "repository=/project"];
    // As JSON: for people, control characters of what a repository holds are escaped.
    let called = home.json(words.iter().chain(more));
    // What was left out of a long answer is told in a piece of its own.
    let pieces = called["content"].as_array().unwrap();
    let texts: Option<Vec<_>> = pieces.iter().map(|one| one["text"].as_str()).collect();
    match texts {
        Some(texts) => format!("{}\n", texts.join("\n").trim_end_matches('\n')),
        // What is no text is told in one line.
        None => home.ok(words.iter().chain(more)).stdout,
    }
}

/// The numbers of Git's short names depend on how many objects there are.
fn without_index_lines(patch: &str) -> String {
    let lines = patch.lines().filter(|line| !line.starts_with("index "));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn history_is_read_as_git_reads_it() {
    let home = cloned();
    home.ok(["grant", "add", "git", GRANT]);
    let count = COMMITS.to_string();
    let date = ["--date=iso-strict", "--no-decorate"];
    let zone = |text: String| text.replace("Z\n", "+00:00\n");
    let theirs = git(home.work(), &[&["log", "-n", &count][..], &date].concat());
    let ours = call(&home, "log", &[&format!("commits_max={count}")]);
    let ours = ours.split("\n[there are more").next().unwrap_or_default();
    assert_eq!(ours.trim_end(), zone(theirs).trim_end());

    let path = "host/grants/src";
    let theirs = git(
        home.work(),
        &[&["log", "-n", "5"][..], &date, &["--", path]].concat(),
    );
    let ours = call(
        &home,
        "log",
        &["commits_max=5", &format!("paths:=[{path:?}]")],
    );
    let ours = ours.split("\n[there are more").next().unwrap_or_default();
    assert_eq!(ours.trim_end(), zone(theirs).trim_end());

    let file = "host/grants/src/lib.rs";
    let theirs = git(home.work(), &["show", &format!("HEAD:{file}")]);
    assert_eq!(
        call(&home, "show", &[&format!("revision=HEAD:{file}")]),
        theirs
    );
    let theirs = git(
        home.work(),
        &["blame", "-s", "-l", "--root", "HEAD", "--", file],
    );
    let ours = call(&home, "blame", &[&format!("path={file}")]);
    let ids =
        |text: &str| -> Vec<String> { text.lines().map(|l| l.chars().take(7).collect()).collect() };
    assert_eq!(ids(&ours), ids(&theirs));
}

#[test]
fn patches_are_those_of_git() {
    let home = cloned();
    home.ok(["grant", "add", "git", GRANT]);
    let ids = git(home.work(), &["rev-list", "--no-merges", "-n", "8", "HEAD"]);
    let (mut made, mut same) = (0, 0);
    for id in ids.lines() {
        let ours = call(&home, "show", &[&format!("revision={id}")]);
        // Nor can git's own patch be applied that says only that a binary file differs.
        if ours.contains("[cut after") || ours.lines().any(|line| line.starts_with("Binary files "))
        {
            continue;
        }
        // Whatever lines it chose, what it makes of the parent is the commit.
        assert_eq!(applied(&home, id, &ours), tree(&home, id), "{id}");
        let words = [
            "show",
            "--no-renames",
            "--date=iso-strict",
            "--no-decorate",
            id,
        ];
        let theirs = git(home.work(), &words).replace("Z\n", "+00:00\n");
        made += 1;
        same += usize::from(without_index_lines(&ours) == without_index_lines(&theirs));
    }
    // Of several differences that are equally short, another one may be chosen.
    assert!(made > 0 && same * 2 >= made, "{same} of {made}");
}

/// The tree of a commit.
fn tree(home: &Home, id: &str) -> String {
    git(home.work(), &["rev-parse", &format!("{id}^{{tree}}")])
}

/// The tree that a patch makes of a commit's parent.
fn applied(home: &Home, id: &str, patch: &str) -> String {
    let path = home.root().join("patch");
    std::fs::write(&path, patch).unwrap();
    git(home.work(), &["read-tree", &format!("{id}^")]);
    git(home.work(), &["apply", "--cached", path.to_str().unwrap()]);
    git(home.work(), &["write-tree"])
}

#[test]
fn every_file_of_the_repository_is_read_through_the_gate() {
    let home = cloned();
    let log = ["call", "git", "log", "repository=/project", "commits_max=1"];
    let refused = home.run(log);
    assert_ne!(refused.code, Some(0), "{refused}");
    // `.git` alone is enough; with its configuration left out nothing is missing.
    home.ok(["grant", "add", "git", GRANT]);
    home.ok(log);
    let refs = call(&home, "refs", &[]);
    assert!(refs.contains("refs/remotes/origin/"), "{refs}");
    let receipts = receipts(&home, "git");
    let opened = |part: &str| {
        receipts
            .iter()
            .any(|line| line.starts_with("fs.open.read allowed") && line.contains(part))
    };
    assert!(opened("/project/.git/objects/pack/pack-"), "{receipts:?}");
    assert!(opened("/project/.git/HEAD"), "{receipts:?}");
    assert!(
        !receipts.iter().any(|line| line.contains(".git/config")),
        "{receipts:?}"
    );
}

#[test]
fn what_the_grant_leaves_out_is_a_denial() {
    let home = cloned();
    home.ok([
        "grant",
        "add",
        "git",
        "fs.read .git at /project/.git except objects/pack/**",
    ]);
    let ran = home.run(["call", "git", "log", "repository=/project"]);
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.stderr.contains("/project/.git/objects/pack"), "{ran}");
}

#[test]
fn a_linked_worktree_is_refused_with_what_to_do() {
    let home = cloned();
    git(home.work(), &["worktree", "add", "--quiet", "../linked"]);
    let linked = home.root().join("linked");
    let grant = format!("fs.read {} at /project", linked.display());
    home.ok(["grant", "add", "git", &grant]);
    let ran = home.run(["call", "git", "log", "repository=/project"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("linked worktree"), "{ran}");
}
