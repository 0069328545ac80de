//! A streamed answer: server-sent events, of which each holds a chunk, and `[DONE]` at the end.

use crate::answer::Answer;
use crate::error;
use crate::wire::Chunk;
use std::io::Read;
use tollgate_sdk::sink::Emit;
use tollgate_sdk::sse::EventReader;
use tollgate_sdk::{Completion, ProviderError};

/// How much of a chunk that cannot be read is shown, in characters.
const SHOWN_CHARS_MAX: usize = 80;
/// How much after `[DONE]` is read, in bytes: nothing of it counts.
const REST_BYTES_MAX: u64 = 64 * 1024;

/// Reads a stream to its end.
///
/// The stream is whole when the server has said `[DONE]`, or why it stopped. What ends before that was
/// cut off, and is an error: half an answer is none. After `[DONE]` the body is read to its end, so
/// that the exchange is not on record as one that was given up, and its connection can serve again.
pub(crate) fn read(mut body: impl Read, sink: &mut dyn Emit) -> Result<Completion, ProviderError> {
    let answer = events(&mut body, sink)?;
    let _ = std::io::copy(&mut body.take(REST_BYTES_MAX), &mut std::io::sink());
    answer.finish()
}

fn events(body: impl Read, sink: &mut dyn Emit) -> Result<Answer, ProviderError> {
    let mut events = EventReader::new(body);
    let mut answer = Answer::default();
    loop {
        let event = match events.next_event() {
            Ok(Some(event)) => event,
            Ok(None) if answer.is_finished() => break,
            Ok(None) => {
                return Err(ProviderError::unavailable(
                    "the stream ended before the answer did",
                ));
            }
            // The answer is whole; what could still come is what it cost.
            Err(_) if answer.is_finished() => break,
            Err(error) => return Err(error.into()),
        };
        let data = event.data.trim();
        if data == "[DONE]" {
            break;
        }
        if event.event == "error" {
            return Err(error::of_event(data.as_bytes()));
        }
        if data.is_empty() {
            continue;
        }
        let chunk: Chunk = serde_json::from_str(data).map_err(|e| {
            let shown: String = data.chars().take(SHOWN_CHARS_MAX).collect();
            ProviderError::unavailable(format!(
                "a chunk of the stream cannot be read ({e}): {shown}"
            ))
        })?;
        if chunk.is_error() {
            return Err(error::of_event(data.as_bytes()));
        }
        answer.take(chunk, sink)?;
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::{ContentBlock, Delta, StopReason};

    fn run(stream: &str) -> (Result<Completion, ProviderError>, Vec<Delta>) {
        let mut deltas = Vec::new();
        (read(stream.as_bytes(), &mut deltas), deltas)
    }

    const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    const USAGE: &str =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    #[test]
    fn the_last_chunk_holds_the_usage() {
        let (got, _) = run(&[": comment\n\n", TEXT, STOP, USAGE, DONE].concat());
        let got = got.unwrap();
        assert_eq!(got.content, [ContentBlock::Text("a".into())]);
        assert_eq!((got.usage.input, got.usage.output), (5, 1));
        assert_eq!(got.stop, StopReason::EndTurn);
    }

    #[test]
    fn the_body_is_read_to_its_end() {
        let stream = [TEXT, STOP, DONE].concat();
        // As a connection gives it: what has come so far, and the end only when asked once more.
        let mut body = std::io::Cursor::new(stream.as_bytes()).chain(&b"\n"[..]);
        read(&mut body, &mut Vec::new()).unwrap();
        assert_eq!(body.bytes().count(), 0);
    }

    #[test]
    fn a_stream_may_end_without_done_but_not_without_a_reason() {
        assert!(run(&[TEXT, STOP].concat()).0.is_ok());
        let (got, deltas) = run(TEXT);
        assert!(matches!(got, Err(ProviderError::Unavailable(_))));
        assert_eq!(deltas.len(), 1);
        assert!(run("").0.is_err());
        assert_eq!(
            run(&[TEXT, DONE].concat()).0.unwrap().stop,
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
            let (got, _) = run(&[TEXT, error].concat());
            assert!(matches!(got, Err(ProviderError::RateLimited(_))), "{got:?}");
        }
        let (got, _) = run(&[
            TEXT,
            "data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\"}}\n\n",
        ]
        .concat());
        assert!(matches!(got, Err(ProviderError::Unavailable(_))));
    }

    #[test]
    fn a_chunk_that_cannot_be_read_is_shown() {
        let (got, _) = run("data: <html>\n\n");
        assert!(
            matches!(got, Err(ProviderError::Unavailable(r)) if r.message.ends_with(": <html>"))
        );
    }
}
