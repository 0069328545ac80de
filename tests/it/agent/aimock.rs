//! `@copilotkit/aimock`: a real server that speaks the providers' formats, each on a port of its own.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What the server says when it listens.
const LISTENING: &str = "listening on http://127.0.0.1:";

/// The server; it is stopped when this is dropped.
pub(crate) struct Aimock {
    child: Child,
    /// Its port on loopback.
    pub(crate) port: u16,
}

impl Aimock {
    /// Starts it with fixtures, which are kept below `directory`.
    pub(crate) fn start(directory: &Path, fixtures: &[Value]) -> Self {
        Self::launch(directory, fixtures, None)
    }

    /// As [`Aimock::start`]; it answers only requests with this key, as a bearer token.
    pub(crate) fn start_with_key(directory: &Path, fixtures: &[Value], key: &str) -> Self {
        Self::launch(directory, fixtures, Some(key))
    }

    fn launch(directory: &Path, fixtures: &[Value], key: Option<&str>) -> Self {
        let file = directory.join("aimock.json");
        std::fs::write(&file, json!({ "fixtures": fixtures }).to_string()).unwrap();
        let mut child = Command::new(program())
            .args([
                "--port",
                "0",
                "--strict",
                "--validate-on-load",
                "--fixtures",
            ])
            .arg(&file)
            .envs(key.map(|key| ("AIMOCK_API_KEYS", key)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("aimock needs node in PATH; `cargo xtask test` sees to it");
        let mut talk = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        let port = loop {
            let before = said.len();
            talk.read_line(&mut said).unwrap();
            assert!(said.len() > before, "aimock did not start: {said}");
            if let Some((_, port)) = said[before..].trim_end().split_once(LISTENING) {
                break port.parse().unwrap();
            }
        };
        // What it says later is read, so that it never waits for a reader.
        std::thread::spawn(move || std::io::copy(&mut talk, &mut std::io::sink()));
        Self { child, port }
    }

    /// The URL under which the provider's interface is.
    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// The requests so far: bodies, and the status of the answers.
    pub(crate) fn requests(&self) -> Vec<(Value, u64)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = "GET /__aimock/journal HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let journal: Vec<Value> =
            serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
        let entry = |entry: Value| {
            let status = entry["response"]["status"].as_u64().unwrap();
            (entry["body"].clone(), status)
        };
        journal.into_iter().map(entry).collect()
    }
}

impl Drop for Aimock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the counterparts are installed.
fn program() -> PathBuf {
    let tools = std::env::var_os("TOLLGATE_TOOLS_DIR").map_or_else(
        || {
            crate::support::place::binary()
                .parent()
                .unwrap()
                .join("../tools")
        },
        PathBuf::from,
    );
    let program = tools.join("node_modules/.bin/llmock");
    assert!(
        program.exists(),
        "{} is not there; `cargo xtask test` installs it and sets TOLLGATE_TOOLS_DIR",
        program.display()
    );
    program
}

/// An answer that asks for tool calls, each an id, a tool and its arguments.
pub(crate) fn asks(when: Value, calls: &[(&str, &str, Value)]) -> Value {
    let calls: Vec<Value> = calls
        .iter()
        .map(|(id, name, arguments)| json!({ "id": id, "name": name, "arguments": arguments }))
        .collect();
    json!({ "match": when, "response": { "toolCalls": calls } })
}

/// An answer of words.
pub(crate) fn says(when: Value, words: &str) -> Value {
    json!({ "match": when, "response": { "content": words } })
}

/// An error of the provider, given to the `nth` request of those that match.
pub(crate) fn fails(mut when: Value, nth: u64, status: u16, kind: &str) -> Value {
    when["sequenceIndex"] = nth.into();
    let error = json!({ "message": format!("aimock says {kind}"), "type": kind });
    json!({ "match": when, "response": { "error": error, "status": status, "retryAfter": 0 } })
}
