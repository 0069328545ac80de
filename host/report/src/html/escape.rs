//! Text of strangers as text of a page.

use std::fmt::Write;

/// Marks that stand above or below the letter before them: so many on one letter are shown, no more, because
/// a heap of them runs over the lines around it.
const MARKS_MAX: u32 = 2;

/// Appends `text` so that none of it is markup and all of it can be seen.
pub(super) fn append(page: &mut String, text: &str) {
    let mut marks = 0;
    for c in tollgate_receipts::clip(text, usize::MAX).chars() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        match c {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            c if is_blank(c) || is_hidden(c) || marks > MARKS_MAX => name(page, c),
            c => page.push(c),
        }
    }
}

fn name(page: &mut String, c: char) {
    // Writing to a string cannot fail.
    let _ = write!(page, "\\u{{{:x}}}", u32::from(c));
}

/// Spaces that are not U+0020 and look like it.
fn is_blank(c: char) -> bool {
    matches!(
        u32::from(c),
        0xa0 | 0x1680 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000
    )
}

/// What `clip` leaves and browsers do not show: marks of annotations and of musical and other formats, private
/// use, and what is no character.
fn is_hidden(c: char) -> bool {
    matches!(u32::from(c),
        0x0600..=0x0605 | 0x06dd | 0x070f | 0x08e2 | 0x1_10bd | 0x1_10cd | 0x1_3430..=0x1_343f
        | 0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xf_0000..=0x10_ffff)
        || u32::from(c) & 0xfffe == 0xfffe
}

fn is_mark(c: char) -> bool {
    matches!(u32::from(c),
        0x0300..=0x036f | 0x0483..=0x0489 | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff
        | 0xfe20..=0xfe2f)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut page = String::new();
        append(&mut page, text);
        page
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(
            escaped(r#"<a href="x" id='y'>&amp;"#),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;"
        );
    }

    #[test]
    fn what_cannot_be_seen_is_named() {
        let hidden = [
            0x00, 0x07, 0x09, 0x0a, 0x0d, 0x1b, 0x7f, 0x85, 0xa0, 0xad, 0x61c, 0x180e, 0x200b,
            0x200c, 0x200d, 0x200e, 0x200f, 0x2003, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d,
            0x202e, 0x202f, 0x2060, 0x2066, 0x2067, 0x2068, 0x2069, 0x2800, 0x3000, 0x3164, 0xe000,
            0xfe0f, 0xfeff, 0xffff, 0xe0041,
        ];
        for code in hidden {
            let text = char::from_u32(code).unwrap().to_string();
            assert_eq!(escaped(&text), format!("\\u{{{code:x}}}"));
        }
    }

    #[test]
    fn what_can_be_read_stays() {
        assert_eq!(
            escaped(r"/üñ/日本 \u{202e} שלום"),
            r"/üñ/日本 \u{202e} שלום"
        );
    }

    #[test]
    fn heaps_of_marks_are_named() {
        assert_eq!(
            escaped("e\u{301}\u{301}\u{301}x"),
            "e\u{301}\u{301}\\u{301}x"
        );
    }
}
