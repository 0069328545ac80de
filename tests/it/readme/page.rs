//! Every `console` block of README.md, run in order in one directory and one fresh home.
//!
//! Whole outputs are compared, after what differs from run to run is blanked ([`normal`]). Ids are
//! followed: where the page names one that an earlier command printed, the command gets the real one.
//!
//! `TOLLGATE_EXPECT=write` writes what was printed into README.md, to be reviewed as a diff.

use super::normal::{self, Ids};
use crate::support::{Home, place};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The directory of the page's reader.
const SHOWN_DIRECTORY: &str = "/home/you/notes";
/// The reader and the reader's machine.
const SHOWN_IDENTITY: &str = "os:you (local:machine)";

/// A fenced block: its language, and its lines with their numbers from 0.
struct Block {
    language: String,
    lines: Vec<(usize, String)>,
}

/// One command of a `console` block, and what is printed after it.
struct Step {
    line: usize,
    command: String,
    shown: Vec<String>,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(language), None) => {
                open = Some(Block {
                    language: language.to_owned(),
                    lines: Vec::new(),
                });
            }
            (None, Some(mut block)) => {
                block.lines.push((number, line.to_owned()));
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// The commands of all `console` blocks, in order.
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in blocks(text)
        .into_iter()
        .filter(|block| block.language == "console")
    {
        let before = steps.len();
        for (line, text) in block.lines {
            if let Some(command) = text.strip_prefix("$ ") {
                steps.push(Step {
                    line,
                    command: command.to_owned(),
                    shown: Vec::new(),
                });
            } else {
                assert!(
                    steps.len() > before,
                    "line {}: output before a command",
                    line + 1
                );
                steps.last_mut().unwrap().shown.push(text);
            }
        }
    }
    steps
}

/// The directory that the page tells of.
struct Stage {
    home: Home,
    directory: PathBuf,
    identity: String,
}

impl Stage {
    fn set() -> Self {
        let home = Home::new();
        let directory = home.root().join("notes");
        std::fs::create_dir(&directory).unwrap();
        let note = "# Notes\n\nThe gate stands before every effect.\n";
        std::fs::write(directory.join("README.md"), note).unwrap();
        std::fs::write(directory.join(".env"), "TOKEN=secret\n").unwrap();
        let git = Command::new("git")
            .args(["init", "--quiet"])
            .current_dir(&directory)
            .status();
        assert!(git.unwrap().success());
        // Who this is does not depend on the home.
        let elsewhere = Home::new();
        elsewhere.ok(["auth", "login"]);
        let who = elsewhere.json(["auth", "whoami"]);
        let word = |name: &str| who[name].as_str().unwrap().to_owned();
        let identity = format!("{} ({})", word("subject"), word("issuer"));
        Self {
            home,
            directory,
            identity,
        }
    }

    /// Runs a command as a shell does, and returns what a terminal would show.
    fn run(&self, command: &str) -> String {
        let program = place::binary();
        let path = [
            program.parent().unwrap(),
            Path::new("/usr/bin"),
            Path::new("/bin"),
        ];
        let ran = Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n{command}")])
            .current_dir(&self.directory)
            .env_clear()
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("HOME", self.home.root().join("user"))
            .env("TOLLGATE_HOME", self.home.own())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let printed = String::from_utf8(ran.stdout).unwrap();
        printed
            .replace(self.directory.to_str().unwrap(), SHOWN_DIRECTORY)
            .replace(&self.identity, SHOWN_IDENTITY)
    }
}

#[test]
fn every_console_block_of_the_readme_is_true() {
    let path = place::repository().join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let steps = steps(&text);
    assert!(steps.len() >= 10, "the page shows {} commands", steps.len());
    let stage = Stage::set();
    let writes = std::env::var_os("TOLLGATE_EXPECT").is_some_and(|how| how == "write");
    let mut ids = Ids::default();
    let mut written: Vec<(&Step, String)> = Vec::new();
    for step in &steps {
        let printed = stage.run(&ids.real(&step.command));
        let shown = step.shown.join("\n");
        let (seen, expected) = (normal::blank(&printed), normal::blank(&shown));
        if writes {
            ids.follow_loosely(&shown, &printed);
            written.push((step, printed));
            continue;
        }
        assert!(
            seen == expected,
            "README.md:{}: `{}` prints\n{printed}\nand the page shows\n{shown}\n(compared: {seen:#?}\nwith: {expected:#?})",
            step.line + 1,
            step.command,
        );
        if let Err(why) = ids.follow(&shown, &printed) {
            panic!("README.md:{}: `{}`: {why}", step.line + 1, step.command);
        }
    }
    if writes {
        std::fs::write(path, rewritten(&text, &written, &ids)).unwrap();
    }
}

/// The page with these outputs after its commands.
fn rewritten(text: &str, written: &[(&Step, String)], ids: &Ids) -> String {
    let mut page = String::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        match written.iter().find(|(step, _)| step.line == number) {
            Some((step, printed)) => {
                page.push_str(&format!("$ {}\n", ids.real(&step.command)));
                page.push_str(printed);
                for _ in &step.shown {
                    lines.next();
                }
            }
            None => {
                page.push_str(line);
                page.push('\n');
            }
        }
    }
    page
}

#[test]
fn every_policy_file_that_a_document_shows_is_one() {
    let home = Home::new();
    let mut checked = 0;
    for document in super::links::documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        let policies = blocks(&text).into_iter().filter(|block| {
            let tables =
                |line: &str| line.starts_with("[plugins.") || line.starts_with("[credentials.");
            block.language == "toml" && block.lines.iter().any(|(_, line)| tables(line))
        });
        for block in policies {
            let lines: Vec<&str> = block.lines.iter().map(|(_, line)| line.as_str()).collect();
            let mut policy = lines.join("\n");
            if !policy.contains("version = ") {
                policy = format!("version = 1\n{policy}");
            }
            home.policy(&policy);
            let ran = home.run(["policy", "check"]);
            assert_eq!(ran.code, Some(0), "{}: {ran}\n{policy}", document.display());
            checked += 1;
        }
    }
    assert!(checked >= 3, "{checked}");
}
