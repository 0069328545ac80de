//! What a call is: the plain types of the WIT contract `tollgate:plugin`, and the trait through which
//! sessions call plugins.
//!
//! Everything here is data. The sandbox turns these types into component values and back; sessions
//! store and route them.
//!
//! Invariant: this crate knows neither wasmtime nor a store, and performs no I/O; the one exception is
//! [`stop_point`], which tests use to stop a process at a named place.

mod caller;
mod ids;
mod mark;
mod message;
mod provider;
mod stop_point;
mod tool;

pub use caller::{
    CallContext, CallEvidence, CallFault, DeltaSink, IgnoreDeltas, LeaseCheck, PluginCaller,
    Progress, ProgressSink, Reply,
};
pub use ids::{CallId, Digest, ID_BYTES_MAX, IdError, PluginName, RunId, SessionId};
pub use mark::{MARKS_VARIABLE, mark};
pub use message::{ContentBlock, Message, Role};
pub use provider::{
    Completion, CompletionRequest, Delta, Effort, OutputFormat, ProviderError, ProviderInfo,
    RequestOptions, StopReason, ToolChoice, Usage,
};
pub use stop_point::{STOP_AT_VARIABLE, stop_point};
pub use tool::{Denial, OutputBlock, ToolError, ToolHints, ToolOutput, ToolSpec};

/// The version of the WIT package that these types mirror.
pub const CONTRACT_VERSION: &str = "0.1.2";
