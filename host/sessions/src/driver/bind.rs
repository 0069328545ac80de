//! What a session needs before it is idle: consent, credential, project, and a provider that answers
//! `describe`. Who joins the crates says how each is checked.

use crate::event::Identity;
use crate::status::FaultReason;
use async_trait::async_trait;
use tollgate_contract::{
    CallContext, CallFault, CallId, IdError, PluginCaller, PluginName, SessionId,
};

/// Something that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// A stable label, such as `credential`. It goes into events.
    pub label: String,
    /// What is missing and the command that helps, for people.
    pub help: String,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// Everything holds.
    Holds {
        /// The provider's own name.
        provider_name: Option<String>,
        /// Its wire format.
        format: Option<String>,
    },
    /// Something is missing; not empty.
    Missing(Vec<Unmet>),
    /// The provider component or the sandbox is broken.
    Fault {
        /// How.
        reason: FaultReason,
        /// Redacted words of the host.
        detail: String,
    },
}

/// For which session a check is made.
#[derive(Debug, Clone, Copy)]
pub struct BindContext<'a> {
    /// The session.
    pub session: &'a SessionId,
    /// What it is bound to.
    pub identity: &'a Identity,
    /// The fence under which it is checked.
    pub fence: u64,
}

/// Checks what a session needs.
#[async_trait]
pub trait BindChecks: Send + Sync {
    /// Checks everything, and names all that is missing at once.
    async fn check(&self, context: BindContext<'_>) -> Binding;
}

/// The last of the checks, ready to use: the provider plugin answers `describe`.
pub async fn describe_provider(
    caller: &dyn PluginCaller,
    context: BindContext<'_>,
) -> Result<Binding, IdError> {
    let plugin = PluginName::new(context.identity.provider.as_str())?;
    let call = CallContext {
        session: context.session.clone(),
        run: None,
        call: CallId::new(super::fresh("call"))?,
        plugin,
        fence: Some(context.fence),
        effects_max: None,
    };
    Ok(match caller.describe(call).await {
        Ok(reply) => Binding::Holds {
            provider_name: Some(reply.value.name),
            format: Some(reply.value.format),
        },
        Err(CallFault::UnknownPlugin { name }) => Binding::Missing(vec![Unmet {
            label: "provider".to_owned(),
            help: format!("no plugin is named {name:?}; add it with `tollgate plugin add`"),
        }]),
        Err(fault) => Binding::Fault {
            reason: FaultReason::SandboxFailed,
            detail: fault_label(&fault).to_owned(),
        },
    })
}

/// A fault in the host's own words, without the component's.
pub(super) fn fault_label(fault: &CallFault) -> &'static str {
    match fault {
        CallFault::UnknownPlugin { .. } => "there is no such plugin",
        CallFault::Refused { .. } => "the component was refused before it ran",
        CallFault::Trapped { .. } => "the component trapped",
        CallFault::Limit { .. } => "the component hit a limit",
        CallFault::Busy { .. } => "the host has more calls than it can take",
        CallFault::Cancelled { .. } => "the call was cancelled",
        CallFault::LedgerUnavailable { .. } => "the ledger cannot be written",
        CallFault::Sandbox { .. } => "the sandbox could not run the component",
    }
}
