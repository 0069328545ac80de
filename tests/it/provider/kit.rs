//! The adapters in a host of the test, and the official SDKs beside them.

use crate::inside::host::Host;
use crate::support::place;
use crate::support::server::Answer;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use tollgate_contract::{CompletionRequest, Message, Role};
use tollgate_sandbox::net;

/// A wire format, under the oracle's name for it, which is also the plugin's.
#[derive(Debug)]
pub(super) struct Format {
    pub(super) name: &'static str,
    /// The plugin as the binary has it.
    pub(super) plugin: &'static str,
    /// What the plugin's configuration says besides the server.
    config: &'static str,
    /// What stands before the format's own paths.
    base: &'static str,
    /// The media type of a stream.
    pub(super) stream: &'static str,
}

const EVENTS: &str = "text/event-stream";

/// All of them.
pub(super) static FORMATS: [Format; 5] = [
    Format {
        name: "openai-chat",
        plugin: "openai",
        config: "",
        base: "/v1",
        stream: EVENTS,
    },
    Format {
        name: "openai-responses",
        plugin: "openai",
        config: ", format = \"responses\"",
        base: "/v1",
        stream: EVENTS,
    },
    Format {
        name: "anthropic",
        plugin: "anthropic",
        // What the SDK's side is told too; the API wants a number.
        config: ", max-tokens = \"4096\"",
        base: "",
        stream: EVENTS,
    },
    Format {
        name: "gemini",
        plugin: "gemini",
        config: "",
        base: "",
        stream: EVENTS,
    },
    Format {
        name: "ollama",
        plugin: "ollama",
        config: "",
        base: "",
        stream: "application/x-ndjson",
    },
];

impl Format {
    /// Whether a stream is JSON texts, one a line.
    pub(super) fn is_lines(&self) -> bool {
        self.stream != EVENTS
    }

    /// What a policy says of the plugin of this name that speaks to this port; `limits` are its own.
    pub(super) fn policy(&self, name: &str, port: u16, limits: &str) -> String {
        let Self { config, base, .. } = self;
        format!(
            "[plugins.{name}]\n\
             config = {{ base-url = \"http://127.0.0.1:{port}{base}\"{config} }}\n\
             grants = [\"http POST http://127.0.0.1:{port}/**\"]\n\
             limits = {{ {limits} }}\n"
        )
    }
}

/// A host whose adapters speak to these ports, in the order of [`FORMATS`].
pub(super) fn host(ports: [u16; 5], limits: &str) -> Arc<Host> {
    let plugins = FORMATS.iter().zip(ports);
    let plugins = plugins.map(|(format, port)| format.policy(format.name, port, limits));
    let policy = format!("version = 1\n{}", plugins.collect::<String>());
    Host::of(&policy, net::ClientOptions::default())
}

/// Runs what a test awaits.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// A prompt.
pub(super) fn prompt(text: &str, stream: bool) -> CompletionRequest {
    CompletionRequest {
        model: Some("m-1".into()),
        messages: vec![Message::text(Role::User, text)],
        stream,
        ..CompletionRequest::default()
    }
}

/// Where the oracle is.
pub(super) fn oracle() -> PathBuf {
    place::repository().join("tests/it/provider/oracle")
}

/// A file of the oracle.
#[track_caller]
pub(super) fn read(name: &str) -> Vec<u8> {
    let path = oracle().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a script of the oracle prints.
#[track_caller]
pub(super) fn ask(script: &str, arguments: &[&str], input: &Value) -> Value {
    let python = place::tools().join("python/bin/python");
    let mut child = Command::new(&python)
        .arg(oracle().join(script))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "{}: {error}; `cargo xtask test` installs it",
                python.display()
            )
        });
    // Nothing is printed before everything has been read.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script}: {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// An answer of the oracle's, as a server gives it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Given {
    file: String,
    status: u16,
    content_type: String,
    /// Whether a stream is asked for.
    pub(super) stream: bool,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl Given {
    /// Its body.
    pub(super) fn body(&self) -> Vec<u8> {
        read(&format!("responses/{}", self.file))
    }

    /// How long it asks to wait.
    pub(super) fn retry_after_ms(&self) -> Option<u64> {
        let field = |name: &str| self.headers.get(name)?.parse::<u64>().ok();
        field("retry-after-ms").or_else(|| Some(field("retry-after")? * 1000))
    }

    /// The answer with this body.
    pub(super) fn answer(&self, body: Vec<u8>) -> Answer {
        let answer = Answer {
            status: status(self.status),
            ..Answer::ok(body).with("content-type", self.content_type.as_str())
        };
        let headers = self.headers.iter();
        headers.fold(answer, |answer, (name, value)| answer.with(name, value))
    }
}

/// Every answer by format and name.
pub(super) fn given() -> BTreeMap<String, BTreeMap<String, Given>> {
    serde_json::from_slice(&read("responses/index.json")).unwrap()
}

/// A status line of this code.
fn status(code: u16) -> &'static str {
    match code {
        200 => "200 OK",
        400 => "400 Bad Request",
        401 => "401 Unauthorized",
        403 => "403 Forbidden",
        404 => "404 Not Found",
        413 => "413 Content Too Large",
        429 => "429 Too Many Requests",
        500 => "500 Internal Server Error",
        503 => "503 Service Unavailable",
        529 => "529 Overloaded",
        other => panic!("no answer has the status {other}"),
    }
}
