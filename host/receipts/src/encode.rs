//! From a draft to the bytes that are stored.
//!
//! The producer serialises the record within its bounds ([`Draft::encode`], `body`); the writer of the
//! store adds what only it knows ([`seal`]). Field order is the order of declaration, numbers are
//! integers, so the same record has the same bytes everywhere.
//!
//! Invariant: a record whose fields keep their bounds fits in an entry (a test adds the worst case up).
//! Only a [`crate::ReadSet`] can still be too long: [`crate::pack`] splits it.

use crate::body::{self, HMAC_BYTES};
use crate::{Draft, ENTRY_BYTES_MAX, ENTRY_SCHEMA, OutcomeResult, Record, State};

/// Length of an entry's hash, bytes (SHA-256).
pub const HASH_BYTES: usize = 32;
/// What stands for the previous entry's hash in the first entry of a session.
pub const GENESIS_HASH: [u8; HASH_BYTES] = [0; HASH_BYTES];
/// The most bytes of an identifier: session, run, call, receipt, grant, plugin name, digest.
pub const ID_BYTES_MAX: usize = 128;
/// The most bytes that a record may have; the rest of an entry is for what the writer adds.
pub const BODY_BYTES_MAX: usize = ENTRY_BYTES_MAX - ENVELOPE_BYTES_MAX;

/// The most bytes that the writer adds: schema, sequence, previous hash, session.
const ENVELOPE_BYTES_MAX: usize = 320;

/// Why a draft cannot become an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// An identifier is empty, too long or has characters that no identifier has.
    #[error(
        "{field} {value:?} is not an identifier: use 1 to {ID_BYTES_MAX} of a-z A-Z 0-9 . _ : - / @ +"
    )]
    Identifier {
        /// Which field.
        field: &'static str,
        /// Its start, escaped.
        value: String,
    },
    /// The record is longer than [`BODY_BYTES_MAX`].
    #[error(
        "the record has {bytes} bytes and an entry takes {BODY_BYTES_MAX}: split the read-set with pack()"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The record could not be serialised.
    #[error("the record cannot be written as JSON: {0}")]
    Json(String),
}

/// A record as bytes, and what the store indexes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The session whose chain it joins.
    pub session: String,
    /// The record as a JSON object, at most [`BODY_BYTES_MAX`].
    pub body: Vec<u8>,
    /// The receipt that the entry opens or continues; none for a read-set, a call or a change.
    pub receipt: Option<String>,
    /// The receipts inside a read-set.
    pub items: Vec<String>,
    /// The call, where there is one.
    pub call: Option<String>,
    /// When, microseconds since the Unix epoch.
    pub time_us: i64,
    /// What the entry means for the intents that are open.
    pub mark: Mark,
}

/// What an entry means for the intents that are open: enough to find them without reading entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Nothing.
    Plain,
    /// Opens an intent.
    Intent,
    /// The host died; the intent stays open until an operator says what happened.
    Indeterminate,
    /// Ends the intent.
    Outcome,
}

impl Mark {
    /// That of an entry of a type (`effect`, `outcome`, …), with the state and the result that it has.
    pub(crate) fn of(kind: &str, state: Option<State>, result: Option<OutcomeResult>) -> Self {
        match (kind, state, result) {
            ("effect", Some(State::Intended), _) => Self::Intent,
            ("outcome", _, Some(OutcomeResult::Indeterminate)) => Self::Indeterminate,
            ("outcome", ..) => Self::Outcome,
            _ => Self::Plain,
        }
    }

    fn of_record(record: &Record) -> Self {
        match record {
            Record::Effect(e) => Self::of("effect", Some(e.state), None),
            Record::Outcome(o) => Self::of("outcome", Some(o.state), Some(o.outcome.result)),
            _ => Self::Plain,
        }
    }
}

impl Draft {
    /// Bounds the record and serialises it.
    pub fn encode(self) -> Result<Encoded, EncodeError> {
        self.encode_in(Vec::new())
    }

    /// [`Draft::encode`] with the memory of `body`, which is empty.
    pub fn encode_in(self, mut body: Vec<u8>) -> Result<Encoded, EncodeError> {
        body::identifier("session", &self.session)?;
        body::write(&self.record, &mut body)?;
        if body.len() > BODY_BYTES_MAX {
            return Err(EncodeError::TooLong { bytes: body.len() });
        }
        let time_us = self.record.time_us();
        let mark = Mark::of_record(&self.record);
        let (receipt, call, items) = match self.record {
            Record::Effect(e) => (Some(e.receipt), Some(e.call), Vec::new()),
            Record::Outcome(o) => (Some(o.receipt), Some(o.call), Vec::new()),
            Record::Collapsed(c) => (Some(c.receipt), Some(c.call), Vec::new()),
            Record::ReadSet(set) => {
                let items = set.items.into_iter().map(|item| item.receipt).collect();
                (None, Some(set.call), items)
            }
            Record::Call(c) => (None, Some(c.call), Vec::new()),
            Record::Change(_) => (None, None, Vec::new()),
        };
        Ok(Encoded {
            session: self.session,
            body,
            receipt,
            items,
            call,
            time_us,
            mark,
        })
    }
}

/// The bytes that are stored: `body` with the schema, `seq`, the leaf hash of the session's previous entry
/// ([`crate::log::leaf_hash`]) and the session in front.
pub fn seal(session: &str, seq: u64, prev: &[u8; HASH_BYTES], body: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(body.len() + ENVELOPE_BYTES_MAX);
    seal_to(&mut sealed, session, seq, prev, body);
    sealed
}

/// [`seal`] at the end of `sealed`.
pub fn seal_to(
    sealed: &mut Vec<u8>,
    session: &str,
    seq: u64,
    prev: &[u8; HASH_BYTES],
    body: &[u8],
) {
    seal_as(ENTRY_SCHEMA, sealed, session, seq, prev, body);
}

/// [`seal_to`] with the name of a schema.
pub(crate) fn seal_as(
    schema: &str,
    sealed: &mut Vec<u8>,
    session: &str,
    seq: u64,
    prev: &[u8; HASH_BYTES],
    body: &[u8],
) {
    let mut prev_hex = [0; HMAC_BYTES];
    // The lengths agree by their types; a failure would leave zero bytes, which no reader accepts.
    let _ = hex::encode_to_slice(prev, &mut prev_hex);
    sealed.reserve(body.len() + ENVELOPE_BYTES_MAX);
    sealed.extend_from_slice(b"{\"schema\":\"");
    sealed.extend_from_slice(schema.as_bytes());
    sealed.extend_from_slice(b"\",\"seq\":");
    sealed.extend_from_slice(itoa::Buffer::new().format(seq).as_bytes());
    sealed.extend_from_slice(b",\"prev\":\"");
    sealed.extend_from_slice(&prev_hex);
    sealed.extend_from_slice(b"\",\"session\":\"");
    sealed.extend_from_slice(session.as_bytes());
    sealed.extend_from_slice(b"\",");
    sealed.extend_from_slice(body.get(1..).unwrap_or_default());
}

impl Record {
    /// When the entry happened; of a read-set, when its last effect was decided. Microseconds since
    /// the Unix epoch.
    pub fn time_us(&self) -> i64 {
        match self {
            Self::Effect(e) => e.time_us,
            Self::Outcome(o) => o.time_us,
            Self::ReadSet(set) => set.items.last().map_or(0, |item| item.time_us),
            Self::Collapsed(c) => c.time_us,
            Self::Call(c) => c.time_us,
            Self::Change(c) => c.time_us,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::arbitrary::{draft, record};
    use crate::body::COMMAND_BYTES_MAX;
    use crate::log::leaf_hash;
    use crate::{ChangeRecord, Decided, Outcome, Plugin, Target, decode, receipt_id};
    use proptest::prelude::*;
    use std::sync::Arc;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(draft in draft(), seq in any::<u64>(), prev in any::<[u8; 32]>()) {
            let session = draft.session.clone();
            let encoded = draft.encode().unwrap();
            let sealed = seal(&session, seq, &prev, &encoded.body);
            prop_assert!(sealed.len() <= ENTRY_BYTES_MAX);
            let entry = decode(&sealed).unwrap();
            prop_assert_eq!((entry.seq, entry.prev, &entry.session), (seq, prev, &session));
            prop_assert_eq!(entry.hash, leaf_hash(&sealed));
            prop_assert_eq!(&encoded.body, &serde_json::to_vec(&entry.record).unwrap());
            // Deterministic: what was decoded has the same bytes again.
            let again = Draft { session: session.clone(), record: entry.record }.encode().unwrap();
            prop_assert_eq!(again.body, encoded.body);
        }

        #[test]
        fn free_text_never_makes_a_record_unrecordable(record in record(), text in ".{0,4000}") {
            let mut record = record;
            if let Record::Effect(e) = &mut record {
                e.target.text.clone_from(&text);
                e.import = text.clone().into();
                e.kind = text.clone().into();
                e.policy.clone_from(&text);
                e.decision.reason = Some(text.clone());
                e.decision.nearest = Some(text.clone());
                e.decision.command = Some(text.clone());
                if let Some(outcome) = &mut e.outcome {
                    outcome.error = Some(text.clone());
                    outcome.address = Some(text.clone());
                    outcome.detail = Some(text.clone());
                }
            }
            let draft = Draft { session: "s".into(), record };
            prop_assert!(draft.encode().is_ok());
        }
    }

    #[test]
    fn the_longest_effect_fits() {
        let id = || "i".repeat(ID_BYTES_MAX);
        let long = || "\"".repeat(10_000);
        let plain = || "c".repeat(COMMAND_BYTES_MAX);
        let effect = crate::EffectRecord {
            receipt: id(),
            state: crate::State::Intended,
            time_us: i64::MIN,
            run: Some(id()),
            call: id(),
            plugin: Arc::new(Plugin {
                name: id(),
                version: id(),
                digest: id(),
            }),
            import: long().into(),
            kind: long().into(),
            class: crate::Class::Buffered,
            action: crate::Action::EnvironmentDecision,
            target: Target {
                text: long(),
                hmac: Some(long()),
            },
            decision: Decided {
                verdict: crate::Verdict::Allowed,
                grant: Some(id()),
                reason: Some(long()),
                nearest: Some(long()),
                command: Some(plain()),
            },
            policy: long(),
            generation: u64::MAX,
            transport: crate::Transport::Fixture,
            budget_left: u64::MAX,
            outcome: Some(Outcome {
                result: crate::OutcomeResult::Indeterminate,
                error: Some(long()),
                status: Some(u16::MAX),
                bytes_in: Some(u64::MAX),
                bytes_out: Some(u64::MAX),
                duration_us: u64::MAX,
                address: Some(long()),
                detail: Some(long()),
            }),
        };
        let encoded = Draft {
            session: id(),
            record: Record::Effect(Box::new(effect)),
        }
        .encode()
        .unwrap();
        let sealed = seal(&encoded.session, u64::MAX, &[0xff; 32], &encoded.body);
        assert!(sealed.len() - encoded.body.len() <= ENVELOPE_BYTES_MAX);
        assert!(sealed.len() <= ENTRY_BYTES_MAX);
    }

    #[test]
    fn identifiers_are_not_free_text() {
        let change = |session: &str| Draft {
            session: session.into(),
            record: Record::Change(ChangeRecord {
                time_us: 1,
                who: "os:ada".into(),
                what: "grant.add".into(),
                object: receipt_id(),
                detail: String::new(),
            }),
        };
        assert!(change("agent_docs").encode().is_ok());
        for bad in ["", "a\"b", "a b", "ä", &"x".repeat(129)] {
            assert!(matches!(
                change(bad).encode(),
                Err(EncodeError::Identifier {
                    field: "session",
                    ..
                })
            ));
        }
    }

    #[test]
    fn the_stored_form_is_this() {
        let draft = Draft {
            session: "host".into(),
            record: Record::Change(ChangeRecord {
                time_us: 5,
                who: "os:ada".into(),
                what: "grant.revoke".into(),
                object: "g1".into(),
                detail: String::new(),
            }),
        };
        let sealed = seal("host", 1, &GENESIS_HASH, &draft.encode().unwrap().body);
        assert_eq!(
            String::from_utf8(sealed).unwrap(),
            format!(
                concat!(
                    r#"{{"schema":"tollgate.entry/2","seq":1,"prev":"{}","session":"host","type":"change","#,
                    r#""time_us":5,"who":"os:ada","what":"grant.revoke","object":"g1","detail":""}}"#
                ),
                "0".repeat(64)
            )
        );
    }
}
