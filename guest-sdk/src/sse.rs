//! Server-sent events (WHATWG HTML, section 9.2, "Server-sent events"), with bounds.
//!
//! It reads any [`Read`], so a response's body as it arrives. It does not reconnect. As the standard
//! says, an event that the stream's end cuts off is dropped: an adapter that misses its last event
//! must say that the stream was cut off.

use crate::lines::{Ends, Limits, LineReader, StreamError};
use std::io::Read;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its type; `message` if the stream names none.
    pub event: String,
    /// Its data lines, joined by LF. What is not UTF-8 has become U+FFFD.
    pub data: String,
    /// The last id that the stream has set.
    pub id: Option<String>,
}

/// Reads events.
pub struct EventReader<R> {
    lines: LineReader<R>,
    event: String,
    data: Option<String>,
    id: Option<String>,
}

impl<R: Read> EventReader<R> {
    /// Reads events from `source` with the default [`Limits`].
    pub fn new(source: R) -> Self {
        Self::with_limits(source, Limits::default())
    }

    /// Reads events from `source`.
    pub fn with_limits(source: R, limits: Limits) -> Self {
        Self {
            lines: LineReader::new(source, limits, Ends::Any),
            event: String::new(),
            data: None,
            id: None,
        }
    }

    /// The next event; none at the end of the stream.
    ///
    /// # Errors
    /// The source failed, or a bound was passed; afterwards the stream counts as ended.
    pub fn next_event(&mut self) -> Result<Option<Event>, StreamError> {
        while let Some(line) = self.lines.next_line()? {
            if !line.ended {
                return Ok(None);
            }
            if !line.bytes.is_empty() {
                self.field(&String::from_utf8_lossy(&line.bytes))?;
                continue;
            }
            let event = std::mem::take(&mut self.event);
            if let Some(data) = self.data.take() {
                return Ok(Some(Event {
                    event: if event.is_empty() {
                        "message".into()
                    } else {
                        event
                    },
                    data,
                    id: self.id.clone(),
                }));
            }
        }
        Ok(None)
    }

    fn field(&mut self, line: &str) -> Result<(), StreamError> {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => self.add_data(value),
            "event" => {
                self.event = value.into();
                Ok(())
            }
            "id" if !value.contains('\0') => {
                self.id = (!value.is_empty()).then(|| value.into());
                Ok(())
            }
            // A comment begins with a colon and so has an empty name. `retry` is for who reconnects.
            _ => Ok(()),
        }
    }

    fn add_data(&mut self, value: &str) -> Result<(), StreamError> {
        let bytes_max = self.lines.limits().event_bytes_max;
        let data = match &mut self.data {
            Some(data) => {
                data.push('\n');
                data
            }
            None => self.data.insert(String::new()),
        };
        if data.len().saturating_add(value.len()) > bytes_max {
            self.lines.fail();
            return Err(StreamError::EventTooLong { bytes_max });
        }
        data.push_str(value);
        Ok(())
    }
}

impl<R: Read> Iterator for EventReader<R> {
    type Item = Result<Event, StreamError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_event().transpose()
    }
}

impl<R> std::fmt::Debug for EventReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventReader")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::tests::Pieces;
    use proptest::prelude::*;

    fn events(bytes: &[u8], piece: usize) -> Vec<(String, String, Option<String>)> {
        EventReader::new(Pieces { bytes, piece })
            .map(|event| event.unwrap())
            .map(|event| (event.event, event.data, event.id))
            .collect()
    }

    fn data(text: &str) -> Vec<String> {
        events(text.as_bytes(), 3)
            .into_iter()
            .map(|e| e.1)
            .collect()
    }

    #[test]
    fn the_standards_own_examples() {
        assert_eq!(data("data: YHOO\ndata: +2\ndata: 10\n\n"), ["YHOO\n+2\n10"]);
        assert_eq!(
            events(
                b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
                5
            ),
            [
                ("message".into(), "first event".into(), Some("1".into())),
                ("message".into(), "second event".into(), None),
            ]
        );
        assert_eq!(data("data\n\ndata\ndata\n\ndata:"), ["", "\n"]);
        assert_eq!(data("data:test\n\ndata: test\n\n"), ["test", "test"]);
    }

    #[test]
    fn types_comments_ends_and_unknown_fields() {
        let stream = "\u{feff}event: delta\r\ndata: {\"a\":1}\r\n\r\n: ping\n\nretry: 5\nfoo: bar\ndata: x\r\r";
        assert_eq!(
            events(stream.as_bytes(), 1),
            [
                ("delta".into(), "{\"a\":1}".into(), None),
                ("message".into(), "x".into(), None),
            ]
        );
    }

    #[test]
    fn an_event_without_data_is_none_and_its_type_is_forgotten() {
        assert_eq!(
            events(b"event: a\n\ndata: b\n\n", 4),
            [("message".into(), "b".into(), None)]
        );
    }

    #[test]
    fn what_the_end_cuts_off_is_dropped() {
        assert_eq!(data("data: a\n\ndata: b\n"), ["a"]);
        assert_eq!(data("data: a\n\ndata: b"), ["a"]);
    }

    #[test]
    fn a_character_in_two_pieces_is_whole_and_bad_bytes_are_replaced() {
        for piece in 1..5 {
            assert_eq!(events("data: 日本\n\n".as_bytes(), piece)[0].1, "日本");
        }
        assert_eq!(events(b"data: a\xffb\n\n", 2)[0].1, "a\u{fffd}b");
    }

    #[test]
    fn an_event_has_a_bound_whatever_its_lines() {
        let limits = Limits {
            line_bytes_max: 100,
            event_bytes_max: 8,
            total_bytes_max: 1000,
        };
        let read = |text: &'static str| {
            EventReader::with_limits(text.as_bytes(), limits).collect::<Result<Vec<_>, _>>()
        };
        assert!(read("data: abcd\ndata: efg\n\n").is_ok());
        assert!(matches!(
            read("data: abcd\ndata: efgh\n\n"),
            Err(StreamError::EventTooLong { bytes_max: 8 })
        ));
        assert!(matches!(
            read("data\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\n\n"),
            Err(StreamError::EventTooLong { .. })
        ));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            texts in prop::collection::vec("[^\r\n\u{0}\u{feff}]{0,20}(\n[^\r\n\u{0}]{0,20}){0,3}", 0..6),
            end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
            piece in 1_usize..40,
        ) {
            let mut stream = String::new();
            for text in &texts {
                for line in text.split('\n') {
                    stream.push_str("data: ");
                    stream.push_str(line);
                    stream.push_str(end);
                }
                stream.push_str(end);
            }
            let read: Vec<_> = events(stream.as_bytes(), piece).into_iter().map(|e| e.1).collect();
            prop_assert_eq!(read, texts);
        }

        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..300), piece in 1_usize..9) {
            let whole = events(&bytes, 300);
            prop_assert_eq!(events(&bytes, piece), whole);
        }
    }
}
