use super::*;
use crate::common::testing::{
    NO_OPTIONS, answer, call, cut_at, request as conversation, said, settings, text,
};
use serde_json::{Value, json};
use tollgate_sdk::http::{HttpError, Response};
use tollgate_sdk::testing::FakeHttp;
use tollgate_sdk::{ContentBlock, Delta, Retryable, Role, StopReason, Usage};

fn request(stream: bool) -> CompletionRequest {
    CompletionRequest {
        stream,
        ..conversation(vec![said(Role::User, vec![text("hi")])])
    }
}

fn run(client: &FakeHttp, stream: bool) -> (Result<Completion, ProviderError>, Vec<Delta>) {
    let mut deltas = Vec::new();
    let settings = Settings {
        headers: vec![("openai-project".into(), "p".into())],
        ..settings("https://a.test/v1")
    };
    let got = complete(
        &settings,
        &NO_OPTIONS,
        &request(stream),
        client,
        &mut deltas,
    );
    (got, deltas)
}

fn send(
    stream: bool,
    response: Result<Response, HttpError>,
) -> (Result<Completion, ProviderError>, Vec<Delta>) {
    run(&FakeHttp::new(response), stream)
}

fn read(body: &str) -> (Result<Completion, ProviderError>, Vec<Delta>) {
    send(true, Ok(answer("text/event-stream", body)))
}

fn whole() -> Value {
    json!({
        "id": "chatcmpl-1", "model": "gpt-5-mini-2025",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 7}}
    })
}

#[test]
fn one_post_without_any_credential() {
    let fake = FakeHttp::new(Ok(answer("application/json", whole().to_string())));
    run(&fake, false).0.unwrap();
    let sent = fake.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].method, "POST");
    assert_eq!(sent[0].url, "https://a.test/v1/chat/completions");
    let names: Vec<_> = sent[0]
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["accept", "openai-project", "content-type"]);
    let body: Value = serde_json::from_slice(&sent[0].body).unwrap();
    assert_eq!(
        body,
        json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
    );
}

#[test]
fn a_whole_answer() {
    let (got, _) = send(false, Ok(answer("application/json", whole().to_string())));
    let got = got.unwrap();
    assert_eq!(got.model, "gpt-5-mini-2025");
    assert_eq!(got.response_id.as_deref(), Some("chatcmpl-1"));
    assert_eq!(got.content, [ContentBlock::Text("Hello".into())]);
    assert_eq!(got.stop, StopReason::EndTurn);
    assert_eq!(
        got.usage,
        Usage {
            input: 9,
            output: 12,
            cached_input: 4,
            reasoning: 7
        }
    );
}

#[test]
fn a_server_may_answer_whole_where_a_stream_was_asked_for() {
    let (got, deltas) = send(
        true,
        Ok(answer(
            "application/json; charset=utf-8",
            whole().to_string(),
        )),
    );
    assert_eq!(got.unwrap().content, [ContentBlock::Text("Hello".into())]);
    assert!(deltas.is_empty());
}

#[test]
fn a_stream_is_emitted_and_returned_whole() {
    let body = "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"He\"}}]}\n\n\
         data: {\"choices\":[{\"delta\":{\"content\":\"y\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let (got, deltas) = send(true, Ok(answer("text/event-stream", body)));
    assert_eq!(got.unwrap().content, [ContentBlock::Text("Hey".into())]);
    assert_eq!(deltas, [Delta::Text("He".into()), Delta::Text("y".into())]);
}

#[test]
fn what_is_no_answer_is_unavailable() {
    for body in ["", "<html>", "[]", "{}", "{\"choices\":[]}"] {
        let (got, _) = send(false, Ok(answer("application/json", body)));
        assert!(
            matches!(got, Err(ProviderError::Unavailable(_))),
            "{body}: {got:?}"
        );
    }
}

#[test]
fn an_error_after_200_is_an_error() {
    let body = json!({"error": {"message": "m", "code": "insufficient_quota"}}).to_string();
    let (got, _) = send(false, Ok(answer("application/json", body)));
    assert!(matches!(got, Err(ProviderError::QuotaExhausted(_))));
}

#[test]
fn a_status_is_judged_with_its_headers() {
    let headers = [("retry-after-ms", "1500")].into_iter().collect();
    let body = json!({"error": {"message": "slow down", "type": "requests"}}).to_string();
    let (got, _) = send(true, Ok(Response::new(429, headers, body)));
    assert_eq!(
        got,
        Err(ProviderError::RateLimited(Retryable {
            message: "slow down (HTTP 429, requests)".into(),
            retry_after_ms: Some(1500)
        }))
    );
}

const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

#[test]
fn the_last_chunk_holds_the_usage() {
    let (got, _) = read(&[": comment\n\n", TEXT, STOP, USAGE, DONE].concat());
    let got = got.unwrap();
    assert_eq!(got.content, [ContentBlock::Text("a".into())]);
    assert_eq!((got.usage.input, got.usage.output), (5, 1));
    assert_eq!(got.stop, StopReason::EndTurn);
}

#[test]
fn a_stream_may_end_without_done_but_not_without_a_reason() {
    assert!(read(&[TEXT, STOP].concat()).0.is_ok());
    let (got, deltas) = read(TEXT);
    assert!(matches!(got, Err(ProviderError::Unavailable(_))));
    assert_eq!(deltas.len(), 1);
    assert!(read("").0.is_err());
    assert_eq!(
        read(&[TEXT, DONE].concat()).0.unwrap().stop,
        StopReason::Other
    );
}

#[test]
fn an_error_in_mid_stream_is_told_apart() {
    let errors = [
        "data: {\"error\":{\"message\":\"m\",\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\"}}\n\n",
        "event: error\ndata: {\"message\":\"m\",\"code\":\"rate_limit_exceeded\"}\n\n",
        "data: {\"object\":\"error\",\"message\":\"m\",\"code\":\"rate_limit_exceeded\"}\n\n",
    ];
    for error in errors {
        let (got, _) = read(&[TEXT, error].concat());
        assert!(matches!(got, Err(ProviderError::RateLimited(_))), "{got:?}");
    }
    let (got, _) = read(
        &[
            TEXT,
            "data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\"}}\n\n",
        ]
        .concat(),
    );
    assert!(matches!(got, Err(ProviderError::Unavailable(_))));
}

#[test]
fn a_chunk_that_cannot_be_read_is_shown() {
    let (got, _) = read("data: <html>\n\n");
    assert!(matches!(got, Err(ProviderError::Unavailable(r)) if r.message.ends_with(": <html>")));
}

#[test]
fn the_pieces_in_which_a_stream_arrives_do_not_matter() {
    let stream = [
        "data: {\"id\":\"c\",\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"né \u{1f980}\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"t\",\"arguments\":\"{\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"}\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
        USAGE,
        DONE,
    ]
    .concat();
    let wanted = read(&stream);
    assert_eq!(
        wanted.0.as_ref().unwrap().content,
        [
            ContentBlock::Thinking("hm".into()),
            text("né \u{1f980}"),
            call("x", "t", "{}")
        ]
    );
    for at in 0..=stream.len() {
        assert_eq!(send(true, Ok(cut_at(&stream, at))), wanted, "{at}");
    }
}
