//! Ledger entries: what is stored, byte for byte.
//!
//! An entry is deterministic JSON of integers and strings, at most [`ENTRY_BYTES_MAX`] bytes, and
//! carries a schema name with its version. A receipt is the fold of the entries of one id; nothing
//! is ever rewritten.
//!
//! Invariant: a [`Draft`] has everything but the two fields that only the store can know, the dense
//! session sequence and the hash of the session's previous entry.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// Schema name and version of every entry written by this version.
pub const ENTRY_SCHEMA: &str = "tollgate.entry/2";
/// That of entries which name their predecessor by SHA-256 of its bytes; they are read, and no longer written.
pub(crate) const ENTRY_SCHEMA_1: &str = "tollgate.entry/1";
/// The most bytes that one stored entry may have.
pub const ENTRY_BYTES_MAX: usize = 8 * 1024;

/// What a producer hands to the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The session whose chain the entry joins; [`HOST_SESSION`] for what belongs to none.
    pub session: String,
    /// The content.
    pub record: Record,
}

/// The chain of entries that belong to no session: grants, trust, plugins.
pub const HOST_SESSION: &str = "host";

/// The content of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// An effect was decided; opens a receipt. State `denied`, `asked` or `intended`, or a buffered
    /// effect that is complete in one entry (`settled`, with an outcome).
    Effect(Box<EffectRecord>),
    /// What came of an effect that has a receipt already. State `settled` or `closed`.
    Outcome(OutcomeRecord),
    /// Buffered effects of one call, packed.
    ReadSet(ReadSet),
    /// Denials beyond the bound of a call, counted per kind and reason.
    Collapsed(Collapsed),
    /// One call ended.
    Call(CallRecord),
    /// Authority or a session changed.
    Change(ChangeRecord),
}

/// Where a receipt stands after an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Refused; final.
    Denied,
    /// Waits for an operator.
    Asked,
    /// Allowed and about to be performed.
    Intended,
    /// Performed; the outcome is known.
    Settled,
    /// The handle that the effect opened was closed; byte counts are final.
    Closed,
}

/// How careful the gate is with an effect (design: strict, buffered, counted).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Intent durable before the effect.
    Strict,
    /// Recorded with its outcome; durable before anything leaves.
    Buffered,
    /// Counted in the call's own record.
    Counted,
}

/// At which boundary the effect happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The gate decided about the environment of a component.
    EnvironmentDecision,
    /// A provider adapter spoke to its provider.
    ProviderAction,
    /// A tool acted through the sandbox.
    SandboxAction,
    /// The gate refused.
    Denial,
}

/// Whether the socket behind the permit was real.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// The real thing.
    Live,
    /// A fixture answered in place of the socket.
    Fixture,
}

/// The plugin that attempted an effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `sha256:` and the digest of the component that ran.
    pub digest: String,
}

/// What the effect aimed at, normalised, redacted, control characters escaped.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Target {
    /// At most [`crate::TARGET_BYTES_MAX`] bytes.
    pub text: String,
    /// Keyed hash of the whole where `text` was cut or redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hmac: Option<String>,
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Decided {
    /// `allowed`, `denied` or `asked`.
    pub verdict: Verdict,
    /// The grant that allowed it, or the rule that denied or asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// Stable label of the reason of a denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The grant that came nearest, and what it lacked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    /// The command that would allow the same effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// The word of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// May be performed.
    Allowed,
    /// Refused.
    Denied,
    /// An operator shall say.
    Asked,
}

/// An effect at the moment of its decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EffectRecord {
    /// The receipt's id, a UUIDv7 (RFC 9562 section 5.7).
    pub receipt: String,
    /// `denied`, `asked`, `intended`, or `settled` for a buffered effect with its outcome.
    pub state: State,
    /// When, microseconds since the Unix epoch.
    pub time_us: i64,
    /// The run, if the call has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The call.
    pub call: String,
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// The import as the component named it, such as `wasi:filesystem/types.open-at`.
    pub import: Cow<'static, str>,
    /// The kind of effect, such as `fs.open.read`.
    pub kind: Cow<'static, str>,
    /// How careful the gate was.
    pub class: Class,
    /// At which boundary.
    pub action: Action,
    /// At what.
    pub target: Target,
    /// The decision.
    pub decision: Decided,
    /// Digest of the policy that decided.
    pub policy: String,
    /// Grants generation at which it was decided.
    pub generation: u64,
    /// Real or fixture.
    pub transport: Transport,
    /// Strict or buffered effects that the call may still attempt after this one.
    pub budget_left: u64,
    /// Outcome, for a buffered effect complete in one entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Outcome {
    /// What became of it.
    pub result: OutcomeResult,
    /// Kind of the error, such as `no-entry` or `connection-refused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// HTTP status code (RFC 9110 section 15).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Bytes that came in: read from a file, received from a peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_in: Option<u64>,
    /// Bytes that went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_out: Option<u64>,
    /// How long it took, microseconds.
    pub duration_us: u64,
    /// The peer to which the connection was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Further observed facts, such as the names of delivered variables; short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What became of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OutcomeResult {
    /// It was performed.
    Ok,
    /// It failed, observed.
    Failed,
    /// It was given up; `detail` says whether anything was sent.
    Cancelled,
    /// The host died between intent and outcome: it may or may not have happened.
    Indeterminate,
    /// An operator has said what happened (`detail`).
    Resolved,
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OutcomeRecord {
    /// The receipt.
    pub receipt: String,
    /// `settled` or `closed`.
    pub state: State,
    /// When, microseconds since the Unix epoch.
    pub time_us: i64,
    /// The call.
    pub call: String,
    /// What was observed.
    pub outcome: Outcome,
}

/// Buffered effects of one call in one entry; every item is a whole receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReadSet {
    /// The run, if the call has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The call.
    pub call: String,
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// Digest of the policy that decided.
    pub policy: String,
    /// Grants generation at which they were decided.
    pub generation: u64,
    /// The effects, in order.
    pub items: Vec<ReadItem>,
}

/// One buffered effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReadItem {
    /// The receipt's id, a UUIDv7.
    pub receipt: String,
    /// `settled`, `closed` or `denied`.
    pub state: State,
    /// When it was decided, microseconds since the Unix epoch.
    pub time_us: i64,
    /// The import.
    pub import: Cow<'static, str>,
    /// The kind of effect.
    pub kind: Cow<'static, str>,
    /// At which boundary.
    pub action: Action,
    /// At what.
    pub target: Target,
    /// The decision.
    pub decision: Decided,
    /// What was observed; none for a denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// Denials that were counted instead of written one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Collapsed {
    /// The receipt's id, a UUIDv7: one for the whole group.
    pub receipt: String,
    /// When the group ended, microseconds since the Unix epoch.
    pub time_us: i64,
    /// The run, if the call has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The call.
    pub call: String,
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// The kind of effect.
    pub kind: Cow<'static, str>,
    /// The reason's label.
    pub reason: String,
    /// How many denials the entry stands for.
    pub count: u64,
}

/// One call, written when it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CallRecord {
    /// The call.
    pub call: String,
    /// When it ended, microseconds since the Unix epoch.
    pub time_us: i64,
    /// The run, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// The export, such as `tool.call read`.
    pub export: String,
    /// How it ended: `returned`, `trapped`, `limit`, `cancelled`, `refused`,
    /// `ledger_unavailable`.
    pub ended: String,
    /// Which limit, which trap; short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Effects allowed.
    pub allowed: u64,
    /// Effects denied.
    pub denied: u64,
    /// Times the clock was read.
    pub clock: u64,
    /// Bytes of randomness delivered.
    pub random_bytes: u64,
    /// Bytes written to standard output, error and the log.
    pub stdio_bytes: u64,
    /// From admission to end, microseconds.
    pub duration_us: u64,
    /// Most bytes of linear memory and tables at once.
    pub memory_bytes_peak: u64,
}

/// A change to authority or to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeRecord {
    /// When, microseconds since the Unix epoch.
    pub time_us: i64,
    /// Who made it: the operator's subject.
    pub who: String,
    /// What kind, such as `grant.add`, `policy.trust`, `plugin.add`, `session.launch`.
    pub what: String,
    /// The object's id or name.
    pub object: String,
    /// The change in the grammar of its object; short, no secrets.
    pub detail: String,
}
