//! What a server said of an error, in whichever shape.

use serde_json::Value;
use std::time::Duration;
use tollgate_sdk::http::Headers;

/// How much of the server's words is kept, in characters.
pub(super) const MESSAGE_CHARS_MAX: usize = 500;

/// The headers in which servers name a request.
const REQUEST_ID_HEADERS: [&str; 2] = ["x-request-id", "request-id"];

/// What a server said of an error; any part may be empty.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) message: String,
    /// Its code, status, type, reasons and limits, those first that say most.
    labels: Vec<String>,
    /// The HTTP status that the body names.
    pub(super) status: Option<u16>,
    /// How long to wait, in milliseconds.
    pub(super) wait_ms: Option<u64>,
}

impl Said {
    /// Reads every shape that servers use: `{error: {…}}`, `{error: "…"}`, either in an array,
    /// `{message}`, `{detail}`, or plain text.
    pub(super) fn read(body: &[u8]) -> Self {
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
        match value.get("error") {
            Some(error) if !error.is_null() => Self::of_error(error),
            _ => Self::of_error(&value),
        }
    }

    fn of_error(error: &Value) -> Self {
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
        let details = error.get("details").and_then(Value::as_array);
        let details: Vec<_> = details.into_iter().flatten().collect();
        let reasons = details
            .iter()
            .filter_map(|detail| detail.get("reason")?.as_str().map(Into::into));
        // Anthropic's details are an object with a code of their own.
        let error_code = error
            .pointer("/details/error_code")
            .and_then(Value::as_str)
            .map(Into::into);
        let code = text("code");
        let status = code.parse().ok().filter(|code| (400..600).contains(code));
        let mut labels = vec![code, text("status"), text("type")];
        if status.is_some() {
            // A number says less than a word.
            labels.rotate_left(1);
        }
        let wait_ms = details
            .iter()
            .find_map(|detail| duration_ms(detail.get("retryDelay")?.as_str()?));
        // Which limits were passed says something only where it is not said when to come back.
        let limits = details
            .iter()
            .filter(|_| wait_ms.is_none())
            .filter_map(|detail| detail.get("violations")?.as_array())
            .flatten()
            .filter_map(|violation| violation.get("quotaId")?.as_str().map(Into::into));
        Self {
            message,
            // The type `error` is that of the event which holds it.
            labels: labels
                .into_iter()
                .chain(error_code)
                .chain(reasons)
                .chain(limits)
                .filter(|label| !label.is_empty() && label != "error")
                .collect(),
            status,
            wait_ms,
        }
    }

    /// The server's words, with what else identifies the error.
    pub(super) fn message(&self, status: Option<u16>, headers: &Headers) -> String {
        let mut message: String = self.message.chars().take(MESSAGE_CHARS_MAX).collect();
        if message.is_empty() {
            message.push_str("no message");
        }
        let request = REQUEST_ID_HEADERS
            .iter()
            .find_map(|name| headers.get(name))
            .map(|id| format!("request {id}"));
        let status = status.map(|status| format!("HTTP {status}"));
        let more: Vec<_> = [status, self.labels.first().cloned(), request]
            .into_iter()
            .flatten()
            .collect();
        if !more.is_empty() {
            message.push_str(&format!(" ({})", more.join(", ")));
        }
        message
    }

    /// Whether the code, the type, the status or a reason has this word in it.
    pub(super) fn has(&self, word: &str) -> bool {
        self.labels
            .iter()
            .any(|label| label.to_ascii_lowercase().contains(word))
    }

    /// Whether the message has these words in it.
    pub(super) fn says(&self, words: &str) -> bool {
        self.message.to_ascii_lowercase().contains(words)
    }
}

/// A duration as protocol buffers write it in JSON, such as `34.07s`.
fn duration_ms(text: &str) -> Option<u64> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    u64::try_from(wait.as_millis()).ok()
}
