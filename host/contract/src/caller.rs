//! How a session calls a plugin.

use crate::{
    CallId, Completion, CompletionRequest, Delta, Digest, PluginName, ProviderError, ProviderInfo,
    RunId, SessionId, ToolError, ToolOutput,
};
use async_trait::async_trait;

/// For whom a call is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallContext {
    /// The session that owns the call.
    pub session: SessionId,
    /// The run of which it is a part.
    pub run: Option<RunId>,
    /// The call itself; unique.
    pub call: CallId,
    /// The plugin to call.
    pub plugin: PluginName,
    /// The fence of the lease under which the call is made; checked again just before each strict
    /// effect. None for a call that belongs to no leased session.
    pub fence: Option<u64>,
    /// Effects that the call may attempt, where that is fewer than the plugin's own limit. None: the limit.
    pub effects_max: Option<u64>,
}

/// Says whether a session's lease is still held, so that a host that lost it performs nothing more.
pub trait LeaseCheck: Send + Sync {
    /// Whether `session` is still leased under `fence`. False when it cannot be known.
    fn held(&self, session: &SessionId, fence: u64) -> bool;
}

/// What a call left in the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallEvidence {
    /// The digest of the component that ran.
    pub digest: Option<Digest>,
    /// Effects that were allowed.
    pub allowed: u64,
    /// Effects that were refused.
    pub denied: u64,
    /// Effects that count against the call's bound, allowed or refused; never more than the bound.
    pub attempted: u64,
    /// Ids of the receipts, in order; at most [`CallEvidence::RECEIPTS_MAX`].
    pub receipts: Vec<String>,
    /// What the plugin wrote to its standard error and log: its own words, the last
    /// [`CallEvidence::TALK_BYTES_MAX`] bytes.
    pub talk: String,
    /// Whether a strict effect was performed, so that the call must not be run again by itself.
    pub performed_strict: bool,
}

impl CallEvidence {
    /// The most receipt ids that a reply carries; the ledger has them all.
    pub const RECEIPTS_MAX: usize = 256;
    /// The most bytes of a plugin's own words that a reply carries.
    pub const TALK_BYTES_MAX: usize = 16 * 1024;
}

/// A plugin's answer with its evidence. When it is returned every entry that it caused is durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply<T> {
    /// The answer.
    pub value: T,
    /// What the call left in the ledger.
    pub evidence: CallEvidence,
}

/// Why a call gave no answer of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFault {
    /// No plugin of that name.
    #[error("no plugin is named {name:?}; add it with `tollgate plugin add`")]
    UnknownPlugin {
        /// The name that was asked for.
        name: String,
    },
    /// The component was refused before it ran.
    #[error("plugin {plugin} was refused: {reason}")]
    Refused {
        /// The plugin.
        plugin: String,
        /// The rule.
        reason: String,
    },
    /// The component trapped.
    #[error("plugin {plugin} trapped: {message}")]
    Trapped {
        /// The plugin.
        plugin: String,
        /// The trap.
        message: String,
        /// The plugin's own words until then; for its author, not for a model.
        talk: String,
        /// As [`CallEvidence::attempted`].
        attempted: u64,
    },
    /// The component hit a limit.
    #[error("plugin {plugin} was stopped at its limit of {limit}")]
    Limit {
        /// The plugin.
        plugin: String,
        /// The limit with its bound, such as `memory 64MiB`.
        limit: String,
        /// The plugin's own words until then; for its author, not for a model.
        talk: String,
        /// As [`CallEvidence::attempted`].
        attempted: u64,
    },
    /// The host has more calls than it can take.
    #[error("plugin {plugin} was not called: {waiting} calls wait already; try again later")]
    Busy {
        /// The plugin.
        plugin: String,
        /// How many.
        waiting: usize,
    },
    /// Whoever asked for the call went away.
    #[error("the call of plugin {plugin} was cancelled")]
    Cancelled {
        /// The plugin.
        plugin: String,
    },
    /// The ledger could not be written, so nothing that the call did may leave.
    #[error("the ledger cannot be written: {message}")]
    LedgerUnavailable {
        /// What failed.
        message: String,
    },
    /// The host could not run the call.
    #[error("the sandbox failed: {message}")]
    Sandbox {
        /// What failed.
        message: String,
    },
}

/// Receives a provider's answer piece by piece. Each piece has left the gate: its watermark is durable.
pub trait DeltaSink: Send + Sync {
    /// Takes one piece.
    fn emit(&self, delta: Delta);
}

/// How far a tool says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is done, in a unit of the tool's own. Grows from report to report.
    pub done: u64,
    /// All that there is to do, if the tool knows.
    pub total: Option<u64>,
    /// The plugin's own words in one line, escaped, at most [`Progress::MESSAGE_BYTES_MAX`] bytes.
    pub message: Option<String>,
}

impl Progress {
    /// The most bytes of a message.
    pub const MESSAGE_BYTES_MAX: usize = 256;
}

/// Receives what a tool says of its progress. Each report has left the gate: its watermark is durable.
pub trait ProgressSink: Send + Sync {
    /// Takes one report. Returns at once.
    fn report(&self, progress: Progress);
}

/// A sink that drops every piece.
#[derive(Debug, Clone, Copy, Default)]
pub struct IgnoreDeltas;

impl DeltaSink for IgnoreDeltas {
    fn emit(&self, _: Delta) {}
}

impl CallFault {
    /// What the plugin wrote before it was ended.
    pub fn talk(&self) -> &str {
        match self {
            Self::Trapped { talk, .. } | Self::Limit { talk, .. } => talk,
            _ => "",
        }
    }

    /// Effects that count against the call's bound; none where nobody saw how many there were.
    pub fn attempted(&self) -> Option<u64> {
        match self {
            Self::Trapped { attempted, .. } | Self::Limit { attempted, .. } => Some(*attempted),
            Self::UnknownPlugin { .. } | Self::Refused { .. } | Self::Busy { .. } => Some(0),
            Self::Cancelled { .. } | Self::LedgerUnavailable { .. } | Self::Sandbox { .. } => None,
        }
    }
}

/// Calls plugins, each call in a fresh instance.
///
/// Guarantees: an implementation returns only after every entry that the call caused is durable, and
/// a fault of one call touches no other. A fault may have evidence; it is in the ledger. A future that
/// is dropped ends its call: the guest stops, what the gate performs for it settles, and the call's record
/// says `cancelled`.
#[async_trait]
pub trait PluginCaller: Send + Sync {
    /// Effects that one call of `plugin` may attempt at most; none where that is not known.
    fn effects_max(&self, plugin: &PluginName) -> Option<u64>;

    /// Whether `grant` is in force for `plugin` in `session` of `project`, and says that what it allowed may
    /// be performed again where nobody saw how it ended. No, where that cannot be told.
    fn may_repeat(&self, session: &SessionId, project: &str, plugin: &str, grant: &str) -> bool;

    /// Calls one tool with arguments in JSON (RFC 8259, an object).
    async fn call_tool(
        &self,
        context: CallContext,
        tool: String,
        arguments_json: String,
    ) -> Result<Reply<Result<ToolOutput, ToolError>>, CallFault> {
        self.call_tool_watched(context, tool, arguments_json, None)
            .await
    }

    /// The same, for somebody who wants to know how far the tool is.
    async fn call_tool_watched(
        &self,
        context: CallContext,
        tool: String,
        arguments_json: String,
        progress: Option<std::sync::Arc<dyn ProgressSink>>,
    ) -> Result<Reply<Result<ToolOutput, ToolError>>, CallFault>;

    /// Asks a provider adapter what it is.
    async fn describe(&self, context: CallContext) -> Result<Reply<ProviderInfo>, CallFault>;

    /// Sends one request to a provider.
    async fn complete(
        &self,
        context: CallContext,
        request: CompletionRequest,
        deltas: std::sync::Arc<dyn DeltaSink>,
    ) -> Result<Reply<Result<Completion, ProviderError>>, CallFault>;
}
