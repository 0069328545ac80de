//! What differs from run to run: times, dates, ids, the width of columns.

use std::collections::BTreeMap;

/// Hexadecimal digits of a short id.
const SHORT_ID_CHARS: usize = 8;
/// Hexadecimal digits in the name of a ledger.
const LEDGER_CHARS: usize = 16;
/// Hexadecimal digits of a hash.
const HASH_CHARS: usize = 64;
/// Hexadecimal digits of an id after its prefix.
const LONG_ID_CHARS: usize = 32;

/// Blanks it, line by line, so that two runs read the same.
pub(super) fn blank(text: &str) -> Vec<String> {
    text.trim_end()
        .lines()
        .map(|line| narrow(&words(line, |word| kind(word).0)))
        .collect()
}

/// A line with each word replaced by what `of` makes of it, if anything.
fn words(line: &str, of: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in line.chars().map(Some).chain([None]) {
        match c {
            Some(c) if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':') => word.push(c),
            _ => {
                // A colon is a part of a time, and else a mark of its own.
                let core = word.trim_matches(':');
                match of(core) {
                    Some(other) if !core.is_empty() => {
                        out.push_str(&word.replacen(core, &other, 1))
                    }
                    _ => out.push_str(&word),
                }
                word.clear();
                out.extend(c);
            }
        }
    }
    out
}

/// What stands for a word that differs from run to run, and whether that is an id.
fn kind(word: &str) -> (Option<String>, bool) {
    let hex = |text: &str, chars: usize| {
        text.len() == chars
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let shape: String = word
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    if shape == "00:00:00" || shape == "0000-00-00" {
        return (Some(shape), false);
    }
    if hex(word, LEDGER_CHARS) || hex(word, HASH_CHARS) {
        return (Some("<hash>".into()), true);
    }
    if hex(word, SHORT_ID_CHARS) {
        return (Some("<short id>".into()), true);
    }
    let parts: Vec<&str> = word.split('-').collect();
    if let [a, b, c, d, e] = parts.as_slice()
        && hex(a, 8)
        && [b, c, d].iter().all(|part| hex(part, 4))
        && hex(e, 12)
    {
        return (Some("<uuid>".into()), true);
    }
    match word.rsplit_once('_') {
        Some((prefix, id)) if hex(id, LONG_ID_CHARS) => (Some(format!("{prefix}_<id>")), true),
        _ => (None, false),
    }
}

/// The gaps between columns at their narrowest; the indentation stays.
fn narrow(line: &str) -> String {
    let line = line.trim_end();
    let text = line.trim_start();
    let mut out = line
        .get(..line.len() - text.len())
        .unwrap_or_default()
        .to_owned();
    let mut gap = 0;
    for c in text.chars() {
        gap = if c == ' ' { gap + 1 } else { 0 };
        if gap <= 2 {
            out.push(c);
        }
    }
    out
}

/// Which real id stands for which shown one.
#[derive(Default)]
pub(super) struct Ids {
    real: BTreeMap<String, String>,
}

impl Ids {
    /// A command with the real ids in place of the shown ones.
    pub(super) fn real(&self, command: &str) -> String {
        words(command, |word| self.real.get(word).cloned())
    }

    /// Learns from a shown output and the real one. The page must call one thing by one id.
    pub(super) fn follow(&mut self, shown: &str, printed: &str) -> Result<(), String> {
        for (shown, real) in ids(shown).into_iter().zip(ids(printed)) {
            if self.real.get(&shown).is_some_and(|known| *known != real) {
                return Err(format!("{shown} has stood for something else before"));
            }
            if self
                .real
                .iter()
                .any(|(other, known)| *known == real && *other != shown)
            {
                return Err(format!("{shown} was called otherwise before"));
            }
            self.real.insert(shown, real);
        }
        Ok(())
    }

    /// As [`Ids::follow`], where the page is about to be written anew: ids are paired from the end.
    pub(super) fn follow_loosely(&mut self, shown: &str, printed: &str) {
        self.real.extend(
            ids(shown)
                .into_iter()
                .rev()
                .zip(ids(printed).into_iter().rev()),
        );
    }
}

/// The ids in a text, in order.
fn ids(text: &str) -> Vec<String> {
    let found = std::cell::RefCell::new(Vec::new());
    for line in text.lines() {
        words(line, |word| {
            if kind(word).1 {
                found.borrow_mut().push(word.to_owned());
            }
            None
        });
    }
    found.into_inner()
}

#[test]
fn what_differs_is_blanked_and_nothing_else() {
    let line =
        "02:31:59  files   fs.read  2ac2915e  on 2026-11-21 (01a1fbf2-3e3b-71db-9689-70a4af56a7ba)";
    assert_eq!(
        blank(line),
        ["00:00:00  files  fs.read  <short id>  on 0000-00-00 (<uuid>)"]
    );
    assert_eq!(
        blank("  see call_01a1fbf23e33773cac76e83f4a3c8d26: 46 B"),
        ["  see call_<id>: 46 B"]
    );
    assert_eq!(
        blank("a1b2c3d 4330 + 120 tokens\n\n"),
        ["a1b2c3d 4330 + 120 tokens"]
    );
}

#[test]
fn ids_are_followed() {
    let mut ids = Ids::default();
    ids.follow("RECEIPT 2ac2915e", "RECEIPT 00000001").unwrap();
    assert_eq!(ids.real("receipt show 2ac2915e"), "receipt show 00000001");
    assert!(ids.follow("2ac2915e", "00000002").is_err());
    assert!(ids.follow("3bd3026f", "00000001").is_err());
}
