//! The tool `edit`: exact replacement, refused where it is ambiguous.

use crate::bounds::FILE_BYTES_MAX;
use crate::path::guest;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use tollgate_sdk::{Context, Tool, ToolError, ToolOutput};

/// Most line numbers that a refusal names.
const LINES_NAMED_MAX: usize = 20;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Edit {
    /// The file, such as /project/src/lib.rs.
    path: String,
    /// The text to replace, exactly as it stands in the file, with enough around it to occur once.
    old: String,
    /// The text to put there.
    new: String,
    /// Whether to replace every occurrence.
    #[serde(default)]
    all: bool,
}

pub(crate) fn tool() -> Tool {
    Tool::new::<Edit>(
        "edit",
        "Replaces a text in a file by another. The old text must occur exactly once, unless all is set.",
        edit,
    )
    .title("Edit a file")
    .destructive()
}

fn edit(arguments: Edit, _: &Context) -> Result<ToolOutput, ToolError> {
    let path = guest(&arguments.path)?;
    let content = read(&path)?;
    let edited = replace(&content, &arguments)?;
    OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(&path)
        .and_then(|mut file| file.write_all(edited.text.as_bytes()))
        .map_err(|e| ToolError::io("write", &path, &e))?;
    let at = lines(&edited.lines);
    Ok(ToolOutput::text(format!(
        "replaced in {} {at}",
        arguments.path
    )))
}

fn read(path: &Path) -> Result<String, ToolError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| {
            file.take(FILE_BYTES_MAX.saturating_add(1))
                .read_to_end(&mut bytes)
        })
        .map_err(|e: io::Error| ToolError::io("read", path, &e))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(ToolError::failed(format!(
            "{} is larger than {FILE_BYTES_MAX} bytes",
            path.display()
        )));
    }
    String::from_utf8(bytes)
        .map_err(|_| ToolError::failed(format!("{} is not text in UTF-8", path.display())))
}

#[derive(Debug, PartialEq, Eq)]
struct Edited {
    text: String,
    /// The lines at which the old text stood, counted from 1.
    lines: Vec<usize>,
}

fn replace(content: &str, edit: &Edit) -> Result<Edited, ToolError> {
    if edit.old.is_empty() {
        return Err(ToolError::invalid(
            "old: is empty; use write for a new file",
        ));
    }
    if edit.old == edit.new {
        return Err(ToolError::invalid("new: is the same as old"));
    }
    let lines = occurrences(content, &edit.old);
    match lines.len() {
        0 => Err(ToolError::failed(format!(
            "old does not occur in {}{}",
            edit.path,
            hint(content, &edit.old)
        ))),
        2.. if !edit.all => Err(ToolError::failed(format!(
            "old occurs {} times in {}, {}; write more of what is around it, or set all",
            lines.len(),
            edit.path,
            self::lines(&lines)
        ))),
        _ => Ok(Edited {
            text: content.replace(&edit.old, &edit.new),
            lines,
        }),
    }
}

/// The lines at which `old` begins, without overlaps, as they are replaced.
fn occurrences(content: &str, old: &str) -> Vec<usize> {
    let mut line = 1;
    let mut before = 0;
    let mut lines = Vec::new();
    for (at, _) in content.match_indices(old) {
        let passed = content.get(before..at).unwrap_or_default();
        line += passed.matches('\n').count();
        before = at;
        lines.push(line);
    }
    lines
}

/// Why a text that looks as if it were there is not.
fn hint(content: &str, old: &str) -> &'static str {
    let spaceless = |text: &str| -> String { text.split_whitespace().collect() };
    if content.contains("\r\n") && content.replace("\r\n", "\n").contains(old) {
        "; its lines end with CR LF"
    } else if content.contains(old.trim()) {
        "; without the space around it, it does"
    } else if spaceless(content).contains(&spaceless(old)) {
        "; it does with other spaces or line breaks: read the file again"
    } else {
        "; read the file again"
    }
}

fn lines(lines: &[usize]) -> String {
    let named: Vec<_> = lines
        .iter()
        .take(LINES_NAMED_MAX)
        .map(usize::to_string)
        .collect();
    let more = lines.len().saturating_sub(LINES_NAMED_MAX);
    let word = if lines.len() == 1 { "line" } else { "lines" };
    let named = named.join(", ");
    match more {
        0 => format!("at {word} {named}"),
        _ => format!("at {word} {named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::call;
    use serde_json::json;
    use std::fs;

    fn edit(content: &str, old: &str, new: &str, all: bool) -> Result<Edited, String> {
        let edit = Edit {
            path: "/f".into(),
            old: old.into(),
            new: new.into(),
            all,
        };
        replace(content, &edit).map_err(|error| match error {
            ToolError::Failed(message) | ToolError::InvalidArguments(message) => message,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn one_occurrence_is_replaced() {
        let edited = edit("a\nb\nc\n", "b\nc", "B", false).unwrap();
        assert_eq!(
            edited,
            Edited {
                text: "a\nB\n".into(),
                lines: vec![2]
            }
        );
    }

    #[test]
    fn an_ambiguous_edit_is_refused_with_count_and_lines() {
        assert_eq!(
            edit("x\ny x\n\nx", "x", "z", false).unwrap_err(),
            "old occurs 3 times in /f, at lines 1, 2, 4; write more of what is around it, or set all"
        );
        let edited = edit("x\ny x\n\nx", "x", "z", true).unwrap();
        assert_eq!(edited.text, "z\ny z\n\nz");
        assert_eq!(edited.lines, [1, 2, 4]);
        let many = "x\n".repeat(25);
        assert!(
            edit(&many, "x", "z", false)
                .unwrap_err()
                .contains("20 and 5 more")
        );
    }

    #[test]
    fn a_text_that_does_not_occur_gets_a_hint() {
        assert!(
            edit("a\r\nb", "a\nb", "", false)
                .unwrap_err()
                .ends_with("CR LF")
        );
        assert!(
            edit("a b", " a b ", "", false)
                .unwrap_err()
                .contains("space around")
        );
        assert!(
            edit("a  b", "a b", "", false)
                .unwrap_err()
                .contains("other spaces")
        );
        assert!(
            edit("a", "c", "", false)
                .unwrap_err()
                .ends_with("read the file again")
        );
        assert!(edit("a", "", "x", false).unwrap_err().starts_with("old: "));
        assert!(edit("a", "a", "a", false).unwrap_err().starts_with("new: "));
    }

    #[test]
    fn a_refused_edit_leaves_the_file_alone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "aa").unwrap();
        let path = file.path().to_str().unwrap();
        call("edit", json!({"path": path, "old": "a", "new": "b"})).unwrap_err();
        assert_eq!(fs::read_to_string(path).unwrap(), "aa");
        let said = call(
            "edit",
            json!({"path": path, "old": "a", "new": "b", "all": true}),
        );
        assert_eq!(said.unwrap(), format!("replaced in {path} at lines 1, 1"));
        assert_eq!(fs::read_to_string(path).unwrap(), "bb");
    }
}
