//! Lines out of a stream of bytes, with bounds: what [`sse`](crate::sse) and [`ndjson`](crate::ndjson)
//! share.
//!
//! Lines are cut in bytes, before any decoding, so that a character that arrives in two pieces is
//! whole. A line is given out as soon as its end is seen: after a CR the reader does not wait for a
//! possible LF.

use std::io::{self, Read};
use std::mem;

/// Bytes asked of the source at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// How much a reader takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest line, in bytes without its end.
    pub line_bytes_max: usize,
    /// The longest event, in bytes of its data. NDJSON has one line per event.
    pub event_bytes_max: usize,
    /// The most bytes of the whole stream.
    pub total_bytes_max: u64,
}

impl Default for Limits {
    /// 1 MiB a line, 2 MiB an event, 16 MiB in all.
    fn default() -> Self {
        Self {
            line_bytes_max: 1024 * 1024,
            event_bytes_max: 2 * 1024 * 1024,
            total_bytes_max: 16 * 1024 * 1024,
        }
    }
}

/// A stream could not be read on.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The source failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line is too long.
    #[error("a line of the stream is longer than {bytes_max} bytes")]
    LineTooLong {
        /// The bound.
        bytes_max: usize,
    },
    /// An event is too long.
    #[error("an event of the stream is longer than {bytes_max} bytes")]
    EventTooLong {
        /// The bound.
        bytes_max: usize,
    },
    /// The stream is too long.
    #[error("the stream is longer than {bytes_max} bytes")]
    TooLong {
        /// The bound.
        bytes_max: u64,
    },
    /// An event is not the expected JSON.
    #[error("line {line} of the stream is not the expected JSON: {message}")]
    Json {
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// LF; a CR before it belongs to it.
    Lf,
    /// LF, CR, or CR LF.
    Any,
}

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) bytes: Vec<u8>,
    /// False if the stream ended instead of the line.
    pub(crate) ended: bool,
}

/// Cuts a stream into lines.
pub(crate) struct LineReader<R> {
    source: R,
    limits: Limits,
    ends: Ends,
    chunk: Vec<u8>,
    /// Where the unread part of `chunk` begins and ends.
    next: usize,
    filled: usize,
    line: Vec<u8>,
    /// An LF that comes next belongs to the CR before it.
    after_cr: bool,
    first: bool,
    total_bytes: u64,
    /// After an error there is nothing more to read.
    failed: bool,
}

impl<R: Read> LineReader<R> {
    pub(crate) fn new(source: R, limits: Limits, ends: Ends) -> Self {
        Self {
            source,
            limits,
            ends,
            chunk: vec![0; CHUNK_BYTES],
            next: 0,
            filled: 0,
            line: Vec::new(),
            after_cr: false,
            first: true,
            total_bytes: 0,
            failed: false,
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Ends the stream: its reader found an error in it.
    pub(crate) fn fail(&mut self) {
        self.failed = true;
    }

    /// The next line; none when the stream has ended and nothing is left, or has failed before.
    pub(crate) fn next_line(&mut self) -> Result<Option<Line>, StreamError> {
        if self.failed {
            return Ok(None);
        }
        let line = self.read_line();
        self.failed = line.is_err();
        line
    }

    fn read_line(&mut self) -> Result<Option<Line>, StreamError> {
        loop {
            if self.take_until_end()? {
                return Ok(Some(self.finish(true)));
            }
            if !self.fill()? {
                let rest = !self.line.is_empty();
                return Ok(rest.then(|| self.finish(false)));
            }
        }
    }

    /// Moves bytes from the chunk to the line; true if the line's end was among them.
    fn take_until_end(&mut self) -> Result<bool, StreamError> {
        let mut rest = self.chunk.get(self.next..self.filled).unwrap_or_default();
        if mem::take(&mut self.after_cr) {
            if rest.is_empty() {
                self.after_cr = true;
                return Ok(false);
            }
            if let Some((b'\n', after)) = rest.split_first() {
                rest = after;
                self.next = self.next.saturating_add(1);
            }
        }
        let is_end = |b: &u8| *b == b'\n' || (self.ends == Ends::Any && *b == b'\r');
        let end = rest.iter().position(is_end);
        let (taken, stop) = match end {
            Some(end) => (rest.get(..end).unwrap_or_default(), rest.get(end)),
            None => (rest, None),
        };
        if self.line.len().saturating_add(taken.len()) > self.limits.line_bytes_max {
            return Err(StreamError::LineTooLong {
                bytes_max: self.limits.line_bytes_max,
            });
        }
        self.line.extend_from_slice(taken);
        self.after_cr = stop == Some(&b'\r');
        let used = taken.len().saturating_add(usize::from(stop.is_some()));
        self.next = self.next.saturating_add(used);
        Ok(stop.is_some())
    }

    /// Reads the next chunk; false at the end of the stream.
    fn fill(&mut self) -> Result<bool, StreamError> {
        let count = loop {
            match self.source.read(&mut self.chunk) {
                Ok(count) => break count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        };
        let bytes = u64::try_from(count).unwrap_or(u64::MAX);
        self.total_bytes = self.total_bytes.saturating_add(bytes);
        if self.total_bytes > self.limits.total_bytes_max {
            return Err(StreamError::TooLong {
                bytes_max: self.limits.total_bytes_max,
            });
        }
        self.next = 0;
        self.filled = count;
        Ok(count > 0)
    }

    fn finish(&mut self, ended: bool) -> Line {
        let mut bytes = mem::take(&mut self.line);
        if self.ends == Ends::Lf && ended && bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        // A byte order mark may begin the stream; it is not part of it.
        if mem::take(&mut self.first) && bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        Line { bytes, ended }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Gives out `bytes` in pieces of at most `piece`.
    pub(crate) struct Pieces<'a> {
        pub(crate) bytes: &'a [u8],
        pub(crate) piece: usize,
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.piece.min(buffer.len()).min(self.bytes.len());
            let (now, later) = self.bytes.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.bytes = later;
            Ok(count)
        }
    }

    fn lines(bytes: &[u8], piece: usize, ends: Ends) -> Vec<(String, bool)> {
        let mut reader = LineReader::new(Pieces { bytes, piece }, Limits::default(), ends);
        std::iter::from_fn(|| reader.next_line().unwrap())
            .map(|line| (String::from_utf8(line.bytes).unwrap(), line.ended))
            .collect()
    }

    #[test]
    fn every_end_is_an_end_however_the_bytes_arrive() {
        let text = "\u{feff}a\nb\rc\r\n\r\n\n\rä\u{feff}d".as_bytes();
        for piece in 1..=text.len() {
            let got = lines(text, piece, Ends::Any);
            let texts: Vec<_> = got.iter().map(|(text, _)| text.as_str()).collect();
            assert_eq!(texts, ["a", "b", "c", "", "", "", "ä\u{feff}d"], "{piece}");
            assert!(!got.last().unwrap().1);
        }
    }

    #[test]
    fn only_lf_ends_a_line_of_ndjson() {
        let got = lines(b"a\rb\r\nc\n", 2, Ends::Lf);
        assert_eq!(got, [("a\rb".into(), true), ("c".into(), true)]);
    }

    #[test]
    fn a_line_is_given_out_before_the_byte_after_its_cr() {
        struct Once(bool);
        impl Read for Once {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                assert!(!mem::replace(&mut self.0, true), "read too far");
                buffer[..2].copy_from_slice(b"a\r");
                Ok(2)
            }
        }
        let mut reader = LineReader::new(Once(false), Limits::default(), Ends::Any);
        assert_eq!(reader.next_line().unwrap().unwrap().bytes, b"a");
    }

    #[test]
    fn lines_and_streams_have_bounds() {
        let limits = Limits {
            line_bytes_max: 4,
            event_bytes_max: 4,
            total_bytes_max: 12,
        };
        let read = |bytes: &'static [u8]| {
            let mut reader = LineReader::new(Pieces { bytes, piece: 3 }, limits, Ends::Any);
            loop {
                match reader.next_line() {
                    Ok(Some(_)) => {}
                    Ok(None) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        };
        assert!(read(b"abcd\nabcd\nab").is_ok());
        assert!(matches!(
            read(b"abcde"),
            Err(StreamError::LineTooLong { bytes_max: 4 })
        ));
        assert!(matches!(
            read(b"a\nb\nc\nd\ne\nf\ng\n"),
            Err(StreamError::TooLong { bytes_max: 12 })
        ));
    }
}
