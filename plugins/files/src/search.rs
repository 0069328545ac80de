//! The tool `search`.

use crate::bounds::{FILE_BYTES_MAX, Notes, OUTPUT_BYTES_MAX, cut};
use crate::path::guest;
use crate::walk::{DEPTH_MAX, Filter, Kind, Walk, why};
use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use tollgate_sdk::{Context, Tool, ToolError, ToolOutput};

/// Matching lines of one answer unless fewer are asked for.
const MATCHES_MAX: usize = 200;

/// Most lines around a match.
const CONTEXT_LINES_MAX: usize = 10;

/// Most files that one search opens: each leaves a receipt.
const FILES_MAX: usize = 5_000;

/// Longest line that is shown, in bytes.
const LINE_BYTES_MAX: usize = 400;

/// Largest compiled pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1024 * 1024;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Search {
    /// A regular expression in the syntax of Rust's regex crate, matched line by line.
    pattern: String,
    /// The directory or file to search; /project if not given.
    #[serde(default = "project")]
    path: String,
    /// Globs of files to search, such as *.rs or src/**; all if empty.
    #[serde(default)]
    include: Vec<String>,
    /// Globs of files and directories to leave out.
    #[serde(default)]
    exclude: Vec<String>,
    /// Whether the pattern is plain text.
    #[serde(default)]
    literal: bool,
    /// Whether case does not matter.
    #[serde(default)]
    ignore_case: bool,
    /// How many lines to show before and after a match, at most 10.
    #[serde(default)]
    context_lines: usize,
    /// How many matching lines to show at most; 200 if not given, which is also the most.
    #[serde(default = "matches_max")]
    matches_max: usize,
}

/// Where an operator mounts what is worked on.
fn project() -> String {
    "/project".to_owned()
}

fn matches_max() -> usize {
    MATCHES_MAX
}

pub(crate) fn tool() -> Tool {
    Tool::new::<Search>(
        "search",
        "Searches files line by line with a regular expression. A match is `path:line:text`, a line around \
         it `path-line-text`. Binary files, files over 4 MiB and the inside of .git are left out.",
        search,
    )
    .title("Search in files")
    .read_only()
}

fn search(arguments: Search, _: &Context) -> Result<ToolOutput, ToolError> {
    if arguments.context_lines > CONTEXT_LINES_MAX {
        return Err(ToolError::invalid(format!(
            "context_lines: is at most {CONTEXT_LINES_MAX}"
        )));
    }
    if !(1..=MATCHES_MAX).contains(&arguments.matches_max) {
        return Err(ToolError::invalid(format!(
            "matches_max: is from 1 to {MATCHES_MAX}"
        )));
    }
    let path = guest(&arguments.path)?;
    let filter = Filter::new(&arguments.include, &arguments.exclude)?;
    let mut found = Found {
        pattern: pattern(&arguments)?,
        context_lines: arguments.context_lines,
        matches_max: arguments.matches_max,
        matches: 0,
        files: 0,
        text: String::new(),
    };
    let is_dir = fs::metadata(&path)
        .map_err(|e| ToolError::io("search", &path, &e))?
        .is_dir();
    if !is_dir {
        let mut notes = Notes::default();
        if let Some(content) = read(&path, &path, &mut notes)? {
            found.search(&arguments.path, &content, &mut notes);
        }
        return Ok(found.answer(notes));
    }
    let mut walk = Walk::new(&filter, DEPTH_MAX);
    walk.run(&path, &mut |notes, entry| {
        if entry.kind != Kind::File {
            return true;
        }
        found.files = found.files.saturating_add(1);
        if found.files > FILES_MAX {
            notes.add(format!(
                "stopped after {FILES_MAX} files; use include or a smaller path"
            ));
            return false;
        }
        match read(&entry.path, Path::new(&entry.name), notes) {
            Ok(Some(content)) => found.search(&entry.path.to_string_lossy(), &content, notes),
            Ok(None) => true,
            Err(error) => {
                notes.add(why(&entry.name, &error));
                true
            }
        }
    })?;
    Ok(found.answer(walk.notes))
}

fn pattern(arguments: &Search) -> Result<Regex, ToolError> {
    let pattern = if arguments.literal {
        regex::escape(&arguments.pattern)
    } else {
        arguments.pattern.clone()
    };
    RegexBuilder::new(&pattern)
        .case_insensitive(arguments.ignore_case)
        .size_limit(PATTERN_BYTES_MAX)
        .build()
        .map_err(|e| ToolError::invalid(format!("pattern: {e}")))
}

/// The file as text, or none if it is not to be searched.
fn read(path: &Path, shown: &Path, notes: &mut Notes) -> Result<Option<String>, ToolError> {
    let error = |e: std::io::Error| ToolError::io("read", path, &e);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| {
            file.take(FILE_BYTES_MAX.saturating_add(1))
                .read_to_end(&mut bytes)
        })
        .map_err(error)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        notes.add(format!(
            "{}: over {FILE_BYTES_MAX} bytes, left out",
            shown.display()
        ));
        return Ok(None);
    }
    if bytes.contains(&0) {
        return Ok(None);
    }
    Ok(Some(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }))
}

/// What a search found so far.
struct Found {
    pattern: Regex,
    context_lines: usize,
    matches_max: usize,
    matches: usize,
    files: usize,
    text: String,
}

impl Found {
    /// Searches one file; false if enough was found.
    fn search(&mut self, path: &str, content: &str, notes: &mut Notes) -> bool {
        let lines: Vec<&str> = content.lines().collect();
        // The first line that has not been shown.
        let mut fresh = 0;
        for (at, line) in lines.iter().enumerate() {
            if !self.pattern.is_match(line) {
                continue;
            }
            if self.matches >= self.matches_max {
                notes.add(format!("truncated after {} matches", self.matches_max));
                return false;
            }
            self.matches = self.matches.saturating_add(1);
            let from = at.saturating_sub(self.context_lines).max(fresh);
            if self.context_lines > 0 && from > fresh && fresh > 0 {
                self.text.push_str("--\n");
            }
            let until = at.saturating_add(self.context_lines).saturating_add(1);
            // A line after the match that matches too is shown as a match of its own.
            let until = lines
                .iter()
                .enumerate()
                .take(until)
                .skip(at.saturating_add(1))
                .find(|(_, line)| self.pattern.is_match(line))
                .map_or(until, |(next, _)| next);
            for (shown, line) in lines.iter().enumerate().take(until).skip(from) {
                self.show(path, shown, line, shown == at);
            }
            fresh = until;
            if self.text.len() > OUTPUT_BYTES_MAX {
                notes.add(format!("truncated after {OUTPUT_BYTES_MAX} bytes"));
                return false;
            }
        }
        true
    }

    fn show(&mut self, path: &str, at: usize, line: &str, is_match: bool) {
        let mark = if is_match { ':' } else { '-' };
        let number = at.saturating_add(1);
        let mut line = line.to_owned();
        if cut(&mut line, LINE_BYTES_MAX) {
            line.push('…');
        }
        self.text
            .push_str(&format!("{path}{mark}{number}{mark}{line}\n"));
    }

    fn answer(mut self, notes: Notes) -> ToolOutput {
        cut(&mut self.text, OUTPUT_BYTES_MAX);
        let output = ToolOutput::text(match self.matches {
            0 => "(no matches)",
            _ => self.text.trim_end_matches('\n'),
        });
        match notes.into_text() {
            Some(notes) => output.and_text(notes),
            None => output,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::call;
    use serde_json::{Value, json};

    fn search(files: &[(&str, &str)], mut arguments: Value) -> Result<String, ToolError> {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let root = dir.path().to_str().unwrap();
        arguments["path"] = format!("{root}{}", arguments["path"].as_str().unwrap_or("")).into();
        call("search", arguments).map(|text| text.replace(root, ""))
    }

    const FILES: &[(&str, &str)] = &[
        ("src/a.rs", "fn one() {}\nfn two() {}\r\n// FN\n"),
        ("src/b.txt", "fn in text\n"),
        (".git/config", "fn\n"),
        ("bin", "fn\0"),
    ];

    #[test]
    fn matches_have_path_and_line() {
        assert_eq!(
            search(FILES, json!({"pattern": r"\bfn\b"})).unwrap(),
            "/src/a.rs:1:fn one() {}\n/src/a.rs:2:fn two() {}\n/src/b.txt:1:fn in text"
        );
        assert_eq!(
            search(
                FILES,
                json!({"pattern": "fn$", "ignore_case": true, "include": ["*.rs"]})
            )
            .unwrap(),
            "/src/a.rs:3:// FN"
        );
        assert_eq!(
            search(
                FILES,
                json!({"pattern": "e() {", "literal": true, "exclude": ["*.txt"]})
            )
            .unwrap(),
            "/src/a.rs:1:fn one() {}"
        );
        assert_eq!(
            search(FILES, json!({"pattern": "two", "path": "/src/a.rs"})).unwrap(),
            "/src/a.rs:2:fn two() {}"
        );
        assert_eq!(
            search(FILES, json!({"pattern": "three"})).unwrap(),
            "(no matches)"
        );
    }

    #[test]
    fn lines_around_are_shown_once() {
        let text = "1\n2 x\n3\n4 x\n5\n6\n7\n8\n9 x\n";
        assert_eq!(
            search(&[("f", text)], json!({"pattern": "x", "context_lines": 1})).unwrap(),
            "/f-1-1\n/f:2:2 x\n/f-3-3\n/f:4:4 x\n/f-5-5\n--\n/f-8-8\n/f:9:9 x"
        );
    }

    #[test]
    fn bounds_are_said() {
        let many = "x\n".repeat(300);
        let text = search(&[("f", &many)], json!({"pattern": "x", "matches_max": 7})).unwrap();
        assert_eq!(text.lines().count(), 8);
        assert!(text.ends_with("[truncated after 7 matches]"));
        let long = "x".repeat(500);
        let text = search(&[("f", &long)], json!({"pattern": "x"})).unwrap();
        assert_eq!(text.len(), "/f:1:".len() + LINE_BYTES_MAX + "…".len());
        let big = "x".repeat(5 * 1024 * 1024);
        let text = search(&[("f", &big)], json!({"pattern": "x"})).unwrap();
        assert_eq!(text, "(no matches)\n[f: over 4194304 bytes, left out]");
    }

    #[test]
    fn bad_arguments_are_named() {
        for (arguments, field) in [
            (json!({"pattern": "("}), "pattern: "),
            (json!({"pattern": "\\w{1000}{1000}"}), "pattern: "),
            (
                json!({"pattern": "x", "context_lines": 11}),
                "context_lines: ",
            ),
            (json!({"pattern": "x", "matches_max": 0}), "matches_max: "),
            (json!({"pattern": "x", "include": ["["]}), "include: "),
        ] {
            match search(FILES, arguments) {
                Err(ToolError::InvalidArguments(message)) => {
                    assert!(message.starts_with(field), "{message}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
