//! The end of a stream, kept for what stands outside of its events.
//!
//! An error in mid-stream is not sent as an event: the server writes its JSON as it is, in lines that
//! mean nothing in server-sent events.

use serde_json::Value;
use std::io::{self, Read};

/// How much is kept, in bytes.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// Reads on, and keeps the last that was read.
#[derive(Debug)]
pub(crate) struct Tail<R> {
    source: R,
    kept: Vec<u8>,
}

impl<R> Tail<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            kept: Vec::new(),
        }
    }

    /// The error with which the stream ended, if it did: from the last line that begins a JSON value.
    pub(crate) fn error(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.kept);
        let mut begins = text
            .match_indices(['{', '['])
            .map(|(at, _)| at)
            .filter(|at| {
                text.get(..*at)
                    .is_some_and(|before| before.is_empty() || before.ends_with('\n'))
            });
        let json = text.get(begins.next_back()?..)?.trim();
        let value: Value = serde_json::from_str(json).ok()?;
        let inner = value.get(0).unwrap_or(&value);
        inner.get("error").map(|_| json.into())
    }
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.kept
            .extend_from_slice(buffer.get(..count).unwrap_or_default());
        // Cut only when twice as much is there, so that not every read moves all of it.
        if self.kept.len() > KEPT_BYTES_MAX.saturating_mul(2) {
            let cut = self.kept.len().saturating_sub(KEPT_BYTES_MAX);
            self.kept.drain(..cut);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(stream: &str) -> Option<String> {
        let mut tail = Tail::new(stream.as_bytes());
        io::copy(&mut tail, &mut io::sink()).unwrap();
        tail.error()
    }

    #[test]
    fn an_error_is_found_in_whatever_lines_it_came() {
        let pretty =
            "{\n  \"error\": {\n    \"code\": 503,\n    \"details\": [\n      {}\n    ]\n  }\n}";
        for stream in [
            pretty.to_owned(),
            format!("[{pretty}\n]\n"),
            format!(
                "data: {{\"a\": 1}}\r\n\r\n{}\r\n",
                pretty.replace('\n', "\r\n")
            ),
            format!("{}{pretty}\n\n", "data: {}\n\n".repeat(100_000)),
        ] {
            let value: Value = serde_json::from_str(&error(&stream).unwrap()).unwrap();
            let value = value.get(0).unwrap_or(&value);
            assert_eq!(value["error"]["code"], 503);
        }
    }

    #[test]
    fn what_is_no_error_is_none() {
        for stream in [
            "",
            "{",
            "{}",
            "[]",
            "data: {\"error\": 1}\n\n",
            "{\"error\": 1} and more",
            "x{\"error\": 1}",
        ] {
            assert_eq!(error(stream), None, "{stream}");
        }
    }
}
