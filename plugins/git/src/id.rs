//! Names of objects: SHA-1 digests.

use std::fmt;

/// Bytes of a digest.
pub(crate) const ID_BYTES: usize = 20;

/// Digits of the short form.
const SHORT_DIGITS: usize = 7;

/// The name of an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id([u8; ID_BYTES]);

impl Id {
    /// From the bytes of a digest; none if they are not as many.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From all of its digits.
    pub(crate) fn from_hex(digits: &[u8]) -> Option<Self> {
        if digits.len() != ID_BYTES.saturating_mul(2) {
            return None;
        }
        let (prefix, _) = Prefix::parse(std::str::from_utf8(digits).ok()?)?.bounds();
        Some(prefix)
    }

    /// The first byte, by which indexes begin.
    pub(crate) fn first(&self) -> u8 {
        self.0.first().copied().unwrap_or_default()
    }

    /// The first digits.
    pub(crate) fn short(&self) -> String {
        self.to_string().chars().take(SHORT_DIGITS).collect()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The beginning of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    first: Id,
    last: Id,
}

impl Prefix {
    /// At least four and at most all digits.
    pub(crate) fn parse(digits: &str) -> Option<Self> {
        let all = ID_BYTES.saturating_mul(2);
        let plain =
            (4..=all).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        if !plain {
            return None;
        }
        let filled = |fill: char| {
            let text: Vec<u8> = digits
                .chars()
                .chain(std::iter::repeat(fill))
                .take(all)
                .filter_map(|digit| digit.to_digit(16))
                .filter_map(|digit| u8::try_from(digit).ok())
                .collect();
            let bytes: Vec<u8> = text
                .chunks(2)
                .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
                .collect();
            Id::from_bytes(&bytes)
        };
        Some(Self {
            first: filled('0')?,
            last: filled('f')?,
        })
    }

    /// The lowest and the highest name that begins so.
    pub(crate) fn bounds(&self) -> (Id, Id) {
        (self.first, self.last)
    }

    pub(crate) fn matches(&self, id: &Id) -> bool {
        (self.first..=self.last).contains(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_their_beginnings() {
        let text = "0123456789abcdef0123456789abcdef01234567";
        let id = Id::from_hex(text.as_bytes()).unwrap();
        assert_eq!(
            (id.to_string().as_str(), id.short().as_str()),
            (text, "0123456")
        );
        assert!(Prefix::parse("01234").unwrap().matches(&id));
        assert!(Prefix::parse("0123F").is_some_and(|prefix| !prefix.matches(&id)));
        for bad in ["012", "012g", &format!("{text}0")] {
            assert!(Prefix::parse(bad).is_none());
        }
    }
}
