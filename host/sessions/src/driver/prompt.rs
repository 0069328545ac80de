//! A prompt: exit words, waiting for an unbound session, opening a run, and continuing one.

use super::run::Shift;
use super::seat::Seat;
use super::tools::{NOT_STARTED, interrupted_text};
use super::{Driver, DriverError, fresh};
use crate::catalog::ToolCatalog;
use crate::event::{RunSeed, RunTerms};
use crate::keyed::{prompt_mark, use_key};
use crate::machine::{Command, Decision, decide};
use crate::observe::{Cancel, Progress, RunObserver};
use crate::ports::{SessionKey, TranscriptEntry};
use crate::record::{RunReport, SessionRecord};
use crate::status::{BlockReason, Status};
use crate::transcript::{Conversation, Entry, Item, TRANSCRIPT_SCHEMA};
use std::sync::Arc;
use std::time::Duration;
use tollgate_contract::{ContentBlock, Message, Role, SessionId, stop_point};

/// The words that end a session instead of prompting it (trimmed, any case).
const EXIT_WORDS: [&str; 4] = ["/exit", "exit", "/quit", "quit"];

/// Whether a prompt's text ends the session instead.
pub fn is_exit_word(text: &str) -> bool {
    let text = text.trim();
    EXIT_WORDS
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
}

/// Bounds and manner of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// What stays with the run, whoever goes on with it. The bounds count from now on.
    pub terms: RunTerms,
    /// Whether the provider shall stream.
    pub stream: bool,
    /// Standing instructions, put before the conversation.
    pub system: Option<String>,
    /// The most tokens of one answer.
    pub output_tokens_max: Option<u32>,
    /// Sampling temperature in thousandths.
    pub temperature_milli: Option<u32>,
}

/// What a run works with.
#[derive(Clone)]
pub struct Work {
    /// The tools that the model is offered.
    pub catalog: Arc<ToolCatalog>,
    /// Bounds and manner.
    pub options: RunOptions,
    /// Who watches.
    pub observer: Arc<dyn RunObserver>,
    /// Who may cancel.
    pub cancel: Cancel,
}

/// A prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptRequest {
    /// Its text.
    pub text: String,
    /// How long to wait for an unbound session; none refuses at once (`--no-wait`).
    pub wait_max: Option<Duration>,
}

/// What a prompt yielded.
#[derive(Debug, Clone, PartialEq)]
pub enum Prompted {
    /// It was an exit word; the session is stopped.
    Exited(Box<SessionRecord>),
    /// A run.
    Ran(Box<RunReport>),
}

impl Driver {
    /// Sends a prompt and works on it until the run ends or is parked.
    ///
    /// Errors: a refusal where the table has one (nothing written); [`DriverError::Store`] with a lost
    /// fence when another process took the session meanwhile (that process writes what became of the
    /// run); [`DriverError::Store`] or [`DriverError::Ledger`] when nothing can be written any more
    /// (the run is then settled by whoever opens the session next).
    pub async fn prompt(
        &self,
        session: &SessionId,
        request: &PromptRequest,
        work: &Work,
    ) -> Result<Prompted, DriverError> {
        if is_exit_word(&request.text) {
            let record = self.exit(session, &request.text).await?;
            return Ok(Prompted::Exited(Box::new(record)));
        }
        let mut seat = self.open_bound(session, request, work).await?;
        let key = self.store.key(session)?;
        let conversation = self.conversation(session, seat.state.generation)?;
        let command = Command::Prompt {
            seed: seed(),
            prompt: prompt_mark(&key, &request.text),
            terms: work.options.terms.clone(),
            no_wait: true,
        };
        let transcript = self.opening(&seat, &conversation, &command, &key, &request.text)?;
        seat.write(&[command], transcript)?;
        stop_point("after_prompt_received");
        self.drive(seat, work, &request.text).await
    }

    /// Goes on with a run: an interrupted one of an idle session, or one that was parked because the
    /// ledger could not be written.
    pub async fn continue_run(
        &self,
        session: &SessionId,
        work: &Work,
    ) -> Result<Prompted, DriverError> {
        let (state, _) = self.peek(session)?;
        let parked = state.run.as_ref().and_then(|run| run.parked);
        let command = match parked {
            Some(BlockReason::LedgerUnavailable) => {
                Command::Unblock(BlockReason::LedgerUnavailable)
            }
            _ => Command::Continue,
        };
        let mut seat = self.open_for(session, &command).await?;
        seat.write(&[command], Vec::new())?;
        match parked {
            Some(_) => self.unpark(seat, work).await,
            None => self.drive(seat, work, "").await,
        }
    }

    /// Goes on with a run that was parked, on the terms with which it was asked for: those of `work`
    /// are for a run that no prompt opened, or that an older version did.
    pub(super) async fn unpark(
        &self,
        mut seat: Seat<'_>,
        work: &Work,
    ) -> Result<Prompted, DriverError> {
        let terms = seat.state.run.as_ref().and_then(|run| run.terms.clone());
        let mut work = work.clone();
        let kept = terms.is_some();
        work.options.terms = terms.unwrap_or(work.options.terms);
        let mut shift = Shift::begin(&mut seat, &work, "")?;
        if kept {
            shift.count_from_the_start();
        }
        let report = shift.finish().await?;
        drop(seat);
        Ok(Prompted::Ran(Box::new(report)))
    }

    /// Works on the open run of a seat until it ends or is parked.
    pub(super) async fn drive(
        &self,
        mut seat: Seat<'_>,
        work: &Work,
        goal: &str,
    ) -> Result<Prompted, DriverError> {
        let report = Shift::begin(&mut seat, work, goal)?.finish().await?;
        drop(seat);
        Ok(Prompted::Ran(Box::new(report)))
    }

    /// Opens a session for a prompt, and waits while it is unbound if that is wanted.
    async fn open_bound(
        &self,
        session: &SessionId,
        request: &PromptRequest,
        work: &Work,
    ) -> Result<Seat<'_>, DriverError> {
        let ask = |no_wait| Command::Prompt {
            seed: seed(),
            prompt: crate::event::PromptMark {
                hash: String::new(),
                bytes: 0,
            },
            terms: RunTerms::default(),
            no_wait,
        };
        let started = tokio::time::Instant::now();
        let mut told = Vec::new();
        loop {
            let mut seat = self.open_for(session, &ask(true)).await?;
            let mut unmet = Vec::new();
            if seat.state.status == Status::Unbound {
                unmet = self.bind(&mut seat).await?;
            }
            let waited = started.elapsed();
            let no_wait = request.wait_max.is_none_or(|most| waited >= most);
            match decide(&seat.state, &ask(no_wait))? {
                Decision::Events(_) => return Ok(seat),
                // It is looked at often, and told when it has changed.
                Decision::Wait if unmet == told => {}
                Decision::Wait => {
                    let progress = Progress::Waiting { unmet: &unmet };
                    work.observer.progress(&progress);
                    told = unmet;
                }
            }
            drop(seat);
            tokio::select! {
                () = tokio::time::sleep(self.settings.bind_poll) => {}
                () = work.cancel.cancelled() => return Err(refusal(self, session, &ask(true))),
            }
        }
    }

    /// The transcript entries that open a run: answers to what the model asked for and never got, and
    /// the prompt.
    fn opening(
        &self,
        seat: &Seat<'_>,
        conversation: &Conversation,
        command: &Command,
        key: &SessionKey,
        text: &str,
    ) -> Result<Vec<TranscriptEntry>, DriverError> {
        let Command::Prompt { seed, .. } = command else {
            return Err(seat.defect("a run opened by something else than a prompt"));
        };
        let begun = seat.state.last_run.as_ref().map(|last| &last.run);
        let mut content: Vec<ContentBlock> = conversation
            .unanswered()
            .into_iter()
            .map(|wanted| {
                let text = begun
                    .and_then(|run| {
                        let call = run.open_calls.get(&use_key(key, &wanted.id))?;
                        Some(interrupted_text(call, run))
                    })
                    .unwrap_or_else(|| NOT_STARTED.to_owned());
                ContentBlock::ToolResult {
                    id: wanted.id,
                    name: wanted.name,
                    text,
                    is_error: true,
                }
            })
            .collect();
        content.push(ContentBlock::Text {
            text: text.to_owned(),
        });
        let item = Item::Message {
            message: Message {
                role: Role::User,
                content,
            },
        };
        let entry = seat.entry(&seed.run, None, item, conversation.next_n())?;
        Ok(vec![entry])
    }
}

fn refusal(driver: &Driver, session: &SessionId, command: &Command) -> DriverError {
    match driver
        .peek(session)
        .map(|(state, _)| decide(&state, command))
    {
        Ok(Err(refusal)) => DriverError::Refused(refusal),
        Ok(Ok(_)) => DriverError::InUse {
            session: session.clone(),
        },
        Err(error) => error,
    }
}

fn seed() -> RunSeed {
    RunSeed {
        run: fresh("run"),
        task: fresh("task"),
    }
}

impl Seat<'_> {
    /// A transcript entry of a run as the store takes it.
    pub(super) fn entry(
        &self,
        run: &str,
        made_by: Option<String>,
        item: Item,
        n: u64,
    ) -> Result<TranscriptEntry, DriverError> {
        let entry = Entry {
            schema: TRANSCRIPT_SCHEMA.to_owned(),
            run: run.to_owned(),
            time_us: self.driver.clock.now_us(),
            made_by,
            item,
        };
        let json = serde_json::to_string(&entry).map_err(|why| self.defect(&why.to_string()))?;
        Ok(TranscriptEntry {
            generation: self.state.generation,
            n,
            json,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::is_exit_word;

    #[test]
    fn exit_words_are_trimmed_and_of_any_case() {
        for word in ["/exit", " EXIT\n", "/Quit", "quit"] {
            assert!(is_exit_word(word), "{word:?}");
        }
        for text in ["", "exit now", "/exit/", "please quit"] {
            assert!(!is_exit_word(text), "{text:?}");
        }
    }
}
