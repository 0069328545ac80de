//! Text of strangers made safe to store and to show.
//!
//! Control characters, bidirectional controls and invisible characters are written as `\u{…}`, text
//! is cut at a bound, and what was cut or left out survives only as a keyed hash.
//!
//! Invariant: lengths are those of the text inside a JSON string, so that a bound on a field bounds
//! the entry. Does not decide what is secret: the caller leaves that out before.

use crate::{TARGET_BYTES_MAX, Target};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// Length of a session key, bytes.
pub const SESSION_KEY_BYTES: usize = 32;

/// What stands where text was cut.
const CUT_MARK: &str = "…";

/// The key under which the targets of one session are hashed. It is kept outside the ledger, and
/// deleting it erases the meaning of the hashes. Wiped when dropped; cannot be printed.
#[derive(Clone)]
pub struct SessionKey(Zeroizing<[u8; SESSION_KEY_BYTES]>);

impl SessionKey {
    /// Takes the bytes of a key.
    pub fn new(bytes: [u8; SESSION_KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// HMAC-SHA256 (RFC 2104) of `text`, as 64 hexadecimal digits.
    pub fn hash(&self, text: &str) -> String {
        // `new` of this trait is of a fixed size and cannot fail, unlike `new_from_slice`.
        let mut block = hmac::digest::generic_array::GenericArray::default();
        if let Some(start) = block.get_mut(..SESSION_KEY_BYTES) {
            start.copy_from_slice(self.0.as_slice());
        }
        let mut mac = <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block);
        mac.update(text.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

impl Target {
    /// The target `text`, escaped and cut to [`TARGET_BYTES_MAX`]; what was cut is kept as the keyed
    /// hash of the whole.
    pub fn new(text: &str, key: &SessionKey) -> Self {
        let (shown, cut) = bounded(text, TARGET_BYTES_MAX, true);
        Self {
            text: shown,
            hmac: cut.then(|| key.hash(text)),
        }
    }

    /// The target `shown`, from which the caller left something out that `whole` still has, such as
    /// the values of a query. The keyed hash is of `whole`.
    pub fn redacted(shown: &str, whole: &str, key: &SessionKey) -> Self {
        let (text, cut) = bounded(shown, TARGET_BYTES_MAX, true);
        Self {
            text,
            hmac: (cut || shown != whole).then(|| key.hash(whole)),
        }
    }
}

/// Writes what could deceive or disturb a reader as `\u{…}`; a backslash is doubled, so that the
/// result has one reading.
pub fn escape(text: &str) -> String {
    bounded(text, usize::MAX, true).0
}

/// `text` with unsafe characters escaped, at most `bytes_max` long inside a JSON string; cut text
/// ends with `…`. Clipping twice is the same as clipping once, which is why a backslash stays as it is.
pub fn clip(text: &str, bytes_max: usize) -> String {
    bounded(text, bytes_max, false).0
}

/// Whether `text` holds nothing that [`clip`] would change.
pub(crate) fn is_plain(text: &str, bytes_max: usize) -> bool {
    if text.len() <= bytes_max && is_plain_ascii(text) {
        return true;
    }
    text.chars().all(|c| !is_unsafe(c)) && json_len(text) <= bytes_max
}

/// Bytes that `text` takes inside a JSON string as `serde_json` writes it.
fn json_len(text: &str) -> usize {
    text.chars().map(char_json_len).sum()
}

fn char_json_len(c: char) -> usize {
    match c {
        '"' | '\\' => 2,
        // `\n` and its like are shorter, but unsafe characters are escaped before they get here.
        c if c < ' ' => 6,
        c => c.len_utf8(),
    }
}

/// Whether `text` is printable ASCII that stands in a JSON string as it is.
pub(crate) fn is_plain_ascii(text: &str) -> bool {
    let plain = |byte: u8| (b' '..=b'~').contains(&byte) & (byte != b'"') & (byte != b'\\');
    all_bytes(text, plain)
}

/// Whether `holds` for every byte; made so that the compiler can look at many at once.
pub(crate) fn all_bytes(text: &str, holds: impl Fn(u8) -> bool) -> bool {
    let whole = |bytes: &[u8]| bytes.iter().fold(true, |all, byte| all & holds(*byte));
    text.as_bytes().chunks(64).all(whole)
}

/// The text, and whether it was cut.
fn bounded(text: &str, bytes_max: usize, double_backslash: bool) -> (String, bool) {
    if text.len() <= bytes_max && is_plain_ascii(text) {
        return (text.to_owned(), false);
    }
    let mut shown = String::with_capacity(text.len().min(bytes_max) + 8);
    let mut used = 0;
    // The longest prefix after which the mark would still fit.
    let mut cut_at = 0;
    for c in text.chars() {
        let mut buffer = [0; 4];
        let piece: &str = &if is_unsafe(c) {
            std::borrow::Cow::Owned(format!("\\u{{{:x}}}", u32::from(c)))
        } else if c == '\\' && double_backslash {
            std::borrow::Cow::Borrowed("\\\\")
        } else {
            std::borrow::Cow::Borrowed(&*c.encode_utf8(&mut buffer))
        };
        let length = json_len(piece);
        if used + length > bytes_max {
            shown.truncate(cut_at);
            if CUT_MARK.len() <= bytes_max {
                shown.push_str(CUT_MARK);
            }
            return (shown, true);
        }
        shown.push_str(piece);
        used += length;
        if used + CUT_MARK.len() <= bytes_max {
            cut_at = shown.len();
        }
    }
    (shown, false)
}

/// Characters that steer a terminal, reorder text or cannot be seen (Unicode 16: general categories
/// Cc, Zl, Zp, the Bidi_Control property, and most of Default_Ignorable_Code_Point).
fn is_unsafe(c: char) -> bool {
    matches!(u32::from(c),
        0x00..=0x1f | 0x7f..=0x9f
        | 0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
        | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x2800 | 0x3164
        | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
        | 0x1_bca0..=0x1_bca3 | 0x1_d173..=0x1_d17a | 0xe_0000..=0xe_0fff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> SessionKey {
        SessionKey::new([7; SESSION_KEY_BYTES])
    }

    #[test]
    fn what_could_deceive_is_escaped() {
        let target = Target::new("/a\u{1b}[31m\u{202e}txt.\u{200b}\\b", &key());
        assert_eq!(target.text, r"/a\u{1b}[31m\u{202e}txt.\u{200b}\\b");
        assert_eq!(target.hmac, None);
        assert_eq!(Target::new("/üñ/日本", &key()).text, "/üñ/日本");
    }

    #[test]
    fn a_cut_target_keeps_a_keyed_hash_of_the_whole() {
        let (a, b) = ("x".repeat(2000) + "a", "x".repeat(2000) + "b");
        let (cut_a, cut_b) = (Target::new(&a, &key()), Target::new(&b, &key()));
        assert_eq!(cut_a.text, cut_b.text);
        assert_eq!(cut_a.text.len(), TARGET_BYTES_MAX);
        assert_ne!(cut_a.hmac, cut_b.hmac);
        assert_ne!(cut_a.hmac, Target::new(&a, &SessionKey::new([8; 32])).hmac);
    }

    #[test]
    fn the_hash_is_hmac_sha256() {
        // RFC 4231 test case 1 has a key of 20 bytes; HMAC pads keys with zeros, so 32 bytes do.
        let mut bytes = [0; 32];
        bytes[..20].fill(0x0b);
        assert_eq!(
            SessionKey::new(bytes).hash("Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
    }

    #[test]
    fn what_was_left_out_is_hashed() {
        let kept = Target::redacted("https://a/?q", "https://a/?q=secret", &key());
        assert_eq!(kept.text, "https://a/?q");
        assert_eq!(kept.hmac, Some(key().hash("https://a/?q=secret")));
        assert_eq!(Target::redacted("same", "same", &key()).hmac, None);
    }

    #[test]
    fn a_key_does_not_print() {
        assert_eq!(format!("{:?}", key()), "SessionKey(…)");
    }

    proptest! {
        #[test]
        fn clipped_text_is_bounded_safe_and_stable(text in "\\PC*|.*", bytes_max in 0_usize..64) {
            let once = clip(&text, bytes_max);
            prop_assert!(is_plain(&once, bytes_max));
            prop_assert!(serde_json::to_string(&once).unwrap().len() <= bytes_max + 2);
            prop_assert_eq!(&clip(&once, bytes_max), &once);
        }

        #[test]
        fn escaping_has_one_reading(a in any::<String>(), b in any::<String>()) {
            prop_assert_eq!(a == b, escape(&a) == escape(&b));
        }
    }
}
