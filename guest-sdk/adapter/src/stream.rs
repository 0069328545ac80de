//! A streamed answer: its pieces one after another, until the adapter says that it is whole.

use serde::de::DeserializeOwned;
use std::io::Read;
use tollgate_sdk::ndjson::NdjsonReader;
use tollgate_sdk::sse::{Event, EventReader};
use tollgate_sdk::{Limits, ProviderError, StreamError};

/// How much after the answer's end is read, in bytes: nothing of it counts.
const REST_BYTES_MAX: u64 = 64 * 1024;

/// How much is read: a token can come in an event of some hundred bytes, and the last event may hold the whole
/// answer again.
const LIMITS: Limits = Limits {
    line_bytes_max: 16 * 1024 * 1024,
    event_bytes_max: 16 * 1024 * 1024,
    total_bytes_max: 256 * 1024 * 1024,
};

/// What a piece did to the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The answer goes on; a stream that ends now was cut off.
    Open,
    /// The answer is whole, but more about it may come, such as what it cost.
    Whole,
    /// Nothing more will come that counts.
    End,
}

/// Gives every server-sent event that has data to `take`.
///
/// A stream that ends before `take` has said that the answer is whole was cut off, and is an error: half an
/// answer is none. After the end the body is read on for a while, so that the exchange is not on record as
/// one that was given up, and its connection can serve again.
///
/// # Errors
/// The stream was cut off or cannot be read, or `take` failed.
pub fn events(
    mut body: impl Read,
    take: impl FnMut(&Event) -> Result<Step, ProviderError>,
) -> Result<(), ProviderError> {
    let mut events = EventReader::with_limits(&mut body, LIMITS);
    let next = || {
        loop {
            match events.next_event()? {
                Some(event) if event.data.trim().is_empty() => {}
                event => return Ok(event),
            }
        }
    };
    pieces(next, take)?;
    rest(body);
    Ok(())
}

/// Gives every line to `take`, read as JSON. Otherwise as [`events`].
///
/// # Errors
/// As [`events`].
pub fn lines<T: DeserializeOwned>(
    mut body: impl Read,
    take: impl FnMut(&T) -> Result<Step, ProviderError>,
) -> Result<(), ProviderError> {
    let mut lines = NdjsonReader::with_limits(&mut body, LIMITS);
    pieces(|| lines.next_value(), take)?;
    rest(body);
    Ok(())
}

fn pieces<T>(
    mut next: impl FnMut() -> Result<Option<T>, StreamError>,
    mut take: impl FnMut(&T) -> Result<Step, ProviderError>,
) -> Result<(), ProviderError> {
    let mut whole = false;
    loop {
        match next() {
            Ok(Some(piece)) => match take(&piece)? {
                Step::Open => {}
                Step::Whole => whole = true,
                Step::End => return Ok(()),
            },
            // What could still come is not the answer.
            Ok(None) | Err(_) if whole => return Ok(()),
            Ok(None) => {
                return Err(ProviderError::unavailable(
                    "the stream ended before the answer did",
                ));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn rest(body: impl Read) {
    let _ = std::io::copy(&mut body.take(REST_BYTES_MAX), &mut std::io::sink());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Reads events of which each is a step, and tells how many there were.
    fn run(stream: &[u8]) -> Result<usize, ProviderError> {
        let mut seen = 0;
        let got = events(stream, |event| {
            seen += 1;
            Ok(match event.data.as_str() {
                "whole" => Step::Whole,
                "end" => Step::End,
                "fail" => return Err(ProviderError::invalid("fail")),
                _ => Step::Open,
            })
        });
        got.map(|()| seen)
    }

    #[test]
    fn half_an_answer_is_none() {
        assert!(run(b"").is_err());
        assert!(run(b"data: open\n\n").is_err());
        assert!(run(b"data: fail\n\ndata: end\n\n").is_err());
        assert_eq!(run(b"data: open\n\ndata: whole\n\n"), Ok(2));
        assert_eq!(run(b"data: whole\n\ndata: open\n\ndata: cut"), Ok(2));
    }

    #[test]
    fn after_the_end_nothing_counts_and_the_body_is_read() {
        assert_eq!(run(b": hi\n\ndata:\n\ndata: end\n\ndata: fail\n\n"), Ok(1));
        // As a connection gives it: what has come so far, and the end only when asked once more.
        let mut body = (&b"data: x\n\n"[..]).chain(&b"\n"[..]);
        events(&mut body, |_| Ok(Step::End)).unwrap();
        assert_eq!(body.bytes().count(), 0);
    }

    #[test]
    fn a_failure_after_the_answer_is_none() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::ConnectionReset.into())
            }
        }
        let read = |step| events(b"data: x\n\n".chain(Broken), |_| Ok(step));
        assert!(read(Step::Open).is_err());
        assert_eq!(read(Step::Whole), Ok(()));
    }

    #[test]
    fn lines_are_json_to_the_last() {
        let mut seen = Vec::new();
        let mut read = |body: &str| {
            lines(body.as_bytes(), |line: &Value| {
                seen.push(line.clone());
                Ok(if line["done"] == true {
                    Step::End
                } else {
                    Step::Open
                })
            })
        };
        assert_eq!(read("{\"a\":1}\n\n{\"done\":true}"), Ok(()));
        assert!(read("{\"a\":1}\n<html>\n").is_err());
        assert_eq!(seen.len(), 3);
    }
}
