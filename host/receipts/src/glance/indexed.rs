//! What the store finds an entry by, read from the entry: to check what was kept of it, and to make it anew.

use super::Result_;
use super::quick::Rest;
use crate::decode::{self, DecodeError};
use crate::{Mark, State};
use serde::Deserialize;
use std::borrow::Cow;

/// What the store finds an entry by, as the entry itself says it; the same as [`crate::Encoded`] has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed<'a> {
    /// The receipt that the entry opens or continues; none for a read-set, a call or a change.
    pub receipt: Option<Cow<'a, str>>,
    /// The receipts inside a read-set.
    pub items: Vec<Cow<'a, str>>,
    /// The call, where there is one.
    pub call: Option<Cow<'a, str>>,
    /// When, microseconds since the Unix epoch.
    pub time_us: i64,
    /// What the entry means for the intents that are open.
    pub mark: Mark,
}

#[derive(Deserialize)]
struct Read<'a> {
    #[serde(borrow)]
    schema: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    receipt: Option<Cow<'a, str>>,
    #[serde(default)]
    state: Option<State>,
    #[serde(default)]
    time_us: Option<i64>,
    #[serde(borrow, default)]
    call: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    items: Vec<Item<'a>>,
    #[serde(default)]
    outcome: Option<Result_>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    receipt: Cow<'a, str>,
    time_us: i64,
}

impl<'a> Indexed<'a> {
    /// Reads it from the stored bytes of one entry.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if they are none that this version can read.
    pub fn of(sealed: &'a [u8]) -> Result<Self, DecodeError> {
        if let Some(quick) = quick(sealed) {
            return Ok(quick);
        }
        let read: Read<'_> = decode::read(sealed, |read: &Read<'_>| &read.schema)?;
        let time_us = match &*read.kind {
            "read_set" => read.items.last().map(|item| item.time_us),
            _ => read.time_us,
        };
        let result = read.outcome.map(|outcome| outcome.result);
        Ok(Self {
            mark: Mark::of(&read.kind, read.state, result),
            receipt: read.receipt,
            items: read.items.into_iter().map(|item| item.receipt).collect(),
            call: read.call,
            time_us: time_us.unwrap_or_default(),
        })
    }
}

/// Of an entry of one receipt that stands as this program writes it: what is wanted stands in front.
fn quick(sealed: &[u8]) -> Option<Indexed<'_>> {
    let mut rest = Rest(sealed);
    let schema = rest.text(br#"{"schema":""#)?;
    rest.number(br#","seq":"#)?;
    rest.text(br#","prev":""#)?;
    rest.text(br#","session":""#)?;
    let kind = rest.text(br#","type":""#)?;
    if !decode::is_known(schema) || !["effect", "outcome"].contains(&kind) {
        return None;
    }
    let receipt = rest.text(br#","receipt":""#)?;
    let state = rest.text(br#","state":""#)?.parse().ok()?;
    let time_us = rest.number(br#","time_us":"#)?;
    // Not every effect is of a run.
    let _ = rest.text(br#","run":""#);
    let call = rest.text(br#","call":""#)?;
    let result = match kind {
        "outcome" => Some(rest.outcome()?.result()?),
        _ => None,
    };
    sealed.ends_with(b"}").then_some(Indexed {
        receipt: Some(Cow::Borrowed(receipt)),
        items: Vec::new(),
        call: Some(Cow::Borrowed(call)),
        time_us: i64::try_from(time_us).ok()?,
        mark: Mark::of(kind, Some(state), result),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::{chain_of, changes, damage, draft, records};
    use crate::seal;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_entry_says_what_it_was_stored_under(draft in draft(), seq in any::<u64>()) {
            let encoded = draft.encode().unwrap();
            let sealed = seal(&encoded.session, seq, &[7; 32], &encoded.body);
            let said = Indexed::of(&sealed).unwrap();
            prop_assert_eq!(said.receipt.as_deref(), encoded.receipt.as_deref());
            prop_assert_eq!(said.call.as_deref(), encoded.call.as_deref());
            prop_assert_eq!((said.time_us, said.mark), (encoded.time_us, encoded.mark));
            prop_assert_eq!(said.items, encoded.items);
        }

        /// Where the slow reading takes what the quick one takes, it sees the same in it.
        #[test]
        fn what_is_changed_is_not_read_quickly_as_something_else(
            records in records(1..2), changes in changes(0..4),
        ) {
            let mut sealed = chain_of("s", records).remove(0);
            damage(&mut sealed, changes);
            let slow = decode::read(&sealed, |read: &Read<'_>| &read.schema);
            if let (Some(quick), Ok(slow)) = (quick(&sealed), slow) {
                let result = slow.outcome.map(|outcome| outcome.result);
                prop_assert_eq!((quick.receipt, quick.call), (slow.receipt, slow.call));
                prop_assert_eq!(Some(quick.time_us), slow.time_us);
                prop_assert_eq!(quick.mark, Mark::of(&slow.kind, slow.state, result));
            }
        }
    }
}
