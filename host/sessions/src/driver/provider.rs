//! One turn: reserve, ask the provider, try again where that helps, and judge its errors.

use super::bind::fault_label;
use super::run::{Ending, Shift};
use super::{DriverError, fresh};
use crate::budget::{Reservation, reserve};
use crate::event::{Event, ProviderReceipt};
use crate::observe::{Progress, RunObserver};
use crate::retry::label;
use crate::status::{BlockReason, FailReason, FaultReason, InterruptReason, OnDenied};
use std::sync::Arc;
use tollgate_contract::{
    CallContext, CallEvidence, CallFault, Completion, CompletionRequest, Delta, DeltaSink,
    PluginName, ProviderError, Reply, ToolChoice, stop_point,
};

struct Forward(Arc<dyn RunObserver>);

impl DeltaSink for Forward {
    fn emit(&self, delta: Delta) {
        self.0.delta(&delta);
    }
}

/// What one call of the provider leads to.
enum Judged {
    /// Try again.
    Again(std::time::Duration),
    /// The run ends or waits.
    Ends(Ending),
}

impl Shift<'_, '_, '_> {
    /// Takes one turn. None means that the model asks for tools.
    pub(super) async fn turn(&mut self) -> Result<Option<Ending>, DriverError> {
        let turn = self
            .seat
            .state
            .run
            .as_ref()
            .map_or(0, |run| run.turns)
            .saturating_add(1);
        let mut attempt = 1;
        loop {
            let mut request = self.request();
            let budget = self.work.options.terms.token_budget;
            let Some(reserved) = reserve(&request, budget, self.tokens_taken()) else {
                return Ok(Some(Ending::Interrupted(InterruptReason::TokenBudget)));
            };
            request.output_tokens_max = reserved.answer_max;
            match self.ask(turn, attempt, request, reserved).await? {
                Ok(ending) => return Ok(ending),
                Err(Judged::Ends(ending)) => return Ok(Some(ending)),
                Err(Judged::Again(wait)) => {
                    if let Err(broken) = self.guarded(tokio::time::sleep(wait)).await {
                        return self.broken(broken).map(Some);
                    }
                    attempt = attempt.saturating_add(1);
                }
            }
        }
    }

    fn request(&self) -> CompletionRequest {
        let options = &self.work.options;
        CompletionRequest {
            model: self.seat.state.identity.model.clone(),
            messages: self.messages(),
            tools: self.work.catalog.specs(),
            tool_choice: ToolChoice::Auto,
            temperature_milli: options.temperature_milli,
            top_p_milli: None,
            stop: Vec::new(),
            output_tokens_max: options.output_tokens_max,
            stream: options.stream,
            options: tollgate_contract::RequestOptions::default(),
        }
    }

    async fn ask(
        &mut self,
        turn: u32,
        attempt: u32,
        request: CompletionRequest,
        reserved: Reservation,
    ) -> Result<Result<Option<Ending>, Judged>, DriverError> {
        let context = self.context(PluginName::new(self.seat.state.identity.provider.as_str())?)?;
        let call = context.call.to_string();
        self.work
            .observer
            .progress(&Progress::Turn { turn, attempt });
        let started = Event::ProviderStarted {
            run: self.run.to_string(),
            call: call.clone(),
            turn,
            attempt,
            reserved_tokens: reserved.tokens,
        };
        self.journal(started, None)?;
        stop_point("before_provider_call");
        let reply = match self.guarded(self.call_provider(context, request)).await {
            Ok(reply) => reply,
            Err(broken) => return self.broken(broken).map(|ending| Ok(Some(ending))),
        };
        stop_point("after_provider_call");
        match reply {
            Ok(Reply {
                value: Ok(completion),
                evidence,
            }) => {
                let receipt = self.receipt(&completion, call, attempt, evidence);
                let bound = reserved.bound_by_budget;
                let ending = self.take_answer(turn, completion, receipt, bound)?;
                stop_point("after_provider_event");
                Ok(Ok(ending))
            }
            Ok(Reply {
                value: Err(error),
                evidence,
            }) => {
                let judged = self.judge(attempt, &error, &evidence);
                self.provider_failed(call, turn, label(&error), evidence.receipts)?;
                if let Judged::Again(wait) = &judged {
                    let error = label(&error);
                    self.work
                        .observer
                        .progress(&Progress::Retry { error, wait: *wait });
                }
                Ok(Err(judged))
            }
            Err(fault) => {
                self.finding.message = Some(fault.to_string());
                let ending = match fault {
                    CallFault::LedgerUnavailable { .. } => {
                        Ending::Blocked(BlockReason::LedgerUnavailable)
                    }
                    _ => Ending::Fault(FaultReason::SandboxFailed),
                };
                self.finding.detail = Some(fault_label(&fault));
                self.provider_failed(call, turn, "fault", Vec::new())?;
                Ok(Err(Judged::Ends(ending)))
            }
        }
    }

    async fn call_provider(
        &self,
        context: CallContext,
        request: CompletionRequest,
    ) -> Result<Reply<Result<Completion, ProviderError>>, CallFault> {
        let sink = Arc::new(Forward(Arc::clone(&self.work.observer)));
        let caller = Arc::clone(&self.seat.driver.caller);
        caller.complete(context, request, sink).await
    }

    fn receipt(
        &self,
        completion: &Completion,
        call: String,
        attempt: u32,
        evidence: CallEvidence,
    ) -> ProviderReceipt {
        ProviderReceipt {
            id: fresh("receipt"),
            call,
            plugin: self.seat.state.identity.provider.clone(),
            digest: evidence.digest.map(String::from),
            model: crate::event::note(&completion.model),
            response_id: completion.response_id.as_deref().map(crate::event::note),
            usage: completion.usage,
            stop: completion.stop,
            attempt,
            environment_receipts: evidence.receipts,
            time_us: self.seat.driver.clock.now_us(),
        }
    }

    fn provider_failed(
        &mut self,
        call: String,
        turn: u32,
        error: &str,
        environment_receipts: Vec<String>,
    ) -> Result<(), DriverError> {
        let run = self.run.to_string();
        let error = error.to_owned();
        self.journal(
            Event::ProviderFailed {
                run,
                call,
                turn,
                error,
                environment_receipts,
            },
            None,
        )
    }

    /// What an error of the adapter means. A refusal of the gate is never the provider's fault, also
    /// where the adapter took it for one.
    fn judge(&mut self, attempt: u32, error: &ProviderError, evidence: &CallEvidence) -> Judged {
        self.finding.message = Some(error.to_string());
        let refused_by_gate = match error {
            ProviderError::Denied { denial } => {
                self.note_denial(denial);
                true
            }
            ProviderError::Unavailable { .. } => evidence.denied > 0,
            // Where nothing was allowed, nobody but the gate can have said anything.
            _ => evidence.denied > 0 && evidence.allowed == 0,
        };
        if refused_by_gate {
            return Judged::Ends(match self.work.options.terms.on_denied {
                OnDenied::Block => Ending::Blocked(BlockReason::Denied),
                OnDenied::Tell => Ending::Failed(FailReason::Denied),
            });
        }
        if let Some(wait) = self.seat.driver.settings.retry.wait(attempt, error) {
            return Judged::Again(wait);
        }
        Judged::Ends(match error {
            ProviderError::AuthExpired { .. } => {
                self.finding.detail = Some("the provider refused the credential");
                Ending::Fault(FaultReason::AuthExpired)
            }
            ProviderError::RateLimited { .. }
            | ProviderError::Overloaded { .. }
            | ProviderError::Unavailable { .. } => {
                self.finding.detail = Some("the provider did not answer, retries included");
                Ending::Fault(FaultReason::ProviderUnavailable)
            }
            ProviderError::QuotaExhausted { .. } => {
                self.finding.detail = Some("the provider's quota is exhausted");
                Ending::Fault(FaultReason::ProviderUnavailable)
            }
            ProviderError::ContextTooLong { .. } => Ending::Failed(FailReason::ContextTooLong),
            ProviderError::Refused { .. } => Ending::Failed(FailReason::Refused),
            // A refusal of the gate has ended the run above.
            ProviderError::InvalidRequest { .. } | ProviderError::Denied { .. } => {
                Ending::Failed(FailReason::InvalidRequest)
            }
        })
    }
}
