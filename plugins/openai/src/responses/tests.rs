use super::*;
use crate::common::testing::{
    NO_OPTIONS, answer, call, cut_at, request as conversation, said, text,
};
use serde_json::{Value, json};
use tollgate_sdk::http::{HttpError, Response};
use tollgate_sdk::testing::FakeHttp;
use tollgate_sdk::{ContentBlock, Delta, Opaque, Role, StopReason, Usage};

type Got = (Result<Completion, ProviderError>, Vec<Delta>);

fn send(stream: bool, response: Result<Response, HttpError>) -> Got {
    let mut deltas = Vec::new();
    let settings = Settings {
        common: crate::common::testing::settings("https://a.test/v1"),
        summary: None,
    };
    let request = CompletionRequest {
        stream,
        ..conversation(vec![said(Role::User, vec![text("hi")])])
    };
    let client = FakeHttp::new(response);
    let got = complete(&settings, &NO_OPTIONS, &request, &client, &mut deltas);
    let sent = client.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].url, "https://a.test/v1/responses");
    (got, deltas)
}

fn whole(response: &Value) -> Result<Completion, ProviderError> {
    let response = answer("application/json", response.to_string());
    send(false, Ok(response)).0
}

/// A stream of these events.
fn stream(events: &[Value]) -> String {
    let event = |event: &Value| {
        format!(
            "event: {}\ndata: {event}\n\n",
            event["type"].as_str().unwrap()
        )
    };
    events.iter().map(event).collect()
}

fn read(events: &[Value]) -> Got {
    send(true, Ok(answer("text/event-stream", stream(events))))
}

fn reasoning() -> Value {
    json!({"type": "reasoning", "id": "rs_1", "encrypted_content": "x==",
        "summary": [{"type": "summary_text", "text": "First"}, {"type": "summary_text", "text": "then"}]})
}

fn message() -> Value {
    json!({"type": "message", "id": "msg_1", "role": "assistant",
        "content": [{"type": "output_text", "text": "né \u{1f980}", "annotations": []}]})
}

fn function_call() -> Value {
    json!({"type": "function_call", "id": "fc_1", "call_id": "call_a", "name": "read", "arguments": "{\"p\":1}"})
}

fn response(status: &str, output: &[Value]) -> Value {
    json!({"id": "resp_1", "object": "response", "model": "gpt-x-2025", "status": status, "error": null,
        "incomplete_details": null, "output": output,
        "usage": {"input_tokens": 9, "output_tokens": 12, "total_tokens": 21,
            "input_tokens_details": {"cached_tokens": 4}, "output_tokens_details": {"reasoning_tokens": 7}}})
}

fn thinking(text: &str) -> ContentBlock {
    ContentBlock::Thinking(text.into())
}

fn state() -> ContentBlock {
    ContentBlock::Opaque(Opaque {
        provider: "openai".into(),
        data: reasoning().to_string().into_bytes(),
    })
}

fn wanted() -> Completion {
    Completion {
        model: "gpt-x-2025".into(),
        response_id: Some("resp_1".into()),
        content: vec![
            thinking("First"),
            thinking("then"),
            state(),
            text("né \u{1f980}"),
            call("call_a", "read", "{\"p\":1}"),
        ],
        stop: StopReason::ToolUse,
        usage: Usage {
            input: 9,
            output: 12,
            cached_input: 4,
            reasoning: 7,
        },
    }
}

/// The same answer as events: `added`, pieces, `done`, and its end.
fn events() -> Vec<Value> {
    let delta = |kind: &str, index: usize, delta: &str| json!({"type": format!("response.{kind}.delta"), "output_index": index, "delta": delta});
    let of = |kind: &str, index: usize| json!({"type": format!("response.{kind}"), "output_index": index});
    let item = |kind: &str, index: usize, item: Value| json!({"type": format!("response.output_item.{kind}"), "output_index": index, "item": item});
    let begun = json!({"type": "function_call", "id": "fc_1", "call_id": "call_a", "name": "read", "arguments": ""});
    vec![
        json!({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}}),
        json!({"type": "response.in_progress", "response": {"id": "resp_1"}}),
        item(
            "added",
            0,
            json!({"type": "reasoning", "id": "rs_1", "summary": []}),
        ),
        of("reasoning_summary_part.added", 0),
        delta("reasoning_summary_text", 0, "Fir"),
        delta("reasoning_summary_text", 0, "st"),
        of("reasoning_summary_part.added", 0),
        delta("reasoning_summary_text", 0, "then"),
        item("done", 0, reasoning()),
        item(
            "added",
            1,
            json!({"type": "message", "id": "msg_1", "content": []}),
        ),
        of("content_part.added", 1),
        delta("output_text", 1, "né "),
        delta("output_text", 1, "\u{1f980}"),
        item("done", 1, message()),
        item("added", 2, begun),
        delta("function_call_arguments", 2, "{\"p\""),
        delta("function_call_arguments", 2, ":1}"),
        json!({"type": "response.function_call_arguments.done", "output_index": 2, "arguments": "{\"p\":1}"}),
        item("done", 2, function_call()),
        json!({"type": "response.completed", "response": response("completed", &[reasoning(), message(), function_call()])}),
    ]
}

#[test]
fn a_whole_answer() {
    let output = [reasoning(), message(), function_call()];
    assert_eq!(whole(&response("completed", &output)).unwrap(), wanted());
    let (got, deltas) = send(
        true,
        Ok(answer(
            "application/json",
            response("completed", &output).to_string(),
        )),
    );
    assert_eq!(got.unwrap(), wanted());
    assert!(deltas.is_empty());
}

#[test]
fn a_stream_is_emitted_and_returned_whole() {
    let (got, deltas) = read(&events());
    assert_eq!(got.unwrap(), wanted());
    assert_eq!(
        deltas,
        [
            Delta::Thinking("Fir".into()),
            Delta::Thinking("st".into()),
            Delta::Thinking("then".into()),
            Delta::Text("né ".into()),
            Delta::Text("\u{1f980}".into()),
            Delta::ToolUse(tollgate_sdk::ToolUseStart {
                id: "call_a".into(),
                name: "read".into()
            }),
        ]
    );
}

#[test]
fn a_server_may_leave_out_what_it_says_again() {
    let without = |left_out: &[&str]| -> Vec<Value> {
        let is_left_out = |event: &Value| {
            let kind = event["type"].as_str().unwrap();
            left_out.iter().any(|word| kind.ends_with(word))
        };
        events()
            .into_iter()
            .filter(|event| !is_left_out(event))
            .collect()
    };
    for left_out in [
        &["created", "in_progress"][..],
        &["part.added"],
        &["output_item.added"],
        &["delta"],
        &["delta", "arguments.done", "part.added", "output_item.added"],
        &[
            "delta",
            "arguments.done",
            "part.added",
            "output_item.added",
            "output_item.done",
        ],
    ] {
        let got = read(&without(left_out)).0.unwrap();
        let mut wanted = wanted();
        if left_out == ["part.added"] {
            // Nothing says where the summary's parts end.
            wanted.content.splice(0..2, [thinking("Firstthen")]);
        }
        assert_eq!(got, wanted, "{left_out:?}");
    }
    // No numbers.
    let mut plain = events();
    for event in &mut plain {
        event.as_object_mut().unwrap().remove("output_index");
    }
    assert_eq!(read(&plain).0.unwrap(), wanted());
    // Other numbers than in the list at the end.
    let mut shifted = events();
    for event in &mut shifted {
        if let Some(index) = event["output_index"].as_u64() {
            event["output_index"] = (index + 5).into();
        }
    }
    assert_eq!(read(&shifted).0.unwrap(), wanted());
    // No list at the end.
    let mut short = events();
    let end = short.last_mut().unwrap();
    end["response"].as_object_mut().unwrap().remove("output");
    assert_eq!(read(&short).0.unwrap(), wanted());
}

#[test]
fn the_pieces_in_which_a_stream_arrives_do_not_matter() {
    let stream = stream(&events());
    let all = read(&events());
    for at in 0..=stream.len() {
        assert_eq!(send(true, Ok(cut_at(&stream, at))), all, "{at}");
    }
}

#[test]
fn half_an_answer_is_none() {
    let events = events();
    for count in 0..events.len() {
        let (got, _) = read(&events[..count]);
        assert!(matches!(got, Err(ProviderError::Unavailable(_))), "{count}");
    }
    let done = [stream(&events[..3]), "data: [DONE]\n\n".into()].concat();
    assert!(send(true, Ok(answer("text/event-stream", done))).0.is_err());
}

#[test]
fn every_end_has_its_reason() {
    let refusal = json!({"type": "message", "content": [{"type": "refusal", "refusal": "no"}]});
    for (status, reason, item, wanted) in [
        ("completed", None, message(), StopReason::EndTurn),
        ("completed", None, function_call(), StopReason::ToolUse),
        ("completed", None, refusal, StopReason::Refused),
        (
            "incomplete",
            Some("max_output_tokens"),
            function_call(),
            StopReason::MaxTokens,
        ),
        (
            "incomplete",
            Some("content_filter"),
            message(),
            StopReason::Refused,
        ),
        ("incomplete", Some("steered"), message(), StopReason::Other),
        ("incomplete", None, message(), StopReason::Other),
    ] {
        let mut response = response(status, &[item]);
        if let Some(reason) = reason {
            response["incomplete_details"] = json!({"reason": reason});
        }
        assert_eq!(
            whole(&response).unwrap().stop,
            wanted,
            "{status} {reason:?}"
        );
        let end = json!({"type": format!("response.{status}"), "response": response});
        assert_eq!(read(&[end]).0.unwrap().stop, wanted, "{status} {reason:?}");
    }
}

#[test]
fn a_refusal_is_text() {
    let (got, deltas) = read(&[
        json!({"type": "response.refusal.delta", "output_index": 0, "delta": "I can"}),
        json!({"type": "response.refusal.delta", "output_index": 0, "delta": "not"}),
        json!({"type": "response.completed", "response": {"id": "r"}}),
    ]);
    let got = got.unwrap();
    assert_eq!(got.content, [text("I cannot")]);
    assert_eq!(got.stop, StopReason::Refused);
    assert_eq!(deltas.len(), 2);
}

#[test]
fn errors_are_told_apart_wherever_they_come() {
    let error = json!({"code": "rate_limit_exceeded", "message": "m"});
    let failed = json!({"id": "r", "status": "failed", "error": error, "output": []});
    let mut flat = error.clone();
    flat["type"] = "error".into();
    let events = [
        flat,
        json!({"type": "error", "error": error}),
        json!({"type": "response.failed", "response": failed}),
        json!({"type": "response.failed", "response": {"error": error}}),
    ];
    for event in events {
        let got = read(&[events_begin(), event.clone()]).0;
        assert!(
            matches!(got, Err(ProviderError::RateLimited(_))),
            "{event}: {got:?}"
        );
        let untyped = format!("data: {event}\n\n");
        let got = send(true, Ok(answer("text/event-stream", untyped))).0;
        assert!(
            matches!(got, Err(ProviderError::RateLimited(_))),
            "{event}: {got:?}"
        );
    }
    for body in [json!({"error": error}), failed] {
        assert!(
            matches!(whole(&body), Err(ProviderError::RateLimited(_))),
            "{body}"
        );
    }
    let policy = json!({"status": "failed", "error": {"code": "cyber_policy", "message": "m"}});
    assert!(matches!(whole(&policy), Err(ProviderError::Refused(_))));
    let cancelled = json!({"id": "r", "status": "cancelled", "output": []});
    assert!(matches!(
        whole(&cancelled),
        Err(ProviderError::Unavailable(_))
    ));
}

fn events_begin() -> Value {
    json!({"type": "response.created", "response": {"id": "resp_1"}})
}

#[test]
fn what_is_no_answer_is_unavailable() {
    let chat = json!({"id": "c", "choices": [{"message": {"content": "x"}}]}).to_string();
    for body in ["", "<html>", "[]", "{}", &chat] {
        let (got, _) = send(false, Ok(answer("application/json", body)));
        assert!(
            matches!(got, Err(ProviderError::Unavailable(_))),
            "{body}: {got:?}"
        );
    }
    let (got, _) = send(true, Ok(answer("text/event-stream", "data: <html>\n\n")));
    assert!(matches!(got, Err(ProviderError::Unavailable(r)) if r.message.ends_with(": <html>")));
}

#[test]
fn a_call_without_a_call_id_has_one_and_without_a_name_is_none() {
    let mut item = function_call();
    item.as_object_mut().unwrap().remove("call_id");
    let got = whole(&response("completed", &[item.clone()])).unwrap();
    assert_eq!(got.content, [call("fc_1", "read", "{\"p\":1}")]);
    item.as_object_mut().unwrap().remove("name");
    let got = whole(&response("completed", &[item]));
    assert!(matches!(got, Err(ProviderError::Unavailable(_))));
}

#[test]
fn the_phase_of_a_message_stays_with_its_text() {
    let said = |phase: &str, text: &str| json!({"type": "message", "phase": phase, "content": [{"type": "output_text", "text": text}]});
    let output = [said("commentary", "Let me see"), said("final_answer", "42")];
    let got = whole(&response("completed", &output)).unwrap();
    let mark = |phase: &str| {
        ContentBlock::Opaque(Opaque {
            provider: "openai".into(),
            data: format!(r#"{{"type":"phase","phase":"{phase}"}}"#).into(),
        })
    };
    let wanted = [
        mark("commentary"),
        text("Let me see"),
        mark("final_answer"),
        text("42"),
    ];
    assert_eq!(got.content, wanted);
    let events = [
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "phase": "final_answer"}}),
        json!({"type": "response.output_text.delta", "output_index": 0, "delta": "42"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": said("final_answer", "42")}),
        json!({"type": "response.completed", "response": response("completed", &[said("final_answer", "42")])}),
    ];
    assert_eq!(read(&events).0.unwrap().content, wanted[2..]);
}
