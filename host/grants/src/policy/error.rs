//! Errors of policy files, with the line shown.

use crate::fault::printable;
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// The most characters of a line that are shown.
const SHOWN_CHARS_MAX: usize = 160;
/// How many characters of a long line stay before the mark.
const SHOWN_BEFORE_CHARS: usize = 60;

/// A policy file that was refused. `Display` shows the line, a mark, and what to write instead:
///
/// ```text
/// unknown key `grant`
///  --> tollgate.toml:5:1
///   |
/// 5 | grant = ["env LANG"]
///   | ^^^^^ keys here: component, config, digest, grants, limits
///   = help: write `grants`
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError(Box<Shown>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    path: String,
    line: usize,
    column: usize,
    text: String,
    mark: Range<usize>,
    message: String,
    rule: String,
    help: Option<String>,
}

impl PolicyError {
    /// An error at bytes `at` of `source`. `rule` stands beside the mark.
    pub(crate) fn new(
        path: &Path,
        source: &str,
        at: Range<usize>,
        message: impl Into<String>,
        rule: impl Into<String>,
    ) -> Self {
        let start = floor(source, at.start);
        let end = floor(source, at.end).max(start);
        let before = source.get(..start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let rest = source.get(line_start..).unwrap_or("");
        let text = rest.lines().next().unwrap_or("");
        let from = chars(source, line_start..start);
        let to = chars(source, line_start..end).min(text.chars().count());
        let (text, mark) = window(text, from..to.max(from));
        Self(Box::new(Shown {
            path: printable(&path.to_string_lossy()),
            line: before.matches('\n').count() + 1,
            column: from + 1,
            text,
            mark,
            message: printable(&message.into()),
            rule: printable(&rule.into()),
            help: None,
        }))
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(printable(&help.into()));
        self
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// The character in the line, from 1.
    pub fn column(&self) -> usize {
        self.0.column
    }
}

/// The nearest start of a character at or before `at`.
fn floor(source: &str, at: usize) -> usize {
    let at = at.min(source.len());
    (0..=at)
        .rev()
        .find(|i| source.is_char_boundary(*i))
        .unwrap_or(0)
}

fn chars(source: &str, range: Range<usize>) -> usize {
    source.get(range).unwrap_or("").chars().count()
}

/// The part of a line around `mark`, printable, with the mark moved along. Counts in characters.
fn window(line: &str, mark: Range<usize>) -> (String, Range<usize>) {
    let skip = if line.chars().count() > SHOWN_CHARS_MAX {
        mark.start.saturating_sub(SHOWN_BEFORE_CHARS)
    } else {
        0
    };
    let mut out = String::new();
    let mut width = 0;
    let mut shown = 0..0;
    if skip > 0 {
        out.push('…');
        width = 1;
    }
    for (i, c) in line.chars().enumerate().skip(skip).take(SHOWN_CHARS_MAX) {
        if i == mark.start {
            shown.start = width;
        }
        let piece = if c == '\t' {
            " ".to_owned()
        } else {
            printable(&c.to_string())
        };
        width += piece.chars().count();
        out.push_str(&piece);
        if i + 1 == mark.end || (i >= mark.start && i < mark.end) {
            shown.end = width;
        }
    }
    if mark.start >= skip + SHOWN_CHARS_MAX || mark.start >= line.chars().count() {
        shown.start = width;
    }
    let end = shown.end.max(shown.start + 1);
    (out, shown.start..end)
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = &self.0;
        let number = s.line.to_string();
        let gutter = " ".repeat(number.len());
        writeln!(f, "{}", s.message)?;
        writeln!(f, "{gutter}--> {}:{}:{}", s.path, s.line, s.column)?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{number} | {}", s.text)?;
        let mark = format!("{}{}", " ".repeat(s.mark.start), "^".repeat(s.mark.len()));
        write!(f, "{gutter} | {mark} {}", s.rule)?;
        match &s.help {
            Some(help) => write!(f, "\n{gutter} = help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PolicyError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_line_is_shown_and_a_strangers_escapes_are_not() {
        let source = "version = 1\nx = \"\u{202e}a\"\n";
        let error = PolicyError::new(
            Path::new("t.toml"),
            source,
            12..13,
            "unknown key `x`",
            "keys here: y",
        )
        .help("write `y`");
        assert_eq!(
            error.to_string(),
            "unknown key `x`\n --> t.toml:2:1\n  |\n2 | x = \"\\u{202e}a\"\n  | ^ keys here: y\n  = help: write `y`"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let source = format!("a = \"{}!{}\"", "x".repeat(500), "y".repeat(500));
        let error = PolicyError::new(Path::new("t"), &source, 505..506, "m", "r").to_string();
        let lines: Vec<&str> = error.lines().collect();
        let at = lines[4].find('^').unwrap();
        assert_eq!(lines[3].chars().nth(at), Some('!'));
        assert!(lines[3].chars().count() < 200);
    }

    proptest! {
        #[test]
        fn never_panics(source in any::<String>(), from in 0usize..200, len in 0usize..200) {
            let shown = PolicyError::new(Path::new("p"), &source, from..from + len, "m", "r").to_string();
            prop_assert!(!shown.chars().any(|c| c != '\n' && c.is_control()));
        }
    }
}
