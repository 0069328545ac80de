//! Sessions of the built binary, one for each format, with `@copilotkit/aimock`, a server that speaks them all.

use super::frames::{broken_arguments, calls, recorded};
use super::kit::{FORMATS, Format};
use crate::agent::aimock::{Aimock, asks, fails, says};
use crate::agent::{events, receipts, standing, status};
use crate::support::server::{Answer, Server};
use crate::support::{Home, Ran, ledger};
use serde_json::{Value, json};

const SESSION: &str = "s";
const PROMPT: &str = "What is in the note?";
const NOTE: &str = "the key is under the mat";
const LAST_WORDS: &str = "It says where the key is.";

/// What a model is told whose arguments are none.
const NO_OBJECT: &str = "[invalid_arguments] the arguments are not a JSON object";

/// The `nth` request of the conversation.
fn nth(nth: u64) -> Value {
    json!({ "userMessage": PROMPT, "sequenceIndex": nth })
}

/// What every format calls the tokens of an answer.
fn with_usage(mut fixture: Value) -> Value {
    fixture["response"]["usage"] = json!({
        "prompt_tokens": 30, "completion_tokens": 5,
        "input_tokens": 30, "output_tokens": 5,
        "promptTokenCount": 30, "candidatesTokenCount": 5,
    });
    fixture
}

/// Two calls at once, one that is denied, and words.
fn conversation() -> Vec<Value> {
    let read = json!({ "path": "/notes/note.txt" });
    let write = json!({ "path": "/notes/new.txt", "content": "x" });
    let calls = [
        ("call_list", "files__list", json!({ "path": "/notes" })),
        ("call_read", "files__read", read),
    ];
    [
        asks(nth(0), &calls),
        asks(nth(1), &[("call_write", "files__write", write)]),
        says(nth(2), LAST_WORDS),
    ]
    .map(with_usage)
    .into()
}

/// A home whose session speaks a format with the server at this port.
fn launched(format: &Format, port: u16) -> Home {
    let home = Home::new();
    let notes = home.root().join("notes");
    std::fs::create_dir(&notes).unwrap();
    std::fs::write(notes.join("note.txt"), NOTE).unwrap();
    home.policy(&format!(
        "version = 1\n[plugins.files]\ngrants = [\"fs.read {} at /notes\"]\n{}",
        notes.display(),
        format.policy(format.plugin, port, "")
    ));
    home.ok(["auth", "login"]);
    home.ok([
        "agent",
        "launch",
        "--session-id",
        SESSION,
        "--project-id",
        "p",
        "--provider-id",
        format.plugin,
        "--model-id",
        "model-1",
    ]);
    home
}

fn prompt(home: &Home) -> Ran {
    home.run(["agent", "prompt", SESSION, PROMPT, "--max-iterations", "8"])
}

/// Where a format's requests go.
fn url(format: &Format, port: u16) -> String {
    let path = match format.name {
        "openai-chat" => "/v1/chat/completions",
        "openai-responses" => "/v1/responses",
        "anthropic" => "/v1/messages",
        "gemini" => "/v1beta/models/model-1:streamGenerateContent",
        _ => "/api/chat",
    };
    format!("http://127.0.0.1:{port}{path}")
}

#[test]
fn a_session_of_each_format_works_with_tools_and_streams() {
    for format in &FORMATS {
        let server = served(conversation());
        let home = launched(format, server.port());
        let ran = prompt(&home);
        assert_eq!(ran.code, Some(0), "{} {ran}", format.name);
        assert!(ran.stdout.contains(LAST_WORDS), "{} {ran}", format.name);

        let requests = server.aimock.requests();
        assert_eq!(requests.len(), 3, "{}: {requests:#?}", format.name);
        for (body, status) in &requests {
            let is = (body["stream"].as_bool(), *status);
            assert_eq!(is, (Some(true), 200), "{}: {body:#}", format.name);
        }
        let last = requests[2].0["messages"].to_string();
        for said in [NOTE, "note.txt", "access_too_low"] {
            assert!(last.contains(said), "{}: no {said}: {last}", format.name);
        }

        let listed = receipts(&home, &["--session", SESSION]);
        let count = |line: String| listed.iter().filter(|listed| **listed == line).count();
        let url = url(format, server.port());
        let asked = listed
            .iter()
            .filter(|line| line.starts_with(&format!("http.request allowed POST {url}")));
        assert_eq!(asked.count(), 3, "{}: {listed:#?}", format.name);
        assert_eq!(
            count("fs.open.read allowed /notes/note.txt".into()),
            1,
            "{listed:#?}"
        );
        assert!(!home.root().join("notes/new.txt").exists());
        ledger::verify(&ledger::read(&home.own()));
        let usage = status(&home, SESSION)["last_run"]["usage"].clone();
        // The server counts nothing in Ollama's format.
        let (input, output) = match format.name {
            "ollama" => (0, 0),
            _ => (90, 15),
        };
        assert_eq!(
            (usage["input"].as_u64(), usage["output"].as_u64()),
            (Some(input), Some(output)),
            "{}: {usage}",
            format.name
        );
    }
}

#[test]
fn a_server_that_is_asked_too_much_is_asked_again_in_each_format() {
    for format in &FORMATS {
        let fixtures = vec![
            fails(nth(0), 0, 429, "rate_limit_error"),
            fails(nth(1), 1, 529, "overloaded_error"),
            with_usage(says(nth(2), LAST_WORDS)),
        ];
        let server = served(fixtures);
        let home = launched(format, server.port());
        let ran = prompt(&home);
        assert_eq!(ran.code, Some(0), "{} {ran}", format.name);
        let statuses: Vec<u64> = server.aimock.requests().iter().map(|(_, s)| *s).collect();
        assert_eq!(statuses, [429, 529, 200], "{}", format.name);
        for reason in ["rate_limited; trying again", "overloaded; trying again"] {
            assert!(ran.stderr.contains(reason), "{} {ran}", format.name);
        }
        let failed = events(&home, SESSION);
        let failed = failed.iter().filter(|event| *event == "provider_failed");
        assert_eq!(failed.count(), 2, "{}", format.name);
        assert_eq!(receipts(&home, &["--kind", "http.request"]).len(), 3);
    }
}

/// The server with the directory in which its fixtures are.
struct Served {
    aimock: Aimock,
    _fixtures: tempfile::TempDir,
}

impl Served {
    fn port(&self) -> u16 {
        self.aimock.port
    }
}

fn served(fixtures: Vec<Value>) -> Served {
    let directory = tempfile::tempdir().unwrap();
    Served {
        aimock: Aimock::start(directory.path(), &fixtures),
        _fixtures: directory,
    }
}

#[test]
fn a_model_whose_arguments_are_no_json_is_told_so() {
    for format in &FORMATS {
        let changes = [broken_arguments(format), &[("\"read\"", "\"files__read\"")]].concat();
        let broken = calls(format, &changes);
        let words = recorded(format, "text-stream").into_bytes();
        let media_type = format.stream;
        let told = move |body: &[u8]| String::from_utf8_lossy(body).contains(NO_OBJECT);
        let server = Server::start(move |request| {
            let body = if told(&request.body) { &words } else { &broken };
            Answer::ok(body.clone()).with("content-type", media_type)
        });
        let home = launched(format, server.port);
        let ran = prompt(&home);
        assert_eq!(ran.code, Some(0), "{} {ran}", format.name);
        assert_eq!(
            server.seen().len(),
            2,
            "{}: {:?}",
            format.name,
            server.lines()
        );
        let idle = ("idle".into(), "completed".into(), String::new());
        assert_eq!(standing(&home, SESSION), idle, "{}", format.name);
        assert_eq!(
            receipts(&home, &["--kind", "fs"]),
            [""; 0],
            "{}",
            format.name
        );
    }
}

/// What the provider of this name is asked, and what it says.
fn turn_of(plugin: &str) -> (String, String) {
    (
        format!("What does {plugin} see?"),
        format!("{plugin} sees a note."),
    )
}

#[test]
fn one_session_goes_on_with_each_provider_in_turn() {
    let formats: Vec<&Format> = FORMATS
        .iter()
        .filter(|format| format.name != "openai-responses")
        .collect();
    let fixtures = formats.iter().flat_map(|format| {
        let (question, answer) = turn_of(format.plugin);
        let nth = |nth: u64| json!({ "userMessage": question, "sequenceIndex": nth });
        let id = format!("call_{}", format.plugin);
        let calls = [(id.as_str(), "files__list", json!({ "path": "/notes" }))];
        [asks(nth(0), &calls), says(nth(1), &answer)].map(with_usage)
    });
    let server = served(fixtures.collect());
    let home = launched(formats[0], server.port());
    let policies: String = formats
        .iter()
        .map(|format| format.policy(format.plugin, server.port(), ""))
        .collect();
    home.policy(&format!(
        "version = 1\n[plugins.files]\ngrants = [\"fs.read {} at /notes\"]\n{policies}",
        home.root().join("notes").display()
    ));
    for (at, format) in formats.iter().enumerate() {
        if at > 0 {
            let words = [
                "agent",
                "rebind",
                SESSION,
                format.plugin,
                "--model-id",
                "model-1",
            ];
            let rebound = home.json(words);
            assert_eq!(rebound["provider"], format.plugin, "{rebound}");
        }
        let (question, answer) = turn_of(format.plugin);
        let ran = home.run(["agent", "prompt", SESSION, &question]);
        assert_eq!(ran.code, Some(0), "{} {ran}", format.plugin);
        assert!(ran.stdout.contains(&answer), "{} {ran}", format.plugin);
    }
    // Whoever comes last is told everything that was said and done before.
    let requests = server.aimock.requests();
    assert_eq!(requests.len(), 2 * formats.len());
    let last = requests.last().unwrap().0["messages"].to_string();
    for format in &formats[..formats.len() - 1] {
        let (question, answer) = turn_of(format.plugin);
        assert!(last.contains(&question) && last.contains(&answer), "{last}");
    }
    assert_eq!(last.matches("note.txt").count(), formats.len(), "{last}");
    let rebound = events(&home, SESSION);
    let rebound = rebound.iter().filter(|kind| *kind == "rebound").count();
    assert_eq!(rebound, formats.len() - 1);
    assert_eq!(standing(&home, SESSION).0, "idle");
}
