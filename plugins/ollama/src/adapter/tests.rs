use super::*;
use serde_json::Value;
use std::io;
use tollgate_sdk::http::{Headers, Response};
use tollgate_sdk::testing::FakeHttp;
use tollgate_sdk::{ContentBlock, Delta, Message, Role, StopReason};

fn request(stream: bool) -> CompletionRequest {
    CompletionRequest {
        model: Some("qwen3:4b".into()),
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
    let settings = Settings::read(&crate::DEFAULTS).unwrap();
    let call = Call {
        settings: &settings,
        own: &Own::default(),
        options: &tollgate_sdk::options::get(),
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

fn refused(status: u16, body: &str) -> ProviderError {
    let fake = FakeHttp::new(Ok(Response::new(status, Headers::default(), body)));
    complete(&request(true), &fake).0.unwrap_err()
}

fn unavailable(got: Result<Completion, ProviderError>) -> String {
    match got {
        Err(ProviderError::Unavailable(error)) => error.message,
        other => panic!("{other:?}"),
    }
}

const NDJSON: &str = "application/x-ndjson";
const TEXT: &str = "{\"model\":\"qwen3:4b\",\"message\":{\"role\":\"assistant\",\"content\":\"Hé\"},\"done\":false}\n";
const CALL: &str = "{\"message\":{\"tool_calls\":[{\"function\":{\"name\":\"read\",\"arguments\":{\"a\":\"\\u00e9\"}}}]},\"done\":false}\n";
const DONE: &str = "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":5,\"eval_count\":2}\n";

#[test]
fn one_post_without_any_credential() {
    for (stream, accept) in [(false, "application/json"), (true, NDJSON)] {
        let fake = FakeHttp::default();
        complete(&request(stream), &fake).0.unwrap_err();
        let sent = fake.sent();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].method, "POST");
        assert_eq!(sent[0].url, "http://127.0.0.1:11434/api/chat");
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
            json!({"model": "qwen3:4b", "messages": [{"role": "user", "content": "hi"}], "stream": stream})
        );
    }
}

#[test]
fn a_request_without_a_model_is_not_sent() {
    let fake = FakeHttp::default();
    let mut request = request(true);
    for model in [None, Some(String::new())] {
        request.model = model;
        let (got, _) = complete(&request, &fake);
        assert!(
            matches!(got, Err(ProviderError::InvalidRequest(m)) if m.starts_with("no model is named"))
        );
    }
    assert!(fake.sent().is_empty());
}

#[test]
fn an_answer_comes_whole_or_in_lines() {
    let whole = r#"{
        "model": "qwen3:4b", "message": {"role": "assistant", "content": "Hé"}, "done": true, "done_reason": "stop"
    }"#;
    let (got, deltas) = send(false, "application/json; charset=utf-8", whole);
    assert_eq!(got.unwrap().content, [ContentBlock::Text("Hé".into())]);
    assert!(deltas.is_empty());
    for content_type in [NDJSON, "application/json", ""] {
        let (got, deltas) = send(true, content_type, &[TEXT, CALL, DONE].concat());
        let got = got.unwrap();
        assert_eq!(got.content.len(), 2);
        assert_eq!(got.stop, StopReason::ToolUse);
        assert_eq!((got.usage.input, got.usage.output), (5, 2));
        assert_eq!(deltas.len(), 2);
    }
    // Half of a whole answer is none.
    unavailable(send(false, "application/json", TEXT).0);
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
    let whole = [TEXT, CALL, DONE].concat();
    let read = |body: Cut<'_>| {
        let mut deltas = Vec::new();
        (
            streamed(body, Answer::default(), &mut deltas).unwrap(),
            deltas,
        )
    };
    let (wanted, deltas) = read(Cut(b"", whole.as_bytes()));
    assert_eq!(wanted.content.len(), 2);
    for at in 0..whole.len() {
        let (before, after) = whole.as_bytes().split_at(at);
        assert_eq!(
            read(Cut(before, after)),
            (wanted.clone(), deltas.clone()),
            "cut at {at}"
        );
        // What ends before it is done was cut off.
        let ended = streamed(before, Answer::default(), &mut Vec::new());
        assert_eq!(ended.is_err(), at < whole.len() - 1, "ended at {at}");
    }
}

#[test]
fn a_stream_that_ends_before_it_is_done_was_cut_off() {
    let (got, deltas) = send(true, NDJSON, TEXT);
    assert_eq!(unavailable(got), "the stream ended before the answer did");
    assert_eq!(deltas, [Delta::Text("Hé".into())]);
    let (got, _) = send(true, NDJSON, &[TEXT, DONE, "<html>"].concat());
    assert!(got.is_ok());
}

#[test]
fn every_error_means_what_the_host_can_do() {
    for (status, said) in [
        (
            503,
            "server busy, please try again.  maximum pending requests exceeded",
        ),
        (503, "x"),
    ] {
        let error = refused(status, &json!({"error": said}).to_string());
        assert!(matches!(error, ProviderError::Overloaded(_)), "{error:?}");
    }
    for said in [
        "registry.ollama.ai/library/gemma:2b does not support tools",
        "\"gemma:2b\" does not support thinking",
        "invalid think value",
    ] {
        let error = refused(400, &json!({"error": said}).to_string());
        assert_eq!(
            error,
            ProviderError::InvalidRequest(format!("{said} (HTTP 400)"))
        );
    }
    for said in [
        "prompt too long; exceeded max context length by 5 tokens",
        "the input length exceeds the context length",
    ] {
        let error = refused(400, &json!({"error": said}).to_string());
        assert!(
            matches!(error, ProviderError::ContextTooLong(_)),
            "{error:?}"
        );
    }
    assert!(matches!(
        refused(401, r#"{"error":"unauthorized"}"#),
        ProviderError::AuthExpired(_)
    ));
    assert!(matches!(
        refused(429, r#"{"error":"too many requests"}"#),
        ProviderError::RateLimited(_)
    ));
    assert!(matches!(
        refused(
            429,
            r#"{"error":"you have reached your weekly usage limit"}"#
        ),
        ProviderError::QuotaExhausted(_)
    ));
    assert!(matches!(
        refused(500, r#"{"error":"llama runner process has terminated"}"#),
        ProviderError::Unavailable(_)
    ));
    // As other servers write it.
    let error = refused(
        500,
        r#"{"error":{"message":"m","type":"rate_limit_error"}}"#,
    );
    assert!(matches!(error, ProviderError::RateLimited(_)));
}

#[test]
fn a_missing_model_is_told_with_what_to_do() {
    for said in [
        "model 'qwen3:4b' not found",
        "model \"qwen3:4b\" not found, try pulling it first",
    ] {
        assert_eq!(
            refused(404, &json!({"error": said}).to_string()),
            ProviderError::InvalidRequest(format!(
                "{said} (HTTP 404); get it on the server's machine with: ollama pull qwen3:4b"
            ))
        );
    }
    let other = refused(404, "404 page not found");
    assert_eq!(
        other,
        ProviderError::InvalidRequest("404 page not found (HTTP 404)".into())
    );
}

#[test]
fn an_error_in_mid_stream_is_told_apart() {
    let end = |said: &str| send(true, NDJSON, &format!("{TEXT}{{\"error\":{said}}}\n")).0;
    assert!(
        unavailable(end("\"an error was encountered while running the model\""))
            .starts_with("an error was")
    );
    unavailable(end("\"\""));
    assert!(matches!(
        end("\"gemma does not support tools\""),
        Err(ProviderError::InvalidRequest(_))
    ));
    assert!(matches!(
        end("\"server busy\""),
        Err(ProviderError::Overloaded(_))
    ));
    assert!(matches!(
        end("\"unauthorized\""),
        Err(ProviderError::AuthExpired(_))
    ));
    assert!(matches!(
        end("\"model 'qwen3:4b' not found\""),
        Err(ProviderError::InvalidRequest(m)) if m.ends_with("ollama pull qwen3:4b")
    ));
    let (got, _) = send(false, "application/json", "{\"error\":\"server busy\"}");
    assert!(matches!(got, Err(ProviderError::Overloaded(_))));
    let no_error = DONE.replace("\"done\"", "\"error\":null,\"done\"");
    let (got, _) = send(true, NDJSON, &no_error);
    assert!(got.is_ok(), "{got:?}");
}

#[test]
fn what_is_no_answer_is_unavailable() {
    let deep = format!("{{\"error\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000));
    for body in [
        "",
        "<html>",
        "[]",
        "{}",
        "1",
        "{\"message\":1}",
        "{\"done\":\"yes\"}",
        &deep,
    ] {
        unavailable(send(false, "application/json", body).0);
    }
    for line in [
        "<html>",
        "[]",
        "{}",
        "1",
        "{\"message\":1}",
        "{\"done\":\"yes\"}",
        &deep,
    ] {
        unavailable(send(true, NDJSON, &format!("{line}\n{DONE}")).0);
    }
    unavailable(send(true, NDJSON, "").0);
    unavailable(send(false, NDJSON, DONE).0);
    unavailable(send(true, "text/html", DONE).0);
}

#[test]
fn a_stream_without_end_ends_here() {
    let read = |body: &mut dyn Read| streamed(body, Answer::default(), &mut Vec::new());
    let long = TEXT.replace("Hé", &"x".repeat(100_000));
    let empty = "\n".repeat(100_000);
    for text in [&long, "x", &empty] {
        unavailable(read(&mut Forever {
            text: text.into(),
            at: 0,
        }));
    }
    let mut done = DONE.as_bytes().chain(Forever {
        text: "\n".into(),
        at: 0,
    });
    assert!(read(&mut done).is_ok());
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
