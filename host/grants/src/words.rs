//! Words of the capability grammar, and quoting for a shell.
//!
//! A capability is split as a POSIX shell splits words (blanks, `'…'`, `"…"`, `\x`), without
//! expansion and without comments: a `#` that a shell would take for a comment is an error, because
//! a rule must never lose its tail silently.
//!
//! Invariant: no capability contains a control character, so no command that we print does.

use crate::fault::{CapabilityError, Fault, disturbs};
use std::ops::Range;

/// The most bytes of one capability.
pub const CAPABILITY_BYTES_MAX: usize = 4096;

/// One word with the bytes where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) at: Range<usize>,
}

/// Splits `text` into words.
pub(crate) fn split(text: &str) -> Result<Vec<Word>, CapabilityError> {
    if text.len() > CAPABILITY_BYTES_MAX {
        return Err(Fault::new(
            format!("a capability of {} bytes is too long", text.len()),
            format!("write at most {CAPABILITY_BYTES_MAX} bytes"),
        )
        .at(0..text.len()));
    }
    if let Some((at, c)) = text.char_indices().find(|(_, c)| disturbs(*c)) {
        return Err(Fault::new(
            format!("the character U+{:04X} is not printable", u32::from(c)),
            "leave it out; words are separated by spaces",
        )
        .at(at..at + c.len_utf8()));
    }
    let mut words = Vec::new();
    let mut rest = text.char_indices().peekable();
    loop {
        while rest.next_if(|(_, c)| *c == ' ').is_some() {}
        let Some(&(start, first)) = rest.peek() else {
            return Ok(words);
        };
        if first == '#' {
            return Err(Fault::new(
                "a word cannot start with `#`, a shell takes it for a comment",
                "quote the word: '#…'",
            )
            .at(start..start + 1));
        }
        let (text, end) = word(&mut rest, start, text.len())?;
        words.push(Word {
            text,
            at: start..end,
        });
    }
}

type Chars<'a> = std::iter::Peekable<std::str::CharIndices<'a>>;

fn word(
    rest: &mut Chars<'_>,
    start: usize,
    len: usize,
) -> Result<(String, usize), CapabilityError> {
    let mut out = String::new();
    while let Some((at, c)) = rest.next() {
        match c {
            ' ' => return Ok((out, at)),
            '\'' => loop {
                match rest.next() {
                    Some((_, '\'')) => break,
                    Some((_, c)) => out.push(c),
                    None => return Err(open_quote(start..len)),
                }
            },
            '"' => loop {
                match rest.next() {
                    Some((_, '"')) => break,
                    Some((_, '\\')) => match rest.next() {
                        Some((_, c @ ('$' | '`' | '"' | '\\'))) => out.push(c),
                        Some((_, c)) => out.extend(['\\', c]),
                        None => return Err(open_quote(start..len)),
                    },
                    Some((_, c)) => out.push(c),
                    None => return Err(open_quote(start..len)),
                }
            },
            '\\' => match rest.next() {
                Some((_, c)) => out.push(c),
                None => return Err(open_quote(start..len)),
            },
            c => out.push(c),
        }
    }
    Ok((out, len))
}

fn open_quote(at: Range<usize>) -> CapabilityError {
    Fault::new("a quote or backslash is open at the end", "close the quote").at(at)
}

/// Quotes one word of a capability, only where it must be.
pub(crate) fn quote_word(word: &str) -> String {
    let plain =
        !word.is_empty() && !word.starts_with('#') && !word.contains([' ', '\'', '"', '\\']);
    if plain {
        word.to_owned()
    } else {
        single_quoted(word)
    }
}

/// `text` as one word of a POSIX shell (Shell Command Language section 2.2.2).
///
/// Whatever `text` holds, the result is one word that a shell reads as `text` and nothing more. A NUL
/// byte cannot be an argument at all and becomes U+FFFD.
pub fn shell_quote(text: &str) -> String {
    let plain = !text.is_empty()
        && !text.starts_with('=')
        && text.bytes().all(|b| {
            b.is_ascii_alphanumeric()
                || matches!(
                    b,
                    b'_' | b'@' | b'%' | b'+' | b'=' | b':' | b',' | b'.' | b'/' | b'-'
                )
        });
    if plain {
        text.to_owned()
    } else {
        single_quoted(&text.replace('\0', "\u{fffd}"))
    }
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(text: &str) -> Vec<String> {
        split(text).unwrap().into_iter().map(|w| w.text).collect()
    }

    #[test]
    fn words_are_a_shells_words() {
        assert_eq!(
            texts(r#"fs.read 'my dir' at "/p x"  except a\ b"#),
            ["fs.read", "my dir", "at", "/p x", "except", "a b"]
        );
        assert_eq!(split("a 'b c'").unwrap()[1].at, 2..7);
        assert!(split("a 'b").is_err());
        assert!(split("a\nb").is_err());
        assert!(split("fs.read . at /p #except x").is_err());
    }

    #[test]
    fn commands_stay_readable() {
        assert_eq!(shell_quote("files"), "files");
        assert_eq!(
            shell_quote("tcp connect [::1]:80"),
            "'tcp connect [::1]:80'"
        );
        assert_eq!(shell_quote("it's"), r"'it'\''s'");
        assert_eq!(shell_quote(""), "''");
        assert_eq!(quote_word("https://a.b/v1/*"), "https://a.b/v1/*");
    }

    proptest! {
        #[test]
        fn a_shell_reads_back_what_was_quoted(text in any::<String>()) {
            let wanted = text.replace('\0', "\u{fffd}");
            prop_assert_eq!(shlex::split(&shell_quote(&text)), Some(vec![wanted]));
        }

        #[test]
        fn quoted_words_split_to_themselves(words in prop::collection::vec("[ -~é]{0,12}", 0..5)) {
            let text = words.iter().map(|w| quote_word(w)).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(&texts(&text), &words);
            prop_assert_eq!(shlex::split(&text), Some(words));
        }

        #[test]
        fn splitting_agrees_with_shlex(text in r#"[a-c '"\\]{0,24}"#) {
            match (split(&text), shlex::split(&text)) {
                (Ok(ours), Some(theirs)) => prop_assert_eq!(ours.into_iter().map(|w| w.text).collect::<Vec<_>>(), theirs),
                (Err(_), None) => {}
                (ours, theirs) => prop_assert!(false, "{:?} {:?}", ours, theirs),
            }
        }
    }
}
