//! Identifiers of notes: the time in milliseconds and a random part, in letters that sort by it.
//!
//! Two calls at once get different ones without asking each other.

use tollgate_sdk::ToolError;

/// Crockford's base 32 in lower case: no i, l, o, u, and in the order of their bytes.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Letters of the time: 45 bits of milliseconds, which last for a thousand years.
const TIME_LETTERS: u32 = 9;

/// Letters of the random part: 30 bits for one millisecond.
const RANDOM_LETTERS: u32 = 6;

/// The length of an identifier.
pub(crate) const ID_LETTERS: usize = 15;

/// A new identifier.
pub(crate) fn new(now_us: u64) -> Result<String, ToolError> {
    let random = getrandom::u64()
        .map_err(|error| ToolError::failed(format!("the host gives no randomness: {error}")))?;
    let mut id = letters(now_us / 1000, TIME_LETTERS);
    id.push_str(&letters(random, RANDOM_LETTERS));
    Ok(id)
}

/// Whether `text` can be one.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == ID_LETTERS && text.bytes().all(|b| LETTERS.contains(&b))
}

/// The lowest bits of a number.
fn letters(number: u64, count: u32) -> String {
    (0..count)
        .rev()
        .filter_map(|place| {
            let at = usize::try_from(number >> (place * 5) & 31).ok()?;
            LETTERS.get(at).copied().map(char::from)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_sort_by_time_and_differ() {
        let one = new(1_764_212_104_000_000).unwrap();
        let other = new(1_764_212_104_000_000).unwrap();
        let later = new(1_764_212_104_001_000).unwrap();
        assert!(is_id(&one) && one != other && one[..9] == other[..9]);
        assert!(later > one && later > other);
        assert_eq!(letters(31 << 5 | 1, 3), "0z1");
        assert!(!is_id("0z1") && !is_id("ILOU-----------"));
    }
}
