//! The end of a shift: the run's last event, its handoff, its report.

use super::run::{Ending, Shift};
use super::{DriverError, fresh};
use crate::event::{ProviderReceipt, RunEnd};
use crate::handoff::{Handoff, Known, write};
use crate::machine::Command;
use crate::observe::Progress;
use crate::record::{RUN_SCHEMA, RunReport, ToolCallReport};
use crate::state::Run;
use crate::status::{InterruptReason, RunStatus};
use crate::transcript::Item;
use std::borrow::Cow;
use tollgate_contract::{Denial, stop_point};

/// What a shift found out, for its report.
#[derive(Debug, Default)]
pub(super) struct Finding {
    /// The model's last words.
    pub(super) output: String,
    /// What went wrong, for people; may hold a stranger's words.
    pub(super) message: Option<String>,
    /// The same in the host's own words, for events.
    pub(super) detail: Option<Cow<'static, str>>,
    /// The sandbox can run nothing.
    pub(super) sandbox_broken: bool,
    pub(super) receipts: Vec<ProviderReceipt>,
    pub(super) tool_calls: Vec<ToolCallReport>,
    pub(super) denials: Vec<Denial>,
}

impl Ending {
    /// How the run stands, and the label of the reason.
    fn told(&self) -> (RunStatus, Option<&'static str>) {
        match self {
            Self::Completed => (RunStatus::Completed, None),
            Self::Interrupted(reason) => (RunStatus::Interrupted, Some(reason.label())),
            Self::Blocked(reason) => (RunStatus::Blocked, Some(reason.label())),
            Self::Failed(reason) => (RunStatus::Failed, Some(reason.label())),
            Self::Cancelled(_) => (RunStatus::Cancelled, None),
            Self::Fault(reason) => (RunStatus::Interrupted, Some(reason.label())),
        }
    }

    fn command(&self, end: RunEnd, detail: Option<&str>) -> Command {
        match self {
            Self::Completed => Command::Complete(end),
            Self::Interrupted(reason) => Command::Interrupt(end, *reason),
            Self::Blocked(reason) => Command::Block(end, *reason),
            Self::Failed(reason) => Command::Fail(end, *reason),
            Self::Cancelled(why) => Command::Cancel {
                reason: Some((*why).to_owned()),
                end: Some(end),
            },
            Self::Fault(reason) => Command::Fault {
                reason: *reason,
                detail: detail.map(str::to_owned),
                end: Some(end),
            },
        }
    }
}

impl Shift<'_, '_, '_> {
    /// Writes the run's end with its handoff, and reports.
    pub(super) fn conclude(mut self, ending: Ending) -> Result<RunReport, DriverError> {
        let Some(run) = self.seat.state.run.clone() else {
            return Err(self.seat.defect("the run ended before its end"));
        };
        let (status, reason) = ending.told();
        // Words about a call that was tried again with success are no longer news.
        if ending == Ending::Completed
            || ending == Ending::Interrupted(InterruptReason::MaxIterations)
        {
            self.finding.message = None;
        }
        let handoff = self.handoff(&run, status, reason);
        let end = RunEnd {
            run: run.run.clone(),
            turns: run.turns,
            usage: run.usage,
            handoff: Some(handoff.id.clone()),
        };
        let command = ending.command(end, self.finding.detail.as_deref());
        let item = Item::Handoff {
            document: Box::new(handoff.clone()),
        };
        stop_point("before_run_completed");
        self.append(&[command], Some(item))?;
        stop_point("after_run_completed");
        self.work
            .observer
            .progress(&Progress::RunEnded { status, reason });
        let effects = run.effects_spent();
        Ok(RunReport {
            schema: RUN_SCHEMA,
            session: self.seat.session.to_string(),
            task: run.task,
            run: run.run,
            status,
            reason: reason.map(str::to_owned),
            message: self.finding.message,
            output: self.finding.output,
            turns: run.turns,
            usage: run.usage,
            cost: run.cost,
            effects,
            provider_receipts: self.finding.receipts,
            environment_receipts: run.environment_receipts.ids.into_iter().collect(),
            tool_calls: self.finding.tool_calls,
            denials: self.finding.denials,
            handoff,
            session_status: self.seat.state.status,
        })
    }

    fn handoff(&self, run: &Run, status: RunStatus, reason: Option<&str>) -> Handoff {
        let unanswered: Vec<String> = self
            .conversation
            .unanswered()
            .into_iter()
            .map(|wanted| wanted.name)
            .collect();
        write(
            run,
            Known {
                id: fresh("handoff"),
                session: self.seat.session.as_str(),
                status,
                reason,
                goal: &self.goal,
                output: &self.finding.output,
                unanswered: &unanswered,
            },
        )
    }
}
