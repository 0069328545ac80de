//! From what a server says went wrong to what the host can do about it.
//!
//! The body's code decides, then its type, then the status: one status has several meanings (429 is
//! both "too fast" and "nothing left"), and in mid-stream there is none.

use serde_json::Value;
use std::time::SystemTime;
use tollgate_sdk::http::{Headers, retry_after_ms, should_retry};
use tollgate_sdk::{ProviderError, Retryable};

/// How much of the server's words is kept, in characters.
const MESSAGE_CHARS_MAX: usize = 500;

/// The error of an answer whose status is not 2xx.
pub(crate) fn of_response(
    status: u16,
    headers: &Headers,
    body: &[u8],
    now: SystemTime,
) -> ProviderError {
    let said = Said::read(body);
    let wait = retry_after_ms(headers, now);
    let meaning = Meaning::of(Some(status), &said);
    let meaning = meaning.corrected(status, should_retry(headers));
    meaning.error(said.message(Some(status), headers), wait)
}

/// The error of an event, or of an answer whose status said that all was well.
pub(crate) fn of_event(body: &[u8]) -> ProviderError {
    let said = Said::read(body);
    Meaning::of(None, &said).error(said.message(None, &Headers::default()), None)
}

/// What a server said of an error; any part may be empty.
#[derive(Debug, Default)]
struct Said {
    message: String,
    code: String,
    kind: String,
}

impl Said {
    /// Reads every shape that servers use: `{error: {…}}`, `{error: "…"}`, either in an array,
    /// `{message}`, `{detail}`, or plain text.
    fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let Ok(mut value) = serde_json::from_str::<Value>(&text) else {
            // A page of some proxy says nothing to a model or an operator.
            let text = text.trim();
            let message = if text.starts_with('<') { "" } else { text };
            return Self {
                message: message.into(),
                ..Self::default()
            };
        };
        if let Some(first) = value.get_mut(0) {
            value = first.take();
        }
        let error = match value.get("error") {
            Some(error) if !error.is_null() => error,
            _ => &value,
        };
        let text = |name: &str| match error.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(other) if !other.is_null() => other.to_string(),
            _ => String::new(),
        };
        let message = match error {
            Value::String(message) => message.clone(),
            _ => [text("message"), text("detail")]
                .into_iter()
                .find(|text| !text.is_empty())
                .unwrap_or_default(),
        };
        Self {
            message,
            code: text("code"),
            kind: text("type"),
        }
    }

    /// The server's words, with what else identifies the error.
    fn message(&self, status: Option<u16>, headers: &Headers) -> String {
        let mut message: String = self.message.chars().take(MESSAGE_CHARS_MAX).collect();
        if message.is_empty() {
            message.push_str("no message");
        }
        let status = status.map(|status| format!("HTTP {status}"));
        let label = [&self.code, &self.kind].into_iter().find(|s| !s.is_empty());
        let request = headers
            .get("x-request-id")
            .map(|id| format!("request {id}"));
        let more: Vec<_> = [status, label.cloned(), request]
            .into_iter()
            .flatten()
            .collect();
        if !more.is_empty() {
            message.push_str(&format!(" ({})", more.join(", ")));
        }
        message
    }

    /// Whether the code or the type has one of these words in it.
    fn has(&self, words: &[&str]) -> bool {
        let labels = [
            self.code.to_ascii_lowercase(),
            self.kind.to_ascii_lowercase(),
        ];
        words
            .iter()
            .any(|word| labels.iter().any(|label| label.contains(word)))
    }

    fn says(&self, words: &[&str]) -> bool {
        let message = self.message.to_ascii_lowercase();
        words.iter().any(|word| message.contains(word))
    }
}

/// What an error means for the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Auth,
    Rate,
    Quota,
    Overloaded,
    TooLong,
    Invalid,
    Refused,
    Unavailable,
}

impl Meaning {
    fn of(status: Option<u16>, said: &Said) -> Self {
        if said.has(&[
            "insufficient_quota",
            "billing",
            "spend_limit",
            "quota_exceeded",
            "insufficient_credit",
        ]) {
            return Self::Quota;
        }
        if said.has(&[
            "context_length",
            "context_window",
            "string_above_max_length",
            "request_too_large",
        ]) || said.says(&[
            "maximum context length",
            "context window",
            "request too large for",
        ]) {
            return Self::TooLong;
        }
        if said.has(&["content_filter", "content_policy", "moderation", "safety"]) {
            return Self::Refused;
        }
        if said.has(&[
            "invalid_api_key",
            "authentication",
            "account_deactivated",
            "token_expired",
        ]) {
            return Self::Auth;
        }
        if said.has(&["overloaded", "engine_overloaded", "slow_down"]) {
            return Self::Overloaded;
        }
        if said.has(&["rate_limit"]) {
            return Self::Rate;
        }
        // Some gateways put the status of whom they asked where the code belongs.
        let code = || {
            said.code
                .parse()
                .ok()
                .filter(|code| (400..600).contains(code))
        };
        match status.or_else(code) {
            Some(status) => Self::of_status(status),
            None if said.has(&["invalid_request", "not_found"]) => Self::Invalid,
            None => Self::Unavailable,
        }
    }

    fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Auth,
            402 => Self::Quota,
            413 => Self::TooLong,
            429 => Self::Rate,
            503 | 529 => Self::Overloaded,
            408 | 409 | 425 => Self::Unavailable,
            // A redirect is not followed: the base URL is wrong.
            300..=499 => Self::Invalid,
            _ => Self::Unavailable,
        }
    }

    /// The server's own word on whether trying again can help overrules the status, not the code.
    fn corrected(self, status: u16, should_retry: Option<bool>) -> Self {
        match (self, should_retry) {
            (Self::Invalid, Some(true)) if status >= 400 => Self::Unavailable,
            (Self::Rate, Some(false)) => Self::Quota,
            (Self::Unavailable, Some(false)) => Self::Invalid,
            _ => self,
        }
    }

    fn error(self, message: String, retry_after_ms: Option<u64>) -> ProviderError {
        let retryable = |message| Retryable {
            message,
            retry_after_ms,
        };
        match self {
            Self::Auth => ProviderError::AuthExpired(message),
            Self::Rate => ProviderError::RateLimited(retryable(message)),
            Self::Quota => ProviderError::QuotaExhausted(message),
            Self::Overloaded => ProviderError::Overloaded(retryable(message)),
            Self::TooLong => ProviderError::ContextTooLong(message),
            Self::Invalid => ProviderError::InvalidRequest(message),
            Self::Refused => ProviderError::Refused(message),
            Self::Unavailable => ProviderError::Unavailable(retryable(message)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, headers: &[(&str, &str)], body: &str) -> ProviderError {
        let headers = headers.iter().copied().collect();
        of_response(status, &headers, body.as_bytes(), SystemTime::UNIX_EPOCH)
    }

    fn label(error: &ProviderError) -> &'static str {
        match error {
            ProviderError::AuthExpired(_) => "auth",
            ProviderError::RateLimited(_) => "rate",
            ProviderError::QuotaExhausted(_) => "quota",
            ProviderError::Overloaded(_) => "overloaded",
            ProviderError::ContextTooLong(_) => "long",
            ProviderError::InvalidRequest(_) => "invalid",
            ProviderError::Refused(_) => "refused",
            ProviderError::Unavailable(_) => "unavailable",
            ProviderError::Denied(_) => "denied",
        }
    }

    #[test]
    fn every_error_means_what_the_host_can_do() {
        for (status, code, kind, wanted) in [
            (401, "invalid_api_key", "invalid_request_error", "auth"),
            (401, "", "", "auth"),
            (403, "", "", "auth"),
            (429, "rate_limit_exceeded", "tokens", "rate"),
            (429, "", "requests", "rate"),
            (429, "insufficient_quota", "insufficient_quota", "quota"),
            (429, "billing_hard_limit_reached", "", "quota"),
            (402, "", "", "quota"),
            (503, "", "server_error", "overloaded"),
            (529, "", "", "overloaded"),
            (500, "", "server_error", "unavailable"),
            (502, "", "", "unavailable"),
            (408, "", "", "unavailable"),
            (409, "", "", "unavailable"),
            (
                400,
                "context_length_exceeded",
                "invalid_request_error",
                "long",
            ),
            (413, "", "", "long"),
            (400, "content_filter", "", "refused"),
            (
                400,
                "content_policy_violation",
                "invalid_request_error",
                "refused",
            ),
            (400, "unsupported_value", "invalid_request_error", "invalid"),
            (404, "model_not_found", "invalid_request_error", "invalid"),
            (422, "", "", "invalid"),
            (307, "", "", "invalid"),
        ] {
            let body = format!(
                "{{\"error\":{{\"message\":\"m\",\"type\":\"{kind}\",\"param\":null,\"code\":\"{code}\"}}}}"
            );
            assert_eq!(
                label(&error(status, &[], &body)),
                wanted,
                "{status} {code} {kind}"
            );
        }
    }

    #[test]
    fn every_shape_is_read() {
        for (body, message) in [
            (
                "{\"error\":{\"message\":\"m\",\"type\":\"t\",\"code\":null}}",
                "m (HTTP 500, t)",
            ),
            (
                "{\"error\":{\"message\":\"m\",\"code\":17}}",
                "m (HTTP 500, 17)",
            ),
            ("[{\"error\":{\"message\":\"m\"}}]", "m (HTTP 500)"),
            ("{\"error\":\"m\"}", "m (HTTP 500)"),
            ("{\"message\":\"m\"}", "m (HTTP 500)"),
            (
                "{\"detail\":[{\"msg\":\"m\"}]}",
                "[{\"msg\":\"m\"}] (HTTP 500)",
            ),
            ("upstream gone", "upstream gone (HTTP 500)"),
            ("<html>", "no message (HTTP 500)"),
            ("{}", "no message (HTTP 500)"),
            ("[]", "no message (HTTP 500)"),
            ("null", "no message (HTTP 500)"),
            ("", "no message (HTTP 500)"),
        ] {
            let ProviderError::Unavailable(retryable) = error(500, &[], body) else {
                panic!("{body}");
            };
            assert_eq!(retryable.message, message, "{body}");
        }
    }

    #[test]
    fn the_wait_is_kept_and_the_servers_word_on_retrying_counts() {
        let wait = |error| match error {
            ProviderError::RateLimited(r)
            | ProviderError::Overloaded(r)
            | ProviderError::Unavailable(r) => r.retry_after_ms,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(error(429, &[("retry-after", "2")], "")), Some(2_000));
        assert_eq!(
            wait(error(
                503,
                &[("retry-after-ms", "5"), ("retry-after", "2")],
                ""
            )),
            Some(5)
        );
        assert_eq!(
            wait(error(
                500,
                &[("retry-after", "Thu, 01 Jan 1970 00:00:03 GMT")],
                ""
            )),
            Some(3_000)
        );
        assert_eq!(
            label(&error(429, &[("x-should-retry", "false")], "")),
            "quota"
        );
        assert_eq!(
            label(&error(500, &[("x-should-retry", "false")], "")),
            "invalid"
        );
        assert_eq!(
            label(&error(400, &[("x-should-retry", "true")], "")),
            "unavailable"
        );
        assert_eq!(
            label(&error(401, &[("x-should-retry", "true")], "")),
            "auth"
        );
    }

    #[test]
    fn without_a_status_a_number_in_the_code_is_one() {
        let event = |body: &str| label(&of_event(body.as_bytes()));
        assert_eq!(
            event("{\"error\":{\"message\":\"m\",\"code\":429}}"),
            "rate"
        );
        assert_eq!(
            event("{\"error\":{\"message\":\"m\",\"code\":\"503\"}}"),
            "overloaded"
        );
        assert_eq!(
            event("{\"error\":{\"message\":\"m\",\"code\":1042}}"),
            "unavailable"
        );
        assert_eq!(
            event("{\"error\":{\"type\":\"invalid_request_error\"}}"),
            "invalid"
        );
    }

    #[test]
    fn a_request_that_can_never_fit_is_too_long_and_not_too_fast() {
        let body = "{\"error\":{\"message\":\"Request too large for gpt-x on tokens per min\",\
             \"type\":\"tokens\",\"code\":\"rate_limit_exceeded\"}}";
        assert_eq!(label(&error(429, &[], body)), "long");
    }

    #[test]
    fn a_message_is_bounded_and_names_the_request() {
        let long = "x".repeat(2_000);
        let ProviderError::Unavailable(retryable) = error(500, &[("x-request-id", "req_1")], &long)
        else {
            panic!("not unavailable");
        };
        assert_eq!(
            retryable.message.len(),
            MESSAGE_CHARS_MAX + " (HTTP 500, request req_1)".len()
        );
    }
}
