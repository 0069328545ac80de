//! Ids of tool calls that another provider made, in the form that this one accepts.

use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// How many bytes of the hash are kept: two ids that meet in 128 bits are not to be expected.
const HASH_BYTES: usize = 16;

/// What a provider accepts as the id of a tool call.
#[derive(Debug, Clone, Copy)]
pub struct IdRule {
    /// The longest id, in bytes.
    pub bytes_max: usize,
    /// Whether a character may be in it.
    pub accepts: fn(char) -> bool,
    /// What a made id begins with; with it a made id has to be no longer than `bytes_max`: its length and 32.
    pub prefix: &'static str,
}

impl IdRule {
    /// The id as the provider accepts it: itself where it can be, else one made from its hash. The same id
    /// always gives the same, so a call and its result stay together.
    pub fn legal<'a>(&self, id: &'a str) -> Cow<'a, str> {
        if !id.is_empty() && id.len() <= self.bytes_max && id.chars().all(self.accepts) {
            return Cow::Borrowed(id);
        }
        let hash = Sha256::digest(id.as_bytes());
        let kept = hash.get(..HASH_BYTES).unwrap_or(&hash);
        Cow::Owned(format!("{}{}", self.prefix, hex::encode(kept)))
    }
}

/// Letters and digits of ASCII, `_` and `-`: what every provider accepts.
pub fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: IdRule = IdRule {
        bytes_max: 40,
        accepts: is_word,
        prefix: "call_",
    };

    #[test]
    fn a_legal_id_passes_and_others_become_one_that_is() {
        for legal in ["call_1", "toolu_01A-b", &"x".repeat(40)] {
            assert_eq!(RULE.legal(legal), legal);
        }
        let mut made = Vec::new();
        for other in ["", "a.b", "a b", "é", &"x".repeat(41)] {
            let id = RULE.legal(other).into_owned();
            assert_eq!(id, RULE.legal(other), "{other}");
            assert_eq!(id, RULE.legal(&id), "{other}");
            assert_eq!(id.len(), 37);
            made.push(id);
        }
        made.sort();
        made.dedup();
        assert_eq!(made.len(), 5);
    }
}
