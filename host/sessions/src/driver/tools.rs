//! One tool call: begun at most once, and whatever comes of it becomes a result for the model.

use super::DriverError;
use super::run::{Ending, Shift};
use crate::budget::reserve_effects;
use crate::catalog::Offered;
use crate::event::{Event, note};
use crate::keyed::{hash, use_key};
use crate::observe::Progress;
use crate::record::ToolCallReport;
use crate::state::Run;
use crate::status::{BlockReason, FaultReason, InterruptReason, OnDenied, Resolution, ToolOutcome};
use crate::transcript::ToolUse;
use tollgate_contract::{
    CallContext, CallEvidence, CallFault, ContentBlock, Denial, Message, Reply, Role, ToolError,
    ToolOutput, stop_point,
};

/// Traps of one plugin in a row that mean that it is broken.
const TRAPS_MAX: u32 = 3;
/// What the gate says where a call has attempted as many effects as it may.
const LIMIT_REACHED: &str = "limit_reached";
/// The most bytes of a tool's answer that the model gets.
const RESULT_BYTES_MAX: usize = 256 * 1024;

/// The result of a request that was never begun.
pub(super) const NOT_STARTED: &str =
    "[not_started] the run ended before this tool was called; call it again if it is still needed";

/// The result of a call whose end nobody saw.
pub(super) fn interrupted_text(call: &str, run: &Run) -> String {
    let known = match run.words.get(call) {
        Some(Resolution::Done) => "What was in doubt was done, says an operator",
        Some(Resolution::NotDone) => "What was in doubt was not done, says an operator",
        Some(Resolution::Retry | Resolution::Unknown) | None => "It may have acted",
    };
    format!(
        "[interrupted] the host was lost during this call, which will not be made again by itself. {known}; what it did is in the receipts of {call}. Look before you repeat it."
    )
}

/// What became of a request.
struct Outcome {
    call: Option<String>,
    outcome: ToolOutcome,
    text: String,
    denial: Option<Denial>,
    denial_reason: Option<String>,
    attempted: u64,
    receipts: Vec<String>,
    talk: String,
}

impl Outcome {
    /// Of a call that was let attempt only the rest of the run's budget, and used it up. What was refused for
    /// that is no denial: it may be asked for again when there is a larger budget.
    fn at_the_budget(&mut self) {
        let other = self.denial.as_ref();
        let other = other.is_some_and(|denial| denial.reason != LIMIT_REACHED);
        if self.outcome != ToolOutcome::Denied || other {
            return;
        }
        self.outcome = ToolOutcome::Limit;
        self.text = "[limit] the run may attempt no more effects; say what is missing".to_owned();
        self.denial = None;
        self.denial_reason = None;
    }

    /// Without a call, or without its evidence.
    fn plain(call: Option<String>, outcome: ToolOutcome, text: String) -> Self {
        Self {
            call,
            outcome,
            text,
            denial: None,
            denial_reason: None,
            attempted: 0,
            receipts: Vec::new(),
            talk: String::new(),
        }
    }
}

/// A call came back, or the run ends without an answer to it.
enum Called {
    Back(Box<Outcome>),
    Ends(Ending),
}

impl Shift<'_, '_, '_> {
    /// Answers one request of the model. None means that the run goes on.
    pub(super) async fn answer(&mut self, wanted: ToolUse) -> Result<Option<Ending>, DriverError> {
        let catalog = std::sync::Arc::clone(&self.work.catalog);
        let Some(offered) = catalog.get(&wanted.name) else {
            let text = format!("[refused] no tool is named {:?}", wanted.name);
            let outcome = Outcome::plain(None, ToolOutcome::Refused, text);
            return self.conclude_tool(&wanted, "", &wanted.name, String::new(), outcome);
        };
        let (plugin, tool) = (offered.plugin.as_str(), offered.tool.as_str());
        let parts = [plugin, tool, wanted.arguments_json.as_str()].map(str::as_bytes);
        let arguments = hash(&self.key, &parts);
        let outcome = match self.without_a_call(&wanted, &arguments) {
            Some(outcome) => outcome,
            None => match self.call_tool(&wanted, offered, &arguments).await? {
                Called::Back(outcome) => *outcome,
                Called::Ends(ending) => return Ok(Some(ending)),
            },
        };
        self.conclude_tool(&wanted, plugin, tool, arguments, outcome)
    }

    /// The answer where no call may be made.
    fn without_a_call(&self, wanted: &ToolUse, arguments: &str) -> Option<Outcome> {
        let run = self.seat.state.run.as_ref()?;
        let begun = run.open_calls.get(&use_key(&self.key, &wanted.id));
        if let Some(call) = begun.filter(|call| !run.may_repeat(call)) {
            let text = interrupted_text(call, run);
            return Some(Outcome::plain(
                Some(call.clone()),
                ToolOutcome::Interrupted,
                text,
            ));
        }
        if let Some(reason) = run.denied.get(arguments) {
            let text = format!(
                "[denied] the same call was denied before in this run ({reason}); it was not made again. Choose another way."
            );
            return Some(Outcome::plain(None, ToolOutcome::DeniedAgain, text));
        }
        if object_of(&wanted.arguments_json).is_none() {
            let text = "[invalid_arguments] the arguments are not a JSON object".to_owned();
            return Some(Outcome::plain(None, ToolOutcome::Error, text));
        }
        None
    }

    async fn call_tool(
        &mut self,
        wanted: &ToolUse,
        offered: &Offered,
        arguments: &str,
    ) -> Result<Called, DriverError> {
        let (plugin, tool) = (offered.plugin.as_str(), offered.tool.as_str());
        let caller = std::sync::Arc::clone(&self.seat.driver.caller);
        let budget = self.work.options.terms.effect_budget;
        // What a call may attempt is looked up only where it matters.
        let call_max = budget.and_then(|_| caller.effects_max(&offered.plugin));
        let Ok(reserved) = reserve_effects(call_max, budget, self.effects_taken()) else {
            let reason = InterruptReason::EffectBudget;
            return Ok(Called::Ends(Ending::Interrupted(reason)));
        };
        let context = CallContext {
            effects_max: reserved,
            ..self.context(offered.plugin.clone())?
        };
        let call = context.call.to_string();
        self.work
            .observer
            .progress(&Progress::ToolStarted { plugin, tool });
        let started = Event::ToolStarted {
            run: self.run.to_string(),
            call: call.clone(),
            tool_use: use_key(&self.key, &wanted.id),
            plugin: plugin.to_owned(),
            tool: tool.to_owned(),
            arguments: arguments.to_owned(),
            reserved_effects: reserved.unwrap_or(0),
        };
        self.journal(started, None)?;
        stop_point("before_tool_call");
        let json = object_of(&wanted.arguments_json).unwrap_or("{}").to_owned();
        let reply = self
            .guarded(caller.call_tool(context, tool.to_owned(), json))
            .await;
        stop_point("after_tool_call");
        match reply {
            Err(broken) => self.broken(broken).map(Called::Ends),
            // Nothing that the call did may leave: the request stays open, and is answered with
            // `interrupted` when the run goes on.
            Ok(Err(CallFault::LedgerUnavailable { message })) => {
                self.finding.message = Some(format!("the ledger cannot be written: {message}"));
                Ok(Called::Ends(Ending::Blocked(
                    BlockReason::LedgerUnavailable,
                )))
            }
            Ok(Err(fault)) => {
                self.finding.sandbox_broken = matches!(fault, CallFault::Sandbox { .. });
                let reserved = reserved.unwrap_or(0);
                Ok(Called::Back(Box::new(faulted(call, &fault, reserved))))
            }
            Ok(Ok(Reply { value, evidence })) => {
                let mut outcome = returned(call, value, evidence);
                // The plugin's own limit is a rule of the operator's; the rest of a budget is not.
                if reserved.filter(|most| call_max != Some(*most)) == Some(outcome.attempted) {
                    outcome.at_the_budget();
                }
                Ok(Called::Back(Box::new(outcome)))
            }
        }
    }

    /// Journals a result, tells everybody, and says whether it ends the run.
    fn conclude_tool(
        &mut self,
        wanted: &ToolUse,
        plugin: &str,
        tool: &str,
        arguments: String,
        outcome: Outcome,
    ) -> Result<Option<Ending>, DriverError> {
        let event = Event::ToolCompleted {
            run: self.run.to_string(),
            call: outcome.call.clone(),
            tool_use: use_key(&self.key, &wanted.id),
            plugin: plugin.to_owned(),
            tool: note(tool),
            arguments,
            outcome: outcome.outcome,
            denial: outcome.denial_reason.as_deref().map(note),
            effects: outcome.attempted,
            environment_receipts: outcome.receipts.clone(),
        };
        let block = ContentBlock::ToolResult {
            id: wanted.id.clone(),
            name: wanted.name.clone(),
            text: bounded(outcome.text),
            is_error: outcome.outcome != ToolOutcome::Ok,
        };
        self.journal(
            event,
            Some(Message {
                role: Role::User,
                content: vec![block],
            }),
        )?;
        stop_point("after_tool_event");
        self.work.observer.progress(&Progress::ToolCompleted {
            plugin,
            tool,
            outcome: outcome.outcome,
            denial: outcome.denial.as_ref(),
            talk: &outcome.talk,
        });
        if let Some(denial) = &outcome.denial {
            self.note_denial(denial);
        }
        self.note_tool(ToolCallReport {
            call: outcome.call,
            plugin: plugin.to_owned(),
            tool: tool.to_owned(),
            outcome: outcome.outcome,
            environment_receipts: outcome.receipts,
        });
        Ok(self.after_tool(plugin, outcome.outcome))
    }

    fn after_tool(&mut self, plugin: &str, outcome: ToolOutcome) -> Option<Ending> {
        let run = self.seat.state.run.as_ref()?;
        let traps = run.traps.get(plugin).copied().unwrap_or(0);
        if traps >= TRAPS_MAX {
            self.finding.detail = Some("one plugin trapped three times running".into());
            return Some(Ending::Fault(FaultReason::SandboxFailed));
        }
        if self.finding.sandbox_broken {
            self.finding.detail = Some("nothing can be instantiated".into());
            return Some(Ending::Fault(FaultReason::SandboxFailed));
        }
        let denied = matches!(outcome, ToolOutcome::Denied | ToolOutcome::DeniedAgain);
        let blocks = denied && self.work.options.terms.on_denied == OnDenied::Block;
        blocks.then_some(Ending::Blocked(BlockReason::Denied))
    }
}

fn faulted(call: String, fault: &CallFault, reserved: u64) -> Outcome {
    let (outcome, text) = match fault {
        CallFault::Trapped { message, .. } => (
            ToolOutcome::Trapped,
            format!("[trapped] the tool's component crashed: {message}"),
        ),
        CallFault::Limit { limit, .. } => (
            ToolOutcome::Limit,
            format!("[limit] the tool was stopped at its limit of {limit}; ask it for less"),
        ),
        CallFault::UnknownPlugin { .. }
        | CallFault::Refused { .. }
        | CallFault::Busy { .. }
        | CallFault::Cancelled { .. }
        | CallFault::LedgerUnavailable { .. }
        | CallFault::Sandbox { .. } => (
            ToolOutcome::Refused,
            "[refused] the tool could not be run; choose another way".to_owned(),
        ),
    };
    Outcome {
        talk: fault.talk().to_owned(),
        attempted: fault.attempted().unwrap_or(reserved),
        ..Outcome::plain(Some(call), outcome, text)
    }
}

fn returned(call: String, value: Result<ToolOutput, ToolError>, evidence: CallEvidence) -> Outcome {
    let failed = !matches!(&value, Ok(output) if !output.is_error);
    // A component may take a refusal for an ordinary error; the evidence knows better.
    let denied = failed && evidence.denied > 0;
    let (mut outcome, text, denial) = match value {
        Ok(output) => {
            let texts: Vec<String> = output.content.iter().map(|block| block.as_text()).collect();
            let outcome = if output.is_error {
                ToolOutcome::Error
            } else {
                ToolOutcome::Ok
            };
            (outcome, texts.join("\n"), None)
        }
        Err(ToolError::Denied { denial }) => {
            let text = format!(
                "[denied] {} {} was denied by the operator's rules ({}). Do not try it again; choose another way or say what is missing.",
                denial.kind, denial.target, denial.reason
            );
            (ToolOutcome::Denied, text, Some(denial))
        }
        Err(ToolError::InvalidArguments { message }) => (
            ToolOutcome::Error,
            format!("[invalid_arguments] {message}"),
            None,
        ),
        Err(ToolError::Failed { message }) => {
            (ToolOutcome::Error, format!("[failed] {message}"), None)
        }
        Err(ToolError::NotFound { message }) => {
            (ToolOutcome::Error, format!("[not_found] {message}"), None)
        }
    };
    if denied {
        outcome = ToolOutcome::Denied;
    }
    let denial_reason = match (&denial, outcome) {
        (Some(denial), _) => Some(denial.reason.clone()),
        (None, ToolOutcome::Denied) => Some("see its receipts".to_owned()),
        _ => None,
    };
    Outcome {
        call: Some(call),
        outcome,
        text,
        denial,
        denial_reason,
        attempted: evidence.attempted,
        receipts: evidence.receipts,
        talk: evidence.talk,
    }
}

/// The arguments if they are a JSON object; none at all are an empty one.
fn object_of(json: &str) -> Option<&str> {
    if json.trim().is_empty() {
        return Some("{}");
    }
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json)
        .ok()
        .map(|_| json)
}

/// Cuts a result to [`RESULT_BYTES_MAX`] and says so.
fn bounded(mut text: String) -> String {
    if text.len() <= RESULT_BYTES_MAX {
        return text;
    }
    let whole = text.len();
    let mut end = RESULT_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push_str(&format!("\n[cut: {end} of {whole} bytes]"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_bounded_at_a_character() {
        let long = bounded("é".repeat(RESULT_BYTES_MAX));
        assert!(long.len() < RESULT_BYTES_MAX + 64 && long.contains("[cut: "));
        assert_eq!(bounded("short".into()), "short");
    }

    #[test]
    fn a_denial_that_the_component_hid_is_still_one() {
        let evidence = CallEvidence {
            denied: 1,
            ..CallEvidence::default()
        };
        let hidden = Err(ToolError::Failed {
            message: "access".into(),
        });
        assert_eq!(
            returned("c".into(), hidden, evidence.clone()).outcome,
            ToolOutcome::Denied
        );
        // A tool that managed without what it was refused did its work.
        let fine = Ok(ToolOutput::default());
        assert_eq!(
            returned("c".into(), fine, evidence).outcome,
            ToolOutcome::Ok
        );
    }

    #[test]
    fn arguments_are_an_object_or_nothing() {
        assert_eq!(object_of(" "), Some("{}"));
        assert_eq!(object_of(r#"{"a":1}"#), Some(r#"{"a":1}"#));
        for bad in ["[]", "1", "{\"a\":", "null"] {
            assert_eq!(object_of(bad), None, "{bad}");
        }
    }
}
