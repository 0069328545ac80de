//! The official clients: PyPI's `mcp` over both transports and both lifecycles, npm's inspector.

use super::http::Server;
use super::{calls, house, text, tools, wait_for_end};
use crate::support::{Home, Ran, ledger, place};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Lifecycles of the protocol: with a handshake and sessions, and 2026-07-28, which has neither.
const MODES: [&str; 2] = ["legacy", "auto"];

/// A scenario of `client.py`, and what it saw.
fn scenario(
    home: &Home,
    name: &str,
    transport: &str,
    mode: &str,
    server: Option<&Server>,
) -> Value {
    let python = tools().join("python/bin/python");
    assert!(
        python.exists(),
        "{} is not there; `cargo xtask test` installs it and sets TOLLGATE_TOOLS_DIR",
        python.display()
    );
    let mut command = Command::new(python);
    command
        .arg(place::repository().join("tests/it/mcp/client.py"))
        .args([name, transport, mode])
        .current_dir(home.work())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.root().join("user"))
        .env("TOLLGATE", place::binary())
        .env("TOLLGATE_HOME", home.own())
        .env("FAR", home.root().join("far"))
        .env("SERVER_STDERR", talk(home))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(server) = server {
        command.env("URL", &server.url).env("TOKEN", &server.token);
    }
    let ran = Ran::of(command);
    assert_eq!(ran.code, Some(0), "{name} {transport} {mode}: {ran}");
    ran.json()
}

/// What servers over stdio say.
fn talk(home: &Home) -> PathBuf {
    home.root().join("server.txt")
}

/// Runs a scenario over each transport and lifecycle, each in a house of its own.
fn everywhere(name: &str, judge: impl Fn(&Home, Value, String)) {
    for mode in MODES {
        let home = house();
        let seen = scenario(&home, name, "stdio", mode, None);
        let said = std::fs::read_to_string(talk(&home)).unwrap();
        judge(&home, seen, said);

        let home = house();
        let server = Server::start(&home, &[]);
        let seen = scenario(&home, name, "http", mode, Some(&server));
        let said = server.stop();
        judge(&home, seen, said);
    }
}

#[test]
fn heavy_denied_then_granted_by_the_operator_then_done() {
    everywhere("tour", |home, seen, said| {
        assert_eq!(seen["server"], "tollgate");
        let offered = seen["tools"].as_array().unwrap();
        assert!(offered.contains(&"files__read".into()), "{seen}");
        assert!(offered.contains(&"endless_wait__attempt".into()), "{seen}");
        assert!(
            text(&seen, "/instructions").contains("files sees /near"),
            "{seen}"
        );
        assert_eq!(seen["changes"].as_array().unwrap().len(), 1, "{seen}");

        // The client is told the rule and the receipt, the operator the command.
        let session = text(&seen, "/session");
        let receipt = text(&seen, "/denial/receipt");
        for part in ["denied: fs.", "/far/note.txt", receipt] {
            assert!(text(&seen, "/denied").contains(part), "{seen}");
        }
        assert!(
            said.contains(session) && said.contains("tollgate grant add files"),
            "{said}"
        );
        let explained = home.ok(["receipt", "explain", receipt]);
        assert!(explained.stdout.contains("/far"), "{explained}");

        let ended = calls(home, session);
        let read = ended
            .iter()
            .filter(|(export, _)| export == "tool.call read");
        assert_eq!(read.count(), 5, "{ended:?}");
        ledger::verify(&ledger::read(&home.own()));
    });
}

#[test]
fn heavy_structure_images_and_bytes() {
    everywhere("blocks", |_, seen, _| {
        assert_eq!(
            seen["kinds"],
            serde_json::json!(["text", "image", "resource"])
        );
    });
}

#[test]
fn heavy_a_hundred_calls_at_once() {
    everywhere("parallel", |_, seen, _| assert_eq!(seen["calls"], 100));
}

#[test]
fn a_cancelled_call_ends_and_is_on_record() {
    everywhere("cancel", |home, seen, _| {
        wait_for_end(
            home,
            text(&seen, "/session"),
            "tool.call attempt",
            "cancelled",
        );
        let progress = seen["progress"].as_array().unwrap();
        assert_eq!(progress.len(), 2, "{seen}");
        assert_eq!(progress[0][2], "endless_wait__attempt began");
        assert_eq!(progress[1][2], "endless_wait__attempt still runs");
    });
}

/// The inspector, run once.
fn inspect(home: &Home, words: &[&str]) -> Value {
    let program = tools().join("node_modules/.bin/mcp-inspector-cli");
    assert!(
        program.exists(),
        "{} is not there; `cargo xtask test` installs it and sets TOLLGATE_TOOLS_DIR",
        program.display()
    );
    let mut command = Command::new(program);
    command
        .args(words)
        .current_dir(home.work())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.root().join("user"))
        .env("TOLLGATE_HOME", home.own())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let ran = Ran::of(command);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.json()
}

#[test]
fn the_inspector_lists_and_calls_over_stdio_and_http() {
    let home = house();
    let binary = place::binary();
    let own = format!("TOLLGATE_HOME={}", home.own().display());
    let stdio = [binary.to_str().unwrap(), "mcp", "-e", own.as_str(), "--cli"];
    let server = Server::start(&home, &[]);
    let bearer = format!("Authorization: Bearer {}", server.token);
    let http = [
        server.url.as_str(),
        "--cli",
        "--transport",
        "http",
        "--header",
        bearer.as_str(),
    ];
    for reach in [&stdio[..], &http[..]] {
        let with = |more: &[&str]| inspect(&home, &[reach, more].concat());
        let listed = with(&["--method", "tools/list"]);
        let names: Vec<&str> = listed["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| text(tool, "/name"))
            .collect();
        assert!(names.contains(&"files__read"), "{names:?}");
        let call = |path: &str| {
            let path = format!("path={path}");
            let words = [
                "--method",
                "tools/call",
                "--tool-name",
                "files__read",
                "--tool-arg",
            ];
            with(&[&words[..], &[path.as_str()]].concat())
        };
        let read = call("/near/note.txt");
        assert!(
            text(&read, "/content/0/text").contains("all is well"),
            "{read}"
        );
        let denied = call("/far/note.txt");
        assert_eq!(denied["isError"], true, "{denied}");
        assert!(
            text(&denied, "/content/0/text").starts_with("denied: "),
            "{denied}"
        );
    }
    drop(server);
}
