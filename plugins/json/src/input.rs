//! Where a document comes from: the call itself, or a file.

use crate::bounds::{DEPTH_MAX, INPUT_BYTES_MAX};
use jaq_json::{Val, read};
use serde_json::Value;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use tollgate_sdk::ToolError;

/// The three places of which a call names one.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// A value.
    pub(crate) input: Option<Value>,
    /// JSON as text.
    pub(crate) text: Option<String>,
    /// A file.
    pub(crate) path: Option<String>,
}

impl Source {
    /// The values, in order. Text and files may hold any number of them.
    pub(crate) fn values(self) -> Result<Vec<Val>, ToolError> {
        match (self.input, self.text, self.path) {
            (Some(value), None, None) => Ok(vec![value_of("input", &value)?]),
            (None, Some(text), None) => parse("text", text.as_bytes()),
            (None, None, Some(path)) => parse(&path, &read_file(&path)?),
            _ => Err(ToolError::invalid(
                "give the document in exactly one of input (a JSON value), text (JSON as text) and path \
                 (a file)",
            )),
        }
    }

    /// The one document.
    pub(crate) fn document(self) -> Result<Val, ToolError> {
        let mut values = self.values()?;
        match (values.pop(), values.len()) {
            (Some(document), 0) => Ok(document),
            (None, _) => Err(ToolError::invalid("the document is empty")),
            (_, more) => Err(ToolError::invalid(format!(
                "there are {} JSON values where one document is expected",
                more.saturating_add(1)
            ))),
        }
    }
}

/// A value of the arguments as the language sees it.
pub(crate) fn value_of(what: &str, value: &Value) -> Result<Val, ToolError> {
    let text = value.to_string();
    check(what, text.as_bytes())?;
    read::parse_single(text.as_bytes())
        .map_err(|error| ToolError::invalid(format!("{what}: {error}")))
}

fn parse(what: &str, bytes: &[u8]) -> Result<Vec<Val>, ToolError> {
    check(what, bytes)?;
    // A byte order mark is no JSON, and editors write it.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    read::parse_many(bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| ToolError::failed(format!("{what} is not JSON: {error}")))
}

fn read_file(path: &str) -> Result<Vec<u8>, ToolError> {
    if !Path::new(path).is_absolute() || path.contains('\0') {
        return Err(ToolError::invalid(format!(
            "path: {path:?} is not absolute; write one such as /project/package.json"
        )));
    }
    let error = |e: std::io::Error| ToolError::io("read", path, &e);
    let most = u64::try_from(INPUT_BYTES_MAX)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(error)?
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(error)?;
    Ok(bytes)
}

/// Refuses what is too large or too deep before a parser that descends into it sees it.
fn check(what: &str, bytes: &[u8]) -> Result<(), ToolError> {
    if bytes.len() > INPUT_BYTES_MAX {
        return Err(ToolError::failed(format!(
            "{what} is larger than {INPUT_BYTES_MAX} bytes"
        )));
    }
    if depth(bytes) > DEPTH_MAX {
        return Err(ToolError::failed(format!(
            "{what} is nested deeper than {DEPTH_MAX} levels"
        )));
    }
    Ok(())
}

/// How deep the brackets outside of strings and comments go.
fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'[' | b'{' => {
                now = now.saturating_add(1);
                most = most.max(now);
            }
            b']' | b'}' => now = now.saturating_sub(1),
            b'#' => {
                rest.find(|b| **b == b'\n');
            }
            b'"' => {
                while let Some(inner) = rest.next() {
                    match inner {
                        b'"' => break,
                        b'\\' => {
                            rest.next();
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Source {
        Source {
            text: Some(text.into()),
            ..Source::default()
        }
    }

    #[test]
    fn exactly_one_place_is_named() {
        assert!(Source::default().values().is_err());
        let two = Source {
            input: Some(Value::Bool(true)),
            ..text("1")
        };
        assert!(two.values().is_err());
    }

    #[test]
    fn text_may_hold_many_values_and_a_document_is_one() {
        assert_eq!(text("\u{feff}1 {}\n[2]").values().unwrap().len(), 3);
        assert!(text("1 2").document().is_err());
        assert!(text(" ").document().is_err());
        let error = text("[1,").document().unwrap_err().to_string();
        assert!(error.contains("text is not JSON: byte offset 3"), "{error}");
    }

    #[test]
    fn depth_counts_what_the_parser_descends_into() {
        assert_eq!(depth(br#"[{"a]]\"[[[":[1]}] # [[[["#), 3);
        assert_eq!(depth(b"# \"\n[[]]"), 2);
        let deep = format!("{}1{}", "[".repeat(300), "]".repeat(300));
        assert!(
            text(&deep)
                .document()
                .unwrap_err()
                .to_string()
                .contains("deeper than 256")
        );
    }

    #[test]
    fn a_file_is_read_and_named_in_errors() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        std::fs::write(&path, "{\"a\": 1}").unwrap();
        let of = |path: &str| Source {
            path: Some(path.into()),
            ..Source::default()
        };
        assert_eq!(of(&path).document().unwrap().to_string(), "{\"a\":1}");
        assert!(of("a.json").document().is_err());
        assert!(matches!(
            of("/does/not/exist").document(),
            Err(ToolError::NotFound(_))
        ));
        std::fs::write(&path, vec![b' '; INPUT_BYTES_MAX + 1]).unwrap();
        assert!(
            of(&path)
                .document()
                .unwrap_err()
                .to_string()
                .contains("larger than 4194304")
        );
    }
}
