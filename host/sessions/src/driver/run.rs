//! The run loop: unanswered tools, then a turn, until the model is done or something stops it.
//!
//! The loop looks only at the transcript and the fold, so that it is the same for a fresh run, a
//! continued one and one that another process began.

use super::heart::{Heart, Pulse};
use super::report::Finding;
use super::seat::Seat;
use super::{DriverError, Work};
use crate::carry::{Adapter, LeftOut, carried};
use crate::event::{Event, ProviderReceipt};
use crate::machine::Command;
use crate::observe::Progress;
use crate::ports::{SessionKey, StoreError};
use crate::record::{RunReport, ToolCallReport};
use crate::status::{BlockReason, FailReason, FaultReason, InterruptReason};
use crate::transcript::{Conversation, Entry, Item, TRANSCRIPT_SCHEMA, as_tool_use, text_of};
use std::future::Future;
use std::time::Duration;
use tollgate_contract::{
    CallContext, CallId, Completion, ContentBlock, Denial, Message, PluginName, Role, RunId,
    StopReason,
};

/// How often effects in flight of a cancelled call are looked for.
const SETTLE_POLL: Duration = Duration::from_millis(20);

/// How a shift ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// The model was done.
    Completed,
    /// A bound was reached.
    Interrupted(InterruptReason),
    /// The run waits for somebody.
    Blocked(BlockReason),
    /// It ended without an answer.
    Failed(FailReason),
    /// An operator ended it.
    Cancelled(&'static str),
    /// The session needs recovery.
    Fault(FaultReason),
}

/// What broke into a call.
pub(super) enum Broken {
    /// It was cancelled.
    Cancelled(&'static str),
    /// The lease is another's.
    Lost,
}

/// One process's work on one run.
pub(super) struct Shift<'s, 'd, 'w> {
    pub(super) seat: &'s mut Seat<'d>,
    pub(super) work: &'w Work,
    pub(super) conversation: Conversation,
    pub(super) key: SessionKey,
    pub(super) run: RunId,
    pub(super) goal: String,
    pub(super) finding: Finding,
    heart: Heart,
    turns_before: u32,
    tokens_before: u64,
    micros_before: u64,
    effects_before: u64,
}

impl<'s, 'd, 'w> Shift<'s, 'd, 'w> {
    /// Takes up the open run of a seat.
    pub(super) fn begin(
        seat: &'s mut Seat<'d>,
        work: &'w Work,
        goal: &str,
    ) -> Result<Self, DriverError> {
        let driver = seat.driver;
        let Some(run) = &seat.state.run else {
            return Err(seat.defect("no run is open"));
        };
        let (turns_before, tokens_before) = (run.turns, run.tokens_spent());
        let effects_before = run.effects_spent();
        let budget = work.options.terms.money_budget.as_ref();
        let micros_before = budget.map_or(0, |budget| run.micros_spent(&budget.currency));
        let run = RunId::new(run.run.as_str())?;
        let conversation = driver.conversation(&seat.session, seat.state.generation)?;
        let goal = match goal {
            "" => conversation.last_prompt().to_owned(),
            goal => goal.to_owned(),
        };
        let key = driver.store.key(&seat.session)?;
        let heart = Heart::start(driver, seat.session.clone(), seat.fence);
        work.observer
            .progress(&Progress::RunStarted { run: run.as_str() });
        Ok(Self {
            seat,
            work,
            conversation,
            key,
            run,
            goal,
            finding: Finding::default(),
            heart,
            turns_before,
            tokens_before,
            micros_before,
            effects_before,
        })
    }

    /// Counts turns, tokens, money and effects from where the run began, not from where this shift did.
    pub(super) fn count_from_the_start(&mut self) {
        (self.turns_before, self.tokens_before, self.effects_before) = (0, 0, 0);
        self.micros_before = 0;
    }

    /// Works until the run ends or is parked, writes that down, and reports.
    pub(super) async fn finish(mut self) -> Result<RunReport, DriverError> {
        let ending = self.work().await?;
        if matches!(ending, Ending::Cancelled(_)) {
            self.await_effects().await?;
        }
        self.conclude(ending)
    }

    async fn work(&mut self) -> Result<Ending, DriverError> {
        loop {
            for wanted in self.conversation.unanswered() {
                if let Some(ending) = self.answer(wanted).await? {
                    return Ok(ending);
                }
            }
            // The run was killed between its last answer and its end.
            if let Some(text) = self.conversation.answer_of(self.run.as_str()) {
                self.finding.output = text;
                return Ok(Ending::Completed);
            }
            if self.turns_taken() >= self.work.options.terms.iterations_max {
                return Ok(Ending::Interrupted(InterruptReason::MaxIterations));
            }
            if let Some(ending) = self.turn().await? {
                return Ok(ending);
            }
        }
    }

    fn turns_taken(&self) -> u32 {
        let turns = self.seat.state.run.as_ref().map_or(0, |run| run.turns);
        turns.saturating_sub(self.turns_before)
    }

    /// Tokens that count against the budget of this shift.
    pub(super) fn tokens_taken(&self) -> u64 {
        let tokens = self
            .seat
            .state
            .run
            .as_ref()
            .map_or(0, crate::state::Run::tokens_spent);
        tokens.saturating_sub(self.tokens_before)
    }

    /// Money in `currency` that counts against the budget of this shift; millionths.
    pub(super) fn micros_taken(&self, currency: &str) -> u64 {
        let run = self.seat.state.run.as_ref();
        let micros = run.map_or(0, |run| run.micros_spent(currency));
        micros.saturating_sub(self.micros_before)
    }

    /// Effects that count against the budget of this shift.
    pub(super) fn effects_taken(&self) -> u64 {
        let run = self.seat.state.run.as_ref();
        let effects = run.map_or(0, crate::state::Run::effects_spent);
        effects.saturating_sub(self.effects_before)
    }

    /// Journals an answer, and says whether it ends the run.
    pub(super) fn take_answer(
        &mut self,
        turn: u32,
        completion: Completion,
        receipt: ProviderReceipt,
        bound_by: Option<InterruptReason>,
    ) -> Result<Option<Ending>, DriverError> {
        let tool_uses = completion.content.iter().filter_map(as_tool_use).count();
        let text = text_of(&completion.content);
        if !text.is_empty() {
            self.finding.output = text;
        }
        let event = Event::ProviderCompleted {
            run: self.run.to_string(),
            turn,
            receipt: receipt.clone(),
            tool_uses: u32::try_from(tool_uses).unwrap_or(u32::MAX),
        };
        self.finding.receipts.push(receipt);
        let message = Message {
            role: Role::Assistant,
            content: completion.content,
        };
        // An answer without content would be a message that no provider takes back.
        let message = (!message.content.is_empty()).then_some(message);
        self.journal(event, message)?;
        Ok(match completion.stop {
            StopReason::Refused => Some(Ending::Failed(FailReason::Refused)),
            StopReason::MaxTokens => Some(Ending::Interrupted(
                bound_by.unwrap_or(InterruptReason::OutputLimit),
            )),
            _ if tool_uses > 0 => None,
            _ => Some(Ending::Completed),
        })
    }

    /// Appends one step, with the message that goes with it.
    pub(super) fn journal(
        &mut self,
        event: Event,
        message: Option<Message>,
    ) -> Result<(), DriverError> {
        let item = message.map(|message| Item::Message { message });
        self.append(&[Command::Journal(event)], item)
    }

    /// Appends, with one transcript entry, and keeps the conversation in step.
    pub(super) fn append(
        &mut self,
        commands: &[Command],
        item: Option<Item>,
    ) -> Result<(), DriverError> {
        let Some(item) = item else {
            return self.seat.write(commands, Vec::new());
        };
        let said = matches!(&item, Item::Message { message } if message.role == Role::Assistant);
        let made_by = said.then(|| Adapter::of(&self.seat.state).mark());
        let next_n = self.conversation.next_n();
        let run = self.run.as_str();
        let entry = self
            .seat
            .entry(run, made_by.clone(), item.clone(), next_n)?;
        self.seat.write(commands, vec![entry])?;
        self.conversation.push(&Entry {
            schema: TRANSCRIPT_SCHEMA.to_owned(),
            run: self.run.to_string(),
            time_us: self.seat.driver.clock.now_us(),
            made_by,
            item,
        });
        Ok(())
    }

    /// The context of a new call of `plugin` in this run.
    pub(super) fn context(&self, plugin: PluginName) -> Result<CallContext, DriverError> {
        Ok(CallContext {
            session: self.seat.session.clone(),
            run: Some(self.run.clone()),
            call: CallId::new(super::fresh("call"))?,
            plugin,
            fence: Some(self.seat.fence),
            effects_max: None,
        })
    }

    /// Waits for `work` unless the run is broken into. What has an answer already is taken.
    pub(super) async fn guarded<T>(&self, work: impl Future<Output = T>) -> Result<T, Broken> {
        tokio::select! {
            biased;
            value = work => Ok(value),
            pulse = self.heart.stopped() => Err(match pulse {
                Pulse::Lost => Broken::Lost,
                _ => Broken::Cancelled("another process asked for the session"),
            }),
            () = self.work.cancel.cancelled() => Err(Broken::Cancelled("cancelled by the operator")),
        }
    }

    /// What follows when a call was broken into.
    pub(super) fn broken(&self, broken: Broken) -> Result<Ending, DriverError> {
        match broken {
            Broken::Cancelled(why) => Ok(Ending::Cancelled(why)),
            Broken::Lost => {
                let session = &self.seat.session;
                let found = self
                    .seat
                    .driver
                    .store
                    .lease(session)
                    .map_or(0, |lease| lease.fence);
                Err(DriverError::Store(StoreError::FenceLost {
                    session: session.clone(),
                    held: self.seat.fence,
                    found,
                }))
            }
        }
    }

    /// Effects of a dropped call go on in the gate's own tasks until they settle. What does not in
    /// time is marked indeterminate by whoever opens the session next.
    pub(super) async fn await_effects(&self) -> Result<(), DriverError> {
        let driver = self.seat.driver;
        let deadline = tokio::time::Instant::now() + driver.settings.settle_grace;
        loop {
            let open = driver
                .store
                .open_intents(&self.seat.session, super::open::INTENTS_MAX)?;
            let in_flight = open.iter().any(|intent| !intent.indeterminate);
            if !in_flight || tokio::time::Instant::now() >= deadline {
                return Ok(());
            }
            tokio::time::sleep(SETTLE_POLL).await;
        }
    }

    /// Notes a refusal for the report.
    pub(super) fn note_denial(&mut self, denial: &Denial) {
        self.finding.denials.push(denial.clone());
    }

    /// Notes a tool call for the report.
    pub(super) fn note_tool(&mut self, report: ToolCallReport) {
        self.finding.tool_calls.push(report);
    }

    /// The conversation as the provider gets it, and what of it another adapter made and this one does not
    /// get.
    pub(super) fn messages(&self) -> (Vec<Message>, Vec<LeftOut>) {
        let (said, left_out) = carried(&self.conversation, &Adapter::of(&self.seat.state));
        let mut messages = Vec::new();
        if let Some(system) = &self.work.options.system {
            messages.push(Message {
                role: Role::System,
                content: vec![ContentBlock::Text {
                    text: system.clone(),
                }],
            });
        }
        messages.extend(said);
        (messages, left_out)
    }
}
