//! A streamed answer: server-sent events, from `message_start` to `message_stop`.

use crate::draft::Draft;
use crate::error;
use crate::wire::{Event, Kind};
use serde::de::DeserializeOwned;
use std::io::Read;
use tollgate_adapter::answer::Answer;
use tollgate_adapter::exchange::read_json;
use tollgate_adapter::stream::{Step, events};
use tollgate_sdk::sink::Emit;
use tollgate_sdk::{Completion, ProviderError, sse};

/// Reads a stream to its end: to `message_stop`, or at least until the server has said why it stopped.
pub(crate) fn read(
    body: impl Read,
    answer: Answer,
    sink: &mut dyn Emit,
) -> Result<Completion, ProviderError> {
    let mut draft = Draft::of(answer);
    events(body, |event| take(&mut draft, event, sink))?;
    draft.finish(sink)
}

fn take(draft: &mut Draft, event: &sse::Event, sink: &mut dyn Emit) -> Result<Step, ProviderError> {
    let data = event.data.as_str();
    let kind: Kind = parse(data)?;
    match kind.kind.as_deref().unwrap_or(&event.event) {
        "message_start" => {
            let message = parse::<Event>(data)?.message;
            draft.begin(message.unwrap_or_default(), sink)?;
        }
        "content_block_start" => {
            let event: Event = parse(data)?;
            let Some(start) = event.content_block else {
                return Err(ProviderError::unavailable(
                    "a block of the answer begins with nothing",
                ));
            };
            draft.begin_block(event.index, start, sink)?;
        }
        "content_block_delta" => {
            let event: Event = parse(data)?;
            draft.grow_block(event.index, event.delta.unwrap_or_default(), sink)?;
        }
        "content_block_stop" => draft.end_block(parse::<Event>(data)?.index, sink)?,
        "message_delta" => {
            let event: Event = parse(data)?;
            if draft.update(event.delta.unwrap_or_default(), event.usage)? {
                return Ok(Step::Whole);
            }
        }
        "message_stop" => return Ok(Step::End),
        "error" => return Err(error::of_event(data.as_bytes())),
        // `ping`, and what the format may come to have.
        _ => {}
    }
    Ok(Step::Open)
}

fn parse<T: DeserializeOwned>(data: &str) -> Result<T, ProviderError> {
    read_json("an event of the stream", data.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{Answer, Completion, Emit, ProviderError, Read};
    use serde_json::{Value, json};
    use tollgate_sdk::{
        ContentBlock, Delta, Opaque, Retryable, StopReason, ToolUse, ToolUseStart, Usage,
    };

    /// The events as a server writes them.
    fn stream(events: &[Value]) -> String {
        events
            .iter()
            .map(|event| {
                let name = event["type"].as_str().unwrap();
                format!("event: {name}\ndata: {event}\n\n")
            })
            .collect()
    }

    fn read(body: impl Read, sink: &mut dyn Emit) -> Result<Completion, ProviderError> {
        super::read(body, Answer::default(), sink)
    }

    fn run(stream: &str) -> (Result<Completion, ProviderError>, Vec<Delta>) {
        let mut deltas = Vec::new();
        (read(stream.as_bytes(), &mut deltas), deltas)
    }

    fn begin() -> Value {
        json!({"type": "message_start", "message": {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [],
            "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 3, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 100,
                "output_tokens": 1}
        }})
    }

    fn start(index: u64, block: Value) -> Value {
        json!({"type": "content_block_start", "index": index, "content_block": block})
    }

    fn delta(index: u64, delta: Value) -> Value {
        json!({"type": "content_block_delta", "index": index, "delta": delta})
    }

    fn stop(index: u64) -> Value {
        json!({"type": "content_block_stop", "index": index})
    }

    fn end(reason: &str) -> Value {
        json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null},
            "usage": {"output_tokens": 42, "output_tokens_details": {"thinking_tokens": 20}}})
    }

    fn done() -> Value {
        json!({"type": "message_stop"})
    }

    fn text(index: u64, text: &str) -> [Value; 3] {
        [
            start(index, json!({"type": "text", "text": ""})),
            delta(index, json!({"type": "text_delta", "text": text})),
            stop(index),
        ]
    }

    /// Every kind of block and event.
    fn rich() -> Vec<Value> {
        vec![
            begin(),
            json!({"type": "ping"}),
            start(
                0,
                json!({"type": "thinking", "thinking": "", "signature": ""}),
            ),
            delta(0, json!({"type": "thinking_delta", "thinking": "h\u{e9}"})),
            delta(0, json!({"type": "thinking_delta", "thinking": "m\n"})),
            delta(0, json!({"type": "signature_delta", "signature": "c2ln=="})),
            stop(0),
            start(1, json!({"type": "redacted_thinking", "data": "b64"})),
            stop(1),
            start(2, json!({"type": "text", "text": "", "citations": []})),
            delta(2, json!({"type": "text_delta", "text": "日"})),
            delta(
                2,
                json!({"type": "citations_delta", "citation": {"type": "char_location"}}),
            ),
            delta(2, json!({"type": "text_delta", "text": "本"})),
            stop(2),
            json!({"type": "something_new", "index": "x", "delta": 7}),
            start(
                3,
                json!({"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}}),
            ),
            delta(3, json!({"type": "input_json_delta", "partial_json": ""})),
            delta(
                3,
                json!({"type": "input_json_delta", "partial_json": "{\"b\": 1.0,"}),
            ),
            delta(
                3,
                json!({"type": "input_json_delta", "partial_json": "\"a\":2}"}),
            ),
            stop(3),
            start(
                4,
                json!({"type": "tool_use", "id": "toolu_2", "name": "list", "input": {}}),
            ),
            stop(4),
            end("tool_use"),
            done(),
        ]
    }

    fn opaque(data: &str) -> ContentBlock {
        ContentBlock::Opaque(Opaque {
            provider: "anthropic".into(),
            data: data.into(),
        })
    }

    fn call(id: &str, name: &str, arguments: &str) -> ContentBlock {
        ContentBlock::ToolUse(ToolUse {
            id: id.into(),
            name: name.into(),
            arguments_json: arguments.into(),
        })
    }

    #[test]
    fn every_block_is_put_together() {
        let (got, deltas) = run(&stream(&rich()));
        let got = got.unwrap();
        assert_eq!(got.model, "claude-x");
        assert_eq!(got.response_id.as_deref(), Some("msg_1"));
        assert_eq!(got.stop, StopReason::ToolUse);
        assert_eq!(
            got.content,
            [
                ContentBlock::Thinking("h\u{e9}m\n".into()),
                opaque(
                    "{\"signature\":\"c2ln==\",\"thinking\":\"h\u{e9}m\\n\",\"type\":\"thinking\"}"
                ),
                opaque("{\"data\":\"b64\",\"type\":\"redacted_thinking\"}"),
                ContentBlock::Text("日本".into()),
                call("toolu_1", "read", "{\"b\": 1.0,\"a\":2}"),
                call("toolu_2", "list", "{}"),
            ]
        );
        assert_eq!(
            got.usage,
            Usage {
                input: 113,
                output: 42,
                cached_input: 100,
                reasoning: 20
            }
        );
        let asks = |id: &str, name: &str| {
            Delta::ToolUse(ToolUseStart {
                id: id.into(),
                name: name.into(),
            })
        };
        assert_eq!(
            deltas,
            [
                Delta::Thinking("h\u{e9}".into()),
                Delta::Thinking("m\n".into()),
                Delta::Text("日".into()),
                Delta::Text("本".into()),
                asks("toolu_1", "read"),
                asks("toolu_2", "list"),
            ]
        );
    }

    #[test]
    fn wherever_the_stream_is_cut_in_two_the_answer_is_the_same() {
        let whole = stream(&rich());
        let wanted = run(&whole);
        assert!(wanted.0.is_ok());
        for at in 0..=whole.len() {
            let (first, second) = whole.as_bytes().split_at(at);
            let mut deltas = Vec::new();
            let got = read(first.chain(second), &mut deltas);
            assert_eq!((got, deltas), wanted, "cut at {at}");
        }
    }

    #[test]
    fn a_stream_that_ends_early_is_never_half_an_answer() {
        let whole = stream(&rich());
        let wanted = run(&whole).0.unwrap();
        let said_why = whole.find("event: message_stop").unwrap();
        for at in 0..whole.len() {
            let got = read(whole.as_bytes().get(..at).unwrap(), &mut Vec::new());
            if at < said_why {
                assert!(
                    matches!(got, Err(ProviderError::Unavailable(_))),
                    "ends at {at}"
                );
            } else {
                assert_eq!(got.as_ref(), Ok(&wanted), "ends at {at}");
            }
        }
    }

    #[test]
    fn counts_are_cumulative_and_what_is_not_said_again_stays() {
        let news = |usage: Value| json!({"type": "message_delta", "delta": {}, "usage": usage});
        let (got, _) = run(&stream(&[
            begin(),
            news(json!({"output_tokens": 5})),
            news(json!({"input_tokens": 4, "cache_read_input_tokens": null, "output_tokens": 9})),
            done(),
        ]));
        let got = got.unwrap();
        assert_eq!(
            got.usage,
            Usage {
                input: 114,
                output: 9,
                cached_input: 100,
                reasoning: 0
            }
        );
        assert_eq!(got.stop, StopReason::Other);
    }

    #[test]
    fn the_body_is_read_to_its_end() {
        let stream = stream(&[begin(), end("end_turn"), done()]);
        // As a connection gives it: what has come so far, and the end only when asked once more.
        let mut body = std::io::Cursor::new(stream.as_bytes()).chain(&b"\n"[..]);
        read(&mut body, &mut Vec::new()).unwrap();
        assert_eq!(body.bytes().count(), 0);
    }

    #[test]
    fn an_error_in_mid_stream_is_told_apart() {
        for (kind, wanted) in [
            ("overloaded_error", "overloaded"),
            ("rate_limit_error", "rate"),
            ("authentication_error", "auth"),
            ("invalid_request_error", "invalid"),
            ("api_error", "unavailable"),
        ] {
            let error = json!({"type": "error", "error": {"type": kind, "message": "m"}, "request_id": "r"});
            let (got, deltas) = run(&stream(
                &[vec![begin()], text(0, "a").into(), vec![error]].concat(),
            ));
            let label = match got.unwrap_err() {
                ProviderError::Overloaded(_) => "overloaded",
                ProviderError::RateLimited(_) => "rate",
                ProviderError::AuthExpired(_) => "auth",
                ProviderError::InvalidRequest(_) => "invalid",
                ProviderError::Unavailable(Retryable { .. }) => "unavailable",
                other => panic!("{other:?}"),
            };
            assert_eq!(label, wanted, "{kind}");
            assert_eq!(deltas.len(), 1);
        }
    }

    #[test]
    fn what_breaks_the_format_is_unavailable() {
        let block = || json!({"type": "text", "text": ""});
        let more = || json!({"type": "text_delta", "text": "a"});
        let tool = |fields: Value| {
            let mut block = json!({"type": "tool_use", "input": {}});
            block
                .as_object_mut()
                .unwrap()
                .extend(fields.as_object().unwrap().clone());
            start(0, block)
        };
        for (what, events) in [
            ("no beginning", vec![start(0, block())]),
            ("only an end", vec![end("end_turn"), done()]),
            ("nothing but the last word", vec![done()]),
            ("two beginnings", vec![begin(), begin()]),
            (
                "a block twice",
                vec![begin(), start(0, block()), start(0, block())],
            ),
            (
                "a block again",
                vec![begin(), start(0, block()), stop(0), start(0, block())],
            ),
            ("a piece of no block", vec![begin(), delta(0, more())]),
            (
                "a piece of another block",
                vec![begin(), start(0, block()), delta(1, more())],
            ),
            (
                "a piece after the end",
                vec![begin(), start(0, block()), stop(0), delta(0, more())],
            ),
            (
                "an end twice",
                vec![begin(), start(0, block()), stop(0), stop(0)],
            ),
            (
                "a piece of another kind",
                vec![
                    begin(),
                    start(0, block()),
                    delta(0, json!({"type": "input_json_delta", "partial_json": "{}"})),
                ],
            ),
            (
                "a piece of no kind",
                vec![begin(), start(0, block()), delta(0, json!({"text": "a"}))],
            ),
            (
                "no number",
                vec![
                    begin(),
                    json!({"type": "content_block_start", "content_block": block()}),
                ],
            ),
            (
                "no block",
                vec![begin(), json!({"type": "content_block_start", "index": 0})],
            ),
            ("no type", vec![begin(), start(0, json!({"text": "a"}))]),
            ("a block that is none", vec![begin(), start(0, json!(7))]),
            ("no id", vec![begin(), tool(json!({"name": "read"}))]),
            (
                "no name",
                vec![begin(), tool(json!({"id": "a", "name": ""}))],
            ),
        ] {
            let (got, _) = run(&stream(&[events, vec![end("end_turn"), done()]].concat()));
            assert!(
                matches!(got, Err(ProviderError::Unavailable(_))),
                "{what}: {got:?}"
            );
        }
        let many: Vec<_> = (0..=1024).map(|index| start(index, block())).collect();
        assert!(
            run(&stream(&[vec![begin()], many, vec![done()]].concat()))
                .0
                .is_err()
        );
    }

    #[test]
    fn what_cannot_be_read_is_shown() {
        let (got, _) = run("data: <html>\n\n");
        assert!(
            matches!(got, Err(ProviderError::Unavailable(r)) if r.message.ends_with(": <html>"))
        );
        let deep = format!("data: {}{}\n\n", "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(run(&deep).0, Err(ProviderError::Unavailable(_))));
    }

    #[test]
    fn arguments_are_passed_on_as_written_whatever_they_are() {
        let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        for written in ["{\"a\":", "[1]", "not json", deep.as_str()] {
            let (got, _) = run(&stream(&[
                begin(),
                start(
                    0,
                    json!({"type": "tool_use", "id": "a", "name": "read", "input": {}}),
                ),
                delta(
                    0,
                    json!({"type": "input_json_delta", "partial_json": written}),
                ),
                stop(0),
                end("max_tokens"),
                done(),
            ]));
            let got = got.unwrap();
            assert_eq!(got.content, [call("a", "read", written)]);
            assert_eq!(got.stop, StopReason::MaxTokens);
        }
    }

    #[test]
    fn a_stream_without_end_is_given_up() {
        let line = std::io::repeat(b'a');
        let got = read(b"data: ".chain(line), &mut Vec::new());
        assert!(matches!(got, Err(ProviderError::Unavailable(_))));
        let text = stream(&[delta(
            0,
            json!({"type": "text_delta", "text": "a".repeat(1_000)}),
        )]);
        let head = stream(&[begin(), start(0, json!({"type": "text", "text": ""}))]);
        let endless = text.repeat(20_000);
        let got = read(head.as_bytes().chain(endless.as_bytes()), &mut Vec::new());
        assert!(matches!(got, Err(ProviderError::Unavailable(_))));
        // Pings alone, too.
        let pings = "event: ping\ndata: {\"type\": \"ping\"}\n\n".repeat(500_000);
        let got = read(pings.as_bytes(), &mut Vec::new());
        assert!(matches!(got, Err(ProviderError::Unavailable(_))));
    }

    #[test]
    fn reasoning_that_was_cut_off_or_has_no_signature_is_only_shown() {
        let (got, _) = run(&stream(&[
            begin(),
            start(
                0,
                json!({"type": "thinking", "thinking": "", "signature": ""}),
            ),
            delta(0, json!({"type": "thinking_delta", "thinking": "hm"})),
            end("max_tokens"),
            done(),
        ]));
        assert_eq!(got.unwrap().content, [ContentBlock::Thinking("hm".into())]);
    }

    #[test]
    fn reasoning_that_is_not_shown_is_kept_for_the_way_back() {
        let (got, deltas) = run(&stream(&[
            begin(),
            start(
                0,
                json!({"type": "thinking", "thinking": "", "signature": ""}),
            ),
            delta(0, json!({"type": "signature_delta", "signature": "s"})),
            stop(0),
            end("end_turn"),
            done(),
        ]));
        let kept = opaque("{\"signature\":\"s\",\"thinking\":\"\",\"type\":\"thinking\"}");
        assert_eq!(got.unwrap().content, [kept]);
        assert!(deltas.is_empty());
    }

    #[test]
    fn a_block_of_a_later_format_is_kept_unless_it_cannot_be_whole() {
        let server =
            json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}});
        let (got, deltas) = run(&stream(&[
            begin(),
            start(0, server),
            delta(
                0,
                json!({"type": "input_json_delta", "partial_json": "{\"q\":\"x\"}"}),
            ),
            stop(0),
            start(1, json!({"type": "new_block"})),
            delta(1, json!({"type": "new_delta", "new": "x"})),
            stop(1),
            end("pause_turn"),
            done(),
        ]));
        let got = got.unwrap();
        let kept = "{\"id\":\"s\",\"input\":{\"q\":\"x\"},\"name\":\"web_search\",\"type\":\"server_tool_use\"}";
        assert_eq!(got.content, [opaque(kept)]);
        assert_eq!(got.stop, StopReason::Other);
        assert!(deltas.is_empty());
    }
}
