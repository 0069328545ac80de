//! Rebind: a session goes on with another provider or model.

use super::{BindContext, Binding, Driver, DriverError, Unmet};
use crate::carry::{Adapter, LeftOut, carried};
use crate::event::{Identity, note};
use crate::machine::{Command, Rebinding, decide};
use crate::record::SessionRecord;
use crate::status::FaultReason;
use tollgate_contract::SessionId;

/// What a session shall be bound to instead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebind {
    /// The plugin that adapts the provider.
    pub provider: String,
    /// The model; none means the adapter's default.
    pub model: Option<String>,
    /// Names the credential that the provider may use. None keeps it where the provider stays, and is none for
    /// another provider, which has no business with it.
    pub auth_profile: Option<String>,
}

/// What a rebinding led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rebound {
    /// It is bound to the other one.
    Done {
        /// As it stands now; its status is as before.
        session: Box<SessionRecord>,
        /// What of the conversation stays behind.
        left_out: Vec<LeftOut>,
    },
    /// The other one misses something. Nothing was written.
    Missing(Vec<Unmet>),
    /// The other component or the sandbox is broken. Nothing was written.
    Fault {
        /// How.
        reason: FaultReason,
        /// Redacted words of the host.
        detail: String,
    },
}

impl Driver {
    /// Binds an idle, resting or recoverable session to another provider or model, once that one answers
    /// `describe` and misses nothing. Status, generation, transcript and links stay; a recoverable session is
    /// brought back by `recover` as before.
    pub async fn rebind(&self, session: &SessionId, to: Rebind) -> Result<Rebound, DriverError> {
        let mut rebinding = Rebinding {
            provider: to.provider,
            model: to.model,
            auth_profile: to.auth_profile,
            ..Rebinding::default()
        };
        let asked = Command::Rebind(Box::new(rebinding.clone()));
        let mut seat = self.open_for(session, &asked).await?;
        decide(&seat.state, &asked)?;
        let bound = &seat.state.identity;
        if rebinding.auth_profile.is_none() && bound.provider == rebinding.provider {
            rebinding.auth_profile.clone_from(&bound.auth_profile);
        }
        let identity = Identity {
            provider: rebinding.provider.clone(),
            model: rebinding.model.clone(),
            auth_profile: rebinding.auth_profile.clone(),
            ..bound.clone()
        };
        let context = BindContext {
            session,
            identity: &identity,
            fence: seat.fence,
        };
        match self.binds.check(context).await {
            Binding::Missing(unmet) => return Ok(Rebound::Missing(unmet)),
            Binding::Fault { reason, detail } => return Ok(Rebound::Fault { reason, detail }),
            Binding::Holds {
                provider_name,
                format,
            } => {
                rebinding.provider_name = provider_name.as_deref().map(note);
                rebinding.format = format.as_deref().map(note);
            }
        }
        seat.write(&[Command::Rebind(Box::new(rebinding))], Vec::new())?;
        let conversation = self.conversation(session, seat.state.generation)?;
        let (_, left_out) = carried(&conversation, &Adapter::of(&seat.state));
        let session = Box::new(self.let_go(seat)?);
        Ok(Rebound::Done { session, left_out })
    }
}
