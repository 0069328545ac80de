//! Answers without end, and answers that are none, to every adapter as a component: each ends in an error of
//! its type or at a limit of the host, nothing that came is swallowed, and no component traps.

use super::frames::{Stream, broken_arguments, calls};
use super::kit::{self, FORMATS, Format};
use crate::support::server::{Answer, Server};
use std::collections::BTreeSet;
use tollgate_contract::{CallFault, Completion, ContentBlock, ProviderError};

/// How deep an answer nests that is to exhaust a stack.
const LEVELS: usize = 100_000;
/// As much as an adapter itself would take, and more.
const WIDE: &str = "http_body = \"512MiB\", output = \"64MiB\", memory = \"128MiB\"";

type Ended = Result<Result<Completion, ProviderError>, CallFault>;

/// How every adapter ends with the answer that `answer` makes for its format.
fn ended(
    limits: &str,
    stream: bool,
    answer: impl Fn(&Format) -> Answer,
) -> Vec<(&'static str, Ended)> {
    let servers = FORMATS.each_ref().map(|format| {
        let answer = answer(format);
        Server::start(move |_| answer.clone())
    });
    let host = kit::host(servers.each_ref().map(|server| server.port), limits);
    kit::wait(async {
        let mut all = Vec::new();
        for format in &FORMATS {
            let request = kit::prompt("Hello.", stream);
            all.push((format.name, host.complete(format.name, request).await.0));
        }
        all
    })
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
    for (format, ended) in ended("", true, |format| endless(format, "Hello")) {
        println!("{format}: {ended:?}");
        unavailable(format, ended);
    }
}

#[test]
fn heavy_a_stream_without_end_ends_at_the_adapters_limit() {
    let words = |format: &Format| endless(format, &"0123456789abcdef".repeat(4096));
    for (format, ended) in ended(WIDE, true, words) {
        println!("{format}: {ended:?}");
        let message = unavailable(format, ended);
        assert!(
            message.contains("the answer is larger than"),
            "{format}: {message}"
        );
    }
}

#[test]
fn heavy_a_line_without_end_ends_at_the_adapters_limit() {
    let line = |format: &Format| Answer {
        again: Some(vec![b'x'; 64 * 1024]),
        ..stream(format, b"data: {".to_vec())
    };
    for (format, ended) in ended(WIDE, true, line) {
        println!("{format}: {ended:?}");
        let message = unavailable(format, ended);
        assert!(
            message.contains("a line of the stream is longer"),
            "{format}: {message}"
        );
    }
}

#[test]
fn a_body_of_the_wrong_type_is_named() {
    for streams in [true, false] {
        let page = |_: &Format| Answer::ok("<html>gone</html>").with("content-type", "text/html");
        for (format, ended) in ended("", streams, page) {
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
    for place in PLACES {
        let whole = |_: &Format| Answer::ok(deep(place)).with("content-type", "application/json");
        let piece = |format: &Format| {
            let start = if format.is_lines() { "" } else { "data: " };
            stream(format, format!("{start}{}\n\n", deep(place)).into())
        };
        let all = [ended("", false, whole), ended("", true, piece)];
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
    for (format, ended) in ended("", true, twice) {
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
    for (format, ended) in ended("", true, twice) {
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
    for (format, ended) in ended("", true, none) {
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
    for (format, ended) in ended("", true, broken) {
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
    for (format, ended) in ended("", true, nested) {
        let calls = asked(format, ended);
        assert_eq!(calls.len(), 2, "{format}");
        assert!(calls[0].2 == deep(), "{format}: {:.80}", calls[0].2);
    }
}
