//! Events: what a session's log is made of.
//!
//! Events are the audit half of a session. They hold ids, counts, labels and keyed hashes, never a
//! prompt, an argument, an output or a provider's words: those are in the transcript.
//!
//! A stored event is an [`EventRecord`], JSON with schema [`EVENT_SCHEMA`], or [`EVENT_SCHEMA_2`] for the kinds
//! that came with it. A newer schema is reported as such, so that a log of a newer version can be shown raw but
//! is never written to. A field may be added to a kind without a new schema if it may be missing; a kind may
//! not, because a reader that does not know it could not say what a session is.

mod envelope;
mod terms;

pub use envelope::{EventError, EventRecord};
pub use terms::RunTerms;

use crate::carry::LeftOut;
use crate::models::Cost;
use crate::status::{
    BlockReason, FailReason, FaultReason, InterruptReason, Mode, Resolution, Status, StopCause,
    ToolOutcome,
};
use serde::{Deserialize, Serialize};
use tollgate_contract::{StopReason, Usage};

/// Schema of events of the first kinds.
pub const EVENT_SCHEMA: &str = "tollgate.event/1";
/// Schema of events of kinds that came later: `rebound`, `left_out`.
pub const EVENT_SCHEMA_2: &str = "tollgate.event/2";
/// Turns of a run unless told otherwise.
pub const ITERATIONS_DEFAULT: u32 = 5;
/// The most bytes of a free text (reason, note) in an event.
pub const NOTE_BYTES_MAX: usize = 512;

/// Who acts: the operator of an `auth login`, or `os:<user>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Operator {
    /// Who, as the issuer names them.
    pub subject: String,
    /// Who says so.
    pub issuer: String,
}

/// What a session is bound to. References only, no credential. Provider, model and credential change only by
/// [`Event::Rebound`], the rest never.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The session.
    pub session: String,
    /// The project.
    pub project: String,
    /// The plugin that adapts the provider.
    pub provider: String,
    /// The model; none means the adapter's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What the model was chosen for, where it was chosen by purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Names the credential that the provider may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_profile: Option<String>,
    /// Digest of the effective policy at launch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Where a background host can be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
    /// Kind and hosting.
    #[serde(default)]
    pub mode: Mode,
    /// Whose session it is.
    pub operator: Operator,
}

/// What one provider call cost and what it left: the provider receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderReceipt {
    /// Its id.
    pub id: String,
    /// The call.
    pub call: String,
    /// The plugin.
    pub plugin: String,
    /// Digest of the component that ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The model that answered, as the provider named it.
    pub model: String,
    /// The provider's id of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
    /// Tokens.
    pub usage: Usage,
    /// What they cost; none where the configuration has no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// From the call's beginning to the first piece of the answer, or to the answer, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<u64>,
    /// Why the model stopped.
    pub stop: StopReason,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// The environment receipts of the call.
    pub environment_receipts: Vec<String>,
    /// When it ended, microseconds since the Unix epoch.
    pub time_us: i64,
}

/// The ids that a run starts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSeed {
    /// The run.
    pub run: String,
    /// The task that it works on.
    pub task: String,
}

/// A prompt as the audit sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptMark {
    /// First 16 hexadecimal digits of the prompt's HMAC-SHA256 under the session's key.
    pub hash: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// How a run ended, in numbers and ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    /// The run.
    pub run: String,
    /// Turns taken.
    pub turns: u32,
    /// Tokens.
    pub usage: Usage,
    /// The handoff that it left, if it left one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<String>,
}

/// Something that happened to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// It was created.
    Launched {
        /// What it is bound to.
        identity: Identity,
    },
    /// Everything that it needs is there.
    Bound {
        /// The provider's own name, as `describe` said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_name: Option<String>,
        /// The provider's wire format.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        format: Option<String>,
    },
    /// Something that it needs is missing.
    Unbound {
        /// Labels of what is missing, such as `credential`.
        missing: Vec<String>,
    },
    /// It is bound to another provider or model from here on. Its status, generation and links stay.
    Rebound {
        /// The provider plugin until here.
        from_provider: String,
        /// The model until here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from_model: Option<String>,
        /// The provider plugin.
        provider: String,
        /// The model; none means the adapter's default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// Names the credential that the provider may use.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        auth_profile: Option<String>,
        /// The provider's own name, as `describe` said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_name: Option<String>,
        /// The provider's wire format.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        format: Option<String>,
    },
    /// A prompt opened a run.
    PromptReceived {
        /// Run and task.
        seed: RunSeed,
        /// The prompt.
        prompt: PromptMark,
        /// The provider plugin.
        provider: String,
        /// The model.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// Digest of the effective policy.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        policy: Option<String>,
        /// On what terms; none in logs that were written before terms were.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<RunTerms>,
    },
    /// A message waits in the inbox.
    MessageQueued {
        /// The message.
        prompt: PromptMark,
    },
    /// Everything in the inbox became the prompt of a run.
    InboxDelivered {
        /// Run and task.
        seed: RunSeed,
        /// How many messages.
        messages: u64,
    },
    /// A parked or interrupted run goes on.
    RunResumed {
        /// The run.
        run: String,
        /// What let it go on: `approval`, `continue`, `reconnect`, `resolve`, `ledger_back`.
        cause: String,
    },
    /// A run that only asks whether the provider answers.
    ProbeStarted {
        /// Run and task.
        seed: RunSeed,
    },
    /// A provider call begins.
    ProviderStarted {
        /// The run.
        run: String,
        /// The call.
        call: String,
        /// The turn, from 1.
        turn: u32,
        /// The try, from 1.
        attempt: u32,
        /// Tokens reserved for it, 0 without a budget.
        reserved_tokens: u64,
        /// Money reserved for it; none without a budget.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reserved_cost: Option<Cost>,
    },
    /// A provider call came back with an answer.
    ProviderCompleted {
        /// The run.
        run: String,
        /// The turn.
        turn: u32,
        /// Its receipt.
        receipt: ProviderReceipt,
        /// How many tools it asks for.
        tool_uses: u32,
    },
    /// A provider call came back without one.
    ProviderFailed {
        /// The run.
        run: String,
        /// The call.
        call: String,
        /// The turn.
        turn: u32,
        /// Label of the error, such as `rate_limited`.
        error: String,
        /// Words of the host, such as which bound in time was reached.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        /// Tokens that count as spent, estimated: the provider had begun to answer, or never said that it
        /// had not.
        #[serde(default, skip_serializing_if = "is_zero")]
        lost_tokens: u64,
        /// What they cost; none where there is no price.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lost_cost: Option<Cost>,
        /// The environment receipts of the call.
        environment_receipts: Vec<String>,
    },
    /// The provider is another than before, and parts of the conversation are not for it. Once for each
    /// change; they stay in the transcript.
    LeftOut {
        /// The run.
        run: String,
        /// The provider plugin that does not get them.
        provider: String,
        /// What.
        left_out: Vec<LeftOut>,
    },
    /// A tool call begins.
    ToolStarted {
        /// The run.
        run: String,
        /// The call.
        call: String,
        /// The provider's id of the request.
        tool_use: String,
        /// The plugin.
        plugin: String,
        /// The tool.
        tool: String,
        /// Keyed hash of plugin, tool and arguments.
        arguments: String,
        /// Effects reserved for it, 0 without a budget.
        #[serde(default)]
        reserved_effects: u64,
    },
    /// A tool call is over; its result is in the transcript.
    ToolCompleted {
        /// The run.
        run: String,
        /// The call; none if none was made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<String>,
        /// The provider's id of the request.
        tool_use: String,
        /// The plugin.
        plugin: String,
        /// The tool.
        tool: String,
        /// Keyed hash of plugin, tool and arguments.
        arguments: String,
        /// How it came back.
        outcome: ToolOutcome,
        /// Label of a denial's reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        denial: Option<String>,
        /// Effects that it attempted.
        #[serde(default)]
        effects: u64,
        /// The environment receipts of the call.
        environment_receipts: Vec<String>,
    },
    /// The model was done.
    RunCompleted {
        /// Numbers and ids.
        end: RunEnd,
    },
    /// The run stopped before it was done.
    RunInterrupted {
        /// Numbers and ids.
        end: RunEnd,
        /// Why.
        reason: InterruptReason,
    },
    /// The run is parked.
    RunBlocked {
        /// Numbers and ids so far.
        end: RunEnd,
        /// Why.
        reason: BlockReason,
    },
    /// The run ended without an answer.
    RunFailed {
        /// Numbers and ids.
        end: RunEnd,
        /// Why.
        reason: FailReason,
    },
    /// The run was ended by an operator.
    RunCancelled {
        /// Numbers and ids.
        end: RunEnd,
        /// In the operator's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Effects were begun whose end nobody saw; their ledger entries say `indeterminate`.
    EffectsIndeterminate {
        /// Their receipts.
        receipts: Vec<String>,
    },
    /// An operator, or a grant of an operator's, said what became of one of them.
    EffectResolved {
        /// The receipt.
        receipt: String,
        /// What became of it.
        resolution: Resolution,
        /// The call that had begun it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<String>,
    },
    /// The session needs recovery.
    Faulted {
        /// Why.
        reason: FaultReason,
        /// Redacted words of the host for the operator.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// The owner is gone without a word.
    OwnerLost {
        /// The fence that it had.
        fence: u64,
        /// How that was found out.
        note: String,
    },
    /// Another host goes on with the run.
    RunTaken {
        /// The run.
        run: String,
    },
    /// An operator brought it back without a run.
    Recovered {},
    /// It rests.
    Rested {
        /// `dormant` or `suspended`.
        status: Status,
    },
    /// It rests no more.
    Woken {},
    /// Its context was torn down; the handoff carries over.
    Reset {},
    /// An exit word came as a prompt.
    Exited {
        /// The prompt.
        prompt: PromptMark,
    },
    /// It is being ended.
    Stopping {
        /// By which verb.
        cause: StopCause,
        /// In the operator's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It has ended.
    Stopped {
        /// Runs that it had.
        runs: u64,
        /// Its last handoff, which is its summary.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        handoff: Option<String>,
    },
    /// It starts again.
    Restarted {
        /// In the operator's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It has ended for good.
    Archived {},
    /// It was deleted; this is its tombstone.
    Removed {
        /// What it was.
        identity: Identity,
        /// Events that were deleted.
        events: u64,
    },
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Event {
    /// The schema of an event of this kind.
    pub const fn schema(&self) -> &'static str {
        match self {
            Self::Rebound { .. } | Self::LeftOut { .. } => EVENT_SCHEMA_2,
            _ => EVENT_SCHEMA,
        }
    }

    /// The event's stable name: its `type` in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Launched { .. } => "launched",
            Self::Bound { .. } => "bound",
            Self::Unbound { .. } => "unbound",
            Self::Rebound { .. } => "rebound",
            Self::PromptReceived { .. } => "prompt_received",
            Self::MessageQueued { .. } => "message_queued",
            Self::InboxDelivered { .. } => "inbox_delivered",
            Self::RunResumed { .. } => "run_resumed",
            Self::ProbeStarted { .. } => "probe_started",
            Self::ProviderStarted { .. } => "provider_started",
            Self::ProviderCompleted { .. } => "provider_completed",
            Self::ProviderFailed { .. } => "provider_failed",
            Self::LeftOut { .. } => "left_out",
            Self::ToolStarted { .. } => "tool_started",
            Self::ToolCompleted { .. } => "tool_completed",
            Self::RunCompleted { .. } => "run_completed",
            Self::RunInterrupted { .. } => "run_interrupted",
            Self::RunBlocked { .. } => "run_blocked",
            Self::RunFailed { .. } => "run_failed",
            Self::RunCancelled { .. } => "run_cancelled",
            Self::EffectsIndeterminate { .. } => "effects_indeterminate",
            Self::EffectResolved { .. } => "effect_resolved",
            Self::Faulted { .. } => "faulted",
            Self::OwnerLost { .. } => "owner_lost",
            Self::RunTaken { .. } => "run_taken",
            Self::Recovered {} => "recovered",
            Self::Rested { .. } => "rested",
            Self::Woken {} => "woken",
            Self::Reset {} => "reset",
            Self::Exited { .. } => "exited",
            Self::Stopping { .. } => "stopping",
            Self::Stopped { .. } => "stopped",
            Self::Restarted { .. } => "restarted",
            Self::Archived {} => "archived",
            Self::Removed { .. } => "removed",
        }
    }
}

/// Cuts a free text to [`NOTE_BYTES_MAX`] bytes at a character's edge and escapes control characters.
pub fn note(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let add = if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        };
        if out.len() + add.len() > NOTE_BYTES_MAX {
            break;
        }
        out.push_str(&add);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_type_in_json() {
        let events = [
            Event::Recovered {},
            Event::Archived {},
            Event::Rested {
                status: Status::Dormant,
            },
            Event::Launched {
                identity: Identity::default(),
            },
        ];
        for event in events {
            let json = serde_json::to_value(&event).unwrap();
            assert_eq!(json["type"], event.name());
            assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
        }
    }

    #[test]
    fn a_newer_schema_is_named_and_garbage_is_placed() {
        let newer = r#"{"schema":"tollgate.event/3","anything":1}"#;
        assert!(matches!(
            EventRecord::parse(7, newer),
            Err(EventError::Newer { seq: 7, .. })
        ));
        assert!(matches!(
            EventRecord::parse(8, "{"),
            Err(EventError::Malformed { seq: 8, .. })
        ));
    }

    #[test]
    fn notes_are_short_and_show_no_control_characters() {
        assert_eq!(note("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert!(note(&"é".repeat(1000)).len() <= NOTE_BYTES_MAX);
    }
}
