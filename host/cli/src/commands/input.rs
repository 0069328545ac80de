//! Texts that an operator hands over: as an argument, on standard input, in a file.

use crate::errors::{Context, Done, Failure};
use std::io::{IsTerminal, Read};

/// The most bytes of one text.
const TEXT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// `TEXT`, `-` or `@FILE`.
pub(crate) fn text(argument: &str) -> Done<String> {
    match (argument, argument.strip_prefix('@')) {
        ("-", _) => stdin(),
        (_, Some(path)) => file(path),
        (text, None) => Ok(text.to_owned()),
    }
}

/// Everything on standard input; refused on a terminal, where it would wait unseen.
pub(crate) fn stdin() -> Done<String> {
    let stream = std::io::stdin();
    if stream.is_terminal() {
        return Err(Failure::input(
            "the text is read from standard input, and that is a terminal; give the text as an argument, or pipe it",
        ));
    }
    read(stream.lock(), "standard input")
}

/// The text of a file.
pub(crate) fn file(path: &str) -> Done<String> {
    let opened = std::fs::File::open(path)
        .map_err(|error| Failure::input(format!("cannot read {path}: {error}")))?;
    read(opened, path)
}

/// The bytes of a file.
pub(crate) fn bytes(path: &str) -> Done<Vec<u8>> {
    let opened = std::fs::File::open(path)
        .map_err(|error| Failure::input(format!("cannot read {path}: {error}")))?;
    all(opened, path)
}

fn read(from: impl Read, name: &str) -> Done<String> {
    String::from_utf8(all(from, name)?)
        .map_err(|_| Failure::input(format!("{name} is not UTF-8 text")))
}

fn all(from: impl Read, name: &str) -> Done<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(TEXT_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .doing(|| format!("cannot read {name}"))?;
    if bytes.len() as u64 > TEXT_BYTES_MAX {
        return Err(Failure::input(format!(
            "{name} has more than {TEXT_BYTES_MAX} bytes"
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_itself_or_a_file() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("task.md");
        std::fs::write(&path, "do it\n").unwrap();
        assert_eq!(text("do it").unwrap(), "do it");
        assert_eq!(text(&format!("@{}", path.display())).unwrap(), "do it\n");
        assert!(text("@/nowhere/at/all").is_err());
        std::fs::write(&path, [0xff]).unwrap();
        assert!(text(&format!("@{}", path.display())).is_err());
        assert_eq!(bytes(path.to_str().unwrap()).unwrap(), [0xff]);
    }
}
