//! A provider of models on loopback: Chat Completions, streamed piece by piece, by a [`Script`].
//!
//! It decides by the number of tool results in the request, whatever they say, so it never asks for a
//! step again. It remembers every request.

use super::script::{LAST_WORDS, Script, step_of, use_id};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How fast it answers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    /// Before the first piece.
    pub(super) think: Duration,
    /// After each piece.
    pub(super) piece: Duration,
}

/// The provider; its threads end with the process.
pub(super) struct Model {
    pub(super) port: u16,
    inner: Arc<Inner>,
}

struct Inner {
    script: Script,
    pace: Pace,
    seen: Mutex<Vec<Seen>>,
    gate: Box<dyn Fn(&Seen) + Send + Sync>,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// The session that its prompts name.
    pub(super) session: String,
    /// The conversation.
    pub(super) messages: Vec<Value>,
}

impl Seen {
    fn of(body: &Value) -> Self {
        let messages = body["messages"].as_array().unwrap().clone();
        let prompt = messages
            .iter()
            .find(|message| message["role"] == "user")
            .unwrap()
            .to_string();
        let (_, named) = prompt.split_once("session=").unwrap();
        let session = named.split_once(';').unwrap().0.to_owned();
        Self { session, messages }
    }

    /// What the model was told of each step that it had asked for.
    pub(super) fn results(&self) -> BTreeMap<usize, String> {
        let tools = self
            .messages
            .iter()
            .filter(|message| message["role"] == "tool");
        let results: Vec<_> = tools
            .map(|tool| {
                let text = tool["content"].as_str().unwrap().to_owned();
                (step_of(tool["tool_call_id"].as_str().unwrap()), text)
            })
            .collect();
        let count = results.len();
        let results: BTreeMap<_, _> = results.into_iter().collect();
        assert_eq!(
            results.len(),
            count,
            "a step has two results: {:?}",
            self.messages
        );
        results
    }
}

impl Model {
    /// Starts it. `gate` is passed by every request before it is answered.
    pub(super) fn start(
        script: Script,
        pace: Pace,
        gate: impl Fn(&Seen) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Mutex::default();
        let inner = Arc::new(Inner {
            script,
            pace,
            seen,
            gate: Box::new(gate),
        });
        let shared = Arc::clone(&inner);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inner = Arc::clone(&shared);
                // A killed process leaves a broken connection behind, which is no news.
                std::thread::spawn(move || inner.serve(stream));
            }
        });
        Self { port, inner }
    }

    /// The script.
    pub(super) fn script(&self) -> &Script {
        &self.inner.script
    }

    /// What it was asked by a session, in order.
    pub(super) fn asked_by(&self, session: &str) -> Vec<Seen> {
        let seen = self.inner.seen.lock().unwrap();
        seen.iter()
            .filter(|seen| seen.session == session)
            .cloned()
            .collect()
    }
}

impl Inner {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(body) = request(&mut reader)? {
            let seen = Seen::of(&serde_json::from_slice(&body)?);
            let nonce = {
                let mut all = self.seen.lock().unwrap();
                all.push(seen.clone());
                all.len()
            };
            (self.gate)(&seen);
            std::thread::sleep(self.pace.think);
            self.answer(&stream, &seen, nonce)?;
        }
        Ok(())
    }

    fn answer(&self, mut stream: &TcpStream, seen: &Seen, nonce: usize) -> std::io::Result<()> {
        stream.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        )?;
        for event in self.events(seen, nonce) {
            let data = format!("data: {event}\n\n");
            stream.write_all(format!("{:x}\r\n{data}\r\n", data.len()).as_bytes())?;
            std::thread::sleep(self.pace.piece);
        }
        stream.write_all(b"0\r\n\r\n")
    }

    fn events(&self, seen: &Seen, nonce: usize) -> Vec<String> {
        let chunk = |choices: Value, usage: Value| {
            json!({
                "id": format!("chatcmpl-{nonce}"), "object": "chat.completion.chunk",
                "created": 1_700_000_000, "model": "script", "choices": choices, "usage": usage,
            })
            .to_string()
        };
        let choice = |delta: Value, reason: Option<&str>| {
            let choice = json!([{ "index": 0, "delta": delta, "finish_reason": reason }]);
            chunk(choice, Value::Null)
        };
        let steps = self.script.turn_after(seen.results().len());
        let mut events = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let call = json!({
                "index": index, "id": use_id(*step, nonce), "type": "function",
                "function": {
                    "name": step.tool(),
                    "arguments": step.arguments(&seen.session).to_string(),
                },
            });
            events.push(choice(
                json!({ "role": "assistant", "tool_calls": [call] }),
                None,
            ));
        }
        if steps.is_empty() {
            for word in LAST_WORDS.split_inclusive(' ') {
                events.push(choice(
                    json!({ "role": "assistant", "content": word }),
                    None,
                ));
            }
        }
        let reason = if steps.is_empty() {
            "stop"
        } else {
            "tool_calls"
        };
        events.push(choice(json!({}), Some(reason)));
        let usage = json!({ "prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110 });
        events.push(chunk(json!([]), usage));
        events.push("[DONE]".to_owned());
        events
    }
}

/// The body of the next request; none when the connection ends.
fn request(reader: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let (mut bytes, mut chunked) = (0, false);
    loop {
        let mut field = String::new();
        reader.read_line(&mut field)?;
        let Some((name, value)) = field.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => bytes = value.trim().parse().unwrap(),
            "transfer-encoding" => chunked = value.trim() == "chunked",
            _ => {}
        }
    }
    let mut body = vec![0; bytes];
    reader.read_exact(&mut body)?;
    // RFC 9112, section 7.1.
    while chunked {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let mut piece = vec![0; size + 2];
        reader.read_exact(&mut piece)?;
        body.extend_from_slice(&piece[..size]);
        chunked = size > 0;
    }
    Ok(Some(body))
}
