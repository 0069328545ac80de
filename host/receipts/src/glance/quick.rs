//! The quick reading of an entry of one receipt that stands as this program writes it: what a proof needs stands in
//! front, in a fixed order, and the result of an outcome is found by its name. The rest of the entry is passed over,
//! neither read nor checked: its bytes are proven, and whoever reads them finds out whether they are JSON. Any other
//! entry is left to the slow reading.

use super::{Read, Result_};
use crate::OutcomeResult;
use memchr::memmem::Finder;
use std::borrow::Cow;
use std::sync::LazyLock;

/// Where an outcome begins: its result is its first field. Inside a text its quotes would be escaped, and no record of
/// one receipt has an outcome anywhere but at the top.
static OUTCOME: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new(br#","outcome":{"result":""#));

/// Reads an entry, or leaves it.
pub(super) fn read(sealed: &[u8]) -> Option<Read<'_>> {
    let mut rest = Rest(sealed);
    let schema = rest.text(br#"{"schema":""#)?;
    let seq = rest.number(br#","seq":"#)?;
    let prev = rest.text(br#","prev":""#)?;
    let session = rest.text(br#","session":""#)?;
    let kind = rest.text(br#","type":""#)?;
    let mut read = Read {
        schema: Cow::Borrowed(schema),
        seq,
        prev: Cow::Borrowed(prev),
        session: Cow::Borrowed(session),
        kind: Cow::Borrowed(kind),
        ..Read::default()
    };
    match kind {
        "effect" | "outcome" => {
            read.receipt = Some(Cow::Borrowed(rest.text(br#","receipt":""#)?));
            read.state = Some(rest.text(br#","state":""#)?.parse().ok()?);
            if let Some(outcome) = rest.outcome() {
                let result = outcome.result()?;
                read.outcome = Some(Result_ { result });
            }
        }
        "call" => read.call = Some(Cow::Borrowed(rest.text(br#","call":""#)?)),
        _ => return None,
    }
    sealed.ends_with(b"}").then_some(read)
}

/// What is still to be read.
pub(super) struct Rest<'a>(pub(super) &'a [u8]);

/// An outcome, from its beginning.
pub(super) struct Outcome<'a>(Rest<'a>);

impl Outcome<'_> {
    pub(super) fn result(mut self) -> Option<OutcomeResult> {
        self.0.text(br#","outcome":{"result":""#)?.parse().ok()
    }
}

impl<'a> Rest<'a> {
    /// The outcome, if there is one.
    pub(super) fn outcome(&self) -> Option<Outcome<'a>> {
        let outcome = self.0.get(OUTCOME.find(self.0)?..)?;
        Some(Outcome(Rest(outcome)))
    }

    /// What stands behind `name` up to the next quote; nothing with an escape.
    #[inline]
    pub(super) fn text(&mut self, name: &[u8]) -> Option<&'a str> {
        let value = self.0.strip_prefix(name)?;
        let (value, rest) = value.split_at_checked(memchr::memchr(b'"', value)?)?;
        self.0 = rest.get(1..)?;
        let is_plain = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'\\';
        let plain = value.iter().fold(true, |all, byte| all & is_plain(byte));
        plain.then(|| std::str::from_utf8(value).ok())?
    }

    #[inline]
    pub(super) fn number(&mut self, name: &[u8]) -> Option<u64> {
        let value = self.0.strip_prefix(name)?;
        let digits = value.iter().take_while(|byte| byte.is_ascii_digit());
        let (digits, rest) = value.split_at_checked(digits.count())?;
        self.0 = rest;
        match digits {
            [b'0', _, ..] => None,
            digits => std::str::from_utf8(digits).ok()?.parse().ok(),
        }
    }
}
