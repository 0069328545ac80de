//! Globs over `/`-separated segments, for URL paths and for `except`.
//!
//! `*` matches any characters within one segment, none included; `**`, alone in a segment, matches any
//! number of segments; `\` takes the next character literally. In file globs `?` matches one
//! character. Matching is case-sensitive, on names as they are written: on a file system that
//! ignores case, or that normalises Unicode, an exclude can be spelled around.
//!
//! A glob is compiled once into a small automaton over segments whose states fit one word, so matching
//! allocates nothing and is linear in the path.
//!
//! Not here: character classes, braces, negation. They are refused with a hint rather than read as
//! something else.

use crate::fault::Fault;

/// The most segments of one glob.
pub const GLOB_SEGMENTS_MAX: usize = 32;

/// What a glob is matched against; decides which characters are special.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Paths relative to a mount.
    File,
    /// URL paths and queries, where `?`, `[` and `{` are never wild.
    Url,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Byte(u8),
    /// `?`: one character.
    One,
    /// `*`: any bytes.
    Star,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// `**`
    Any,
    Literal(Box<[u8]>),
    Wild(Box<[Token]>),
}

/// Segments that may be matched against a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Automaton {
    segments: Box<[Segment]>,
}

/// Bit `i` is set when the automaton may go on at segment `i`; bit `segments.len()` accepts.
type States = u64;

impl Automaton {
    /// Compiles `text`. With `decode`, `%XX` stands for the byte that it encodes.
    pub(crate) fn compile(text: &str, dialect: Dialect, decode: bool) -> Result<Self, Fault> {
        let segments = text
            .split('/')
            .map(|s| Segment::compile(s, dialect, decode))
            .collect::<Result<Box<[_]>, _>>()?;
        if segments.len() > GLOB_SEGMENTS_MAX {
            return Err(Fault::new(
                format!("a pattern of {} segments is too long", segments.len()),
                format!("write at most {GLOB_SEGMENTS_MAX} segments"),
            ));
        }
        Ok(Self { segments })
    }

    /// Whether the whole of `path` matches. A trailing `**` stands for at least one segment.
    pub(crate) fn matches<'p>(&self, path: impl Iterator<Item = &'p [u8]>) -> bool {
        let end = path.fold(self.start(true), |states, s| self.step(states, s, true));
        self.accepts(end)
    }

    /// Whether `path` or a directory above it matches.
    pub(crate) fn covers<'p>(&self, path: impl Iterator<Item = &'p [u8]>) -> bool {
        let mut states = self.start(false);
        for segment in path {
            states = self.step(states, segment, false);
            if self.accepts(states) {
                return true;
            }
        }
        false
    }

    /// Whether something below `path` could match. With `begun`, a leading `**` that has swallowed all
    /// of `path` does not count: some part of the pattern must have been met already.
    pub(crate) fn may_match_below<'p>(
        &self,
        path: impl Iterator<Item = &'p [u8]>,
        begun: bool,
    ) -> bool {
        let end = path.fold(self.start(false), |states, s| self.step(states, s, false));
        let mut open = end & !(1 << self.segments.len());
        if begun && matches!(self.segments.first(), Some(Segment::Any)) {
            open &= !0b11;
        }
        open != 0
    }

    fn start(&self, whole: bool) -> States {
        self.close(1, whole)
    }

    fn accepts(&self, states: States) -> bool {
        states >> self.segments.len() & 1 == 1
    }

    /// Adds what can be reached without a segment: `**` may stand for none, except at the end of a
    /// whole match.
    fn close(&self, mut states: States, whole: bool) -> States {
        for (i, segment) in self.segments.iter().enumerate() {
            let skippable = !(whole && i + 1 == self.segments.len());
            if states >> i & 1 == 1 && *segment == Segment::Any && skippable {
                states |= 1 << (i + 1);
            }
        }
        states
    }

    fn step(&self, states: States, text: &[u8], whole: bool) -> States {
        let mut next = 0;
        for (i, segment) in self.segments.iter().enumerate() {
            if states >> i & 1 == 0 {
                continue;
            }
            match segment {
                Segment::Any => next |= 0b11 << i,
                other if other.matches(text) => next |= 1 << (i + 1),
                _ => {}
            }
        }
        self.close(next, whole)
    }
}

impl Segment {
    fn compile(text: &str, dialect: Dialect, decode: bool) -> Result<Self, Fault> {
        if text == "**" {
            return Ok(Self::Any);
        }
        if text.contains("**") {
            return Err(Fault::new(
                format!("`**` must be a whole segment, not part of `{text}`"),
                "write `*` within a segment, or `/**/` across segments",
            ));
        }
        let mut tokens = Vec::with_capacity(text.len());
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            tokens.push(match byte {
                b'\\' => Token::Byte(rest.next().ok_or_else(|| {
                    Fault::new(
                        "a backslash ends the pattern",
                        "write `\\\\` for a backslash",
                    )
                })?),
                b'*' => Token::Star,
                b'?' if dialect == Dialect::File => Token::One,
                b'[' | b']' | b'{' | b'}' if dialect == Dialect::File => {
                    return Err(Fault::new(
                        format!("`{}` is not part of this glob grammar", char::from(byte)),
                        format!(
                            "write one glob per alternative, or `\\{}` for the character",
                            char::from(byte)
                        ),
                    ));
                }
                b'%' if decode => Token::Byte(decode_pair(&mut rest)),
                other => Token::Byte(other),
            });
        }
        let literal: Option<Box<[u8]>> = tokens
            .iter()
            .map(|t| match t {
                Token::Byte(b) => Some(*b),
                _ => None,
            })
            .collect();
        Ok(literal.map_or_else(|| Self::Wild(tokens.into()), Self::Literal))
    }

    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Literal(literal) => **literal == *text,
            Self::Wild(tokens) => wild(tokens, text),
        }
    }
}

fn decode_pair(rest: &mut std::str::Bytes<'_>) -> u8 {
    let mut digit = || {
        rest.next()
            .and_then(|b| char::from(b).to_digit(16))
            .and_then(|d| u8::try_from(d).ok())
            .unwrap_or(0)
    };
    digit() << 4 | digit()
}

/// Greedy matching with one point of return, the last `*`: quadratic at worst in one short segment.
fn wild(tokens: &[Token], text: &[u8]) -> bool {
    let (mut t, mut b) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        match (tokens.get(t), text.get(b)) {
            (None, None) => return true,
            (Some(Token::Star), _) => {
                back = Some((t, b));
                t += 1;
                continue;
            }
            (Some(Token::Byte(want)), Some(have)) if want == have => {
                t += 1;
                b += 1;
                continue;
            }
            (Some(Token::One), Some(_)) => {
                t += 1;
                b += 1;
                while text
                    .get(b)
                    .is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000)
                {
                    b += 1;
                }
                continue;
            }
            _ => {}
        }
        match back {
            Some((star, from)) if from < text.len() => {
                back = Some((star, from + 1));
                t = star + 1;
                b = from + 1;
            }
            _ => return false,
        }
    }
}

/// The segments of a path without leading or trailing `/`; none for the empty path.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &[u8]> + Clone {
    path.split('/').filter(|s| !s.is_empty()).map(str::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(pattern: &str, path: &str) -> bool {
        Automaton::compile(pattern, Dialect::Url, false)
            .unwrap()
            .matches(path.split('/').map(str::as_bytes))
    }

    #[test]
    fn one_star_stays_in_its_segment() {
        assert!(url("v1/*", "v1/models"));
        assert!(url("v1/*", "v1/"));
        assert!(!url("v1/*", "v1/models/x"));
        assert!(!url("v1/*", "v1"));
        assert!(url("v1/*.json", "v1/a.json"));
        assert!(url("a*b*c", "axxbxxbc"));
        assert!(!url("a*b*c", "axxbxxb"));
    }

    #[test]
    fn two_stars_cross_segments() {
        assert!(url("v1/**", "v1/a/b"));
        assert!(url("v1/**", "v1/"));
        assert!(!url("v1/**", "v1"));
        assert!(url("a/**/b", "a/b"));
        assert!(url("a/**/b", "a/x/y/b"));
        assert!(!url("a/**/b", "a/x/y"));
        assert!(url("**", ""));
    }

    #[test]
    fn a_backslash_makes_a_star_a_star() {
        assert!(url(r"a\*b", "a*b"));
        assert!(!url(r"a\*b", "axb"));
    }

    #[test]
    fn odd_stars_are_refused() {
        for bad in ["a**", "**a", "***"] {
            assert!(
                Automaton::compile(bad, Dialect::Url, false).is_err(),
                "{bad}"
            );
        }
        for bad in ["[ab]", "{a,b}"] {
            assert!(
                Automaton::compile(bad, Dialect::File, false).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_question_mark_is_one_character_not_one_byte() {
        let glob = Automaton::compile("a?c", Dialect::File, false).unwrap();
        assert!(glob.covers(segments("aéc")));
        assert!(!glob.covers(segments("aéec")));
    }

    proptest! {
        /// The `globset` crate as an oracle, on the part of the grammar that both have.
        #[test]
        fn agrees_with_globset(
            pattern in prop::collection::vec(prop_oneof![Just("**"), Just("*"), Just("a"), Just("b"), Just("a*"), Just("*b"), Just("a?")], 1..5),
            path in prop::collection::vec("[ab]{1,3}", 1..5),
        ) {
            // `**` beside `**` is one `**`; globset and we part only in spelling.
            let mut pattern = pattern;
            pattern.dedup_by(|a, b| *a == "**" && *b == "**");
            let (pattern, path) = (pattern.join("/"), path.join("/"));
            let oracle = globset::GlobBuilder::new(&pattern).literal_separator(true).build().unwrap().compile_matcher();
            let ours = Automaton::compile(&pattern, Dialect::File, false).unwrap();
            prop_assert_eq!(ours.matches(segments(&path)), oracle.is_match(&path), "{} {}", pattern, path);
        }

        #[test]
        fn never_panics(pattern in any::<String>(), path in any::<String>()) {
            if let Ok(glob) = Automaton::compile(&pattern, Dialect::File, true) {
                let covered = glob.covers(segments(&path));
                let above = path.rsplit_once('/').is_some_and(|(dir, _)| glob.covers(segments(dir)));
                prop_assert!(covered || !above, "what is below an excluded directory is excluded");
            }
        }
    }
}
