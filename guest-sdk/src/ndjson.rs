//! JSON values, one a line (`application/x-ndjson`), with bounds.

use crate::lines::{Ends, Limits, LineReader, StreamError};
use serde::de::DeserializeOwned;
use std::io::Read;
use std::marker::PhantomData;

/// Reads values. Empty lines are skipped; a last line without its end counts.
pub struct NdjsonReader<R, T> {
    lines: LineReader<R>,
    line: u64,
    value: PhantomData<fn() -> T>,
}

impl<R: Read, T: DeserializeOwned> NdjsonReader<R, T> {
    /// Reads values from `source` with the default [`Limits`].
    pub fn new(source: R) -> Self {
        Self::with_limits(source, Limits::default())
    }

    /// Reads values from `source`. A value is a line, so the smaller of the two bounds holds.
    pub fn with_limits(source: R, mut limits: Limits) -> Self {
        limits.line_bytes_max = limits.line_bytes_max.min(limits.event_bytes_max);
        Self {
            lines: LineReader::new(source, limits, Ends::Lf),
            line: 0,
            value: PhantomData,
        }
    }

    /// The next value; none at the end of the stream.
    ///
    /// # Errors
    /// The source failed or a bound was passed, and the stream counts as ended; or a line is not a `T`,
    /// and reading may go on with the next.
    pub fn next_value(&mut self) -> Result<Option<T>, StreamError> {
        while let Some(line) = self.lines.next_line()? {
            self.line = self.line.saturating_add(1);
            if line.bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return serde_json::from_slice(&line.bytes)
                .map(Some)
                .map_err(|e| StreamError::Json {
                    line: self.line,
                    message: e.to_string(),
                });
        }
        Ok(None)
    }
}

impl<R: Read, T: DeserializeOwned> Iterator for NdjsonReader<R, T> {
    type Item = Result<T, StreamError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_value().transpose()
    }
}

impl<R, T> std::fmt::Debug for NdjsonReader<R, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NdjsonReader")
            .field("line", &self.line)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::tests::Pieces;
    use serde_json::{Value, json};

    fn read(text: &str, limits: Limits) -> Vec<Result<Value, StreamError>> {
        let source = Pieces {
            bytes: text.as_bytes(),
            piece: 3,
        };
        NdjsonReader::with_limits(source, limits).collect()
    }

    #[test]
    fn values_blank_lines_and_a_last_line_without_end() {
        let text = "\u{feff}{\"a\":\"ä\"}\r\n\n \t\n[1]\n2";
        let values: Vec<_> = read(text, Limits::default())
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(values, [json!({"a": "ä"}), json!([1]), json!(2)]);
    }

    #[test]
    fn a_bad_line_is_named_and_reading_goes_on() {
        let values = read("1\n{\n3\n", Limits::default());
        assert!(matches!(&values[1], Err(StreamError::Json { line: 2, .. })));
        assert_eq!(values[2].as_ref().unwrap(), &json!(3));
    }

    #[test]
    fn a_value_has_a_bound() {
        let limits = Limits {
            event_bytes_max: 4,
            ..Limits::default()
        };
        assert!(matches!(
            read("\"abcd\"\n", limits).as_slice(),
            [Err(StreamError::LineTooLong { bytes_max: 4 })]
        ));
    }
}
