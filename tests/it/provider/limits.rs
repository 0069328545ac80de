//! Answers without end, and answers that are none, to every adapter as a component: each ends in an error of
//! its type or at a limit of the host, nothing that came is swallowed, and no component traps.

use super::frames::{Stream, broken_arguments, calls};
use super::kit::{self, FORMATS, Format};
use crate::inside::host::Host;
use crate::support::server::{Answer, Server};
use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tollgate_contract::{CallFault, Completion, ContentBlock, ProviderError};

/// How deep an answer nests that is to exhaust a stack.
const LEVELS: usize = 100_000;
/// As much as an adapter itself would take, and more.
const WIDE: &str = "http_body = \"512MiB\", output = \"64MiB\", memory = \"128MiB\"";

type Ended = Result<Result<Completion, ProviderError>, CallFault>;

/// Every adapter, each with a server of its own that is told what to answer.
struct World {
    host: Arc<Host>,
    answers: [Arc<Mutex<Answer>>; 5],
}

impl World {
    fn new(limits: &str) -> Self {
        let answers = FORMATS
            .each_ref()
            .map(|_| Arc::new(Mutex::new(Answer::ok(""))));
        let ports = answers.each_ref().map(|answer| {
            let answer = Arc::clone(answer);
            Server::start(move |_| answer.lock().unwrap().clone()).port
        });
        Self {
            host: kit::host(ports, limits),
            answers,
        }
    }

    /// How every adapter ends with the answer that `answer` makes for its format.
    fn ended(
        &self,
        stream: bool,
        answer: impl Fn(&Format) -> Answer,
    ) -> Vec<(&'static str, Ended)> {
        let mut all = Vec::new();
        for (format, place) in FORMATS.iter().zip(&self.answers) {
            *place.lock().unwrap() = answer(format);
            let request = kit::prompt("Hello.", stream);
            let ended = kit::wait(self.host.complete(format.name, request)).0;
            all.push((format.name, ended));
        }
        all
    }
}

/// As [`World::ended`], with a stream and the default limits.
fn ended(answer: impl Fn(&Format) -> Answer) -> Vec<(&'static str, Ended)> {
    World::new("").ended(true, answer)
}

/// The words of an error of the kind that says that the server is not what it should be.
#[track_caller]
fn unavailable(format: &str, ended: Ended) -> String {
    match ended {
        Ok(Err(ProviderError::Unavailable { message, .. })) => message,
        other => panic!("{format}: {other:#?}"),
    }
}

/// A stream of a format.
fn stream(format: &Format, body: Vec<u8>) -> Answer {
    Answer::ok(body).with("content-type", format.stream)
}

/// A stream that says the same piece for ever.
fn endless(format: &Format, words: &str) -> Answer {
    let recorded = Stream::of(format);
    Answer {
        again: Some(recorded.says(words)),
        ..stream(format, recorded.opening())
    }
}

#[test]
fn heavy_a_stream_without_end_ends_at_the_hosts_limit() {
    for (format, ended) in ended(|format| endless(format, "Hello")) {
        let message = unavailable(format, ended);
        assert!(
            message.contains("body size exceeds limit: 16777216"),
            "{format}: {message}"
        );
    }
}

#[test]
fn heavy_a_stream_without_end_ends_at_the_adapters_limit() {
    let words = |format: &Format| endless(format, &"0123456789abcdef".repeat(4096));
    for (format, ended) in World::new(WIDE).ended(true, words) {
        let message = unavailable(format, ended);
        assert!(
            message.contains("the answer is larger than"),
            "{format}: {message}"
        );
    }
}

#[test]
fn heavy_a_stream_that_says_nothing_ends_at_the_adapters_limit() {
    // What is passed over counts, too: comments of server-sent events, and lines with nothing in them.
    let nothing = |format: &Format| {
        let line = if format.is_lines() { " " } else { ": " }.repeat(4096) + "\n";
        Answer {
            again: Some(line.repeat(16).into_bytes()),
            ..stream(format, Vec::new())
        }
    };
    for (format, ended) in World::new(WIDE).ended(true, nothing) {
        let message = unavailable(format, ended);
        assert!(
            message.contains("the stream is longer than 268435456 bytes"),
            "{format}: {message}"
        );
    }
}

#[test]
fn heavy_a_stream_that_goes_silent_ends_at_the_hosts_limit() {
    fn silent(stream: &mut TcpStream) -> std::io::Result<()> {
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n\n\n\r\n")?;
        std::thread::sleep(Duration::from_secs(60));
        Ok(())
    }
    let world = World::new("wall = \"1s\"");
    for (format, ended) in world.ended(true, |_| Answer::raw(silent)) {
        let Err(CallFault::Limit { limit, .. }) = ended else {
            panic!("{format}: {ended:#?}");
        };
        assert!(limit.starts_with("wall 1s"), "{format}: {limit}");
    }
}

#[test]
fn heavy_a_line_without_end_ends_at_the_adapters_limit() {
    let line = |format: &Format| Answer {
        again: Some(vec![b'x'; 64 * 1024]),
        ..stream(format, b"data: {".to_vec())
    };
    for (format, ended) in World::new(WIDE).ended(true, line) {
        let message = unavailable(format, ended);
        assert!(
            message.contains("a line of the stream is longer"),
            "{format}: {message}"
        );
    }
}

#[test]
fn a_body_of_the_wrong_type_is_named() {
    let world = World::new("");
    let page = |_: &Format| Answer::ok("<html>gone</html>").with("content-type", "text/html");
    for streams in [true, false] {
        for (format, ended) in world.ended(streams, page) {
            let message = unavailable(format, ended);
            assert!(
                message.contains("text/html") && message.contains("<html>gone"),
                "{format}: {message}"
            );
        }
    }
}

#[test]
fn depth_exhausts_no_stack() {
    /// Where it may be: at the top, and below what some format reads or passes over.
    const PLACES: [&str; 8] = [
        "{}",
        "{\"extra\":{}}",
        "{\"error\":{}}",
        "{\"choices\":[{\"index\":0,\"delta\":{}}]}",
        "{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{}}",
        "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{}}",
        "{\"candidates\":[{\"content\":{\"parts\":[{}]}}]}",
        "{\"message\":{\"tool_calls\":[{\"function\":{\"name\":{}}}]}}",
    ];
    fn deep(place: &str) -> String {
        let deep = "[".repeat(LEVELS) + &"]".repeat(LEVELS);
        let (before, after) = place.rsplit_once("{}").unwrap();
        format!("{before}{deep}{after}")
    }
    let world = World::new("");
    for place in PLACES {
        let whole = |_: &Format| Answer::ok(deep(place)).with("content-type", "application/json");
        let piece = |format: &Format| {
            let start = if format.is_lines() { "" } else { "data: " };
            stream(format, format!("{start}{}\n\n", deep(place)).into())
        };
        let all = [world.ended(false, whole), world.ended(true, piece)];
        for (format, ended) in all.into_iter().flatten() {
            assert!(matches!(ended, Ok(Err(_))), "{format} {place}: {ended:#?}");
        }
    }
}

/// What is asked for: id, name, arguments.
#[track_caller]
fn asked(format: &str, ended: Ended) -> Vec<(String, String, String)> {
    let completion = match ended {
        Ok(Ok(completion)) => completion,
        other => panic!("{format}: {other:#?}"),
    };
    let blocks = completion.content.into_iter();
    let calls = blocks.filter_map(|block| match block {
        ContentBlock::ToolUse {
            id,
            name,
            arguments_json,
        } => Some((id, name, arguments_json)),
        _ => None,
    });
    calls.collect()
}

/// Panics unless both recorded calls are there, whole, with ids of their own.
#[track_caller]
fn both(format: &str, ended: Ended) -> Vec<(String, String, String)> {
    let calls = asked(format, ended);
    let said: Vec<(&str, serde_json::Value)> = calls
        .iter()
        .map(|(_, name, arguments)| (name.as_str(), serde_json::from_str(arguments).unwrap()))
        .collect();
    let read = ("read", serde_json::json!({ "path": "a.txt" }));
    let weather = serde_json::json!({ "city": "Köln", "note": "😀" });
    assert_eq!(said, [read, ("weather", weather)], "{format}");
    let ids: BTreeSet<&str> = calls.iter().map(|(id, ..)| id.as_str()).collect();
    assert!(ids.len() == 2 && !ids.contains(""), "{format}: {calls:?}");
    calls
}

#[test]
fn an_index_that_is_there_twice_loses_no_call() {
    let twice = |format: &Format| {
        let changes: &[(&str, &str)] = match format.name {
            "openai-chat" => &[("{\"index\":1,", "{\"index\":0,")],
            "openai-responses" => &[("\"output_index\":1", "\"output_index\":0")],
            "anthropic" => &[("\"index\":2", "\"index\":1")],
            // No call has an index there.
            "gemini" => &[("{\"functionCall\"", "{ \"functionCall\"")],
            _ => &[("\"index\":1", "\"index\":0")],
        };
        stream(format, calls(format, changes))
    };
    for (format, ended) in ended(twice) {
        match format {
            "anthropic" => {
                let message = unavailable(format, ended);
                assert!(
                    message.contains("block 1 of the answer begins twice"),
                    "{message}"
                );
            }
            "openai-responses" => {
                let message = unavailable(format, ended);
                assert!(message.contains("numbers two tool calls 0"), "{message}");
            }
            _ => {
                both(format, ended);
            }
        }
    }
}

#[test]
fn an_id_that_is_there_twice_loses_no_call() {
    let twice = |format: &Format| {
        let changes: &[(&str, &str)] = match format.name {
            "anthropic" => &[("toolu_b2", "toolu_a1")],
            "gemini" => &[("fc-b2", "fc-a1")],
            _ => &[("call_b2", "call_a1")],
        };
        stream(format, calls(format, changes))
    };
    for (format, ended) in ended(twice) {
        both(format, ended);
    }
}

#[test]
fn an_id_that_is_not_there_loses_no_call() {
    let none = |format: &Format| {
        let changes: &[(&str, &str)] = match format.name {
            "openai-responses" => &[
                ("\"call_id\":\"call_a1\",", ""),
                ("\"call_id\":\"call_b2\",", ""),
            ],
            "anthropic" => &[("\"id\":\"toolu_a1\",", ""), ("\"id\":\"toolu_b2\",", "")],
            "gemini" => &[("\"id\":\"fc-a1\",", ""), ("\"id\":\"fc-b2\",", "")],
            _ => &[("\"id\":\"call_a1\",", ""), ("\"id\":\"call_b2\",", "")],
        };
        stream(format, calls(format, changes))
    };
    for (format, ended) in ended(none) {
        // Every server that speaks this one gives ids.
        if format == "anthropic" {
            let message = unavailable(format, ended);
            assert!(message.contains("a tool without an id"), "{message}");
        } else {
            both(format, ended);
        }
    }
}

#[test]
fn arguments_that_are_no_json_are_passed_on_as_they_were_written() {
    let broken = |format: &Format| stream(format, calls(format, broken_arguments(format)));
    for (format, ended) in ended(broken) {
        let calls = asked(format, ended);
        let written = match format {
            "gemini" => r#""{\"path\":""#,
            _ => r#"{"path":"#,
        };
        assert_eq!(calls.len(), 2, "{format}: {calls:?}");
        assert_eq!(calls[0].2, written, "{format}");
    }
}

#[test]
fn arguments_of_any_depth_are_passed_on() {
    fn deep() -> String {
        "{\"a\":".repeat(LEVELS) + "1" + &"}".repeat(LEVELS)
    }
    let nested = |format: &Format| {
        let quoted = serde_json::Value::String(deep()).to_string();
        let quoted = quoted.trim_matches('"');
        let deep = deep();
        let changes: &[(&str, &str)] = match format.name {
            "openai-chat" => &[(r#""{\"pa""#, r#""""#), (r#"th\":\"a.txt\"}"#, quoted)],
            "openai-responses" => &[
                (r#""delta":"{\"pa""#, r#""delta":"""#),
                (r#"{\"path\":\"a.txt\"}"#, quoted),
                (r#""delta":"th\":\"a.txt\"}""#, r#""delta":"""#),
            ],
            "anthropic" => &[(r#""{\"pa""#, r#""""#), (r#"th\": \"a.txt\"}"#, quoted)],
            _ => &[(r#"{"path":"a.txt"}"#, &deep)],
        };
        stream(format, calls(format, changes))
    };
    for (format, ended) in ended(nested) {
        let calls = asked(format, ended);
        assert_eq!(calls.len(), 2, "{format}");
        assert!(calls[0].2 == deep(), "{format}: {:.80}", calls[0].2);
    }
}
