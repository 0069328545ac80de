//! Ending: stop, exit words, recover, rm.

use super::open::Standing;
use super::seat::Seat;
use super::{Driver, DriverError};
use crate::event::note;
use crate::keyed::prompt_mark;
use crate::machine::{Command, decide};
use crate::ports::StoreError;
use crate::record::{RemovalReport, SessionRecord};
use crate::status::{FaultReason, Status, StopCause};
use std::time::Duration;
use tollgate_contract::{SessionId, stop_point};

/// How often `stop` looks whether the owner has let go.
const LET_GO_POLL: Duration = Duration::from_millis(50);

impl Driver {
    /// Ends a session. A living owner is asked to let go (it cancels its run and writes that down);
    /// if it does not within [`super::Settings::stop_grace`], the session is taken from it, and its
    /// fence keeps it from writing anything more.
    pub async fn stop(
        &self,
        session: &SessionId,
        reason: Option<&str>,
    ) -> Result<SessionRecord, DriverError> {
        let reason = reason.map(note);
        let command = Command::Stop {
            cause: StopCause::Stop,
            reason,
        };
        let mut seat = self.wrest(session, &command).await?;
        self.end(&mut seat, command)?;
        self.let_go(seat)
    }

    /// Ends a session because an exit word came as a prompt.
    pub(super) async fn exit(
        &self,
        session: &SessionId,
        text: &str,
    ) -> Result<SessionRecord, DriverError> {
        let key = match self.store.key(session) {
            Ok(key) => key,
            // A removed session has no key; the machine says why it is refused.
            Err(StoreError::NotFound { .. }) => crate::ports::SessionKey::new([0; 32]),
            Err(error) => return Err(error.into()),
        };
        let command = Command::Exit(prompt_mark(&key, text));
        let mut seat = self.wrest(session, &command).await?;
        self.end(&mut seat, command)?;
        self.let_go(seat)
    }

    fn end(&self, seat: &mut Seat<'_>, command: Command) -> Result<(), DriverError> {
        seat.write(&[command], Vec::new())?;
        stop_point("between_stopping_and_stopped");
        seat.write(&[Command::Finish], Vec::new())
    }

    /// Opens a session for a command that ends its run, from a living owner if need be.
    async fn wrest(&self, session: &SessionId, command: &Command) -> Result<Seat<'_>, DriverError> {
        let (state, lease) = self.peek(session)?;
        if self.standing(&state, &lease) == Standing::Held {
            decide(&state, command)?;
            self.store.lease_want(session, lease.fence)?;
        }
        let deadline = tokio::time::Instant::now() + self.settings.stop_grace;
        while tokio::time::Instant::now() < deadline {
            if let Some(seat) = self.open(session).await? {
                return Ok(seat);
            }
            tokio::time::sleep(LET_GO_POLL).await;
        }
        let (state, lease) = self.peek(session)?;
        decide(&state, command)?;
        self.take(session, &lease).await
    }

    /// Moves a session to a recoverable status by an operator's word.
    pub async fn recover(
        &self,
        session: &SessionId,
        reason: FaultReason,
        detail: Option<&str>,
    ) -> Result<SessionRecord, DriverError> {
        let command = Command::Recover {
            reason,
            detail: detail.map(note),
        };
        let mut seat = self.wrest(session, &command).await?;
        seat.write(&[command], Vec::new())?;
        self.let_go(seat)
    }

    /// Brings a recoverable session back to idle; its links stay.
    pub async fn recover_resume(&self, session: &SessionId) -> Result<SessionRecord, DriverError> {
        let mut seat = self.open_for(session, &Command::RecoverResume).await?;
        seat.write(&[Command::RecoverResume], Vec::new())?;
        self.let_go(seat)
    }

    /// Cancels the open run, from a living owner if need be; the session stays.
    pub async fn cancel(
        &self,
        session: &SessionId,
        reason: Option<&str>,
    ) -> Result<SessionRecord, DriverError> {
        let command = Command::Cancel {
            reason: reason.map(note),
            end: None,
        };
        let mut seat = self.wrest(session, &command).await?;
        // An owner that was asked has cancelled its run itself.
        if seat.state.run.is_some() {
            seat.write(&[command], Vec::new())?;
        }
        self.let_go(seat)
    }

    /// Deletes a session but for its tombstone and its ledger entries. With `force` an active or
    /// resting session is stopped first.
    pub async fn remove(
        &self,
        session: &SessionId,
        force: bool,
    ) -> Result<RemovalReport, DriverError> {
        let stop = Command::Stop {
            cause: StopCause::Stop,
            reason: Some("rm --force".to_owned()),
        };
        let (state, _) = self.peek(session)?;
        let mut seat = if force && decide(&state, &stop).is_ok() {
            self.wrest(session, &stop).await?
        } else {
            self.open_for(session, &Command::Remove).await?
        };
        if force && decide(&seat.state, &stop).is_ok() {
            self.end(&mut seat, stop)?;
        }
        let removed = seat.remove()?;
        debug_assert_eq!(seat.state.status, Status::Removed);
        Ok(RemovalReport::new(session.to_string(), removed))
    }
}
