//! Readers of streams. The first byte says in what pieces the rest comes.

use serde_json::Value;
use std::io::Read;
use tollgate_sdk::ndjson::NdjsonReader;
use tollgate_sdk::sse::{Event, EventReader};
use tollgate_sdk::{Limits, StreamError};

/// Gives its bytes a few at a time.
struct Pieces<'a> {
    bytes: &'a [u8],
    size: usize,
}

impl<'a> Pieces<'a> {
    /// `bytes`, at most `size` of them at once.
    fn new(bytes: &'a [u8], size: u8) -> Self {
        let size = usize::from(size).max(1);
        Self { bytes, size }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.size.min(buffer.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(length);
        self.bytes = later;
        buffer.split_at_mut(length).0.copy_from_slice(now);
        Ok(length)
    }
}

const LIMITS: Limits = Limits {
    line_bytes_max: 64,
    event_bytes_max: 128,
    total_bytes_max: 2048,
};

/// Events do not depend on how the stream was cut.
pub fn sse(bytes: &[u8]) {
    let Some((size, bytes)) = bytes.split_first() else {
        return;
    };
    let whole = events(bytes);
    assert_eq!(whole, events(Pieces::new(bytes, *size)));
    assert_eq!(whole, events(Pieces::new(bytes, 1)));
}

fn events(source: impl Read) -> (Vec<Event>, Option<String>) {
    let mut reader = EventReader::with_limits(source, LIMITS);
    let mut found = Vec::new();
    loop {
        match reader.next_event() {
            Ok(Some(event)) => found.push(event),
            Ok(None) => return (found, None),
            Err(error) => return (found, Some(error.to_string())),
        }
    }
}

/// Values do not depend on how the stream was cut, and a bad line does not take the next one away.
pub fn ndjson(bytes: &[u8]) {
    let Some((size, bytes)) = bytes.split_first() else {
        return;
    };
    let whole = values(bytes);
    assert_eq!(whole, values(Pieces::new(bytes, *size)));
    assert_eq!(whole, values(Pieces::new(bytes, 1)));
}

fn values(source: impl Read) -> Vec<Result<Value, String>> {
    let mut reader = NdjsonReader::<_, Value>::with_limits(source, LIMITS);
    let mut found = Vec::new();
    loop {
        match reader.next_value() {
            Ok(Some(value)) => found.push(Ok(value)),
            Ok(None) => return found,
            Err(error) => {
                let goes_on = matches!(error, StreamError::Json { .. });
                found.push(Err(error.to_string()));
                if !goes_on {
                    return found;
                }
            }
        }
    }
}
