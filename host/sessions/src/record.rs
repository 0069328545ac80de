//! Records: what `status`, `list`, `show` and `prompt` print as JSON.
//!
//! Stable shapes with schema names, made from the fold; nothing here is stored.

use crate::event::{Operator, ProviderReceipt, RunTerms};
use crate::handoff::Handoff;
use crate::machine::status_reason;
use crate::models::Costs;
use crate::ports::{Lease, Removed};
use crate::state::{EndedRun, Links, Recovery, Run, State};
use crate::status::{Mode, RunStatus, Status, ToolOutcome};
use serde::Serialize;
use tollgate_contract::{Denial, Usage};

/// Schema of [`SessionRecord`].
pub const SESSION_SCHEMA: &str = "tollgate.session/1";
/// Schema of [`RunReport`].
pub const RUN_SCHEMA: &str = "tollgate.run/1";

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionRecord {
    /// [`SESSION_SCHEMA`].
    pub schema: &'static str,
    /// The session.
    pub id: String,
    /// Where it stands.
    pub status: Status,
    /// Why, in labels.
    pub status_reason: Option<String>,
    /// The project.
    pub project: String,
    /// The provider plugin.
    pub provider: String,
    /// The model; none means the adapter's default.
    pub model: Option<String>,
    /// What the model was chosen for, where it was chosen by purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Names the credential that the provider may use.
    pub auth_profile: Option<String>,
    /// Digest of the policy at launch.
    pub policy: Option<String>,
    /// Where a background host can be reached.
    pub endpoint_url: Option<String>,
    /// Kind and hosting.
    pub mode: Mode,
    /// Whose it is.
    pub operator: Operator,
    /// Context counter.
    pub generation: u64,
    /// When it was launched, microseconds since the Unix epoch.
    pub created_us: i64,
    /// When its last event happened, microseconds since the Unix epoch.
    pub updated_us: i64,
    /// How many events it has.
    pub events: u64,
    /// The open run.
    pub current_run: Option<RunSummary>,
    /// The run before.
    pub last_run: Option<RunSummary>,
    /// Ids of what it left elsewhere, the newest of each kind.
    pub links: LinkRecord,
    /// Money of all its provider calls with a price, in millionths by currency.
    #[serde(skip_serializing_if = "Costs::is_empty")]
    pub cost: Costs,
    /// The last recovery.
    pub recovery: Option<Recovery>,
    /// Supervision notes.
    pub notes: Vec<String>,
    /// Messages that wait.
    pub inbox: u64,
    /// Receipts of effects that may or may not have happened.
    pub unresolved: Vec<String>,
    /// Its lease; none when nobody has it.
    pub lease: Option<LeaseRecord>,
}

/// Who has the session now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeaseRecord {
    /// The host.
    pub host: String,
    /// The fence.
    pub fence: u64,
    /// Until when, microseconds since the Unix epoch.
    pub until_us: i64,
}

/// A run in few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// The run.
    pub run: String,
    /// The task.
    pub task: String,
    /// How it stands.
    pub status: RunStatus,
    /// Label of the reason.
    pub reason: Option<String>,
    /// When it began, microseconds since the Unix epoch.
    pub started_us: i64,
    /// When it ended, microseconds since the Unix epoch.
    pub ended_us: Option<i64>,
    /// Turns.
    pub turns: u32,
    /// Tokens.
    pub usage: Usage,
    /// Money of calls with a price, in millionths by currency.
    #[serde(skip_serializing_if = "Costs::is_empty")]
    pub cost: Costs,
    /// Effects of its tools that count against a budget.
    pub effects: u64,
    /// On what terms it was asked for.
    pub terms: Option<RunTerms>,
    /// Its handoff.
    pub handoff: Option<String>,
}

/// Links with their totals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkRecord {
    /// Tasks.
    pub tasks: Vec<String>,
    /// Runs.
    pub runs: Vec<String>,
    /// Provider receipts.
    pub receipts: Vec<String>,
    /// Environment receipts.
    pub environment_receipts: Vec<String>,
    /// Handoffs.
    pub handoffs: Vec<String>,
    /// How many there were in all.
    pub totals: LinkTotals,
}

/// How many links there were, those no longer listed included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LinkTotals {
    /// Tasks.
    pub tasks: u64,
    /// Runs.
    pub runs: u64,
    /// Provider receipts.
    pub receipts: u64,
    /// Environment receipts.
    pub environment_receipts: u64,
    /// Handoffs.
    pub handoffs: u64,
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Listed {
    /// A session.
    Session {
        /// It.
        session: Box<SessionRecord>,
    },
    /// A session whose log this version cannot use.
    Unreadable {
        /// Its id.
        id: String,
        /// Why.
        why: String,
    },
}

/// What a run yielded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    /// [`RUN_SCHEMA`].
    pub schema: &'static str,
    /// The session.
    pub session: String,
    /// The task.
    pub task: String,
    /// The run.
    pub run: String,
    /// How it stands.
    pub status: RunStatus,
    /// Label of the reason.
    pub reason: Option<String>,
    /// What went wrong, for people; may hold a stranger's words.
    pub message: Option<String>,
    /// The model's last words.
    pub output: String,
    /// Turns of the whole run.
    pub turns: u32,
    /// Tokens of the whole run.
    pub usage: Usage,
    /// Money of the whole run's calls with a price, in millionths by currency.
    #[serde(skip_serializing_if = "Costs::is_empty")]
    pub cost: Costs,
    /// Effects of the whole run's tools that count against a budget.
    pub effects: u64,
    /// Receipts of the provider calls made now.
    pub provider_receipts: Vec<ProviderReceipt>,
    /// The environment receipts of the whole run, the newest.
    pub environment_receipts: Vec<String>,
    /// Tool calls made now.
    pub tool_calls: Vec<ToolCallReport>,
    /// What the gate refused, as far as plugins told.
    pub denials: Vec<Denial>,
    /// The handoff.
    pub handoff: Handoff,
    /// Where the session stands now.
    pub session_status: Status,
}

/// One tool call of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolCallReport {
    /// The call; none if none was made.
    pub call: Option<String>,
    /// The plugin.
    pub plugin: String,
    /// The tool.
    pub tool: String,
    /// How it came back.
    pub outcome: ToolOutcome,
    /// Its environment receipts.
    pub environment_receipts: Vec<String>,
}

/// What `rm` deleted and what it kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemovalReport {
    /// The session.
    pub session: String,
    /// Events deleted.
    pub events: u64,
    /// Transcript entries deleted.
    pub transcript_entries: u64,
    /// Key-value and scratch records deleted.
    pub resources: u64,
    /// What stays, and why.
    pub kept: Vec<&'static str>,
}

impl RemovalReport {
    /// The report of a removal.
    pub(crate) fn new(session: String, removed: Removed) -> Self {
        Self {
            session,
            events: removed.events,
            transcript_entries: removed.transcript_entries,
            resources: removed.resources,
            kept: vec![
                "the session's ledger entries: the ledger is append-only",
                "the key of the keyed hashes in them, until --forget deletes it",
                "the tombstone event: the id is not used again",
            ],
        }
    }
}

impl SessionRecord {
    /// The record of a fold and its lease.
    pub fn new(state: &State, lease: &Lease) -> Self {
        let identity = &state.identity;
        Self {
            schema: SESSION_SCHEMA,
            id: lease.session.to_string(),
            status: state.status,
            status_reason: status_reason(state),
            project: identity.project.clone(),
            provider: identity.provider.clone(),
            model: identity.model.clone(),
            purpose: identity.purpose.clone(),
            auth_profile: identity.auth_profile.clone(),
            policy: identity.policy.clone(),
            endpoint_url: identity.endpoint_url.clone(),
            mode: identity.mode,
            operator: identity.operator.clone(),
            generation: state.generation,
            created_us: state.created_us,
            updated_us: state.updated_us,
            events: state.seq,
            current_run: state.run.as_ref().map(open_run),
            last_run: state.last_run.as_ref().map(ended_run),
            links: links(state),
            cost: state.cost.clone(),
            recovery: state.recovery.clone(),
            notes: state.notes.iter().cloned().collect(),
            inbox: state.inbox,
            unresolved: state.unresolved.iter().cloned().collect(),
            lease: lease.host.as_ref().map(|host| LeaseRecord {
                host: host.0.clone(),
                fence: lease.fence,
                until_us: lease.until_us,
            }),
        }
    }
}

fn open_run(run: &Run) -> RunSummary {
    RunSummary {
        run: run.run.clone(),
        task: run.task.clone(),
        status: run
            .parked
            .map_or(RunStatus::Running, |_| RunStatus::Blocked),
        reason: run.parked.map(|reason| reason.label().to_owned()),
        started_us: run.started_us,
        ended_us: None,
        turns: run.turns,
        usage: run.usage,
        cost: run.cost.clone(),
        effects: run.effects_spent(),
        terms: run.terms.clone(),
        handoff: None,
    }
}

fn ended_run(ended: &EndedRun) -> RunSummary {
    RunSummary {
        status: ended.status,
        reason: ended.reason.clone(),
        ended_us: Some(ended.ended_us),
        handoff: ended.handoff.clone(),
        ..open_run(&ended.run)
    }
}

fn links(state: &State) -> LinkRecord {
    let ids = |links: &Links| links.ids.iter().cloned().collect();
    let all = &state.links;
    LinkRecord {
        tasks: ids(&all.tasks),
        runs: ids(&all.runs),
        receipts: ids(&all.receipts),
        environment_receipts: ids(&all.environment_receipts),
        handoffs: ids(&all.handoffs),
        totals: LinkTotals {
            tasks: all.tasks.total,
            runs: all.runs.total,
            receipts: all.receipts.total,
            environment_receipts: all.environment_receipts.total,
            handoffs: all.handoffs.total,
        },
    }
}
