//! The fold of a session's log: everything that a decision or a reader needs.
//!
//! Invariant: every collection is bounded; what falls out is still in the log, and totals count it.

use crate::event::{Identity, RunTerms};
use crate::models::{Cost, Costs};
use crate::status::{BlockReason, FaultReason, Resolution, RunStatus, Status};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tollgate_contract::Usage;

/// Schema of a stored checkpoint.
pub const STATE_SCHEMA: &str = "tollgate.state/5";
/// How many ids of one kind a session links to; the newest stay.
pub const LINKS_MAX: usize = 256;
/// How many supervision notes a session keeps.
pub const NOTES_MAX: usize = 8;
/// How many different tools a run counts; a model may invent names.
pub const TOOLS_MAX: usize = 256;
/// How many denied calls a run remembers.
pub const DENIED_MAX: usize = 256;

/// The newest ids of one kind, and how many there were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// The newest [`LINKS_MAX`], oldest first.
    pub ids: VecDeque<String>,
    /// How many there were in all.
    pub total: u64,
}

impl Links {
    /// Adds an id, and drops the oldest beyond the bound.
    pub fn push(&mut self, id: impl Into<String>) {
        self.ids.push_back(id.into());
        self.total = self.total.saturating_add(1);
        while self.ids.len() > LINKS_MAX {
            self.ids.pop_front();
        }
    }
}

/// Everything that a session has left elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllLinks {
    /// Tasks.
    pub tasks: Links,
    /// Runs.
    pub runs: Links,
    /// Provider receipts.
    pub receipts: Links,
    /// Environment receipts.
    pub environment_receipts: Links,
    /// Handoffs.
    pub handoffs: Links,
}

/// What brought the session to a recoverable status, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// Why.
    pub reason: FaultReason,
    /// When it was found, microseconds since the Unix epoch.
    pub detected_us: i64,
    /// What an operator is advised to do.
    pub action: String,
    /// The provider plugin.
    pub provider: String,
    /// The model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The project.
    pub project: String,
    /// Redacted words of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// When the session was brought back, microseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered_us: Option<i64>,
}

/// How often a tool was called in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCount {
    /// Calls that came back.
    pub calls: u64,
    /// Of these, those that came back as anything but `ok`.
    pub not_ok: u64,
}

/// One run: the open one, or the last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The run.
    pub run: String,
    /// The task.
    pub task: String,
    /// It only asks whether the provider answers.
    pub probe: bool,
    /// On what terms it was asked for; none for a run that no prompt opened.
    pub terms: Option<RunTerms>,
    /// When it began, microseconds since the Unix epoch.
    pub started_us: i64,
    /// Turns whose provider call came back.
    pub turns: u32,
    /// Tokens, settled.
    pub usage: Usage,
    /// Tokens reserved by provider calls that never came back: they count as spent.
    pub lost_tokens: u64,
    /// Tokens reserved by the provider call that is open.
    pub reserved_tokens: u64,
    /// Money, settled, of calls with a price.
    pub cost: Costs,
    /// Money of provider calls whose end nobody saw: it counts as spent.
    pub lost_cost: Costs,
    /// Money reserved by the provider call that is open.
    pub reserved_cost: Option<Cost>,
    /// Effects that its tools attempted, and those that calls reserved whose end nobody saw.
    pub effects: u64,
    /// Effects reserved by the tool call that is open.
    pub reserved_effects: u64,
    /// Why it waits, if it does.
    pub parked: Option<BlockReason>,
    /// How often another host has gone on with it.
    pub takeovers: u32,
    /// Calls (keyed hash of plugin, tool, arguments) that were denied, with the reason's label.
    pub denied: BTreeMap<String, String>,
    /// Traps in a row, by plugin.
    pub traps: BTreeMap<String, u32>,
    /// Requests of the model whose call began and has not come back, with the call.
    pub open_calls: BTreeMap<String, String>,
    /// What was said of the effects of an open call whose end nobody saw, all of them together.
    pub words: BTreeMap<String, Resolution>,
    /// Tools by `plugin/tool`.
    pub tools: BTreeMap<String, ToolCount>,
    /// Provider receipts.
    pub receipts: Links,
    /// Environment receipts.
    pub environment_receipts: Links,
}

impl Run {
    /// Whether `call` is open and may be made again: somebody who may said so of an effect of it, and
    /// nobody said of another that it was performed.
    pub fn may_repeat(&self, call: &str) -> bool {
        self.words.get(call) == Some(&Resolution::Retry)
    }

    /// Keeps a word on an effect of an open call. The one that forbids most stands.
    pub(crate) fn hear(&mut self, call: &str, word: Resolution) {
        if !self.open_calls.values().any(|open| open == call) {
            return;
        }
        let strength = |word| match word {
            Resolution::NotDone => 0,
            Resolution::Retry => 1,
            Resolution::Done | Resolution::Unknown => 2,
        };
        let stands = self.words.entry(call.to_owned()).or_insert(word);
        if strength(word) > strength(*stands) {
            *stands = word;
        }
    }

    /// An open call came back, or was made again.
    pub(crate) fn call_over(&mut self, tool_use: &str) {
        if let Some(call) = self.open_calls.remove(tool_use) {
            self.words.remove(&call);
        }
    }

    /// Effects that count against a budget: settled, lost and reserved.
    pub fn effects_spent(&self) -> u64 {
        self.effects.saturating_add(self.reserved_effects)
    }

    /// Money in one currency that counts against a budget: settled, lost and reserved; millionths.
    pub fn micros_spent(&self, currency: &str) -> u64 {
        let reserved = self.reserved_cost.as_ref();
        let reserved = reserved.filter(|cost| cost.currency == currency);
        self.cost
            .of(currency)
            .saturating_add(self.lost_cost.of(currency))
            .saturating_add(reserved.map_or(0, |cost| cost.micros))
    }

    /// Tokens that count against a budget: settled, lost and reserved.
    pub fn tokens_spent(&self) -> u64 {
        self.usage
            .input
            .saturating_add(self.usage.output)
            .saturating_add(self.lost_tokens)
            .saturating_add(self.reserved_tokens)
    }
}

/// The last run, ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedRun {
    /// What it was.
    pub run: Run,
    /// How it ended; never `running` or `blocked`.
    pub status: RunStatus,
    /// Label of the reason, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When, microseconds since the Unix epoch.
    pub ended_us: i64,
    /// Its handoff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<String>,
}

/// A session at one place of its log. [`State::default`] is the session that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Where it stands.
    pub status: Status,
    /// What it is bound to.
    pub identity: Identity,
    /// The provider's own name, as `describe` said last.
    pub adapter: Option<String>,
    /// It was bound to another adapter before.
    pub adapter_changed: bool,
    /// What the present adapter does not get of the conversation was told.
    pub left_out_told: bool,
    /// Context counter, +1 per reset.
    pub generation: u64,
    /// When it was launched, microseconds since the Unix epoch.
    pub created_us: i64,
    /// When its last event happened, microseconds since the Unix epoch.
    pub updated_us: i64,
    /// The sequence of the last event that is folded in; 0 for none.
    pub seq: u64,
    /// The open run: running, or parked.
    pub run: Option<Run>,
    /// The run before.
    pub last_run: Option<EndedRun>,
    /// Money of all its provider calls with a price.
    pub cost: Costs,
    /// Messages that wait.
    pub inbox: u64,
    /// Receipts of effects that may or may not have happened, unresolved.
    pub unresolved: BTreeSet<String>,
    /// What is missing while unbound.
    pub missing: Vec<String>,
    /// Links.
    pub links: AllLinks,
    /// The last recovery.
    pub recovery: Option<Recovery>,
    /// Supervision notes, oldest first, at most [`NOTES_MAX`].
    pub notes: VecDeque<String>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            status: Status::Absent,
            identity: Identity::default(),
            adapter: None,
            adapter_changed: false,
            left_out_told: false,
            generation: 1,
            created_us: 0,
            updated_us: 0,
            seq: 0,
            run: None,
            last_run: None,
            cost: Costs::default(),
            inbox: 0,
            unresolved: BTreeSet::new(),
            missing: Vec::new(),
            links: AllLinks::default(),
            recovery: None,
            notes: VecDeque::new(),
        }
    }
}

/// What of a [`State`] must always hold; the words say what does not.
///
/// Checked before events are written and after a log is read.
pub fn invariant(state: &State) -> Result<(), &'static str> {
    let parked = state.run.as_ref().is_some_and(|run| run.parked.is_some());
    let open = state.run.is_some();
    match state.status {
        Status::Running if !open || parked => {
            Err("running without one open run that is not parked")
        }
        Status::Running | Status::Idle | Status::Dormant | Status::Suspended
            if !state.unresolved.is_empty() =>
        {
            Err("ready or running with an unresolved effect")
        }
        Status::Blocked if !parked && state.unresolved.is_empty() => {
            Err("blocked without a parked run or an unresolved effect")
        }
        Status::Running => Ok(()),
        Status::Blocked if open && !parked => Err("blocked with a run that is not parked"),
        Status::Blocked => Ok(()),
        _ if open => Err("an open run outside running and blocked"),
        _ => Ok(()),
    }
}
