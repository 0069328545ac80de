//! What is known of one session at one moment, and what must hold of it.
//!
//! Ledger and event log are read from the database, the directory from the disk, requests from the
//! provider. Nothing here asks the binary.

use super::model::Seen;
use super::script::{Act, LAST_WORDS, Step, on_host, step_of};
use super::seat::{House, Seat};
use crate::support::ledger;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use tollgate_receipts::{
    Class, OutcomeResult, Receipt, Record, Standing, Verdict, decode, fold, verify_chain,
};

/// The kind of what a provider's call does.
const REQUEST: &str = "http.request";

/// A moment of a session.
pub(super) struct Evidence {
    session: String,
    steps: Vec<Step>,
    entries: Vec<Vec<u8>>,
    /// What the entries fold to.
    pub(super) receipts: Vec<Receipt>,
    events: Vec<Value>,
    things: BTreeMap<usize, Thing>,
    asked: Vec<Seen>,
}

/// What a step has made. It says when it was changed: what is made again is another thing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Thing {
    inode: u64,
    changed: (i64, i64),
    /// None for a directory.
    content: Option<String>,
}

/// How the steps of a script ended for the model.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) done: usize,
    pub(super) interrupted: usize,
    pub(super) not_started: usize,
}

impl Evidence {
    /// Reads everything. The chain must be whole already here.
    #[track_caller]
    pub(super) fn of(seat: &Seat<'_>) -> Self {
        let connection = ledger::open(&seat.house.home.own());
        let session = seat.name.clone();
        let entries = entries(&connection, &session);
        verify_chain(&session, &entries, None).unwrap();
        let decoded: Vec<_> = entries.iter().map(|bytes| decode(bytes).unwrap()).collect();
        let folded = fold(decoded.iter());
        assert_eq!(folded.faults, [], "{session}");
        Self {
            steps: seat.house.model.script().steps(),
            entries,
            receipts: folded.receipts,
            events: events(&connection, &session),
            things: things(seat),
            // Last, so that what is asked for now is not taken for an effect without an intent.
            asked: seat.house.model.asked_by(&session),
            session,
        }
    }

    /// What holds at every moment, whatever died when.
    #[track_caller]
    pub(super) fn check(&self) {
        self.no_effect_without_intent();
        self.no_outcome_invented();
        self.no_step_twice();
        self.no_receipt_missing_or_invented();
    }

    /// What holds once the command line has looked at the session: no intent waits for an outcome
    /// that nobody will write.
    #[track_caller]
    pub(super) fn check_settled(&self) {
        let open: Vec<_> = self.standing(Standing::Open).collect();
        assert!(open.is_empty(), "{}: {open:?}", self.session);
    }

    /// Receipts of a standing.
    pub(super) fn standing(&self, standing: Standing) -> impl Iterator<Item = &Receipt> {
        self.receipts
            .iter()
            .filter(move |receipt| receipt.standing == standing)
    }

    /// Whether the effect of a receipt is there to be seen; none where nobody can know.
    pub(super) fn happened(&self, receipt: &Receipt) -> Option<bool> {
        let target = target(receipt);
        let step = self
            .steps
            .iter()
            .find(|step| step.target(&self.session) == target)?;
        (step.act != Act::Read).then(|| self.things.contains_key(&step.number))
    }

    /// Requests that the provider has got.
    pub(super) fn asked(&self) -> usize {
        self.asked.len()
    }

    /// Requests that the ledger says were intended.
    pub(super) fn intended_requests(&self) -> usize {
        self.receipts
            .iter()
            .filter(|receipt| receipt.kind == REQUEST)
            .count()
    }

    /// Nothing of `before` was rewritten or made again.
    #[track_caller]
    pub(super) fn follows(&self, before: &Self) {
        let session = &self.session;
        assert!(
            self.entries.starts_with(&before.entries),
            "{session}: the ledger was rewritten"
        );
        assert!(
            self.events.starts_with(&before.events),
            "{session}: the events were rewritten"
        );
        for (step, thing) in &before.things {
            assert_eq!(
                self.things.get(step),
                Some(thing),
                "{session}: step {step} was made again"
            );
        }
        // A completed call has all its entries; one more would be of a second life.
        let entries_of = |evidence: &Self, call: &str| evidence.mentions(call);
        for call in before.completed_calls() {
            assert_eq!(
                entries_of(before, &call),
                entries_of(self, &call),
                "{session}: {call}"
            );
        }
    }

    /// The session has come to the end of its script.
    #[track_caller]
    pub(super) fn check_end(&self) -> Tally {
        let session = &self.session;
        let told = self.asked.last().unwrap().results();
        let all: BTreeSet<usize> = self.steps.iter().map(|step| step.number).collect();
        assert_eq!(
            told.keys().copied().collect::<BTreeSet<_>>(),
            all,
            "{session}"
        );
        let mut tally = Tally::default();
        for step in &self.steps {
            let text = told[&step.number].trim_start_matches("error: ");
            let intents = self.receipts_of(*step).count();
            let thing = self.things.get(&step.number);
            if text.starts_with("[not_started]") {
                tally.not_started += 1;
                assert!(
                    intents == 0 && thing.is_none(),
                    "{session}: {step:?} {text}"
                );
                assert_eq!(self.started(*step), 0, "{session}: {step:?} {text}");
            } else if text.starts_with("[interrupted]") {
                tally.interrupted += 1;
                assert_eq!(self.started(*step), 1, "{session}: {step:?} {text}");
                assert_eq!(self.completed(*step), 0, "{session}: {step:?} {text}");
            } else {
                tally.done += 1;
                assert_eq!(
                    (intents, self.completed(*step)),
                    (1, 1),
                    "{session}: {step:?} {text}"
                );
                self.was_done(*step, text);
            }
        }
        tally
    }

    #[track_caller]
    fn was_done(&self, step: Step, text: &str) {
        let content = step.content(&self.session);
        match step.act {
            Act::Create => {
                assert_eq!(
                    self.things[&step.number].content.as_ref(),
                    Some(&content),
                    "{text}"
                );
            }
            Act::MakeDirectory => assert_eq!(self.things[&step.number].content, None, "{text}"),
            Act::Read => assert!(text.contains(content.trim_end()), "{text}"),
        }
    }

    fn no_effect_without_intent(&self) {
        let session = &self.session;
        for number in self.things.keys() {
            let step = self
                .steps
                .iter()
                .find(|step| step.number == *number)
                .unwrap();
            let intents: Vec<_> = self.receipts_of(*step).collect();
            let [intent] = intents.as_slice() else {
                panic!("{session}: {step:?} is there, with the intents {intents:?}")
            };
            assert_eq!(intent.class, Some(Class::Strict), "{session}: {intent:?}");
        }
        assert!(
            self.asked() <= self.intended_requests(),
            "{session}: {} requests, {} intents",
            self.asked(),
            self.intended_requests()
        );
        for receipt in &self.receipts {
            assert_eq!(
                receipt.decision.verdict,
                Verdict::Allowed,
                "{session}: {receipt:?}"
            );
        }
    }

    fn no_outcome_invented(&self) {
        let session = &self.session;
        let ok = |receipt: &&Receipt| {
            let settled = receipt.settled.as_ref();
            settled.is_some_and(|settled| settled.outcome.result == OutcomeResult::Ok)
        };
        for receipt in self.receipts.iter().filter(ok) {
            assert_ne!(
                self.happened(receipt),
                Some(false),
                "{session}: {receipt:?}"
            );
        }
        let answered = self
            .receipts
            .iter()
            .filter(ok)
            .filter(|receipt| receipt.kind == REQUEST);
        assert!(
            answered.count() <= self.asked(),
            "{session}: an answer that nobody gave"
        );
    }

    fn no_step_twice(&self) {
        let session = &self.session;
        let mut calls: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for receipt in self
            .receipts
            .iter()
            .filter(|receipt| receipt.kind != REQUEST)
        {
            calls
                .entry(target(receipt))
                .or_default()
                .insert(&receipt.call);
        }
        for (target, calls) in calls {
            assert_eq!(
                calls.len(),
                1,
                "{session}: {target} was attempted by {calls:?}"
            );
        }
        for step in &self.steps {
            assert!(
                self.started(*step) <= 1,
                "{session}: {step:?} was started twice"
            );
        }
        let conversations: BTreeSet<String> = self
            .asked
            .iter()
            .map(|seen| format!("{:?}", seen.messages))
            .collect();
        assert_eq!(
            conversations.len(),
            self.asked.len(),
            "{session}: a request was repeated"
        );
    }

    fn no_receipt_missing_or_invented(&self) {
        let session = &self.session;
        let begun: BTreeSet<&str> = self
            .of_type("_started")
            .filter_map(|event| event["call"].as_str())
            .collect();
        for receipt in &self.receipts {
            assert!(
                begun.contains(receipt.call.as_str()),
                "{session}: whose is {receipt:?}?"
            );
        }
        let there: BTreeSet<&str> = self
            .receipts
            .iter()
            .map(|receipt| receipt.id.as_str())
            .collect();
        for event in &self.events {
            let listed = event.pointer("/environment_receipts");
            let listed = listed.or_else(|| event.pointer("/receipt/environment_receipts"));
            for id in listed.and_then(Value::as_array).into_iter().flatten() {
                assert!(
                    there.contains(id.as_str().unwrap()),
                    "{session}: {id} is missing"
                );
            }
        }
    }

    fn of_type(&self, ending: &str) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(move |event| {
            event["type"]
                .as_str()
                .is_some_and(|kind| kind.ends_with(ending))
        })
    }

    fn of_step(&self, kind: &str, step: Step) -> impl Iterator<Item = &Value> {
        self.of_type(kind).filter(move |event| {
            event["tool_use"]
                .as_str()
                .is_some_and(|id| step_of(id) == step.number)
        })
    }

    fn started(&self, step: Step) -> usize {
        self.of_step("tool_started", step).count()
    }

    fn completed(&self, step: Step) -> usize {
        self.of_step("tool_completed", step)
            .filter(|event| event["outcome"] == "ok")
            .count()
    }

    fn receipts_of(&self, step: Step) -> impl Iterator<Item = &Receipt> {
        let wanted = step.target(&self.session);
        self.receipts
            .iter()
            .filter(move |receipt| target(receipt) == wanted)
    }

    fn completed_calls(&self) -> Vec<String> {
        let calls = self
            .of_type("tool_completed")
            .filter_map(|event| event["call"].as_str());
        calls.map(str::to_owned).collect()
    }

    fn mentions(&self, call: &str) -> usize {
        self.entries
            .iter()
            .filter(|bytes| match decode(bytes).unwrap().record {
                Record::Effect(effect) => effect.call == call,
                Record::Outcome(outcome) => outcome.call == call,
                Record::ReadSet(set) => set.call == call,
                Record::Collapsed(group) => group.call == call,
                Record::Call(record) => record.call == call,
                Record::Change(_) => false,
            })
            .count()
    }
}

fn target(receipt: &Receipt) -> String {
    receipt
        .target
        .as_ref()
        .map(|target| target.text.clone())
        .unwrap_or_default()
}

/// The entries of a session's chain as they are stored.
fn entries(connection: &Connection, session: &str) -> Vec<Vec<u8>> {
    let mut query = connection
        .prepare(
            "SELECT l.seq, l.bytes FROM ledger l JOIN ledger_sessions s ON s.id = l.session
             WHERE s.name = ?1 ORDER BY l.seq",
        )
        .unwrap();
    let rows = query
        .query_map([session], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    dense(session, rows.map(Result::unwrap).collect())
}

/// The events of a session.
fn events(connection: &Connection, session: &str) -> Vec<Value> {
    let mut query = connection
        .prepare("SELECT seq, json FROM session_events WHERE session = ?1 ORDER BY seq")
        .unwrap();
    let rows = query
        .query_map([session], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let rows: Vec<String> = dense(session, rows.map(Result::unwrap).collect());
    let record = |json: &String| serde_json::from_str::<Value>(json).unwrap()["event"].clone();
    rows.iter().map(record).collect()
}

fn dense<T>(session: &str, rows: Vec<(i64, T)>) -> Vec<T> {
    (1_i64..)
        .zip(rows)
        .map(|(seq, (found, row))| {
            assert_eq!(found, seq, "{session}: a gap");
            row
        })
        .collect()
}

/// What is in the session's directory, by step.
fn things(seat: &Seat<'_>) -> BTreeMap<usize, Thing> {
    let directory = on_host(seat.house.home.root(), &format!("/out/{}", seat.name));
    let entries = std::fs::read_dir(directory).unwrap();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let number = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let seen = std::fs::symlink_metadata(&path).unwrap();
            let content = seen
                .is_file()
                .then(|| std::fs::read_to_string(&path).unwrap());
            let changed = (seen.ctime(), seen.ctime_nsec());
            (
                number,
                Thing {
                    inode: seen.ino(),
                    changed,
                    content,
                },
            )
        })
        .collect()
}

/// The whole log is dense and made of whole chains; whose entry came when.
#[track_caller]
pub(super) fn check_log(house: &House) -> Vec<String> {
    let log = ledger::read(&house.home.own());
    ledger::verify(&log);
    let order: Vec<String> = log.into_iter().map(|entry| entry.session).collect();
    let connection = ledger::open(&house.home.own());
    let sessions: BTreeSet<&String> = order.iter().collect();
    let chained: u64 = sessions
        .into_iter()
        .map(|session| {
            let entries = entries(&connection, session);
            verify_chain(session, &entries, None).unwrap().count
        })
        .sum();
    assert_eq!(chained, order.len() as u64);
    order
}

/// The last words of a run that came to its end.
pub(super) fn is_last_words(output: &Value) -> bool {
    output.as_str() == Some(LAST_WORDS)
}
