//! A repository that the real `git` makes, and what it says of it.

use crate::Git;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use tollgate_sdk::{OutputBlock, ToolError, Tools, testing};

/// A repository in a directory of its own.
pub(crate) struct Made {
    directory: tempfile::TempDir,
    commits: u64,
}

impl Made {
    fn new() -> Self {
        let made = Self {
            directory: tempfile::tempdir().unwrap(),
            commits: 0,
        };
        made.git(&["init", "--quiet", "--initial-branch=main"]);
        made
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Runs `git` in it.
    fn git(&self, words: &[&str]) -> String {
        let time = format!("{} +0130", 1_764_212_104 + self.commits * 60);
        let ran = Command::new("git")
            .args(["-c", "core.abbrev=7", "-c", "core.quotePath=false"])
            .args(words)
            .current_dir(self.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Ada")))
            .envs(
                ["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "ada@example.com")),
            )
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_DATE"), time.clone())))
            .output()
            .unwrap();
        assert!(
            ran.status.success(),
            "git {words:?}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn commit(&mut self, message: &str) {
        self.commits += 1;
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    fn call(&self, name: &str, mut arguments: Value) -> Result<String, ToolError> {
        arguments["repository"] = json!(self.path());
        let output = Git::call(name, &arguments.to_string(), &testing::context())?;
        let texts = output.content.into_iter().map(|block| match block {
            OutputBlock::Text(text) | OutputBlock::Json(text) => text,
            OutputBlock::Blob(blob) => format!("{} bytes", blob.data.len()),
        });
        Ok(texts.collect())
    }
}

/// Files that are added, changed, moved and removed, a merge, and a tag.
fn history() -> Made {
    let mut made = Made::new();
    let lines = |from: usize, to: usize| {
        (from..to)
            .map(|n| format!("line {n}\n"))
            .collect::<String>()
    };
    made.write("src/a.txt", lines(0, 40));
    made.write("b c.txt", "one\ntwo");
    made.write("bytes", [0, 1, 2]);
    made.commit("First\n\nWith a body.\n");
    made.write("src/a.txt", lines(0, 10) + "new\n" + &lines(12, 40));
    made.write("ä/deep/x.rs", "fn x() {\n    1\n}\n");
    made.commit("Second");
    made.git(&["tag", "--annotate", "v1", "--message", "The first"]);
    made.git(&["checkout", "--quiet", "-b", "side"]);
    made.write("b c.txt", "one\n2\n");
    made.write("bytes", [0, 1, 3]);
    made.commit("On the side");
    made.git(&["checkout", "--quiet", "main"]);
    made.write(
        "src/a.txt",
        lines(0, 10) + "new\n" + &lines(12, 39) + "last",
    );
    made.commit("On main");
    made.commits += 1;
    made.git(&["merge", "--quiet", "--no-ff", "side", "--message", "Merge"]);
    made.git(&["mv", "src/a.txt", "moved.txt"]);
    made.commit("Move");
    made.git(&["rm", "--quiet", "b c.txt"]);
    made.write("empty", "");
    made.commit("Remove");
    made
}

fn compare_with_git(made: &Made) {
    let date = ["--date=iso-strict", "--no-decorate"];
    for range in ["HEAD", "v1..HEAD", "side", "HEAD~2^2", "v1^{}"] {
        let ours = made.call("log", json!({"revision": range})).unwrap();
        let words = [&["log"][..], &date, &[range]].concat();
        assert_eq!(ours, made.git(&words), "{range}");
    }
    for path in ["src", "b c.txt", "moved.txt", "ä/deep/x.rs"] {
        let ours = made.call("log", json!({"paths": [path]})).unwrap();
        let words = [&["log"][..], &date, &["--", path]].concat();
        assert_eq!(ours, made.git(&words), "{path}");
    }
    for revision in ["HEAD", "HEAD~1", "side", "v1~1", "HEAD~3"] {
        let ours = made.call("show", json!({"revision": revision})).unwrap();
        let words = [&["show", "--no-renames"][..], &date, &[revision]].concat();
        assert_eq!(ours, made.git(&words), "{revision}");
    }
    for (from, to) in [("v1", "HEAD"), ("HEAD", "v1~1"), ("side", "main")] {
        let ours = made.call("diff", json!({"from": from, "to": to})).unwrap();
        assert_eq!(
            ours,
            made.git(&["diff", "--no-renames", from, to]),
            "{from} {to}"
        );
        let ours = made
            .call("diff", json!({"from": from, "to": to, "names_only": true}))
            .unwrap();
        let theirs = made.git(&["diff", "--no-renames", "--name-status", from, to]);
        assert_eq!(ours, theirs, "{from} {to}");
    }
    let theirs = made.git(&["blame", "-s", "--abbrev=6", "HEAD", "--", "moved.txt"]);
    let ours = made.call("blame", json!({"path": "moved.txt"})).unwrap();
    let ids = |text: &str| -> Vec<String> {
        // Git marks lines of the first commit with a caret in the place of a digit.
        let id = |line: &str| -> String { line.trim_start_matches('^').chars().take(6).collect() };
        text.lines().map(id).collect()
    };
    assert_eq!(ids(&ours), ids(&theirs));
    let tree = made.git(&["ls-tree", "HEAD"]).lines().count();
    assert_eq!(
        made.call("show", json!({"revision": "HEAD:"}))
            .unwrap()
            .lines()
            .count(),
        tree
    );
    let file = made
        .call("show", json!({"revision": "v1:b c.txt"}))
        .unwrap();
    assert_eq!(file, made.git(&["show", "v1:b c.txt"]));
}

#[test]
fn loose_objects_are_read_as_git_reads_them() {
    compare_with_git(&history());
}

#[test]
fn packs_are_read_as_git_reads_them() {
    let made = history();
    made.git(&["gc", "--quiet", "--aggressive", "--prune=now"]);
    assert!(made.path().join(".git/packed-refs").is_file());
    compare_with_git(&made);
}

#[test]
fn references_are_those_of_git() {
    let made = history();
    for packed in [false, true] {
        if packed {
            made.git(&["pack-refs", "--all"]);
        }
        let answer: Value = serde_json::from_str(&made.call("refs", json!({})).unwrap()).unwrap();
        let ours: String = answer["refs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| {
                format!(
                    "{} {}\n",
                    r["id"].as_str().unwrap(),
                    r["name"].as_str().unwrap()
                )
            })
            .collect();
        assert_eq!(
            ours,
            made.git(&["for-each-ref", "--format=%(objectname) %(refname)"])
        );
        assert_eq!(answer["head"], "refs/heads/main");
        assert_eq!(
            answer["head_commit"],
            made.git(&["rev-parse", "HEAD"]).trim()
        );
        let tag = &answer["refs"].as_array().unwrap()[2];
        assert_eq!(tag["tag_of"], made.git(&["rev-parse", "v1^{}"]).trim());
    }
}

#[test]
fn revisions_are_named_in_many_ways() {
    let made = history();
    let whole = made.git(&["rev-parse", "HEAD~1"]);
    for revision in [
        whole.trim(),
        &whole[..9],
        "HEAD^",
        "@~1",
        "main~1",
        "heads/main~1",
        "HEAD~1^0",
    ] {
        let ours = made
            .call("log", json!({"revision": revision, "commits_max": 1}))
            .unwrap();
        assert!(
            ours.starts_with(&format!("commit {}", whole.trim())),
            "{revision}: {ours}"
        );
    }
    for bad in [
        "nothing",
        "HEAD~99",
        "HEAD^3",
        "HEAD^{x}",
        "main...side",
        "HEAD@{1}",
        "../HEAD",
        "config",
    ] {
        assert!(made.call("log", json!({"revision": bad})).is_err(), "{bad}");
    }
    assert!(matches!(
        made.call("blame", json!({"path": "no"})),
        Err(ToolError::NotFound(_))
    ));
}

#[test]
fn answers_are_bounded_and_say_how_to_go_on() {
    let made = history();
    let ours = made
        .call("log", json!({"commits_max": 2, "short": true}))
        .unwrap();
    assert!(
        ours.ends_with("[there are more; go on with skip 2]"),
        "{ours}"
    );
    let ours = made.call("log", json!({"skip": 99})).unwrap();
    assert_eq!(ours, "[no commits]");
    let ours = made
        .call(
            "blame",
            json!({"path": "moved.txt", "start_line": 2, "lines_max": 3}),
        )
        .unwrap();
    assert!(
        ours.ends_with("[lines 2 to 4 of 39; go on with start_line 5]"),
        "{ours}"
    );
    for bad in [
        ("log", json!({"commits_max": 501})),
        ("blame", json!({"path": "moved.txt", "start_line": 99})),
        ("show", json!({"context_lines": 21})),
        ("log", json!({"paths": ["../x"]})),
    ] {
        assert!(made.call(bad.0, bad.1).is_err());
    }
}

#[test]
fn every_tool_is_there_with_a_schema_of_an_object() {
    for spec in Git::list() {
        let schema: Value = serde_json::from_str(&spec.input_schema_json).unwrap();
        assert_eq!(schema["type"], "object", "{}", spec.name);
        assert_eq!(schema["additionalProperties"], false, "{}", spec.name);
        for (field, about) in schema["properties"].as_object().unwrap() {
            assert!(about["description"].is_string(), "{}.{field}", spec.name);
        }
    }
}
