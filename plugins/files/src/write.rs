//! The tool `write`.

use crate::path::guest;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use tollgate_sdk::{Context, Tool, ToolError, ToolOutput, io_kind};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WriteFile {
    /// The file, such as /project/notes.md. Its directory must exist.
    path: String,
    /// The whole text of the file, or what to add to it.
    content: String,
    /// Whether to fail if the file exists.
    #[serde(default)]
    create_only: bool,
    /// Whether to add to the end of the file instead of replacing it.
    #[serde(default)]
    append: bool,
}

pub(crate) fn tool() -> Tool {
    Tool::new::<WriteFile>(
        "write",
        "Writes a text file: creates it, or replaces all of it. Use edit to change a part.",
        write,
    )
    .title("Write a file")
    .destructive()
}

fn write(arguments: WriteFile, _: &Context) -> Result<ToolOutput, ToolError> {
    if arguments.create_only && arguments.append {
        return Err(ToolError::invalid(
            "create_only and append exclude each other",
        ));
    }
    let path = guest(&arguments.path)?;
    let mut options = OpenOptions::new();
    if arguments.create_only {
        options.write(true).create_new(true);
    } else if arguments.append {
        options.append(true).create(true);
    } else {
        options.write(true).create(true).truncate(true);
    }
    options
        .open(&path)
        .and_then(|mut file| file.write_all(arguments.content.as_bytes()))
        .map_err(|error| match io_kind(&error) {
            ErrorKind::AlreadyExists => ToolError::failed(format!(
                "{} exists already; leave out create_only to replace it",
                arguments.path
            )),
            ErrorKind::NotFound => ToolError::NotFound(format!(
                "the directory of {} does not exist; make it with mkdir",
                arguments.path
            )),
            _ => ToolError::io("write", &path, &error),
        })?;
    let bytes = arguments.content.len();
    let verb = if arguments.append { "added" } else { "wrote" };
    Ok(ToolOutput::text(format!(
        "{verb} {bytes} bytes to {}",
        arguments.path
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, call};
    use serde_json::json;
    use std::fs;

    #[test]
    fn a_file_is_created_replaced_and_added_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = at(dir.path(), "f");
        let write = |content: &str, more: &str| {
            let mut arguments = json!({"path": path, "content": content});
            if !more.is_empty() {
                arguments[more] = true.into();
            }
            call("write", arguments)
        };
        assert_eq!(
            write("hello", "create_only").unwrap(),
            format!("wrote 5 bytes to {path}")
        );
        assert!(matches!(
            write("x", "create_only"),
            Err(ToolError::Failed(message)) if message.contains("exists already")
        ));
        write("hi", "").unwrap();
        write("!", "append").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "hi!");
    }

    #[test]
    fn a_missing_directory_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = at(dir.path(), "none/f");
        assert!(matches!(
            call("write", json!({"path": path, "content": ""})),
            Err(ToolError::NotFound(message)) if message.contains("mkdir")
        ));
    }
}
