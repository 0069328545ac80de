//! Replaces a secret in a stream.
//!
//! Found are the secret itself, the secret with any of its bytes percent-encoded (either case, and `+`
//! for a space), and the secret within base64 (the standard and the URL-safe alphabet, at each of the
//! three alignments; the up to two characters that it shares with its neighbours stay).
//!
//! Invariant: the output does not depend on how the input was cut into chunks. A match is the shortest
//! at the first place where one begins, and what may still become one is held back.
//!
//! This is defence in depth and no more: the audience of a credential can always encode it otherwise.
//! Not found: base64 with line breaks, JSON `\u` escapes, compressed or sliced text.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What stands in the secret's place.
pub const REPLACEMENT: &[u8] = b"[redacted]";

/// Shorter base64 pieces would be found in innocent text.
const BASE64_CHARS_MIN: usize = 8;

/// Bits of a base64 character.
const BASE64_BITS: usize = 6;

/// The matcher and what it holds back.
#[derive(Clone)]
pub struct Redactor {
    patterns: Arc<[Zeroizing<Vec<u8>>]>,
    /// Whether a match can begin with this byte.
    first: [bool; 256],
    held: Vec<u8>,
    replaced: u64,
}

/// What is known at one place of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// More bytes could make it a match.
    Perhaps,
    /// A match of so many bytes.
    Match(usize),
}

impl Redactor {
    /// For one secret. An empty one is never found.
    pub fn new(secret: &[u8]) -> Self {
        let mut patterns = Vec::new();
        if !secret.is_empty() {
            patterns.push(Zeroizing::new(secret.to_vec()));
        }
        for before in 0..3 {
            patterns.extend(base64_cores(secret, before));
        }
        let mut first = [false; 256];
        for pattern in &patterns {
            for (byte, slot) in (0..=u8::MAX).zip(first.iter_mut()) {
                let literal = pattern
                    .first()
                    .is_some_and(|wanted| stands_for(byte, *wanted));
                *slot = *slot || literal || byte == b'%';
            }
        }
        Self {
            patterns: patterns.into(),
            first,
            held: Vec::new(),
            replaced: 0,
        }
    }

    /// Takes a chunk and appends to `out` what is now certain.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(chunk);
        let text = std::mem::take(&mut self.held);
        let mut rest = text.as_slice();
        while let Some(start) = rest.iter().position(|byte| self.may_begin(*byte)) {
            let (clean, candidate) = rest.split_at(start);
            out.extend_from_slice(clean);
            match self.look(candidate) {
                Found::Match(length) => {
                    out.extend_from_slice(REPLACEMENT);
                    self.replaced += 1;
                    rest = candidate.get(length..).unwrap_or_default();
                }
                Found::Perhaps => {
                    self.held = candidate.to_vec();
                    return;
                }
                Found::Nothing => {
                    out.extend(candidate.first());
                    rest = candidate.get(1..).unwrap_or_default();
                }
            }
        }
        out.extend_from_slice(rest);
    }

    /// The input has ended: what was held back was no match after all.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        // A match may begin inside what was held for a longer candidate that never came.
        while !self.held.is_empty() {
            let mut rest = std::mem::take(&mut self.held).into_iter();
            out.extend(rest.next());
            let rest: Vec<u8> = rest.collect();
            self.push(&rest, out);
        }
    }

    /// A whole text at once; `None` if there is nothing to replace.
    pub fn whole(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut fresh = Self {
            held: Vec::new(),
            replaced: 0,
            ..self.clone()
        };
        let mut out = Vec::with_capacity(text.len());
        fresh.push(text, &mut out);
        fresh.finish(&mut out);
        (fresh.replaced > 0).then_some(out)
    }

    /// Whether a text that was put into lower case holds the secret, as header names are.
    pub(crate) fn within_lower_case(&self, text: &str) -> bool {
        self.patterns.iter().any(|pattern| {
            text.as_bytes()
                .windows(pattern.len())
                .any(|part| part.eq_ignore_ascii_case(pattern))
        })
    }

    /// Replacements so far.
    pub fn replaced(&self) -> u64 {
        self.replaced
    }

    /// Whether nothing is held back.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn may_begin(&self, byte: u8) -> bool {
        self.first.get(usize::from(byte)).copied().unwrap_or(false)
    }

    /// The shortest match at the beginning of `text`.
    fn look(&self, text: &[u8]) -> Found {
        let mut best = Found::Nothing;
        for pattern in self.patterns.iter() {
            best = match (best, match_at(pattern, text)) {
                (Found::Match(one), Found::Match(other)) => Found::Match(one.min(other)),
                (Found::Match(one), _) | (_, Found::Match(one)) => Found::Match(one),
                (Found::Perhaps, _) | (_, Found::Perhaps) => Found::Perhaps,
                (Found::Nothing, Found::Nothing) => Found::Nothing,
            };
        }
        best
    }
}

impl fmt::Debug for Redactor {
    /// Says nothing: the patterns are the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

/// Whether a byte of the text is this byte of the secret as it is, or in a form's spelling.
fn stands_for(byte: u8, wanted: u8) -> bool {
    byte == wanted || (wanted == b' ' && byte == b'+')
}

/// Matches a pattern of which every byte may be percent-encoded. A `%` of the secret may stand for
/// itself or be encoded, so more than one place can be reached: all of them are followed.
fn match_at(pattern: &[u8], text: &[u8]) -> Found {
    let mut reached = vec![0_usize];
    let mut perhaps = false;
    for wanted in pattern {
        let mut next = Vec::with_capacity(2);
        for at in reached {
            let rest = text.get(at..).unwrap_or_default();
            match rest {
                [] => perhaps = true,
                [byte, ..] => {
                    if stands_for(*byte, *wanted) {
                        next.push(at + 1);
                    }
                    match decode_percent(rest) {
                        Escape::Byte(decoded) if decoded == *wanted => next.push(at + 3),
                        Escape::Cut(high) if high.is_none_or(|high| high == wanted >> 4) => {
                            perhaps = true;
                        }
                        _ => {}
                    }
                }
            }
        }
        next.sort_unstable();
        next.dedup();
        if next.is_empty() {
            return if perhaps {
                Found::Perhaps
            } else {
                Found::Nothing
            };
        }
        reached = next;
    }
    reached
        .first()
        .map_or(Found::Nothing, |end| Found::Match(*end))
}

/// What stands at the beginning of a text that may begin with an escape.
enum Escape {
    None,
    Byte(u8),
    /// Ends within the escape; the high half, if it is there.
    Cut(Option<u8>),
}

fn decode_percent(text: &[u8]) -> Escape {
    match text {
        [b'%'] => Escape::Cut(None),
        [b'%', high] => hex(*high).map_or(Escape::None, |high| Escape::Cut(Some(high))),
        [b'%', high, low, ..] => match (hex(*high), hex(*low)) {
            (Some(high), Some(low)) => Escape::Byte(high << 4 | low),
            _ => Escape::None,
        },
        _ => Escape::None,
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// The characters of base64 that the secret alone decides when `before` bytes stand in front of it.
fn base64_cores(secret: &[u8], before: usize) -> Vec<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(vec![0_u8; before]);
    text.extend_from_slice(secret);
    let from = (before * 8).div_ceil(BASE64_BITS);
    let to = text.len() * 8 / BASE64_BITS;
    [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD]
        .into_iter()
        .map(|alphabet| Zeroizing::new(alphabet.encode(&*text)))
        .filter_map(|encoded| Some(Zeroizing::new(encoded.as_bytes().get(from..to)?.to_vec())))
        .filter(|core| core.len() >= BASE64_CHARS_MIN)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &[u8] = b"sk-a/b+c d%25e~1234";

    fn redact(secret: &[u8], text: &[u8]) -> String {
        let redactor = Redactor::new(secret);
        let out = redactor.whole(text).unwrap_or_else(|| text.to_vec());
        String::from_utf8_lossy(&out).into_owned()
    }

    fn in_chunks(secret: &[u8], text: &[u8], cuts: &[usize]) -> Vec<u8> {
        let mut redactor = Redactor::new(secret);
        let mut out = Vec::new();
        let mut rest = text;
        for cut in cuts {
            let (chunk, after) = rest.split_at((*cut).min(rest.len()));
            redactor.push(chunk, &mut out);
            rest = after;
        }
        redactor.push(rest, &mut out);
        redactor.finish(&mut out);
        out
    }

    fn percent_all(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("%{byte:02x}")).collect()
    }

    #[test]
    fn finds_every_form() {
        assert_eq!(redact(b"topsecret", b"a topsecret b"), "a [redacted] b");
        assert_eq!(redact(b"topsecret", b"topsetopsecret"), "topse[redacted]");
        assert_eq!(redact(b"topsecret", b"t%6Fp%73ecre%74!"), "[redacted]!");
        assert_eq!(redact(b"a b c", b"?q=a+b%20c"), "?q=[redacted]");
        assert_eq!(redact(SECRET, percent_all(SECRET).as_bytes()), "[redacted]");
        for before in ["", "u", "us", "user:"] {
            for after in ["", "x", "xy", "xyz"] {
                let plain = [before.as_bytes(), SECRET, after.as_bytes()].concat();
                for encoded in [
                    STANDARD_NO_PAD.encode(&plain),
                    URL_SAFE_NO_PAD.encode(&plain),
                ] {
                    let out = redact(SECRET, encoded.as_bytes());
                    assert!(out.contains("[redacted]"), "{before} {after}: {out}");
                }
            }
        }
    }

    #[test]
    fn a_percent_sign_of_the_secret_may_stand_for_itself() {
        assert_eq!(redact(b"ab%25cd", b"ab%25cd"), "[redacted]");
        assert_eq!(redact(b"ab%25cd", b"ab%2525cd"), "[redacted]");
        assert_eq!(redact(b"ab%cd", b"ab%25cd"), "[redacted]");
    }

    #[test]
    fn leaves_the_rest_alone() {
        assert_eq!(
            Redactor::new(b"topsecret").whole(b"topsecre% top %74op %7"),
            None
        );
        assert_eq!(redact(b"", b"anything"), "anything");
    }

    #[test]
    fn holds_back_no_more_than_it_must() {
        let mut redactor = Redactor::new(b"topsecret");
        let mut out = Vec::new();
        redactor.push(b"data: {\"x\":1}\n\n", &mut out);
        assert!(redactor.is_empty());
        redactor.push(b"tops", &mut out);
        assert!(!redactor.is_empty());
        redactor.push(b"y", &mut out);
        assert!(out.ends_with(b"\n\ntopsy"), "{out:?}");
    }

    proptest! {
        #[test]
        fn chunks_change_nothing(
            text in proptest::collection::vec(
                prop_oneof![
                    Just(SECRET.to_vec()),
                    Just(percent_all(SECRET).into_bytes()),
                    Just(STANDARD_NO_PAD.encode(SECRET).into_bytes()),
                    "[sk%25a-]{0,6}".prop_map(String::into_bytes),
                ],
                0..8,
            ),
            cuts in proptest::collection::vec(0_usize..12, 0..40),
        ) {
            let text = text.concat();
            prop_assert_eq!(in_chunks(SECRET, &text, &cuts), in_chunks(SECRET, &text, &[]));
        }

        #[test]
        fn never_in_the_output(
            secret in "[a-zA-Z0-9%+/ -]{8,40}",
            before in "[ -~]{0,20}",
            after in "[ -~]{0,20}",
            cuts in proptest::collection::vec(0_usize..9, 0..40),
            form in 0_usize..4,
        ) {
            let secret = secret.into_bytes();
            let encoded = match form {
                0 => secret.clone(),
                1 => percent_all(&secret).into_bytes(),
                2 => STANDARD_NO_PAD.encode(&secret).into_bytes(),
                _ => URL_SAFE_NO_PAD.encode(&secret).into_bytes(),
            };
            let text = [before.as_bytes(), &encoded, after.as_bytes()].concat();
            let out = in_chunks(&secret, &text, &cuts);
            let core = encoded.get(..encoded.len() - 2).unwrap_or_default();
            prop_assert!(!out.windows(core.len()).any(|part| part == core));
        }

        #[test]
        fn innocent_text_passes(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(in_chunks(b"a-very-long-secret-value", &text, &[3, 5, 1]), text);
        }
    }
}
