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

/// Cuts to `chars_max` characters, the last of them `…` where something was cut. An escape of this
/// module is cut whole or not at all.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let mut out = fitting(shown(text).into_iter(), chars_max.saturating_sub(1)).concat();
    out.push('…');
    out
}

/// Cuts in the middle, so that the beginning and the end of a path or an id stay readable; escapes
/// as [`cut`] does.
pub(crate) fn cut_middle(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let keep = chars_max.saturating_sub(1);
    let shown = shown(text);
    let head = fitting(shown.iter().copied(), keep / 3);
    let mut tail = fitting(shown.iter().rev().copied(), keep - keep / 3);
    tail.reverse();
    format!("{}…{}", head.concat(), tail.concat())
}

/// As many as fit into so many characters.
fn fitting<'t>(shown: impl Iterator<Item = &'t str>, chars_max: usize) -> Vec<&'t str> {
    let mut left = chars_max;
    shown
        .map_while(|one| {
            left = left.checked_sub(one.chars().count())?;
            Some(one)
        })
        .collect()
}

/// What is seen as one: a character, or an escape that stands for one.
fn shown(text: &str) -> Vec<&str> {
    let mut rest = text;
    let mut shown = Vec::new();
    while let Some(first) = rest.chars().next() {
        let bytes = escape_bytes(rest).unwrap_or(first.len_utf8());
        let (one, after) = rest.split_at(bytes);
        shown.push(one);
        rest = after;
    }
    shown
}

/// Hexadecimal digits of the longest escape.
const DIGITS_MAX: usize = 6;

/// The length of the escape at the beginning, if one is there.
fn escape_bytes(text: &str) -> Option<usize> {
    let after = text.strip_prefix('\\')?;
    if after.starts_with(['n', 't', 'r']) {
        return Some(2);
    }
    let digits = after.strip_prefix("u{")?.bytes();
    let digits = digits.take_while(u8::is_ascii_hexdigit).count();
    let closed = after.as_bytes().get("u{".len() + digits) == Some(&b'}');
    let escape = closed && (1..=DIGITS_MAX).contains(&digits);
    escape.then(|| "\\u{}".len() + digits)
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

    #[test]
    fn an_escape_is_cut_whole() {
        let text = line("/a/\u{1b}[2J/b\u{202e}.md");
        assert_eq!(text, "/a/\\u{1b}[2J/b\\u{202e}.md");
        for chars_max in 0..=text.len() {
            let (end, middle) = (cut(&text, chars_max), cut_middle(&text, chars_max));
            for cut in [&end, &middle] {
                let most = chars_max.max(1);
                assert!(cut.chars().count() <= most, "{chars_max}: {cut}");
                let (head, tail) = cut.split_once('…').unwrap_or((cut.as_str(), ""));
                for piece in [head, tail] {
                    // Without the whole ones nothing of an escape is left.
                    let rest = piece.replace("\\u{1b}", "").replace("\\u{202e}", "");
                    let part = rest.contains(['\\', '{', '}', 'u']) || rest.contains("1b");
                    assert!(!part, "{chars_max}: {cut}");
                }
            }
        }
        assert_eq!(cut(&text, 6), "/a/…");
        assert_eq!(cut(&text, 10), "/a/\\u{1b}…");
        // What only looks like the beginning of one is text.
        assert_eq!(cut("\\u{1b", 4), "\\u{…");
        assert_eq!(cut("\\u{12345678}", 5), "\\u{1…");
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
        fn what_is_shown_is_all(value in ".*") {
            let text = line(&value);
            prop_assert_eq!(shown(&text).concat(), text);
        }

        #[test]
        fn a_line_is_one_line(value in ".*") {
            prop_assert!(!line(&value).chars().any(hidden));
        }
    }
}
