//! Keyed hashes: where equality matters and the text may not be kept (HMAC-SHA256, RFC 2104).
//!
//! The key is the session's and lives outside log and ledger: deleting it erases the meaning.

use crate::event::PromptMark;
use crate::ports::SessionKey;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// Hexadecimal digits of a prompt's hash: enough to correlate, too few to search for.
const PROMPT_DIGITS: usize = 16;

/// The hash of some parts, 64 hexadecimal digits. Each part is preceded by its length, so that no two
/// lists of parts hash alike.
pub fn hash(key: &SessionKey, parts: &[&[u8]]) -> String {
    // HMAC takes keys of any length, so this cannot fail; an empty text would still be no collision.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.bytes()) else {
        return String::new();
    };
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        mac.update(part);
    }
    hex::encode(mac.finalize().into_bytes())
}

/// A prompt as events may know it.
pub fn prompt_mark(key: &SessionKey, text: &str) -> PromptMark {
    let mut hash = hash(key, &[b"prompt", text.as_bytes()]);
    hash.truncate(PROMPT_DIGITS);
    PromptMark {
        hash,
        bytes: u64::try_from(text.len()).unwrap_or(u64::MAX),
    }
}

/// The most bytes of a provider's id that events repeat as it is.
const USE_BYTES_MAX: usize = 128;

/// A provider's id of a request for a tool as events may hold it: itself if it is short and plain.
pub(crate) fn use_key(key: &SessionKey, id: &str) -> String {
    if id.len() <= USE_BYTES_MAX && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        id.to_owned()
    } else {
        hash(key, &[b"tool_use", id.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_hash_alike_only_under_one_key() {
        let (a, b) = (SessionKey::new([1; 32]), SessionKey::new([2; 32]));
        assert_eq!(prompt_mark(&a, "hi"), prompt_mark(&a, "hi"));
        assert_ne!(prompt_mark(&a, "hi").hash, prompt_mark(&b, "hi").hash);
        assert_eq!(prompt_mark(&a, "hi").hash.len(), PROMPT_DIGITS);
        assert_ne!(hash(&a, &[b"ab", b"c"]), hash(&a, &[b"a", b"bc"]));
        assert_eq!(format!("{a:?}"), "SessionKey(…)");
    }
}
