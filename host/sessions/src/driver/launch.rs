//! Launch and restart: starting → unbound or idle.

use super::seat::{Seat, change, encode, record};
use super::{BindContext, Binding, Driver, DriverError, Unmet, fresh};
use crate::event::{Identity, note};
use crate::machine::{Command, Decision, apply, decide};
use crate::ports::Create;
use crate::record::SessionRecord;
use crate::state::State;
use crate::status::Mode;
use tollgate_contract::{SessionId, stop_point};

/// What a new session is bound to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Launch {
    /// Its id; made if none is given.
    pub session: Option<SessionId>,
    /// The project.
    pub project: String,
    /// The plugin that adapts the provider; empty for that of the configuration's choice.
    pub provider: String,
    /// The model; none means that of `purpose`.
    pub model: Option<String>,
    /// What a model is wanted for, where none is named: the configuration's choice for it, else its default
    /// one, else the adapter's default. A choice of another provider than the named one is none.
    pub purpose: Option<String>,
    /// Names the credential that the provider may use.
    pub auth_profile: Option<String>,
    /// Digest of the effective policy.
    pub policy: Option<String>,
    /// Where a background host can be reached.
    pub endpoint_url: Option<String>,
    /// Kind and hosting.
    pub mode: Mode,
}

/// A session that was launched or restarted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launched {
    /// As it stands now: idle, unbound, or a recoverable status.
    pub session: SessionRecord,
    /// What is missing, with the commands that help.
    pub unmet: Vec<Unmet>,
}

impl Driver {
    /// Creates a session and binds it.
    pub async fn launch(&self, launch: Launch) -> Result<Launched, DriverError> {
        let session = match launch.session {
            Some(session) => session,
            None => SessionId::new(fresh("session"))?,
        };
        let (provider, model) =
            self.chosen(launch.provider, launch.model, launch.purpose.as_deref());
        let identity = Identity {
            session: session.to_string(),
            project: launch.project,
            provider,
            model,
            purpose: launch.purpose,
            auth_profile: launch.auth_profile,
            policy: launch.policy,
            endpoint_url: launch.endpoint_url,
            mode: launch.mode,
            operator: self.operator.clone(),
        };
        let mut seat = self.create(session, identity)?;
        let unmet = self.bind(&mut seat).await?;
        self.launched(seat, unmet)
    }

    /// The provider and the model: as they were named, else as the configuration chooses for the purpose.
    fn chosen(
        &self,
        provider: String,
        model: Option<String>,
        purpose: Option<&str>,
    ) -> (String, Option<String>) {
        if model.is_some() {
            return (provider, model);
        }
        match self.providers.models.model_for(purpose) {
            Some(choice) if provider.is_empty() => {
                (choice.provider.unwrap_or_default(), Some(choice.model))
            }
            Some(choice)
                if choice
                    .provider
                    .as_ref()
                    .is_none_or(|whose| *whose == provider) =>
            {
                (provider, Some(choice.model))
            }
            _ => (provider, None),
        }
    }

    fn create(&self, session: SessionId, identity: Identity) -> Result<Seat<'_>, DriverError> {
        let mut state = State::default();
        let command = Command::Launch(Box::new(identity));
        let mut records = Vec::new();
        if let Decision::Events(events) = decide(&state, &command)? {
            records.extend(
                events
                    .into_iter()
                    .map(|event| record(self, &session, event)),
            );
        }
        let defect = |what: String| DriverError::Defect {
            session: session.clone(),
            what,
        };
        let mut events = Vec::new();
        for record in &records {
            let seq = state.seq.saturating_add(1);
            apply(&mut state, seq, record).map_err(|why| defect(why.to_string()))?;
            events.push(encode(record).map_err(defect)?);
        }
        let change = change(&records, session.as_str())
            .ok_or_else(|| defect("a launch without a change".to_owned()))?;
        stop_point("before_lease");
        let lease = self.store.create(Create {
            session: session.clone(),
            events,
            change,
            until_us: self.lease_until_us(),
        })?;
        stop_point("after_lease");
        Ok(Seat::new(self, session, state, lease.fence))
    }

    /// Starts a stopped or recoverable session again; its links stay.
    pub async fn restart(
        &self,
        session: &SessionId,
        reason: Option<&str>,
    ) -> Result<Launched, DriverError> {
        let command = Command::Restart {
            reason: reason.map(note),
        };
        let mut seat = self.open_for(session, &command).await?;
        seat.write(&[command], Vec::new())?;
        let unmet = self.bind(&mut seat).await?;
        self.launched(seat, unmet)
    }

    /// Checks what a starting or unbound session needs, and writes what changed. Returns what is
    /// missing.
    pub(super) async fn bind(&self, seat: &mut Seat<'_>) -> Result<Vec<Unmet>, DriverError> {
        let binding = self
            .binds
            .check(BindContext {
                session: &seat.session,
                identity: &seat.state.identity,
                fence: seat.fence,
            })
            .await;
        let (command, unmet) = match binding {
            Binding::Holds {
                provider_name,
                format,
            } => {
                let provider_name = provider_name.as_deref().map(note);
                let format = format.as_deref().map(note);
                (
                    Command::Bind {
                        missing: Vec::new(),
                        provider_name,
                        format,
                    },
                    Vec::new(),
                )
            }
            Binding::Missing(unmet) => {
                let missing = unmet.iter().map(|unmet| note(&unmet.label)).collect();
                let command = Command::Bind {
                    missing,
                    provider_name: None,
                    format: None,
                };
                (command, unmet)
            }
            Binding::Fault { reason, detail } => {
                let detail = Some(note(&detail));
                (
                    Command::Fault {
                        reason,
                        detail,
                        end: None,
                    },
                    Vec::new(),
                )
            }
        };
        stop_point("before_bind");
        let unchanged = seat.state.status == crate::status::Status::Unbound && !unmet.is_empty();
        if !unchanged {
            seat.write(&[command], Vec::new())?;
        }
        Ok(unmet)
    }

    fn launched(&self, seat: Seat<'_>, unmet: Vec<Unmet>) -> Result<Launched, DriverError> {
        let session = self.let_go(seat)?;
        Ok(Launched { session, unmet })
    }

    /// Opens a session for a command that another living owner's state would refuse anyway: then it
    /// is refused by the machine, else because it is in use.
    pub(super) async fn open_for(
        &self,
        session: &SessionId,
        command: &Command,
    ) -> Result<Seat<'_>, DriverError> {
        if let Some(seat) = self.open(session).await? {
            return Ok(seat);
        }
        let (state, _) = self.peek(session)?;
        decide(&state, command)?;
        Err(DriverError::InUse {
            session: session.clone(),
        })
    }

    /// Lets a session go and returns its record without a lease.
    pub(super) fn let_go(&self, seat: Seat<'_>) -> Result<SessionRecord, DriverError> {
        let (session, state) = (seat.session.clone(), seat.state.clone());
        drop(seat);
        let lease = self.store.lease(&session)?;
        Ok(SessionRecord::new(&state, &lease))
    }
}
