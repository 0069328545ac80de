//! Untrusted text made visible.
//!
//! Names, targets, model answers and plugin descriptions come from strangers. Whatever could move the
//! cursor, change colours, reverse the reading order or hide is printed as `\u{…}`.
//!
//! What it does not do: look-alike letters are left as they are.

/// Escapes everything invisible, line ends included: for one cell or one line.
pub(crate) fn line(text: &str) -> String {
    escape(text, false)
}

/// Escapes everything invisible but line ends and tabs: for a text of several lines.
pub(crate) fn text(text: &str) -> String {
    escape(&text.replace("\r\n", "\n"), true)
}

/// Escapes inside JSON text what a terminal would act on; the JSON stays the same value.
pub(crate) fn json(serialized: &str) -> String {
    let mut out = String::with_capacity(serialized.len());
    let mut units = [0_u16; 2];
    for c in serialized.chars() {
        // Below U+0080 the serializer has escaped what matters; above it such a character can only
        // stand inside a string.
        if !c.is_ascii() && hidden(c) || c == '\u{7f}' {
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Cuts to `chars_max` characters, the last of them `…` where something was cut.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// Cuts in the middle, so that the beginning and the end of a path or an id stay readable.
pub(crate) fn cut_middle(text: &str, chars_max: usize) -> String {
    let count = text.chars().count();
    if count <= chars_max {
        return text.to_owned();
    }
    let keep = chars_max.saturating_sub(1);
    let head = keep / 3;
    let tail = keep - head;
    let mut out: String = text.chars().take(head).collect();
    out.push('…');
    out.extend(text.chars().skip(count - tail));
    out
}

fn escape(text: &str, lines: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' if lines => out.push(c),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if hidden(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// Control characters, and the format characters of Unicode that reorder or vanish.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5
            | 0x180b..=0x180f
            | 0x200b..=0x200f
            | 0x2028..=0x202e
            | 0x2060..=0x206f
            | 0x3164 | 0xfeff | 0xffa0
            | 0xfff0..=0xfffb
            | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_that_moves_or_hides_survives() {
        assert_eq!(line("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert_eq!(
            line("x\u{202e}y\u{200b}\u{9b}"),
            "x\\u{202e}y\\u{200b}\\u{9b}"
        );
        assert_eq!(text("a\r\nb\rc\td"), "a\nb\\rc\td");
        assert_eq!(line("naïve 名前 🦀"), "naïve 名前 🦀");
    }

    #[test]
    fn cutting_keeps_the_ends() {
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut_middle("abcdefghij", 7), "ab…ghij");
        assert_eq!(cut_middle("abc", 7), "abc");
    }

    proptest! {
        #[test]
        fn json_keeps_its_value(value in ".*") {
            let plain = serde_json::to_string(&value).unwrap();
            let escaped = json(&plain);
            prop_assert!(!escaped.chars().any(hidden));
            prop_assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), value);
        }

        #[test]
        fn a_line_is_one_line(value in ".*") {
            prop_assert!(!line(&value).chars().any(hidden));
        }
    }
}
