//! What the server needs of its host.

use async_trait::async_trait;
use std::sync::Arc;
use tollgate_contract::{CallFault, Denial, PluginName, SessionId};
use tollgate_sessions::catalog::ToolCatalog;

/// The host could not say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HostError(pub String);

/// The tools that are offered.
#[derive(Debug, Clone)]
pub struct Offer {
    /// They, under the names that clients are told.
    pub catalog: Arc<ToolCatalog>,
    /// Differs whenever what a client should know of the tools does: the tools themselves, or what they
    /// may do.
    pub stamp: u64,
}

/// The host of a server. Methods without `async` return within milliseconds.
#[async_trait]
pub trait Host: Send + Sync + 'static {
    /// The tools now. Asked for every call: cheap while nothing has changed.
    async fn offer(&self) -> Result<Offer, HostError>;

    /// What a model should know before it calls the tools of a session, such as the directories that
    /// they see.
    fn instructions(&self, session: &SessionId) -> Option<String>;

    /// A session begins.
    fn opened(&self, session: &SessionId);

    /// A session is over.
    fn ended(&self, session: &SessionId);

    /// For the operator: the gate refused what a client's call needed. The client is told the refusal;
    /// the command that would lift it is told here only.
    fn denied(&self, session: &SessionId, denial: &Denial);

    /// For the operator: the gate refused effects of a call that went on without them.
    fn refused(&self, session: &SessionId, plugin: &PluginName, count: u64);

    /// For the operator: a call gave no answer.
    fn faulted(&self, session: &SessionId, plugin: &PluginName, fault: &CallFault);

    /// For the operator: anything else that went wrong.
    fn trouble(&self, what: &str);
}
