//! Answers of the oracle, changed where a server would go wrong.

use super::kit::{self, Format};

/// The text that is said first in every recorded stream.
const FIRST: &str = "\"Hello\"";

/// A recorded stream of text, taken apart.
pub(super) struct Stream {
    /// What comes before any text.
    opening: String,
    /// The piece that says [`FIRST`].
    piece: String,
}

impl Stream {
    pub(super) fn of(format: &Format) -> Self {
        let body = recorded(format, "text-stream").replace("\r\n", "\n");
        let at = body.find(FIRST).unwrap();
        let end = match format.is_lines() {
            true => "\n",
            false => "\n\n",
        };
        let start = body[..at].rfind(end).map_or(0, |start| start + end.len());
        let stop = at + body[at..].find(end).unwrap() + end.len();
        Self {
            opening: body[..start].to_owned(),
            piece: body[start..stop].to_owned(),
        }
    }

    /// What comes before any text.
    pub(super) fn opening(&self) -> Vec<u8> {
        self.opening.clone().into_bytes()
    }

    /// A piece that says this.
    pub(super) fn says(&self, words: &str) -> Vec<u8> {
        self.piece
            .replace(FIRST, &format!("{words:?}"))
            .into_bytes()
    }
}

/// A recorded answer of a format.
pub(super) fn recorded(format: &Format, name: &str) -> String {
    String::from_utf8(kit::given()[format.name][name].body()).unwrap()
}

/// The recorded stream of two calls, with these replacements; each must find something.
#[track_caller]
pub(super) fn calls(format: &Format, changes: &[(&str, &str)]) -> Vec<u8> {
    let body = recorded(format, "calls-stream");
    let changed = changes.iter().fold(body, |body, (from, to)| {
        assert!(body.contains(from), "{}: no {from} in {body}", format.name);
        body.replace(from, to)
    });
    changed.into_bytes()
}

/// The changes after which the first call's arguments are `{"path":`, which is no JSON. Where a format has
/// JSON in the place of its text, they are that text.
pub(super) fn broken_arguments(format: &Format) -> &'static [(&'static str, &'static str)] {
    match format.name {
        "openai-chat" => &[(r#"th\":\"a.txt\"}"#, r#"th\":"#)],
        "openai-responses" => &[(r#"th\":\"a.txt\"}"#, r#"th\":"#)],
        "anthropic" => &[(r#"th\": \"a.txt\"}"#, r#"th\":"#)],
        "gemini" => &[(r#"{"path":"a.txt"}"#, r#""{\"path\":""#)],
        _ => &[(r#"{"path":"a.txt"}"#, r#""{\"path\":""#)],
    }
}
