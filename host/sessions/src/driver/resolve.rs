//! Resolve: an operator says what became of an effect whose end nobody saw.

use super::open::INTENTS_MAX;
use super::seat::Seat;
use super::{Driver, DriverError, Prompted, Work};
use crate::machine::{Command, Resolving};
use crate::ports::OpenIntent;
use crate::record::{RunReport, SessionRecord};
use crate::status::{Resolution, Status};
use tollgate_contract::{SessionId, stop_point};
use tollgate_receipts::OutcomeResult;

/// Performed effects that a refusal names.
const PERFORMED_MAX: usize = 4;

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
        let asked = Command::Resolve(Resolving {
            receipt: receipt.to_owned(),
            call: None,
            resolution: word.first(),
        });
        let mut seat = self.open_for(session, &asked).await?;
        crate::machine::decide(&seat.state, &asked)?;
        let heard = self.settle_word(&seat, receipt, word).await?;
        stop_point("before_resolved");
        seat.write(&[Command::Resolve(heard)], Vec::new())?;
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
        seat: &Seat<'_>,
        receipt: &str,
        word: Word<'_>,
    ) -> Result<Resolving, DriverError> {
        let session = &seat.session;
        let resolving = |call, resolution| Resolving {
            receipt: receipt.to_owned(),
            call,
            resolution,
        };
        let open = self.store.open_intents(session, INTENTS_MAX)?;
        if let Some(intent) = open.iter().find(|intent| intent.receipt == receipt) {
            if word.first() == Resolution::Retry {
                self.repeatable(seat, intent)?
                    .map_err(|why| DriverError::NotRepeatable {
                        receipt: receipt.to_owned(),
                        why,
                    })?;
            }
            let detail = word.said_by(&self.operator.subject);
            let draft = self.outcome(session, intent, OutcomeResult::Resolved, &detail);
            let ticket = self.ledger.submit(draft)?;
            self.ledger.durable(&[ticket]).await?;
            return Ok(resolving(Some(intent.call.clone()), word.first()));
        }
        let heard = self.store.resolution(session, receipt)?;
        let (call, detail) = heard.map_or((None, String::new()), |heard| {
            (Some(heard.call), heard.detail)
        });
        let standing = Resolution::heard(&detail).unwrap_or(word.first());
        if word.resolution.is_some_and(|said| said != standing) {
            return Err(DriverError::AlreadyResolved {
                receipt: receipt.to_owned(),
                detail,
            });
        }
        Ok(resolving(call, standing))
    }

    /// Whether an effect that is open is performed again when the run goes on, if it may be; else why
    /// not. A call is made again as a whole, so nothing else of it may have been performed.
    pub(super) fn repeatable(
        &self,
        seat: &Seat<'_>,
        intent: &OpenIntent,
    ) -> Result<Result<(), String>, DriverError> {
        let state = &seat.state;
        // The run's next turn asks its provider again, whatever became of the last time.
        if intent.plugin == state.identity.provider {
            return Ok(Ok(()));
        }
        let last = state.last_run.as_ref().map(|last| &last.run);
        let run = state.run.as_ref().or(last);
        if !run.is_some_and(|run| run.open_calls.values().any(|call| *call == intent.call)) {
            return Ok(Err(format!(
                "{} has come back from {} without it, and nothing of it is made again",
                intent.call, intent.plugin
            )));
        }
        let performed = self
            .store
            .performed(&seat.session, &intent.call, PERFORMED_MAX)?;
        Ok(match performed.as_slice() {
            [] => Ok(()),
            performed => Err(format!(
                "{} would be made again as a whole, and it has performed more: receipt {}",
                intent.call,
                performed.join(", ")
            )),
        })
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
            assert_eq!(
                Resolution::heard(&word.said_by("os:ada, says")),
                Some(*resolution)
            );
        }
        assert_eq!(
            Resolution::heard(&Word::default().said_by("x")),
            Some(Resolution::Unknown)
        );
        assert_eq!(Resolution::heard("perhaps, says x"), None);
    }
}
