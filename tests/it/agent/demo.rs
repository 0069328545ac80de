//! `tollgate demo persistent-agent`: what it shows happened, and what it prints works.

use super::{below, receipt_line};
use crate::support::{Home, Ran, place};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The four routes of the demo, each with what it asks.
const ROUTES: [(&str, &str); 4] = [
    ("openai", "https://api.openai.com/v1/chat/completions"),
    ("anthropic", "https://api.anthropic.com/v1/messages"),
    ("gemini", GEMINI),
    ("ollama", "http://127.0.0.1:11434/api/chat"),
];
const GEMINI: &str = "https://generativelanguage.googleapis.com/v1beta/models/gemini-flash-latest:streamGenerateContent?alt";

/// The directory below which the demo makes its home, and the repository that it is shown.
struct Stage {
    home: Home,
    temporary: PathBuf,
    repository: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let mut home = Home::new();
        let (temporary, repository) = (home.root().join("tmp"), home.root().join("a repository"));
        std::fs::create_dir_all(&temporary).unwrap();
        std::fs::create_dir_all(repository.join(".git")).unwrap();
        std::fs::write(repository.join("README.md"), "# A repository\n").unwrap();
        std::fs::write(repository.join(".env"), "KEY=secret\n").unwrap();
        home.set("TMPDIR", temporary.to_str().unwrap());
        Self {
            home,
            temporary,
            repository,
        }
    }

    fn run(&self, flags: &[&str]) -> Ran {
        let repository = self.repository.to_str().unwrap();
        let words = ["demo", "persistent-agent", "--repo-path", repository];
        self.home.run(words.iter().chain(flags))
    }

    /// Panics if the demo left anything.
    #[track_caller]
    fn is_clean(&self) {
        assert_eq!(
            below(&self.temporary),
            std::slice::from_ref(&self.temporary)
        );
        assert!(!self.repository.join("NOTES.md").exists());
    }

    /// As [`Stage::run`], with `--json`; the demo must remove its home and leave the repository.
    #[track_caller]
    fn report(&self, code: i32, flags: &[&str]) -> Value {
        let flags: Vec<&str> = flags.iter().copied().chain(["--json"]).collect();
        let ran = self.run(&flags);
        assert_eq!(ran.code, Some(code), "{ran}");
        self.is_clean();
        ran.json()
    }
}

fn lines(report: &Value) -> Vec<String> {
    report["receipts"]
        .as_array()
        .unwrap()
        .iter()
        .map(receipt_line)
        .collect()
}

fn denied(report: &Value) -> Vec<String> {
    lines(report)
        .into_iter()
        .filter(|line| line.contains(" denied "))
        .collect()
}

/// The commands at the end of the demo's output.
fn printed_commands(ran: &Ran) -> Vec<&str> {
    let mut lines = ran.stdout.lines();
    lines
        .find(|line| *line == "The same by hand, in a fresh home")
        .unwrap();
    lines.map_while(|line| line.strip_prefix("  ")).collect()
}

#[test]
fn it_shows_what_was_allowed_and_denied_and_is_gone() {
    let stage = Stage::new();
    let ran = stage.run(&[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let row = |words: [&str; 4]| {
        let found = ran
            .stdout
            .lines()
            .any(|line| words.iter().all(|word| line.contains(word)));
        assert!(found, "no line with {words:?}: {ran}");
    };
    for (name, _) in ROUTES {
        row([name, "http.request", "allowed", "ok 200"]);
    }
    row(["files", "fs.open.read", "allowed", "/project/README.md"]);
    row(["files", "fs.create", "denied", "/project/NOTES.md"]);
    assert!(ran.stdout.contains("4 denied"), "{ran}");
    let last_words = ran.stdout.matches("Nothing was changed.").count();
    assert_eq!(last_words, ROUTES.len(), "{ran}");
    assert!(
        !ran.stdout.contains("/project/.env"),
        "the secret is not even listed: {ran}"
    );
    stage.is_clean();
    let report = stage.report(0, &[]);
    assert_eq!(denied(&report), ["fs.create denied /project/NOTES.md"; 4]);
    assert_eq!(report["denied"], 4);
    let asked = |url: &str| {
        let wanted = format!("http.request allowed POST {url}");
        let lines = lines(&report);
        lines
            .iter()
            .filter(|line| line.starts_with(&wanted))
            .count()
    };
    for (name, url) in ROUTES {
        assert_eq!(asked(url), 4, "{name}: {report:#}");
    }
}

#[test]
fn a_named_provider_is_the_only_one() {
    let stage = Stage::new();
    for (name, _) in ROUTES {
        let report = stage.report(0, &["--provider-id", name]);
        assert_eq!(
            report["sessions"],
            serde_json::json!([format!("demo-{name}")])
        );
        assert_eq!(report["denied"], 1, "{report:#}");
    }
    let report = stage.report(
        0,
        &[
            "--provider-id",
            "gemini",
            "--provider-id",
            "provider_ollama",
        ],
    );
    assert_eq!(
        report["sessions"],
        serde_json::json!(["demo-gemini", "demo-ollama"])
    );
}

#[test]
fn the_commands_that_it_prints_work_in_a_fresh_home() {
    let stage = Stage::new();
    let shown = stage.run(&[]);
    let commands = printed_commands(&shown);
    assert!(commands.len() >= 8, "{commands:?}");
    // Each must succeed, in a shell that knows neither the program nor a home.
    let script = format!("set -e\n{}\n", commands.join("\n"));
    let ran = Ran::of(shell(&stage, &script));
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stdout.contains("/project/NOTES.md"), "{ran}");
    for (name, _) in ROUTES {
        let stopped = format!("session demo-{name} is stopped");
        assert!(ran.stdout.contains(&stopped), "{ran}");
    }
}

fn shell(stage: &Stage, script: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", script])
        .current_dir(&stage.temporary)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TMPDIR", &stage.temporary)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn what_it_keeps_can_be_looked_at() {
    let stage = Stage::new();
    let ran = stage.run(&["--keep-artifacts"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let export = ran
        .stdout
        .lines()
        .find_map(|line| line.split_once("kept; look around with: export TOLLGATE_HOME="));
    let kept = shlex::split(export.unwrap().1).unwrap().remove(0);
    assert!(Path::new(&kept).starts_with(&stage.temporary), "{kept}");
    let mut look = stage
        .home
        .command(["receipt", "list", "--decision", "denied", "--json"]);
    look.env("TOLLGATE_HOME", &kept);
    let denied = Ran::of(look).json();
    assert_eq!(
        receipt_line(&denied["receipts"][0]),
        "fs.create denied /project/NOTES.md"
    );
}

#[test]
fn without_the_provider_component_it_fails_and_leaves_nothing() {
    let mut stage = Stage::new();
    let plugins = stage.home.root().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    let bundled = place::binary().with_file_name("plugins");
    for entry in std::fs::read_dir(&bundled).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), plugins.join(entry.file_name())).unwrap();
    }
    stage
        .home
        .set("TOLLGATE_PLUGINS", plugins.to_str().unwrap());
    assert_eq!(stage.run(&[]).code, Some(0), "with all components it works");

    std::fs::remove_file(plugins.join("openai.wasm")).unwrap();
    let ran = stage.run(&[]);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(
        ran.stderr
            .contains("error: no provider is named \"openai\""),
        "{ran}"
    );
    assert!(
        ran.stderr.contains(plugins.to_str().unwrap()),
        "it says where it looked: {ran}"
    );
    assert!(
        !ran.stdout.contains("\n$ tollgate agent prompt demo-openai"),
        "what cannot work is not tried: {ran}"
    );
    assert!(
        ran.stdout.contains("\n$ tollgate agent prompt demo-ollama"),
        "what can is: {ran}"
    );
    stage.is_clean();
}

#[test]
fn without_the_http_grant_the_request_is_denied() {
    let stage = Stage::new();
    let report = stage.report(3, &["--no-provider-grant"]);
    let lines = lines(&report);
    assert_eq!(lines.len(), ROUTES.len(), "{report:#}");
    for (line, (name, url)) in lines.iter().zip(ROUTES) {
        let wanted = format!("http.request denied POST {url}");
        assert!(line.starts_with(&wanted), "{name}: {line}");
    }
    assert_eq!(report["failure"]["error"]["rule"], "no_grant");
}

#[test]
fn the_fixtures_action_is_refused_where_it_is_attempted() {
    let stage = Stage::new();
    let report = stage.report(4, &["--no-allow-fixture-action"]);
    let denied = denied(&report);
    assert_eq!(denied.len(), ROUTES.len(), "{report:#}");
    assert!(
        denied.iter().all(|line| line.starts_with("fs.")),
        "{denied:?}"
    );
    let allowed = lines(&report);
    assert!(
        !allowed
            .iter()
            .any(|line| line.starts_with("fs.") && line.contains(" allowed "))
    );
}

#[test]
fn live_transport_is_refused_unless_it_is_confirmed() {
    let stage = Stage::new();
    let ran = stage.run(&["--live"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("--allow-live"), "{ran}");
    stage.is_clean();
    // Confirmed, and without a key: no fixture takes the provider's place.
    let ran = stage.run(&["--live", "--allow-live"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("OPENAI_API_KEY is not set"), "{ran}");
    assert_eq!(ran.stdout, "", "{ran}");
    stage.is_clean();
    let ran = stage.run(&["--live", "--allow-live", "--provider-id", "anthropic"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("export ANTHROPIC_API_KEY"), "{ran}");
}

#[test]
fn budgets_end_it_early() {
    let stage = Stage::new();
    let report = stage.report(6, &["--max-iterations", "2", "--provider-id", "gemini"]);
    let asked = lines(&report)
        .iter()
        .filter(|line| line.starts_with("http"))
        .count();
    assert_eq!(asked, 2, "{report:#}");
    assert_eq!(denied(&report), [""; 0], "it ended before the write");
    assert!(
        report["failure"].to_string().contains("max_iterations"),
        "{report:#}"
    );

    let report = stage.report(
        6,
        &["--provider-token-budget", "900", "--provider-id", "openai"],
    );
    assert!(
        report["failure"].to_string().contains("token_budget"),
        "{report:#}"
    );
    // Reserved before it is spent: a budget that holds no request buys none.
    let report = stage.report(6, &["--provider-token-budget", "20"]);
    assert_eq!(lines(&report), [""; 0], "{report:#}");
}

#[test]
fn a_repository_that_is_not_there_is_refused() {
    let stage = Stage::new();
    let ran = stage
        .home
        .run(["demo", "persistent-agent", "--repo-path", "/nowhere/at/all"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    stage.is_clean();
}
