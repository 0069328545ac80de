use super::*;
use crate::common::testing::call;
use serde_json::{Value, json};
use tollgate_adapter::answer::TOOL_CALLS_MAX;
use tollgate_sdk::{ContentBlock, Delta, ToolUseStart};

fn answer(chunks: &[Value]) -> Result<(Completion, Vec<Delta>), ProviderError> {
    let mut answer = Answer::default();
    let mut deltas = Vec::new();
    for chunk in chunks {
        answer.take(serde_json::from_value(chunk.clone()).unwrap(), &mut deltas)?;
    }
    Ok((answer.finish()?, deltas))
}

fn delta(delta: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta}]})
}

fn end(reason: &str) -> Value {
    json!({"choices": [{"delta": {}, "finish_reason": reason}]})
}

#[test]
fn arguments_are_joined_by_index() {
    let (got, deltas) = answer(&[
        delta(json!({"role": "assistant", "content": null, "tool_calls": [
            {"index": 0, "id": "a", "type": "function", "function": {"name": "read", "arguments": ""}}]})),
        delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"p\""}}]})),
        delta(json!({"tool_calls": [{"index": 1, "id": "b", "function": {"name": "list", "arguments": ""}}]})),
        delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]})),
        end("tool_calls"),
        json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}),
    ])
    .unwrap();
    assert_eq!(
        got.content,
        [call("a", "read", "{\"p\":1}"), call("b", "list", "{}")]
    );
    assert_eq!(got.stop, StopReason::ToolUse);
    assert_eq!((got.usage.input, got.usage.output), (3, 2));
    let start = |id: &str, name: &str| {
        Delta::ToolUse(ToolUseStart {
            id: id.into(),
            name: name.into(),
        })
    };
    assert_eq!(deltas, [start("a", "read"), start("b", "list")]);
}

#[test]
fn servers_that_leave_out_index_or_id_are_understood() {
    let (got, _) = answer(&[
        delta(json!({"tool_calls": [{"id": "a", "function": {"name": "x", "arguments": "{"}}]})),
        delta(json!({"tool_calls": [{"function": {"arguments": "}"}}]})),
        delta(
            json!({"tool_calls": [{"id": "b", "function": {"name": "y", "arguments": {"k": 1}}}]}),
        ),
        end("stop"),
    ])
    .unwrap();
    assert_eq!(
        got.content,
        [call("a", "x", "{}"), call("b", "y", "{\"k\":1}")]
    );
    assert_eq!(got.stop, StopReason::ToolUse);
    let (got, _) = answer(&[json!({"choices": [{"message": {"tool_calls": [
        {"function": {"name": "x"}}, {"function": {"name": "y"}}]}, "finish_reason": "tool_calls"}]})])
    .unwrap();
    assert_eq!(
        got.content,
        [call("call_0", "x", "{}"), call("call_1", "y", "{}")]
    );
}

#[test]
fn every_reason_to_stop() {
    for (reason, stop) in [
        ("stop", StopReason::EndTurn),
        ("length", StopReason::MaxTokens),
        ("content_filter", StopReason::Refused),
        ("something_new", StopReason::Other),
    ] {
        let (got, _) = answer(&[delta(json!({"content": "x"})), end(reason)]).unwrap();
        assert_eq!(got.stop, stop, "{reason}");
    }
}

#[test]
fn a_refusal_and_reasoning_have_their_places() {
    let (got, deltas) = answer(&[
        delta(json!({"reasoning_content": "hm"})),
        delta(json!({"refusal": "I can"})),
        delta(json!({"refusal": "not"})),
        end("stop"),
    ])
    .unwrap();
    assert_eq!(
        got.content,
        [
            ContentBlock::Thinking("hm".into()),
            ContentBlock::Text("I cannot".into())
        ]
    );
    assert_eq!(got.stop, StopReason::Refused);
    assert_eq!(deltas.len(), 3);
}

#[test]
fn content_in_parts_is_text() {
    let parts = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
    let (got, _) = answer(&[delta(json!({"content": parts})), end("stop")]).unwrap();
    assert_eq!(got.content, [ContentBlock::Text("ab".into())]);
}

#[test]
fn an_answer_without_choices_or_names_is_none() {
    assert!(answer(&[json!({"choices": []})]).is_err());
    assert!(answer(&[delta(json!({"tool_calls": [{"index": 0, "id": "a"}]}))]).is_err());
    let many: Vec<_> = (0..=TOOL_CALLS_MAX)
        .map(|index| json!({"index": index, "function": {"name": "x"}}))
        .collect();
    assert!(answer(&[delta(json!({"tool_calls": many}))]).is_err());
}

#[test]
fn a_second_choice_is_not_mixed_in() {
    let (got, _) = answer(&[
        json!({"choices": [{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "b"}}]}),
        end("stop"),
    ])
    .unwrap();
    assert_eq!(got.content, [ContentBlock::Text("a".into())]);
}

#[test]
fn reasoning_is_told_once_under_whichever_name() {
    for delta_of in [
        json!({"reasoning_content": "hm"}),
        json!({"reasoning": "hm"}),
        json!({"reasoning": "hm", "reasoning_content": "hm"}),
        json!({"reasoning": "hm", "reasoning_content": null}),
        json!({"reasoning": {"effort": "low"}, "reasoning_content": "hm"}),
    ] {
        let (got, _) = answer(&[delta(delta_of), end("stop")]).unwrap();
        assert_eq!(got.content, [ContentBlock::Thinking("hm".into())]);
    }
}

#[test]
fn calls_that_share_an_index_are_told_apart_by_their_ids() {
    let piece = |id: &str| json!({"tool_calls": [{"index": 0, "id": id, "function": {"name": "t", "arguments": "{}"}}]});
    let (got, _) = answer(&[delta(piece("a")), delta(piece("b")), end("tool_calls")]).unwrap();
    assert_eq!(got.content, [call("a", "t", "{}"), call("b", "t", "{}")]);
}
