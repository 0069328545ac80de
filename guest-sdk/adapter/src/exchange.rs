//! The exchange: one POST of JSON, and what comes back told apart.

use crate::error::{self, Word};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::SystemTime;
use tollgate_sdk::ProviderError;
use tollgate_sdk::http::{Body, Headers, HttpClient, Request, Response};

/// Largest answer that is read whole, in bytes.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How much of an error's answer is read, in bytes.
const ERROR_BYTES_MAX: u64 = 64 * 1024;

/// How much of what cannot be read is shown, in characters.
const SHOWN_CHARS_MAX: usize = 80;

/// The form of the answer that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One JSON text.
    Whole,
    /// Server-sent events.
    Events,
    /// JSON texts, one a line.
    Lines,
}

/// An answer whose status is 2xx.
#[derive(Debug)]
pub enum Reply {
    /// One text, as asked, or because the server ignored that a stream was asked for.
    Whole(Vec<u8>),
    /// A stream of the form that was asked for.
    Stream(Body),
}

impl Form {
    fn media_type(self) -> &'static str {
        match self {
            Self::Whole => "application/json",
            Self::Events => "text/event-stream",
            Self::Lines => "application/x-ndjson",
        }
    }

    /// Whether the body is whole; none if it is neither that nor a stream of this form. What names no type,
    /// or one that says nothing, is taken for what was asked for.
    fn is_whole(self, headers: &Headers) -> Option<bool> {
        let named = headers
            .get("content-type")
            .is_some_and(|t| !t.trim().is_empty());
        let vague = ["text/plain", "application/octet-stream"];
        if !named || vague.iter().any(|vague| headers.is_type(vague)) {
            return Some(self == Self::Whole);
        }
        // Lines of JSON are JSON to some servers.
        if headers.is_type("application/json") {
            return Some(self != Self::Lines);
        }
        (self != Self::Whole && headers.is_type(self.media_type())).then_some(false)
    }
}

/// Sends `body` to `url` with `headers`, and asks for an answer of this form.
///
/// # Errors
/// The exchange failed, the status is not 2xx (read with the provider's `words`), or the body is of a type
/// that holds no answer.
pub fn post(
    client: &dyn HttpClient,
    url: &str,
    headers: &[(String, String)],
    body: &impl Serialize,
    form: Form,
    words: &[Word],
) -> Result<Reply, ProviderError> {
    let mut request = Request::post(url).header("accept", form.media_type());
    for (name, value) in headers {
        request = request.header(name, value.as_str());
    }
    let response = request.json(body)?.send(client)?;
    if !response.is_success() {
        return Err(refused(response, words));
    }
    match form.is_whole(&response.headers) {
        Some(true) => Ok(Reply::Whole(response.bytes(ANSWER_BYTES_MAX)?)),
        Some(false) => Ok(Reply::Stream(response.body)),
        None => Err(other_type(response, form)),
    }
}

fn refused(response: Response, words: &[Word]) -> ProviderError {
    let (status, headers) = (response.status, response.headers.clone());
    let body = response.prefix(ERROR_BYTES_MAX);
    error::of_response(status, &headers, &body, SystemTime::now(), words)
}

fn other_type(response: Response, form: Form) -> ProviderError {
    let told = response.headers.get("content-type").unwrap_or_default();
    let told = shown(told.as_bytes());
    let head = response.prefix(ERROR_BYTES_MAX);
    ProviderError::unavailable(format!(
        "the server answered with {told} in the place of {}: {}",
        form.media_type(),
        shown(&head)
    ))
}

/// Reads JSON that a server sent; `what` names it, such as `the answer`. What nests deeper than 127 levels is
/// not read, so that no answer can exhaust the stack.
///
/// # Errors
/// It is not a `T`; the error shows its beginning.
pub fn read_json<T: DeserializeOwned>(what: &str, json: &[u8]) -> Result<T, ProviderError> {
    serde_json::from_slice(json).map_err(|e| {
        ProviderError::unavailable(format!("{what} cannot be read ({e}): {}", shown(json)))
    })
}

fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim().chars().take(SHOWN_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use tollgate_sdk::http::HttpError;
    use tollgate_sdk::testing::{FakeHttp, sample_denial};

    fn send(form: Form, response: Result<Response, HttpError>) -> Result<Reply, ProviderError> {
        let url = "https://a.test/v1/chat";
        post(&FakeHttp::new(response), url, &[], &json!({}), form, &[])
    }

    fn answer(content_type: &str, body: &str) -> Result<Response, HttpError> {
        let headers = [("content-type", content_type)].into_iter().collect();
        Ok(Response::new(200, headers, body))
    }

    #[test]
    fn one_post_without_any_credential() {
        let fake = FakeHttp::new(answer("application/json", "{}"));
        let headers = [("x-version".to_owned(), "1".to_owned())];
        let body = json!({"a": 1});
        post(
            &fake,
            "https://a.test/v1",
            &headers,
            &body,
            Form::Events,
            &[],
        )
        .unwrap();
        let sent = fake.sent();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].method, "POST");
        assert_eq!(sent[0].url, "https://a.test/v1");
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            sent[0].headers,
            [
                field("accept", "text/event-stream"),
                field("x-version", "1"),
                field("content-type", "application/json")
            ]
        );
        assert_eq!(sent[0].body, b"{\"a\":1}");
    }

    #[test]
    fn whole_and_streamed_are_told_apart_by_type() {
        for (form, content_type, wanted) in [
            (Form::Whole, "application/json", "whole"),
            (Form::Whole, "text/plain", "whole"),
            (Form::Whole, "", "whole"),
            (Form::Whole, "text/event-stream", "error"),
            (Form::Whole, "text/html", "error"),
            (Form::Events, "text/event-stream; charset=utf-8", "stream"),
            (Form::Events, "", "stream"),
            (Form::Events, "Application/JSON; charset=utf-8", "whole"),
            (Form::Events, "application/x-ndjson", "error"),
            (Form::Lines, "application/x-ndjson", "stream"),
            (Form::Lines, "application/json", "stream"),
            (Form::Lines, "text/html", "error"),
        ] {
            let got = match send(form, answer(content_type, "x")) {
                Ok(Reply::Whole(_)) => "whole",
                Ok(Reply::Stream(_)) => "stream",
                Err(ProviderError::Unavailable(_)) => "error",
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(got, wanted, "{form:?} {content_type}");
        }
        let Err(ProviderError::Unavailable(error)) =
            send(Form::Events, answer("text/html", "<html>gone"))
        else {
            panic!("a page is no answer");
        };
        assert_eq!(
            error.message,
            "the server answered with text/html in the place of text/event-stream: <html>gone"
        );
    }

    #[test]
    fn a_refusal_of_the_gate_is_never_unavailable() {
        let denial = sample_denial("http.request", "https://a.test/v1/chat", "no_grant");
        let refused = HttpError::Denied {
            denial: denial.clone(),
        };
        assert_eq!(
            send(Form::Whole, Err(refused)).unwrap_err(),
            ProviderError::Denied(denial)
        );
        let broken = HttpError::Connection {
            message: "x".into(),
        };
        for failed in [Err(broken), Ok(Response::new(502, Headers::default(), ""))] {
            let got = send(Form::Whole, failed);
            assert!(matches!(got, Err(ProviderError::Unavailable(_))));
        }
    }

    #[test]
    fn depth_without_end_is_an_error() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let read = |levels| read_json::<Value>("the answer", deep(levels).as_bytes());
        assert!(read(100).is_ok());
        for levels in [128, 1_000_000] {
            let Err(ProviderError::Unavailable(error)) = read(levels) else {
                panic!("{levels}");
            };
            assert!(
                error
                    .message
                    .starts_with("the answer cannot be read (recursion limit")
            );
        }
    }
}
