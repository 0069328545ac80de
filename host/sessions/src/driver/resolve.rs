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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Word<'a> {
    /// What became of it; none for what the ledger has heard already, else [`Resolution::Unknown`].
    pub resolution: Option<Resolution>,
    /// How the operator knows.
    pub reason: Option<&'a str>,
}

impl Word<'_> {
    /// What became of it, where nobody has said anything before.
    pub fn first(&self) -> Resolution {
        self.resolution.unwrap_or(Resolution::Unknown)
    }

    /// The word as the ledger keeps it, where nobody has said anything before.
    pub fn said_by(&self, who: &str) -> String {
        let resolution = self.first();
        crate::event::note(&match self.reason {
            Some(reason) => format!("{resolution}, says {who}: {reason}"),
            None => format!("{resolution}, says {who}"),
        })
    }
}

/// What the ledger has heard: the reverse of [`Word::said_by`].
fn heard(detail: &str) -> Option<Resolution> {
    let (resolution, _) = detail.split_once(',')?;
    resolution.parse().ok()
}

impl Driver {
    /// Writes an operator's word on an indeterminate effect: first to the ledger, as an outcome
    /// `resolved`, then to the session. A run that was parked because of it goes on with
    /// `work`, on its own terms.
    ///
    /// Where the ledger has heard a word that did not come to the session before a crash, that one
    /// stands: the session gets it, and [`DriverError::AlreadyResolved`] refuses another.
    pub async fn resolve(
        &self,
        session: &SessionId,
        receipt: &str,
        word: Word<'_>,
        work: &Work,
    ) -> Result<Resolved, DriverError> {
        let command = |resolution| Command::Resolve(receipt.to_owned(), resolution);
        let asked = command(word.first());
        let mut seat = self.open_for(session, &asked).await?;
        crate::machine::decide(&seat.state, &asked)?;
        let resolution = self.settle_word(session, receipt, word).await?;
        stop_point("before_resolved");
        seat.write(&[command(resolution)], Vec::new())?;
        if seat.state.status != Status::Running {
            return Ok(Resolved::Settled(Box::new(self.let_go(seat)?)));
        }
        match self.unpark(seat, work).await? {
            Prompted::Ran(report) => Ok(Resolved::Ran(report)),
            Prompted::Exited(record) => Ok(Resolved::Settled(record)),
        }
    }

    /// What the ledger says of the effect, once it has heard the word.
    async fn settle_word(
        &self,
        session: &SessionId,
        receipt: &str,
        word: Word<'_>,
    ) -> Result<Resolution, DriverError> {
        let open = self.store.open_intents(session, INTENTS_MAX)?;
        if let Some(intent) = open.iter().find(|intent| intent.receipt == receipt) {
            let detail = word.said_by(&self.operator.subject);
            let draft = self.outcome(session, intent, OutcomeResult::Resolved, &detail);
            let ticket = self.ledger.submit(draft)?;
            self.ledger.durable(&[ticket]).await?;
            return Ok(word.first());
        }
        let detail = self.store.resolution(session, receipt)?.unwrap_or_default();
        let standing = heard(&detail).unwrap_or(word.first());
        if word.resolution.is_some_and(|said| said != standing) {
            return Err(DriverError::AlreadyResolved {
                receipt: receipt.to_owned(),
                detail,
            });
        }
        Ok(standing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_keeps_a_word_that_can_be_read_back() {
        for resolution in Resolution::ALL {
            let word = Word {
                resolution: Some(*resolution),
                reason: Some("a, b: c"),
            };
            assert_eq!(heard(&word.said_by("os:ada, says")), Some(*resolution));
        }
        assert_eq!(
            heard(&Word::default().said_by("x")),
            Some(Resolution::Unknown)
        );
        assert_eq!(heard("perhaps, says x"), None);
    }
}
