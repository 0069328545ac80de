use super::*;
use serde_json::Value;
use std::io;
use tollgate_sdk::http::{Headers, Response};
use tollgate_sdk::testing::FakeHttp;
use tollgate_sdk::{ContentBlock, Delta, Message, Role, StopReason};

fn request(stream: bool) -> CompletionRequest {
    CompletionRequest {
        stream,
        ..tollgate_sdk::testing::sample_request(vec![Message {
            role: Role::User,
            content: vec![ContentBlock::Text("hi".into())],
        }])
    }
}

fn complete(
    request: &CompletionRequest,
    fake: &FakeHttp,
) -> (Result<Completion, ProviderError>, Vec<Delta>) {
    let settings = Settings {
        base_url: "https://a.test".into(),
        ..Settings::read(&crate::DEFAULTS).unwrap()
    };
    let options = tollgate_sdk::options::get();
    let call = Call {
        settings: &settings,
        version: "v1beta",
        options: &options,
        request,
    };
    let mut deltas = Vec::new();
    (call.complete(fake, &mut deltas), deltas)
}

fn send(
    stream: bool,
    content_type: &str,
    body: &str,
) -> (Result<Completion, ProviderError>, Vec<Delta>) {
    let headers = [("content-type", content_type)].into_iter().collect();
    let fake = FakeHttp::new(Ok(Response::new(200, headers, body)));
    complete(&request(stream), &fake)
}

fn frame(json: &str) -> String {
    format!("data: {json}\r\n\r\n")
}

fn unavailable(got: Result<Completion, ProviderError>) -> String {
    match got {
        Err(ProviderError::Unavailable(error)) => error.message,
        other => panic!("{other:?}"),
    }
}

const TEXT: &str = r#"{"candidates":[{"content":{"parts":[{"text":"Hé"}],"role":"model"}}],"usageMetadata":{"promptTokenCount":5}}"#;
const CALL: &str = r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"read","args":{"a":"\u00e9"}},"thoughtSignature":"AQ=="}]}}]}"#;
const STOP: &str = r#"{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2}}"#;

#[test]
fn one_post_without_any_credential() {
    for (stream, accept, method) in [
        (false, "application/json", "generateContent"),
        (true, "text/event-stream", "streamGenerateContent?alt=sse"),
    ] {
        let fake = FakeHttp::default();
        complete(&request(stream), &fake).0.unwrap_err();
        let sent = fake.sent();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].method, "POST");
        assert_eq!(
            sent[0].url,
            format!("https://a.test/v1beta/models/gemini-flash-latest:{method}")
        );
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            sent[0].headers,
            [
                header("accept", accept),
                header("content-type", "application/json")
            ]
        );
        let body: Value = serde_json::from_slice(&sent[0].body).unwrap();
        assert_eq!(
            body,
            json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})
        );
    }
}

#[test]
fn a_name_that_is_no_model_is_not_sent() {
    let fake = FakeHttp::default();
    let mut request = request(false);
    request.model = Some("../v1/x".into());
    let (got, _) = complete(&request, &fake);
    assert!(matches!(got, Err(ProviderError::InvalidRequest(_))));
    assert!(fake.sent().is_empty());
}

#[test]
fn an_answer_comes_whole_or_in_a_list_whatever_was_asked_for() {
    let list = format!("[{TEXT}\n,\n{CALL}\n,\n{STOP}]");
    for stream in [false, true] {
        let (got, deltas) = send(stream, "application/json; charset=utf-8", &list);
        let got = got.unwrap();
        assert_eq!(got.content.len(), 3);
        assert_eq!(got.stop, StopReason::ToolUse);
        assert_eq!((got.usage.input, got.usage.output), (5, 2));
        assert!(deltas.is_empty());
        let (got, _) = send(stream, "application/json", TEXT);
        assert_eq!(got.unwrap().content, [ContentBlock::Text("Hé".into())]);
    }
}

#[test]
fn a_stream_is_the_same_wherever_it_is_cut() {
    /// Gives what is before the cut, and then the rest.
    struct Cut<'a>(&'a [u8], &'a [u8]);
    impl Read for Cut<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let part = if self.0.is_empty() {
                &mut self.1
            } else {
                &mut self.0
            };
            part.read(buffer)
        }
    }
    let whole = [frame(TEXT), frame(CALL), frame(STOP)].concat();
    let read = |body: Cut<'_>| {
        let mut deltas = Vec::new();
        (
            streamed(body, Answer::default(), &mut deltas).unwrap(),
            deltas,
        )
    };
    let (wanted, deltas) = read(Cut(b"", whole.as_bytes()));
    assert_eq!(wanted.content.len(), 3);
    assert_eq!(deltas.len(), 2);
    for at in 0..whole.len() {
        let (before, after) = whole.as_bytes().split_at(at);
        assert_eq!(
            read(Cut(before, after)),
            (wanted.clone(), deltas.clone()),
            "cut at {at}"
        );
        // What ends before the reason to stop was cut off.
        let ended = streamed(before, Answer::default(), &mut Vec::new());
        let reason = whole.len() - 1;
        assert_eq!(ended.is_err(), at < reason, "ended at {at}");
    }
}

#[test]
fn the_end_is_where_the_stream_ends_after_a_reason() {
    let usage = frame(r#"{"usageMetadata":{"promptTokenCount":7}}"#);
    let body = [frame(TEXT), frame(STOP), usage, "data: [DONE]\n\n".into()].concat();
    let (got, deltas) = send(true, "text/event-stream", &body);
    assert_eq!(got.unwrap().usage.input, 7);
    assert_eq!(deltas, [Delta::Text("Hé".into())]);
    let (got, deltas) = send(true, "text/event-stream", &frame(TEXT));
    assert_eq!(unavailable(got), "the stream ended before the answer did");
    assert_eq!(deltas.len(), 1);
}

#[test]
fn an_error_in_mid_stream_is_told_apart_however_it_comes() {
    let error = r#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#;
    let pretty = "{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"overloaded\",\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n";
    for said in [
        frame(error),
        frame(&format!("[{error}]")),
        format!("event: error\n{}", frame(error)),
        format!(
            "event: error\n{}",
            frame(r#"{"code":503,"message":"overloaded"}"#)
        ),
        pretty.into(),
        format!("[{pretty}]"),
    ] {
        let (got, _) = send(
            true,
            "text/event-stream",
            &[frame(TEXT), said.clone()].concat(),
        );
        assert!(
            matches!(&got, Err(ProviderError::Overloaded(e)) if e.message.starts_with("overloaded")),
            "{said}: {got:?}"
        );
    }
}

#[test]
fn an_error_in_the_place_of_an_answer_is_one() {
    let error = r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}"#;
    for body in [
        error.to_owned(),
        format!("[{error}]"),
        format!("[{TEXT},{error}]"),
    ] {
        let (got, _) = send(false, "application/json", &body);
        assert!(matches!(got, Err(ProviderError::RateLimited(_))), "{got:?}");
    }
    let headers = [("retry-after", "2")].into_iter().collect();
    let fake = FakeHttp::new(Ok(Response::new(429, headers, error)));
    let (got, _) = complete(&request(true), &fake);
    assert!(matches!(got, Err(ProviderError::RateLimited(e)) if e.retry_after_ms == Some(2_000)));
    let fake = FakeHttp::new(Ok(Response::new(502, Headers::default(), "<html>")));
    unavailable(complete(&request(false), &fake).0);
}

#[test]
fn a_blocked_prompt_is_refused_in_either_form() {
    let blocked = r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#;
    let refused = Err(ProviderError::Refused(
        "the prompt was blocked (SAFETY)".into(),
    ));
    assert_eq!(send(false, "application/json", blocked).0, refused);
    assert_eq!(send(true, "text/event-stream", &frame(blocked)).0, refused);
}

#[test]
fn what_is_no_answer_is_unavailable() {
    let deep = format!("{{\"error\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000));
    for body in [
        "",
        "<html>",
        "[]",
        "{}",
        "[[]]",
        "1",
        "{\"candidates\":1}",
        &deep,
    ] {
        unavailable(send(false, "application/json", body).0);
        if !body.is_empty() {
            unavailable(send(true, "text/event-stream", &frame(body)).0);
        }
    }
    unavailable(send(false, "text/html", TEXT).0);
    unavailable(send(true, "application/x-ndjson", TEXT).0);
}

#[test]
fn a_stream_without_end_ends_here() {
    let read = |body: &mut dyn Read| streamed(body, Answer::default(), &mut Vec::new());
    let endless = |text: String| Forever {
        text: text.into(),
        at: 0,
    };
    let long = "x".repeat(100_000);
    unavailable(read(&mut endless(frame(&TEXT.replace("Hé", &long)))));
    unavailable(read(&mut endless("data: x ".repeat(1_000))));
    unavailable(read(&mut endless("data: x\n".into())));
    unavailable(read(&mut endless(format!(": {long}\n\n"))));
    // After the reason to stop nothing that comes can take the answer back.
    let stop = frame(STOP);
    let mut stopped = stop.as_bytes().chain(endless(format!(": {long}\n\n")));
    assert!(read(&mut stopped).is_ok());
}

struct Forever {
    text: Vec<u8>,
    at: usize,
}

impl Read for Forever {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&self.text[self.at..]).read(buffer)?;
        self.at = (self.at + count) % self.text.len();
        Ok(count)
    }
}
