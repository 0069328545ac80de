//! The exchange: builds the request, sends it, and reads whichever of the answers came back.

use crate::draft::Draft;
use crate::request::Body;
use crate::settings::Settings;
use crate::{error, stream, wire};
use tollgate_adapter::answer::Answer;
use tollgate_adapter::exchange::{self, Form, Reply, read_json};
use tollgate_sdk::http::HttpClient;
use tollgate_sdk::options::Options;
use tollgate_sdk::sink::Emit;
use tollgate_sdk::{Completion, CompletionRequest, ProviderError};

/// Sends `request` to the server of `settings` and returns the whole answer.
pub(crate) fn complete(
    settings: &Settings,
    request: &CompletionRequest,
    options: &Options,
    client: &dyn HttpClient,
    sink: &mut dyn Emit,
) -> Result<Completion, ProviderError> {
    let body = Body::new(request, options, settings)?;
    let form = match request.stream {
        true => Form::Events,
        false => Form::Whole,
    };
    let server = &settings.server;
    let url = server.url("/v1/messages");
    let answer = Answer::after(&request.messages);
    match exchange::post(client, &url, &server.headers, &body, form, error::WORDS)? {
        Reply::Whole(body) => whole(&body, answer),
        Reply::Stream(body) => stream::read(body, answer, sink),
    }
}

fn whole(body: &[u8], answer: Answer) -> Result<Completion, ProviderError> {
    let message: wire::Message = read_json("the answer", body)?;
    if message.kind.as_deref() == Some("error") {
        return Err(error::of_event(body));
    }
    if message.content.is_none() {
        return Err(ProviderError::unavailable("the answer has no content"));
    }
    let mut draft = Draft::of(answer);
    let unseen = &mut Vec::new();
    draft.begin(message, unseen)?;
    draft.finish(unseen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use tollgate_sdk::http::{HttpError, Response};
    use tollgate_sdk::testing::error_word;
    use tollgate_sdk::testing::{FakeHttp, sample_denial, set_config};
    use tollgate_sdk::{
        ContentBlock, Delta, Message, Opaque, Retryable, Role, StopReason, ToolUse, Usage,
    };

    const NO_OPTIONS: Options = Options {
        effort: None,
        output: None,
    };

    fn request(stream: bool) -> CompletionRequest {
        CompletionRequest {
            stream,
            ..tollgate_sdk::testing::sample_request(vec![Message {
                role: Role::User,
                content: vec![ContentBlock::Text("hi".into())],
            }])
        }
    }

    fn answer(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response {
        let headers = [("content-type", content_type), ("request-id", "req_1")];
        Response::new(status, headers.into_iter().collect(), body)
    }

    fn json_answer(body: &Value) -> Result<Response, HttpError> {
        Ok(answer(200, "application/json", body.to_string()))
    }

    fn send_to(client: &FakeHttp, stream: bool) -> (Result<Completion, ProviderError>, Vec<Delta>) {
        let mut deltas = Vec::new();
        let settings = Settings::read().unwrap();
        let got = complete(
            &settings,
            &request(stream),
            &NO_OPTIONS,
            client,
            &mut deltas,
        );
        (got, deltas)
    }

    fn send(
        stream: bool,
        response: Result<Response, HttpError>,
    ) -> (Result<Completion, ProviderError>, Vec<Delta>) {
        send_to(&FakeHttp::new(response), stream)
    }

    fn whole(content: &Value, stop: &str) -> Value {
        json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
            "content": content, "stop_reason": stop, "stop_sequence": null,
            "usage": {"input_tokens": 3, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 100,
                "output_tokens": 12, "output_tokens_details": {"thinking_tokens": 7}}
        })
    }

    fn said(text: &str) -> Value {
        json!([{"type": "text", "text": text}])
    }

    #[test]
    fn one_post_without_any_credential() {
        let fake = FakeHttp::new(json_answer(&whole(&said("Hello"), "end_turn")));
        send_to(&fake, false).0.unwrap();
        let sent = fake.sent();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].method, "POST");
        assert_eq!(sent[0].url, "https://api.anthropic.com/v1/messages");
        let headers: Vec<_> = sent[0]
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            headers,
            [
                ("accept", "application/json"),
                ("anthropic-version", "2023-06-01"),
                ("content-type", "application/json"),
            ]
        );
    }

    #[test]
    fn the_operator_chooses_server_model_version_and_features() {
        for (key, value) in [
            ("base-url", "http://a.test/x/"),
            ("model", "m"),
            ("anthropic-version", "2026-10-21"),
            ("anthropic-beta", "a,b"),
            ("max-tokens", "5"),
        ] {
            set_config(key, value);
        }
        let fake = FakeHttp::new(json_answer(&whole(&said("Hello"), "end_turn")));
        send_to(&fake, true).0.unwrap();
        let sent = &fake.sent()[0];
        assert_eq!(sent.url, "http://a.test/x/v1/messages");
        for (name, value) in [
            ("accept", "text/event-stream"),
            ("anthropic-version", "2026-10-21"),
            ("anthropic-beta", "a,b"),
        ] {
            assert!(
                sent.headers.contains(&(name.into(), value.into())),
                "{name}"
            );
        }
        let body: Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!(
            (&body["model"], &body["max_tokens"]),
            (&json!("m"), &json!(5))
        );
    }

    #[test]
    fn a_whole_answer_keeps_what_goes_back_byte_for_byte() {
        // Written by hand, because the order and the spaces count.
        let thinking = r#"{ "type":"thinking", "thinking":"hm", "signature":"s", "new":1.50 }"#;
        let redacted = r#"{"type":"redacted_thinking","data":"x"}"#;
        let search = r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":"x"}}"#;
        let call = r#"{"type":"tool_use","id":"toolu_1","name":"read","input":{"b": 1.0, "a":[]}}"#;
        let body = format!(
            r#"{{"id":"msg_1","type":"message","model":"claude-x","stop_reason":"tool_use",
                "content":[{thinking},{redacted},{{"type":"text","text":"a","citations":[{{}}]}},
                {{"type":"text","text":"b"}},{search},{call}]}}"#
        );
        let (got, deltas) = send(false, Ok(answer(200, "application/json", body)));
        let got = got.unwrap();
        let opaque = |data: &str| {
            ContentBlock::Opaque(Opaque {
                provider: "anthropic".into(),
                data: data.into(),
            })
        };
        assert_eq!(
            got.content,
            [
                ContentBlock::Thinking("hm".into()),
                opaque(thinking),
                opaque(redacted),
                ContentBlock::Text("a".into()),
                ContentBlock::Text("b".into()),
                opaque(search),
                ContentBlock::ToolUse(ToolUse {
                    id: "toolu_1".into(),
                    name: "read".into(),
                    arguments_json: r#"{"b": 1.0, "a":[]}"#.into(),
                }),
            ]
        );
        assert_eq!(got.stop, StopReason::ToolUse);
        assert_eq!(got.usage.output, 0);
        assert!(deltas.is_empty());
        // And so it returns.
        let mut again = request(false);
        again.messages.push(Message {
            role: Role::Assistant,
            content: got.content,
        });
        let settings = Settings::read().unwrap();
        let sent = Body::new(&again, &NO_OPTIONS, &settings).unwrap();
        let sent = serde_json::to_string(&sent).unwrap();
        let text = |text: &str| format!(r#"{{"type":"text","text":"{text}"}}"#);
        let blocks = [thinking, redacted, &text("a"), &text("b"), search].join(",");
        assert!(sent.contains(&format!("[{blocks},")), "{sent}");
    }

    #[test]
    fn every_reason_to_stop_and_what_it_cost() {
        for (reason, stop) in [
            ("end_turn", StopReason::EndTurn),
            ("max_tokens", StopReason::MaxTokens),
            ("stop_sequence", StopReason::StopSequence),
            ("tool_use", StopReason::Other),
            ("pause_turn", StopReason::Other),
            ("refusal", StopReason::Refused),
            ("model_context_window_exceeded", StopReason::MaxTokens),
            ("something_new", StopReason::Other),
            ("", StopReason::Other),
        ] {
            let (got, _) = send(false, json_answer(&whole(&said("x"), reason)));
            let got = got.unwrap();
            assert_eq!(got.stop, stop, "{reason}");
            assert_eq!(
                (got.model.as_str(), got.response_id.as_deref()),
                ("claude-x", Some("msg_1"))
            );
            assert_eq!(
                got.usage,
                Usage {
                    input: 113,
                    output: 12,
                    cached_input: 100,
                    reasoning: 7
                }
            );
        }
        let call = json!([{"type": "tool_use", "id": "a", "name": "read", "input": {}}]);
        for (reason, stop) in [
            ("end_turn", StopReason::ToolUse),
            ("stop_sequence", StopReason::ToolUse),
            ("max_tokens", StopReason::MaxTokens),
            ("refusal", StopReason::Refused),
        ] {
            let (got, _) = send(false, json_answer(&whole(&call, reason)));
            assert_eq!(got.unwrap().stop, stop, "{reason}");
        }
    }

    #[test]
    fn a_server_may_answer_whole_where_a_stream_was_asked_for() {
        let (got, deltas) = send(true, json_answer(&whole(&said("Hello"), "end_turn")));
        assert_eq!(got.unwrap().content, [ContentBlock::Text("Hello".into())]);
        assert!(deltas.is_empty());
    }

    #[test]
    fn what_is_no_answer_is_unavailable() {
        let deep = format!(
            "{{\"content\":[{}{}]}}",
            "[".repeat(9_000),
            "]".repeat(9_000)
        );
        for body in [
            "",
            "<html>",
            "[]",
            "{}",
            "{\"content\":7}",
            "{\"content\":[7]}",
            deep.as_str(),
        ] {
            for stream in [false, true] {
                let (got, _) = send(stream, Ok(answer(200, "application/json", body)));
                assert!(
                    matches!(got, Err(ProviderError::Unavailable(_))),
                    "{body}: {got:?}"
                );
            }
        }
        for stream in [false, true] {
            let (got, _) = send(stream, Ok(answer(200, "text/html", "<html>")));
            assert!(matches!(got, Err(ProviderError::Unavailable(_))), "{got:?}");
        }
        let repeated = json!([
            {"type": "tool_use", "name": "read", "input": {}}
        ]);
        let (got, _) = send(false, json_answer(&whole(&repeated, "tool_use")));
        assert!(matches!(got, Err(ProviderError::Unavailable(_))));
        let endless = vec![b' '; 17 * 1024 * 1024];
        let (got, _) = send(false, Ok(answer(200, "application/json", endless)));
        assert!(matches!(got, Err(ProviderError::Unavailable(_))));
    }

    #[test]
    fn every_error_means_what_the_host_can_do() {
        for (status, kind, message, wanted) in [
            (401, "authentication_error", "invalid x-api-key", "auth"),
            (403, "permission_error", "not allowed", "auth"),
            (402, "billing_error", "pay", "quota"),
            (
                400,
                "invalid_request_error",
                "Your credit balance is too low to access",
                "quota",
            ),
            (
                400,
                "invalid_request_error",
                "You have reached your specified API usage limits.",
                "quota",
            ),
            (
                400,
                "invalid_request_error",
                "prompt is too long: 2 tokens > 1 maximum",
                "long",
            ),
            (
                400,
                "invalid_request_error",
                "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
                "long",
            ),
            (
                400,
                "invalid_request_error",
                "max_tokens: field required",
                "invalid",
            ),
            (404, "not_found_error", "model: m", "invalid"),
            (413, "request_too_large", "too large", "long"),
            (429, "rate_limit_error", "slow down", "rate"),
            (500, "api_error", "m", "unavailable"),
            (504, "timeout_error", "m", "unavailable"),
            (529, "overloaded_error", "Overloaded", "overloaded"),
            (503, "", "", "overloaded"),
            (409, "conflict_error", "m", "unavailable"),
        ] {
            let body = json!({"type": "error", "error": {"type": kind, "message": message}});
            let response = answer(status, "application/json", body.to_string());
            let got = send(true, Ok(response)).0.unwrap_err();
            assert_eq!(error_word(&got), wanted, "{status} {kind} {message}");
            // And so with a status that said that all was well, unless the status alone could tell.
            if !matches!(status, 404 | 503) {
                let got = send(true, json_answer(&body)).0.unwrap_err();
                assert_eq!(error_word(&got), wanted, "200 {kind} {message}");
            }
        }
    }

    #[test]
    fn a_spending_limit_is_no_rate_that_waiting_helps() {
        let body = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "m",
            "details": {"error_code": "contract_spend_limit_reached"}}});
        let (got, _) = send(true, Ok(answer(429, "application/json", body.to_string())));
        assert!(
            matches!(got, Err(ProviderError::QuotaExhausted(_))),
            "{got:?}"
        );
    }

    #[test]
    fn the_servers_words_wait_and_request_are_kept() {
        let body =
            json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}});
        let headers = [("retry-after", "7"), ("request-id", "req_1")];
        let response = Response::new(429, headers.into_iter().collect(), body.to_string());
        assert_eq!(
            send(true, Ok(response)).0,
            Err(ProviderError::RateLimited(Retryable {
                message: "slow down (HTTP 429, rate_limit_error, request req_1)".into(),
                retry_after_ms: Some(7_000)
            }))
        );
    }

    #[test]
    fn a_refusal_of_the_gate_is_never_unavailable() {
        let url = "https://api.anthropic.com/v1/messages";
        let denial = sample_denial("http.request", url, "no_grant");
        let refused = HttpError::Denied {
            denial: denial.clone(),
        };
        assert_eq!(
            send(true, Err(refused)).0,
            Err(ProviderError::Denied(denial))
        );
    }
}
