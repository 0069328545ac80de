//! `tollgate serve --mcp`: who may come in, sessions, streams that are resumed, and a clean end.

use super::raw;
use super::{house, text, wait_for_end};
use crate::support::Home;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

/// A server; it is stopped when this is dropped.
pub(super) struct Server {
    child: Child,
    talk: PathBuf,
    pub(super) url: String,
    pub(super) token: String,
}

impl Server {
    pub(super) fn start(home: &Home, more: &[&str]) -> Self {
        let talk = home.root().join("serve.txt");
        let mut child = home
            .command(
                ["serve", "--mcp", "--listen", "127.0.0.1:0"]
                    .iter()
                    .chain(more),
            )
            .stderr(std::fs::File::create(&talk).unwrap())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut url).unwrap();
        let said = || std::fs::read_to_string(&talk).unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "{url} {}", said());
        let token = home.own().join("state/mcp-token");
        Self {
            child,
            url: url.trim().to_owned(),
            token: std::fs::read_to_string(token).unwrap().trim().to_owned(),
            talk,
        }
    }

    fn address(&self) -> &str {
        self.url
            .trim_start_matches("http://")
            .trim_end_matches("/mcp")
    }

    /// Ends it as an operator does; what it said.
    pub(super) fn stop(mut self) -> String {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let started = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(
                started.elapsed() < Duration::from_secs(15),
                "it does not end"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        std::fs::read_to_string(&self.talk).unwrap()
    }

    /// Sends a request with these headers, and more.
    fn send(&self, method: &str, headers: &[(&str, &str)], body: &str) -> Response {
        Response::of(self.open(method, headers, body))
    }

    fn open(&self, method: &str, headers: &[(&str, &str)], body: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let mut head = format!("{method} /mcp HTTP/1.1\r\nconnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        stream.write_all(head.as_bytes()).unwrap();
        BufReader::new(stream)
    }

    /// The headers of a client that may come in.
    fn right<'a>(&'a self, bearer: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("host", self.address()),
            ("authorization", bearer),
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
        ]
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// A session that has shaken hands.
    fn session(&self) -> String {
        let bearer = self.bearer();
        let opened = self.send("POST", &self.right(&bearer), &raw::initialize().to_string());
        assert_eq!(opened.status, 200, "{opened:?}");
        let session = opened.header("mcp-session-id").to_owned();
        let told = self.post(&session, &raw::initialized());
        assert_eq!(told.status, 202, "{told:?}");
        session
    }

    fn post(&self, session: &str, message: &Value) -> Response {
        Response::of(self.post_open(session, message))
    }

    fn post_open(&self, session: &str, message: &Value) -> BufReader<TcpStream> {
        let bearer = self.bearer();
        let mut headers = self.right(&bearer);
        headers.push(("mcp-session-id", session));
        self.open("POST", &headers, &message.to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Response {
    /// Reads a response to its end.
    fn of(mut stream: BufReader<TcpStream>) -> Self {
        let mut response = Self::head(&mut stream);
        stream.read_to_string(&mut response.body).unwrap();
        response
    }

    fn head(stream: &mut BufReader<TcpStream>) -> Self {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap_or_default();
        let status = status.parse().unwrap_or_else(|_| panic!("{line:?}"));
        let mut headers = Vec::new();
        loop {
            let mut field = String::new();
            stream.read_line(&mut field).unwrap();
            let Some((name, value)) = field.trim_end().split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Self {
            status,
            headers,
            body: String::new(),
        }
    }

    #[track_caller]
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(named, _)| named == name);
        found.map_or_else(|| panic!("no {name}: {self:?}"), |(_, value)| value)
    }

    /// Messages of an event stream.
    fn messages(&self) -> Vec<Value> {
        self.body
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .filter_map(|data| serde_json::from_str(data).ok())
            .collect()
    }
}

#[test]
fn who_has_no_token_comes_from_a_page_or_by_another_name_is_refused() {
    let home = house();
    let server = Server::start(&home, &[]);
    let (address, bearer) = (server.address(), server.bearer());
    let bearer = bearer.as_str();
    let token_file = home.own().join("state/mcp-token");
    let mode = std::fs::metadata(token_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let wrong = format!("{bearer}x");
    let port = address.rsplit(':').next().unwrap();
    let elsewhere = format!("evil.example:{port}");
    let cases: [(&[(&str, &str)], u16); 9] = [
        (&[("host", address), ("authorization", bearer)], 200),
        (&[("host", address)], 401),
        (&[("host", address), ("authorization", wrong.as_str())], 401),
        (
            &[("host", elsewhere.as_str()), ("authorization", bearer)],
            403,
        ),
        (&[("host", "localhost"), ("authorization", bearer)], 403),
        (
            &[
                ("host", address),
                ("authorization", bearer),
                ("origin", "http://evil.example"),
            ],
            403,
        ),
        (
            &[
                ("host", address),
                ("authorization", bearer),
                ("origin", "null"),
            ],
            403,
        ),
        (
            &[
                ("host", elsewhere.as_str()),
                ("origin", "http://evil.example"),
            ],
            403,
        ),
        (&[("authorization", bearer)], 403),
    ];
    for (headers, status) in cases {
        let mut headers = headers.to_vec();
        headers.push(("accept", "application/json, text/event-stream"));
        headers.push(("content-type", "application/json"));
        for method in ["POST", "GET", "DELETE", "OPTIONS"] {
            let body = if method == "POST" {
                raw::initialize().to_string()
            } else {
                String::new()
            };
            let response = server.send(method, &headers, &body);
            if status != 200 {
                assert_eq!(
                    response.status, status,
                    "{method} {headers:?}: {response:?}"
                );
                assert!(!response.body.contains(&server.token));
            } else if method == "POST" {
                assert_eq!(response.status, 200, "{response:?}");
            }
        }
    }
    let none = server.send("POST", &[("host", address)], "");
    assert!(none.header("www-authenticate").starts_with("Bearer"));
    server.stop();
}

#[test]
fn an_address_that_others_reach_needs_a_word() {
    let home = house();
    let ran = home.run(["serve", "--mcp", "--listen", "0.0.0.0:0"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("--beyond-loopback"), "{ran}");
    let ran = home.run([
        "serve",
        "--mcp",
        "--listen",
        "0.0.0.0:0",
        "--beyond-loopback",
    ]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("--name"), "{ran}");
    let ran = home.run(["serve"]);
    assert_eq!(ran.code, Some(2), "{ran}");
}

#[test]
fn a_token_that_others_may_read_is_refused() {
    let home = house();
    let file = home.work().join("token");
    std::fs::write(&file, "a-token-of-some-length\n").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let words = [
        "serve",
        "--mcp",
        "--listen",
        "127.0.0.1:0",
        "--token-file",
        "token",
    ];
    let ran = home.run(words);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains("try:  chmod 600 "), "{ran}");
}

#[test]
fn a_session_is_tollgates_and_ends_with_delete() {
    let home = house();
    let server = Server::start(&home, &[]);
    let session = server.session();
    assert!(session.starts_with("mcp_"), "{session}");
    let answer = server.post(
        &session,
        &raw::call(1, "files__read", json!({ "path": "/near/note.txt" })),
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let messages = answer.messages();
    let result = messages.last().unwrap();
    assert_eq!(
        text(result, "/result/_meta/tollgate~1record/session"),
        session
    );
    let receipts = home.json(["receipt", "list", "--session", &session]);
    assert!(
        !receipts["receipts"].as_array().unwrap().is_empty(),
        "{receipts}"
    );

    // A call that runs ends with its session.
    let busy = server.post_open(&session, &raw::call(2, "endless_wait__attempt", json!({})));
    std::thread::sleep(Duration::from_secs(2));
    let bearer = server.bearer();
    let mut headers = server.right(&bearer);
    headers.push(("mcp-session-id", &session));
    let ended = server.send("DELETE", &headers, "");
    assert_eq!(ended.status, 204, "{ended:?}");
    wait_for_end(&home, &session, "tool.call attempt", "cancelled");
    drop(busy);
    let gone = server.post(&session, &raw::request(3, "ping", json!({})));
    assert_eq!(gone.status, 404, "{gone:?}");
    let unknown = server.post("mcp_0", &raw::request(3, "ping", json!({})));
    assert_eq!(unknown.status, 404, "{unknown:?}");
    let said = server.stop();
    assert!(
        said.contains(&format!("session {session} is over")),
        "{said}"
    );
}

#[test]
fn a_stream_that_broke_is_resumed_and_loses_nothing() {
    let home = house();
    let server = Server::start(&home, &[]);
    let session = server.session();
    let slow = "version = 1\n[plugins.endless_wait]\ncomponent = \"{HOSTILE}/endless_wait.wasm\"\n\
                grants = []\nlimits = { wall = \"4s\" }\n";
    let hostile = crate::support::place::hostile()
        .to_str()
        .unwrap()
        .to_owned();
    home.policy(&crate::support::template::fill(
        slow,
        &[("HOSTILE", hostile)],
    ));
    std::thread::sleep(Duration::from_secs(1));

    let mut broken = server.post_open(&session, &raw::call(1, "endless_wait__attempt", json!({})));
    assert_eq!(Response::head(&mut broken).status, 200);
    let id = loop {
        let mut line = String::new();
        assert!(broken.read_line(&mut line).unwrap() > 0, "no event");
        if let Some(id) = line.strip_prefix("id:") {
            break id.trim().to_owned();
        }
    };
    drop(broken);
    let bearer = server.bearer();
    let resume = |id: &str| {
        let mut headers = server.right(&bearer);
        headers.extend([("mcp-session-id", session.as_str()), ("last-event-id", id)]);
        server.send("GET", &headers, "")
    };
    // While the call runs, and again after its end.
    for _ in 0..2 {
        let resumed = resume(&id);
        assert_eq!(resumed.status, 200, "{resumed:?}");
        let messages = resumed.messages();
        let last = messages.last().unwrap_or_else(|| panic!("{resumed:?}"));
        assert_eq!(last["id"], 1, "{resumed:?}");
        assert_eq!(last["result"]["isError"], true, "{resumed:?}");
        assert!(
            text(last, "/result/content/0/text").contains("its limit of wall 4s"),
            "{last}"
        );
    }
    assert_eq!(resume("999-1").messages(), Vec::<Value>::new());
    server.stop();
}

#[test]
fn bodies_and_sessions_are_bounded() {
    let home = house();
    let server = Server::start(&home, &[]);
    let session = server.session();
    let large = "x".repeat(5 * 1024 * 1024);
    let mut stream = server.post_open(&session, &json!({}));
    assert_ne!(Response::head(&mut stream).status, 200);
    let bearer = server.bearer();
    let mut headers = server.right(&bearer);
    headers.push(("mcp-session-id", &session));
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let mut head = String::from("POST /mcp HTTP/1.1\r\n");
    for (name, value) in &headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", large.len()));
    stream.write_all(head.as_bytes()).unwrap();
    // The server may answer before it has read everything.
    let _ = stream.write_all(large.as_bytes());
    assert_eq!(Response::head(&mut BufReader::new(stream)).status, 413);

    let mut last = 200;
    for _ in 0..100 {
        last = server
            .send(
                "POST",
                &server.right(&bearer),
                &raw::initialize().to_string(),
            )
            .status;
        if last != 200 {
            break;
        }
    }
    assert_eq!(last, 503);
    assert_eq!(
        server
            .post(&session, &raw::request(9, "ping", json!({})))
            .status,
        200
    );
    server.stop();
}

#[test]
fn sigterm_cancels_calls_and_ends_in_time() {
    let home = house();
    let server = Server::start(&home, &[]);
    let session = server.session();
    let busy = server.post_open(&session, &raw::call(1, "endless_wait__attempt", json!({})));
    std::thread::sleep(Duration::from_secs(2));
    let started = Instant::now();
    server.stop();
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    wait_for_end(&home, &session, "tool.call attempt", "cancelled");
    drop(busy);
}
