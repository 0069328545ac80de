//! The protocol by hand: one message at a time.

use crate::support::Home;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

/// A message of the client's.
pub(super) fn request(id: u64, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

/// The client's first message.
pub(super) fn initialize() -> Value {
    let params = json!({
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": { "name": "by hand", "version": "0" },
    });
    request(0, "initialize", params)
}

/// Its second.
pub(super) fn initialized() -> Value {
    json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })
}

/// A call of a tool, with a progress token.
pub(super) fn call(id: u64, tool: &str, arguments: Value) -> Value {
    let meta = json!({ "progressToken": id });
    request(
        id,
        "tools/call",
        json!({ "name": tool, "arguments": arguments, "_meta": meta }),
    )
}

/// `tollgate mcp`, spoken to by hand.
pub(super) struct Spoken {
    pub(super) child: Child,
    write: Option<ChildStdin>,
    read: BufReader<ChildStdout>,
}

impl Spoken {
    /// Starts it and says nothing.
    pub(super) fn start(home: &Home) -> Self {
        let mut child = home
            .command(["mcp"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            write: child.stdin.take(),
            read: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Starts it and shakes hands.
    pub(super) fn open(home: &Home) -> Self {
        let mut server = Self::start(home);
        server.say(&initialize());
        let answer = server.hear();
        assert_eq!(
            answer["result"]["serverInfo"]["name"], "tollgate",
            "{answer}"
        );
        server.say(&initialized());
        server
    }

    pub(super) fn say(&mut self, message: &Value) {
        self.say_line(&message.to_string());
    }

    pub(super) fn say_line(&mut self, line: &str) {
        let write = self.write.as_mut().unwrap();
        write.write_all(format!("{line}\n").as_bytes()).unwrap();
        write.flush().unwrap();
    }

    /// The next message.
    #[track_caller]
    pub(super) fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.read.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// The client's end of its words.
    pub(super) fn hang_up(&mut self) {
        self.write = None;
    }

    /// How long it takes to end, and how.
    #[track_caller]
    pub(super) fn end(mut self, within: Duration) -> (Option<i32>, String) {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let mut said = String::new();
                use std::io::Read as _;
                let mut stderr = self.child.stderr.take().unwrap();
                stderr.read_to_string(&mut said).unwrap();
                return (status.code(), said);
            }
            assert!(started.elapsed() < within, "it still runs after {within:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Spoken {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
