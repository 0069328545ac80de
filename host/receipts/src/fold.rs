//! From entries to receipts.
//!
//! A receipt is the fold of the entries of one id. Folding never fails: entries that contradict
//! each other, as only a damaged or forged log has, leave a [`FoldFault`] and do not change the receipt.

use crate::{
    Action, Class, Collapsed, Decided, EffectRecord, Entry, Outcome, OutcomeRecord, OutcomeResult,
    Plugin, ReadItem, ReadSet, Record, State, Target, Transport, Verdict,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// Everything that is known of one effect, or of one counted group of denials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The receipt's id, a UUIDv7.
    pub id: String,
    /// The session.
    pub session: String,
    /// Sequences of its entries in the session's chain, rising.
    pub seqs: Vec<u64>,
    /// When it was decided, microseconds since the Unix epoch.
    pub time_us: i64,
    /// The run, if the call has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The call.
    pub call: String,
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// The import as the component named it; none for a counted group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<String>,
    /// The kind of effect.
    pub kind: String,
    /// How careful the gate was; none for a counted group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// At which boundary.
    pub action: Action,
    /// At what; none for a counted group, which has many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// The decision.
    pub decision: Decided,
    /// Digest of the policy that decided; none for a counted group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Grants generation at which it was decided; none for a counted group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Real or fixture; recorded of single effects only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    /// Effects that the call could still attempt afterwards; recorded of single effects only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_left: Option<u64>,
    /// The state of the last entry.
    pub state: State,
    /// Where it stands, in one word.
    pub standing: Standing,
    /// What was observed when it was performed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Observed>,
    /// What was observed when its handle was closed; has the final byte counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Observed>,
    /// What an operator said of an indeterminate effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Observed>,
    /// How many effects it stands for: 1, or the size of a counted group.
    pub count: u64,
}

/// One outcome and where it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Sequence of the entry.
    pub seq: u64,
    /// When, microseconds since the Unix epoch.
    pub time_us: i64,
    /// What was observed.
    pub outcome: Outcome,
}

/// Where a receipt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Refused.
    Denied,
    /// Waits for an operator.
    Asked,
    /// About to be performed when last heard of: no outcome yet.
    Open,
    /// The host died between intent and outcome, and no operator has said what happened.
    Indeterminate,
    /// Performed, observed or resolved; what it opened may still be open.
    Settled,
    /// Performed, and what it opened was closed.
    Closed,
}

/// The course of one receipt: what may follow what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course {
    state: State,
    /// Nobody saw it end.
    lost: bool,
    /// Somebody has said what became of it.
    resolved: bool,
}

/// What an outcome is of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// How it was performed.
    Settled,
    /// The end of what it opened.
    Closed,
    /// A word on what nobody saw.
    Resolved,
}

impl Course {
    /// A receipt as it is opened.
    pub(crate) fn opened(state: State, settled: Option<OutcomeResult>) -> Self {
        Self {
            state,
            lost: settled == Some(OutcomeResult::Indeterminate),
            resolved: false,
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Whether an operator is asked: then the same effect is decided again.
    pub(crate) fn is_asked(&self) -> bool {
        self.state == State::Asked
    }

    fn standing(&self) -> Standing {
        match self.state {
            State::Denied => Standing::Denied,
            State::Asked => Standing::Asked,
            State::Intended => Standing::Open,
            State::Settled | State::Closed if self.lost && !self.resolved => {
                Standing::Indeterminate
            }
            State::Settled => Standing::Settled,
            State::Closed => Standing::Closed,
        }
    }

    /// An outcome comes; none if it cannot.
    pub(crate) fn observe(&mut self, to: State, result: OutcomeResult) -> Option<Slot> {
        let resolves = result == OutcomeResult::Resolved;
        let slot = match (self.state, to) {
            (_, State::Settled) if resolves && self.standing() == Standing::Indeterminate => {
                Slot::Resolved
            }
            (State::Intended, State::Settled) if !resolves => Slot::Settled,
            (State::Intended | State::Settled, State::Closed) if !resolves => Slot::Closed,
            _ => return None,
        };
        match slot {
            Slot::Settled => self.lost = result == OutcomeResult::Indeterminate,
            Slot::Closed => {}
            Slot::Resolved => self.resolved = true,
        }
        // A resolution says what happened; it does not open again what was closed.
        if !(resolves && self.state == State::Closed) {
            self.state = to;
        }
        Some(slot)
    }
}

/// An entry that does not fit those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldFault {
    /// An outcome of a receipt that no entry opened.
    #[error(
        "entry {seq} of session {session} is an outcome of receipt {receipt}, which no entry opened"
    )]
    Orphan {
        /// The session.
        session: String,
        /// Its sequence.
        seq: u64,
        /// The receipt.
        receipt: String,
    },
    /// An entry that may not follow the state of its receipt.
    #[error("entry {seq} of session {session} brings receipt {receipt} from {} to {}, which cannot be", from.label(), to.label())]
    Contradiction {
        /// The session.
        session: String,
        /// Its sequence.
        seq: u64,
        /// The receipt.
        receipt: String,
        /// State before.
        from: State,
        /// State that the entry says.
        to: State,
    },
}

/// What entries fold to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folded {
    /// The receipts, in the order in which they were opened.
    pub receipts: Vec<Receipt>,
    /// Entries that did not fit.
    pub faults: Vec<FoldFault>,
}

impl Standing {
    /// The word that stands for the value.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Asked => "asked",
            Self::Open => "open",
            Self::Indeterminate => "indeterminate",
            Self::Settled => "settled",
            Self::Closed => "closed",
        }
    }
}

impl Receipt {
    /// The outcome that says most: resolved before closed before settled.
    pub fn outcome(&self) -> Option<&Outcome> {
        let last = [&self.resolved, &self.closed, &self.settled];
        last.into_iter().flatten().map(|o| &o.outcome).next()
    }

    /// Bytes that came in, as far as recorded; the final count once closed.
    pub fn bytes_in(&self) -> Option<u64> {
        self.bytes(|outcome| outcome.bytes_in)
    }

    /// Bytes that went out, as far as recorded; the final count once closed.
    pub fn bytes_out(&self) -> Option<u64> {
        self.bytes(|outcome| outcome.bytes_out)
    }

    fn bytes(&self, of: impl Fn(&Outcome) -> Option<u64>) -> Option<u64> {
        let of = |observed: &Option<Observed>| observed.as_ref().and_then(|o| of(&o.outcome));
        of(&self.closed).or_else(|| of(&self.settled))
    }

    fn standing(&self) -> Standing {
        self.course().standing()
    }

    fn course(&self) -> Course {
        let settled = self.settled.as_ref().map(|o| o.outcome.result);
        Course {
            resolved: self.resolved.is_some(),
            ..Course::opened(self.state, settled)
        }
    }
}

/// Folds entries, given in the order of each session's chain, to receipts. Entries of several
/// sessions may be mixed; records of calls and changes are no effects and are passed over.
pub fn fold<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Folded {
    let mut folding = Folding::default();
    for entry in entries {
        folding.take(entry);
    }
    folding.folded
}

#[derive(Default)]
struct Folding<'a> {
    folded: Folded,
    /// (session, receipt) → index in `folded.receipts`.
    places: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Folding<'a> {
    fn take(&mut self, entry: &'a Entry) {
        match &entry.record {
            Record::Effect(effect) => {
                self.open(entry, &effect.receipt, of_effect(entry, effect));
            }
            Record::Outcome(outcome) => self.observe(entry, outcome),
            Record::ReadSet(set) => {
                for item in &set.items {
                    self.open(entry, &item.receipt, of_item(entry, set, item));
                }
            }
            Record::Collapsed(group) => {
                self.open(entry, &group.receipt, of_group(entry, group));
            }
            Record::Call(_) | Record::Change(_) => {}
        }
    }

    fn open(&mut self, entry: &'a Entry, receipt: &'a str, mut next: Receipt) {
        let key = (entry.session.as_str(), receipt);
        let known = self
            .places
            .get(&key)
            .and_then(|at| self.folded.receipts.get_mut(*at));
        match known {
            None => {
                next.standing = next.standing();
                self.places.insert(key, self.folded.receipts.len());
                self.folded.receipts.push(next);
            }
            // An operator has answered: the same effect is decided again.
            Some(known) if known.course().is_asked() => {
                next.seqs.splice(0..0, known.seqs.drain(..));
                next.time_us = known.time_us;
                next.standing = next.standing();
                *known = next;
            }
            Some(known) => self
                .folded
                .faults
                .push(contradiction(entry, known, next.state)),
        }
    }

    fn observe(&mut self, entry: &'a Entry, record: &OutcomeRecord) {
        let key = (entry.session.as_str(), record.receipt.as_str());
        let Some(known) = self
            .places
            .get(&key)
            .and_then(|at| self.folded.receipts.get_mut(*at))
        else {
            self.folded.faults.push(FoldFault::Orphan {
                session: entry.session.clone(),
                seq: entry.seq,
                receipt: record.receipt.clone(),
            });
            return;
        };
        let observed = Observed {
            seq: entry.seq,
            time_us: record.time_us,
            outcome: record.outcome.clone(),
        };
        let mut course = known.course();
        let slot = match course.observe(record.state, record.outcome.result) {
            Some(Slot::Settled) => &mut known.settled,
            Some(Slot::Closed) => &mut known.closed,
            Some(Slot::Resolved) => &mut known.resolved,
            None => {
                let fault = contradiction(entry, known, record.state);
                self.folded.faults.push(fault);
                return;
            }
        };
        *slot = Some(observed);
        known.state = course.state();
        known.seqs.push(entry.seq);
        known.standing = course.standing();
    }
}

fn contradiction(entry: &Entry, known: &Receipt, to: State) -> FoldFault {
    FoldFault::Contradiction {
        session: entry.session.clone(),
        seq: entry.seq,
        receipt: known.id.clone(),
        from: known.state,
        to,
    }
}

fn of_effect(entry: &Entry, effect: &EffectRecord) -> Receipt {
    Receipt {
        id: effect.receipt.clone(),
        session: entry.session.clone(),
        seqs: vec![entry.seq],
        time_us: effect.time_us,
        run: effect.run.clone(),
        call: effect.call.clone(),
        plugin: Arc::clone(&effect.plugin),
        import: Some(effect.import.to_string()),
        kind: effect.kind.to_string(),
        class: Some(effect.class),
        action: effect.action,
        target: Some(effect.target.clone()),
        decision: effect.decision.clone(),
        policy: Some(effect.policy.clone()),
        generation: Some(effect.generation),
        transport: Some(effect.transport),
        budget_left: Some(effect.budget_left),
        state: effect.state,
        standing: Standing::Open,
        settled: effect.outcome.clone().map(|outcome| Observed {
            seq: entry.seq,
            time_us: effect.time_us,
            outcome,
        }),
        closed: None,
        resolved: None,
        count: 1,
    }
}

fn of_item(entry: &Entry, set: &ReadSet, item: &ReadItem) -> Receipt {
    let observed = item.outcome.clone().map(|outcome| Observed {
        seq: entry.seq,
        time_us: item.time_us,
        outcome,
    });
    let (settled, closed) = match item.state {
        State::Closed => (None, observed),
        _ => (observed, None),
    };
    Receipt {
        id: item.receipt.clone(),
        session: entry.session.clone(),
        seqs: vec![entry.seq],
        time_us: item.time_us,
        run: set.run.clone(),
        call: set.call.clone(),
        plugin: Arc::clone(&set.plugin),
        import: Some(item.import.to_string()),
        kind: item.kind.to_string(),
        class: Some(Class::Buffered),
        action: item.action,
        target: Some(item.target.clone()),
        decision: item.decision.clone(),
        policy: Some(set.policy.clone()),
        generation: Some(set.generation),
        transport: None,
        budget_left: None,
        state: item.state,
        standing: Standing::Open,
        settled,
        closed,
        resolved: None,
        count: 1,
    }
}

fn of_group(entry: &Entry, group: &Collapsed) -> Receipt {
    Receipt {
        id: group.receipt.clone(),
        session: entry.session.clone(),
        seqs: vec![entry.seq],
        time_us: group.time_us,
        run: group.run.clone(),
        call: group.call.clone(),
        plugin: Arc::clone(&group.plugin),
        import: None,
        kind: group.kind.to_string(),
        class: None,
        action: Action::Denial,
        target: None,
        decision: Decided {
            verdict: Verdict::Denied,
            grant: None,
            reason: Some(group.reason.clone()),
            nearest: None,
            command: None,
        },
        policy: None,
        generation: None,
        transport: None,
        budget_left: None,
        state: State::Denied,
        standing: Standing::Denied,
        settled: None,
        closed: None,
        resolved: None,
        count: group.count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::{effect, entries_of, outcome_of, records};
    use proptest::prelude::*;

    fn folded(records: Vec<Record>) -> Folded {
        fold(&entries_of("s", records))
    }

    fn intended() -> Record {
        effect("r1", State::Intended)
    }

    fn observed(state: State, result: OutcomeResult) -> Record {
        outcome_of("r1", state, result)
    }

    #[test]
    fn an_intent_without_an_outcome_is_open() {
        let all = folded(vec![intended()]);
        assert_eq!(all.receipts[0].standing, Standing::Open);
        assert_eq!(all.receipts[0].seqs, [1]);
    }

    #[test]
    fn an_effect_runs_through_settled_to_closed() {
        let all = folded(vec![
            intended(),
            observed(State::Settled, OutcomeResult::Ok),
            observed(State::Closed, OutcomeResult::Ok),
        ]);
        let receipt = &all.receipts[0];
        assert_eq!(receipt.standing, Standing::Closed);
        assert_eq!(receipt.seqs, [1, 2, 3]);
        assert!(receipt.settled.is_some() && receipt.closed.is_some());
        assert_eq!(all.faults, []);
    }

    #[test]
    fn what_a_dead_host_left_is_indeterminate_until_resolved() {
        let mut log = vec![
            intended(),
            observed(State::Settled, OutcomeResult::Indeterminate),
        ];
        assert_eq!(
            folded(log.clone()).receipts[0].standing,
            Standing::Indeterminate
        );
        log.push(observed(State::Settled, OutcomeResult::Resolved));
        let all = folded(log);
        assert_eq!(all.receipts[0].standing, Standing::Settled);
        assert_eq!(
            all.receipts[0].outcome().unwrap().result,
            OutcomeResult::Resolved
        );
        assert_eq!(all.faults, []);
    }

    #[test]
    fn an_answer_decides_an_asked_effect() {
        let all = folded(vec![effect("r1", State::Asked), intended()]);
        assert_eq!(all.receipts.len(), 1);
        assert_eq!(all.receipts[0].standing, Standing::Open);
        assert_eq!(all.receipts[0].seqs, [1, 2]);
    }

    #[test]
    fn contradictions_change_nothing_and_are_told() {
        let denied = effect("r1", State::Denied);
        let all = folded(vec![
            denied,
            observed(State::Settled, OutcomeResult::Ok),
            intended(),
        ]);
        assert_eq!(all.receipts[0].standing, Standing::Denied);
        assert_eq!(all.faults.len(), 2);
        let orphan = folded(vec![observed(State::Settled, OutcomeResult::Ok)]);
        assert!(matches!(
            orphan.faults[..],
            [FoldFault::Orphan { seq: 1, .. }]
        ));
    }

    proptest! {
        #[test]
        fn folding_any_prefix_never_panics_and_loses_nothing(records in records(0..30), cut in any::<prop::sample::Index>()) {
            let entries = entries_of("s", records);
            let prefix = &entries[..cut.index(entries.len() + 1)];
            let part = fold(prefix);
            let whole = fold(&entries);
            prop_assert!(part.receipts.len() <= whole.receipts.len());
            for (early, late) in part.receipts.iter().zip(&whole.receipts) {
                prop_assert_eq!(&early.id, &late.id);
                prop_assert!(late.seqs.starts_with(&early.seqs));
            }
            prop_assert_eq!(&part.faults[..], &whole.faults[..part.faults.len()]);
        }
    }
}
