//! Texts that an operator hands over: as an argument, on standard input, in a file.

use crate::errors::{Context, Done, Failure};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{BufRead, IsTerminal, Read, Write};
use zeroize::Zeroizing;

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

/// A secret: on a terminal one line that is not shown, else everything on standard input.
pub(crate) fn secret(prompt: &str) -> Done<Zeroizing<String>> {
    let stream = std::io::stdin();
    let text = if stream.is_terminal() {
        let _hidden = Hidden::begin(prompt)?;
        let mut line = Zeroizing::new(String::new());
        let read = stream.lock().take(TEXT_BYTES_MAX).read_line(&mut line);
        read.doing(|| "cannot read the terminal".into())?;
        line
    } else {
        Zeroizing::new(stdin()?)
    };
    let text = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
    if text.is_empty() {
        return Err(Failure::input("the secret is empty"));
    }
    Ok(text)
}

/// A terminal that does not show what is typed, until it is dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin(prompt: &str) -> Done<Self> {
        let cannot = || "the terminal cannot be told to hide what is typed".to_owned();
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).doing(cannot)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &hidden).doing(cannot)?;
        let mut stderr = std::io::stderr();
        // Without the prompt it can be typed all the same.
        let _ = stderr
            .write_all(prompt.as_bytes())
            .and_then(|()| stderr.flush());
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
        let _ = std::io::stderr().write_all(b"\n");
    }
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
