//! Text out of bytes (WHATWG Encoding): a byte order mark decides, then the answer's head, then a page's
//! own word, then UTF-8 if it is that, then windows-1252.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// How far a page is searched for its own word (WHATWG HTML, section 13.2.3.2), in bytes.
const PRESCAN_BYTES: usize = 1024;

/// The text and the name of its encoding.
pub(crate) fn decode(
    bytes: &[u8],
    label: Option<&str>,
    html: bool,
    cut: bool,
) -> (String, &'static str) {
    let said = label.and_then(|label| Encoding::for_label(label.as_bytes()));
    let own = || html.then(|| of_page(bytes)).flatten();
    let encoding = said.or_else(own).unwrap_or_else(|| guess(bytes));
    // This looks for a byte order mark first.
    let (text, encoding, _) = encoding.decode(bytes);
    let mut text = text.into_owned();
    if cut {
        // The cut may have gone through a character.
        while text.ends_with('\u{fffd}') {
            text.pop();
        }
    }
    (text, encoding.name())
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    match std::str::from_utf8(bytes) {
        Ok(_) => UTF_8,
        // The bytes end within a character, which a cut explains.
        Err(error) if error.error_len().is_none() => UTF_8,
        Err(_) => WINDOWS_1252,
    }
}

/// What `<meta charset=…>` says, in either of its forms.
fn of_page(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..PRESCAN_BYTES).unwrap_or(bytes);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let (_, after) = head.split_once("charset")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let value = value.trim_start_matches(['"', '\'']);
    let end = value.find(|c: char| !(c.is_ascii_alphanumeric() || "-_:.".contains(c)));
    let label = value.get(..end.unwrap_or(value.len()))?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    // A page that was found by reading ASCII is not in UTF-16, whatever it says.
    Some(match encoding.output_encoding() == encoding {
        true => encoding,
        false => UTF_8,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], label: Option<&str>, html: bool) -> (String, &'static str) {
        decode(bytes, label, html, false)
    }

    #[test]
    fn who_says_what_it_is_is_heard_in_order() {
        assert_eq!(
            text(b"\xe4", Some("iso-8859-1"), false),
            ("ä".into(), "windows-1252")
        );
        assert_eq!(
            text(b"\xef\xbb\xbf\xc3\xa4", Some("latin1"), false),
            ("ä".into(), "UTF-8")
        );
        let page = b"<meta http-equiv=x content='text/html; charset=\"shift_jis\"'>\x82\xa0";
        assert!(text(page, None, true).0.ends_with('あ'));
        let page = b"<meta charset = utf-16>\xc3\xa4";
        assert_eq!(text(page, None, true).1, "UTF-8");
        assert_eq!(
            text(b"\x80", Some("no such"), false),
            ("€".into(), "windows-1252")
        );
        assert_eq!(text("ä".as_bytes(), None, false), ("ä".into(), "UTF-8"));
    }

    #[test]
    fn a_cut_leaves_no_broken_character() {
        assert_eq!(decode(b"a\xc3", None, false, true), ("a".into(), "UTF-8"));
    }
}
