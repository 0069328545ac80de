//! The tool `read`.

use crate::bounds::OUTPUT_BYTES_MAX;
use crate::path::guest;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read};
use tollgate_sdk::{Context, Tool, ToolError, ToolOutput};

/// Lines of one answer unless fewer are asked for.
const LINES_MAX: u64 = 2_000;

/// Bytes that are looked at to count a file's lines.
const SCAN_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 * 1024;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReadFile {
    /// The file, such as /project/README.md.
    path: String,
    /// The first line to read, counted from 1.
    #[serde(default = "one")]
    start_line: u64,
    /// How many lines to read at most; 2000 if not given, which is also the most.
    #[serde(default = "lines_max")]
    lines_max: u64,
}

fn one() -> u64 {
    1
}

fn lines_max() -> u64 {
    LINES_MAX
}

pub(crate) fn tool() -> Tool {
    Tool::new::<ReadFile>(
        "read",
        "Reads a text file, or a range of its lines, as it is. At most 2000 lines and 64 KiB at once; what \
         is left out is said in brackets after the text.",
        read,
    )
    .title("Read a file")
    .read_only()
}

fn read(arguments: ReadFile, _: &Context) -> Result<ToolOutput, ToolError> {
    if arguments.start_line == 0 {
        return Err(ToolError::invalid("start_line: lines are counted from 1"));
    }
    if !(1..=LINES_MAX).contains(&arguments.lines_max) {
        return Err(ToolError::invalid(format!(
            "lines_max: is from 1 to {LINES_MAX}"
        )));
    }
    let path = guest(&arguments.path)?;
    let error = |e: io::Error| ToolError::io("read", &path, &e);
    let file = File::open(&path).map_err(error)?;
    let mut range = Range::new(arguments.start_line, arguments.lines_max);
    range.scan(file).map_err(error)?;
    range.answer(&arguments.path)
}

/// The asked lines of a file, and how many there are.
struct Range {
    start: u64,
    lines_max: u64,
    /// What was taken; whole lines, except that the last may be cut.
    text: Vec<u8>,
    /// The line that the next byte belongs to.
    line: u64,
    /// Whether that line has a byte yet.
    line_begun: bool,
    bytes: u64,
    cut: bool,
    scanned_all: bool,
}

impl Range {
    fn new(start: u64, lines_max: u64) -> Self {
        Self {
            start,
            lines_max,
            text: Vec::new(),
            line: 1,
            line_begun: false,
            bytes: 0,
            cut: false,
            scanned_all: true,
        }
    }

    fn scan(&mut self, mut file: impl Read) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = match file.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            for piece in chunk
                .get(..count)
                .unwrap_or_default()
                .split_inclusive(|b| *b == b'\n')
            {
                self.take(piece);
            }
            self.bytes = self
                .bytes
                .saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            if self.bytes >= SCAN_BYTES_MAX {
                self.scanned_all = false;
                return Ok(());
            }
        }
    }

    /// Takes a piece of one line, which may hold the line's end.
    fn take(&mut self, piece: &[u8]) {
        let end = self.start.saturating_add(self.lines_max);
        if (self.start..end).contains(&self.line) && !self.cut {
            let room = OUTPUT_BYTES_MAX.saturating_sub(self.text.len());
            self.text.extend(piece.iter().take(room));
            self.cut = piece.len() > room;
        }
        self.line_begun = true;
        if piece.last() == Some(&b'\n') {
            self.line = self.line.saturating_add(1);
            self.line_begun = false;
        }
    }

    /// How many lines there are, as far as was scanned.
    fn lines(&self) -> u64 {
        self.line.saturating_sub(u64::from(!self.line_begun))
    }

    fn answer(mut self, path: &str) -> Result<ToolOutput, ToolError> {
        let lines = self.lines();
        if self.bytes == 0 {
            return Ok(ToolOutput::text("").and_text("[the file is empty]"));
        }
        if self.start > lines {
            let at_least = if self.scanned_all { "" } else { "at least " };
            return Err(ToolError::invalid(format!(
                "start_line: {path} has {at_least}{lines} lines"
            )));
        }
        self.cut_to_lines();
        let text = match String::from_utf8(self.text) {
            Ok(text) if !text.contains('\0') => text,
            _ => return Err(ToolError::failed(format!("{path} is not text in UTF-8"))),
        };
        let taken = u64::try_from(text.split_inclusive('\n').count()).unwrap_or(u64::MAX);
        let last = self.start.saturating_add(taken).saturating_sub(1);
        let whole = self.start == 1 && last == lines && self.scanned_all && !self.cut;
        if whole {
            return Ok(ToolOutput::text(text));
        }
        let of = if self.scanned_all {
            format!("of {lines}")
        } else {
            format!("of more than {lines}")
        };
        let begun = text.ends_with('\n') || !self.cut;
        let note = if !begun {
            format!("line {last} {of} is cut after {} bytes", text.len())
        } else if last < lines {
            let next = last.saturating_add(1);
            format!(
                "lines {} to {last} {of}; go on with start_line {next}",
                self.start
            )
        } else {
            format!("lines {} to {last} {of}", self.start)
        };
        Ok(ToolOutput::text(text).and_text(format!("[{note}]")))
    }

    /// Drops a last line that was cut, unless it is the only one; then only its last, broken character.
    fn cut_to_lines(&mut self) {
        if !self.cut {
            return;
        }
        let end = self.text.iter().rposition(|b| *b == b'\n');
        let whole = match end {
            Some(end) => end.saturating_add(1),
            None => match std::str::from_utf8(&self.text) {
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                _ => self.text.len(),
            },
        };
        self.text.truncate(whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::call;
    use serde_json::json;
    use std::fs;

    fn file(content: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        file
    }

    fn read(content: impl AsRef<[u8]>, start: u64, lines: u64) -> Result<String, ToolError> {
        let file = file(content);
        call(
            "read",
            json!({"path": file.path(), "start_line": start, "lines_max": lines}),
        )
    }

    #[test]
    fn a_whole_file_is_given_as_it_is() {
        for content in ["a\r\nb\n", "a", "ä\n\n"] {
            assert_eq!(read(content, 1, 2000).unwrap(), content);
        }
        assert_eq!(read("", 1, 1).unwrap(), "\n[the file is empty]");
    }

    #[test]
    fn a_range_says_what_it_left_out() {
        let text = "1\n2\n3\n4";
        assert_eq!(
            read(text, 2, 2).unwrap(),
            "2\n3\n\n[lines 2 to 3 of 4; go on with start_line 4]"
        );
        assert_eq!(read(text, 4, 9).unwrap(), "4\n[lines 4 to 4 of 4]");
        assert!(matches!(
            read(text, 5, 1),
            Err(ToolError::InvalidArguments(message)) if message.ends_with("has 4 lines")
        ));
        assert!(read("1\n2\n", 3, 1).is_err());
        assert!(read(text, 0, 1).is_err() && read(text, 1, 2001).is_err());
    }

    #[test]
    fn bytes_are_bounded_at_a_line_or_else_a_character() {
        let line = format!("{}\n", "x".repeat(39_999));
        let got = read(line.repeat(3), 1, 9).unwrap();
        assert_eq!(
            got.len() - 40_000,
            "\n[lines 1 to 1 of 3; go on with start_line 2]".len()
        );
        let got = read("ä".repeat(40_000) + "b", 1, 9).unwrap();
        assert!(
            got.ends_with("ä\n[line 1 of 1 is cut after 65536 bytes]"),
            "{}",
            &got[65_000..]
        );
        let got = read("bää".to_owned() + &"ä".repeat(40_000), 1, 9).unwrap();
        assert!(got.ends_with("ä\n[line 1 of 1 is cut after 65535 bytes]"));
    }

    #[test]
    fn what_is_not_text_is_refused() {
        for content in [&b"a\0b"[..], &b"\xff\xfe"[..]] {
            assert!(matches!(
                read(content, 1, 1),
                Err(ToolError::Failed(message)) if message.ends_with("is not text in UTF-8")
            ));
        }
    }
}
