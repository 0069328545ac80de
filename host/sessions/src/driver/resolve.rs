//! Resolve: an operator says what became of an effect whose end nobody saw.

use super::open::INTENTS_MAX;
use super::{Driver, DriverError, Prompted, Work};
use crate::machine::Command;
use crate::record::{RunReport, SessionRecord};
use crate::status::{Resolution, Status};
use tollgate_contract::{SessionId, stop_point};
use tollgate_receipts::OutcomeResult;

/// What resolving led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolved {
    /// The session waits or is ready.
    Settled(Box<SessionRecord>),
    /// A run that was parked because of the effect went on.
    Ran(Box<RunReport>),
}

/// What an operator says of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'a> {
    /// What became of it.
    pub resolution: Resolution,
    /// How the operator knows.
    pub reason: Option<&'a str>,
}

impl Word<'_> {
    /// The word as the ledger keeps it.
    pub fn said_by(&self, who: &str) -> String {
        let resolution = self.resolution;
        crate::event::note(&match self.reason {
            Some(reason) => format!("{resolution}, says {who}: {reason}"),
            None => format!("{resolution}, says {who}"),
        })
    }
}

impl Driver {
    /// Writes an operator's word on an indeterminate effect: first to the ledger, as an outcome
    /// `resolved`, then to the session. A run that was parked because of it goes on with `work`.
    pub async fn resolve(
        &self,
        session: &SessionId,
        receipt: &str,
        word: Word<'_>,
        work: &Work,
    ) -> Result<Resolved, DriverError> {
        let command = Command::Resolve(receipt.to_owned(), word.resolution);
        let mut seat = self.open_for(session, &command).await?;
        crate::machine::decide(&seat.state, &command)?;
        let open = self.store.open_intents(session, INTENTS_MAX)?;
        // If it is not open in the ledger any more, the word came through before a crash.
        if let Some(intent) = open.iter().find(|intent| intent.receipt == receipt) {
            let detail = word.said_by(&self.operator.subject);
            let draft = self.outcome(session, intent, OutcomeResult::Resolved, &detail);
            let ticket = self.ledger.submit(draft)?;
            self.ledger.durable(&[ticket]).await?;
        }
        stop_point("before_resolved");
        seat.write(&[command], Vec::new())?;
        if seat.state.status != Status::Running {
            return Ok(Resolved::Settled(Box::new(self.let_go(seat)?)));
        }
        match self.drive(seat, work, "").await? {
            Prompted::Ran(report) => Ok(Resolved::Ran(report)),
            Prompted::Exited(record) => Ok(Resolved::Settled(record)),
        }
    }
}
