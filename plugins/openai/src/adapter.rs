//! The exchange: builds the request, sends it, and reads whichever of three answers came back.

use crate::answer::Answer;
use crate::{error, request, stream, wire};
use std::time::SystemTime;
use tollgate_sdk::http::{HttpClient, Request, Response};
use tollgate_sdk::sink::Emit;
use tollgate_sdk::{Completion, CompletionRequest, ProviderError};

/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How much of an error's answer is read, in bytes.
const ERROR_BYTES_MAX: u64 = 64 * 1024;

/// Sends `request` to the server at `base_url` and returns the whole answer.
pub(crate) fn complete(
    base_url: &str,
    request: &CompletionRequest,
    client: &dyn HttpClient,
    sink: &mut dyn Emit,
) -> Result<Completion, ProviderError> {
    let accept = if request.stream {
        "text/event-stream"
    } else {
        "application/json"
    };
    let url = format!("{}/chat/completions", base_url.trim_end_matches('/'));
    let response = Request::post(url)
        .header("accept", accept)
        .json(&request::body(request)?)?
        .send(client)?;
    if !response.is_success() {
        return Err(refused(response));
    }
    // A server may ignore that a stream was asked for.
    if request.stream && !response.headers.is_type("application/json") {
        stream::read(response.body, sink)
    } else {
        whole(response)
    }
}

fn refused(response: Response) -> ProviderError {
    let (status, headers) = (response.status, response.headers.clone());
    let body = response.prefix(ERROR_BYTES_MAX);
    error::of_response(status, &headers, &body, SystemTime::now())
}

fn whole(response: Response) -> Result<Completion, ProviderError> {
    let body = response.bytes(ANSWER_BYTES_MAX)?;
    let chunk: wire::Chunk = serde_json::from_slice(&body).map_err(|e| {
        ProviderError::unavailable(format!("the answer is not a chat completion: {e}"))
    })?;
    if chunk.is_error() {
        return Err(error::of_event(&body));
    }
    let mut answer = Answer::default();
    answer.take(chunk, &mut Vec::new())?;
    answer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use tollgate_sdk::http::{Headers, HttpError};
    use tollgate_sdk::testing::{FakeHttp, sample_denial};
    use tollgate_sdk::{
        ContentBlock, Delta, Message, Retryable, Role, StopReason, ToolChoice, Usage,
    };

    fn request(stream: bool) -> CompletionRequest {
        CompletionRequest {
            model: None,
            messages: vec![Message {
                role: Role::User,
                content: vec![ContentBlock::Text("hi".into())],
            }],
            tools: vec![],
            tool_choice: ToolChoice::Auto,
            temperature_milli: None,
            top_p_milli: None,
            stop: vec![],
            output_tokens_max: None,
            stream,
        }
    }

    fn answer(content_type: &str, body: impl Into<Vec<u8>>) -> Response {
        Response::new(
            200,
            [("content-type", content_type)].into_iter().collect(),
            body,
        )
    }

    fn send(
        stream: bool,
        response: Result<Response, HttpError>,
    ) -> (Result<Completion, ProviderError>, Vec<Delta>) {
        let mut deltas = Vec::new();
        let got = complete(
            "https://a.test/v1/",
            &request(stream),
            &FakeHttp::new(response),
            &mut deltas,
        );
        (got, deltas)
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
        complete(
            "https://a.test/v1/",
            &request(false),
            &fake,
            &mut Vec::new(),
        )
        .unwrap();
        let sent = fake.sent();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].method, "POST");
        assert_eq!(sent[0].url, "https://a.test/v1/chat/completions");
        let names: Vec<_> = sent[0]
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["accept", "content-type"]);
        let body: Value = serde_json::from_slice(&sent[0].body).unwrap();
        assert_eq!(
            body,
            json!({"model": "gpt-5-mini", "messages": [{"role": "user", "content": "hi"}]})
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

    #[test]
    fn a_refusal_of_the_gate_is_never_unavailable() {
        let denial = sample_denial(
            "http.request",
            "https://a.test/v1/chat/completions",
            "no_grant",
        );
        let (got, _) = send(
            true,
            Err(HttpError::Denied {
                denial: denial.clone(),
            }),
        );
        assert_eq!(got, Err(ProviderError::Denied(denial)));
        let (got, _) = send(
            true,
            Err(HttpError::Connection {
                message: "x".into(),
            }),
        );
        assert!(matches!(got, Err(ProviderError::Unavailable(_))));
        let (got, _) = send(false, Ok(Response::new(502, Headers::default(), "")));
        assert!(matches!(got, Err(ProviderError::Unavailable(_))));
    }
}
