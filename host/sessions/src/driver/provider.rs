//! One turn: reserve, ask the provider, try again where that helps, and judge its errors.

use super::bind::fault_label;
use super::call::{Pieces, Seen, bounded};
use super::run::{Ending, Shift};
use super::{DriverError, fresh};
use crate::budget::{Left, Reservation, reserve, tokens_of, used};
use crate::carry::LeftOut;
use crate::event::{Event, ProviderReceipt};
use crate::models::{Cost, Price};
use crate::observe::Progress;
use crate::retry::{CircuitOpen, GivenUp, LimitReached, Pass, Verdict, label};
use crate::status::{BlockReason, FailReason, FaultReason, InterruptReason, OnDenied};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tollgate_contract::{
    CallEvidence, CallFault, Completion, CompletionRequest, PluginName, ProviderError, Reply,
    ToolChoice, stop_point,
};

/// What one call of the provider leads to.
enum Judged {
    /// Try again.
    Again(Duration),
    /// The run ends or waits.
    Ends(Ending),
}

/// One try of a turn.
struct Try {
    /// The turn, from 1.
    turn: u32,
    /// The try, from 1.
    attempt: u32,
    /// When the first try began.
    since: Instant,
    /// What it may use.
    reserved: Reservation,
    /// The breaker let it through.
    pass: Pass,
}

/// What a call without an answer counts for, and the host's words for it.
#[derive(Default)]
struct Lost {
    detail: Option<String>,
    tokens: u64,
    cost: Option<Cost>,
}

impl Shift<'_, '_, '_> {
    /// Takes one turn. None means that the model asks for tools.
    ///
    /// Each try is a call of its own: reserved before, settled after, with its own events and environment
    /// receipts.
    pub(super) async fn turn(&mut self) -> Result<Option<Ending>, DriverError> {
        let turn = self
            .seat
            .state
            .run
            .as_ref()
            .map_or(0, |run| run.turns)
            .saturating_add(1);
        let since = Instant::now();
        let mut attempt = 1;
        loop {
            let (mut request, left_out) = self.request();
            let reserved = match self.reserve(&request) {
                Ok(reserved) => reserved,
                Err(reason) => return Ok(Some(Ending::Interrupted(reason))),
            };
            request.output_tokens_max = reserved.answer_max;
            let pass = match self.admit() {
                Ok(pass) => pass,
                Err(open) => return Ok(Some(self.circuit_open(open))),
            };
            self.tell_left_out(left_out)?;
            let this = Try {
                turn,
                attempt,
                since,
                reserved,
                pass,
            };
            match self.ask(this, request).await? {
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

    /// Sets aside what the next call may use.
    fn reserve(&mut self, request: &CompletionRequest) -> Result<Reservation, InterruptReason> {
        let terms = &self.work.options.terms;
        let tokens = terms.token_budget;
        let tokens = tokens.map(|budget| budget.saturating_sub(self.tokens_taken()));
        let Some(budget) = &terms.money_budget else {
            return reserve(
                request,
                Left {
                    tokens,
                    money: None,
                },
            );
        };
        let price = self.price(None);
        let Some(price) = price.filter(|price| price.currency == budget.currency) else {
            let model = self.seat.state.identity.model.as_deref();
            self.finding.message = Some(format!(
                "a budget in {} needs a price in it for {}; write one below [prices] in tollgate.toml",
                budget.currency,
                model.unwrap_or("the model, which is named first"),
            ));
            return Err(InterruptReason::MoneyBudget);
        };
        let left = budget
            .micros
            .saturating_sub(self.micros_taken(&budget.currency));
        let money = Some((left, &price));
        reserve(request, Left { tokens, money })
    }

    /// What the model costs: the one that answered, else the one that is asked for.
    fn price(&self, answered: Option<&str>) -> Option<Price> {
        let identity = &self.seat.state.identity;
        let models = &self.seat.driver.providers.models;
        [answered, identity.model.as_deref()]
            .into_iter()
            .flatten()
            .find_map(|model| models.price(&identity.provider, model))
    }

    fn admit(&self) -> Result<Pass, CircuitOpen> {
        let driver = self.seat.driver;
        let identity = &self.seat.state.identity;
        let model = identity.model.as_deref().unwrap_or_default();
        driver.providers.breakers.admit(
            &identity.provider,
            model,
            driver.clock.now_us(),
            &driver.settings.breaker,
        )
    }

    fn circuit_open(&mut self, open: CircuitOpen) -> Ending {
        let provider = &self.seat.state.identity.provider;
        self.finding.message = Some(format!("{provider} was not asked: {open}"));
        self.finding.detail = Some(open.to_string().into());
        Ending::Fault(FaultReason::ProviderUnavailable)
    }

    /// Writes down what this provider does not get of the conversation, once for each change of provider.
    fn tell_left_out(&mut self, left_out: Vec<LeftOut>) -> Result<(), DriverError> {
        if left_out.is_empty() || self.seat.state.left_out_told {
            return Ok(());
        }
        let event = Event::LeftOut {
            run: self.run.to_string(),
            provider: self.seat.state.identity.provider.clone(),
            left_out,
        };
        self.journal(event, None)
    }

    fn request(&self) -> (CompletionRequest, Vec<LeftOut>) {
        let options = &self.work.options;
        let (messages, left_out) = self.messages();
        let request = CompletionRequest {
            model: self.seat.state.identity.model.clone(),
            messages,
            tools: self.work.catalog.specs(),
            tool_choice: ToolChoice::Auto,
            temperature_milli: options.temperature_milli,
            top_p_milli: None,
            stop: Vec::new(),
            output_tokens_max: options.output_tokens_max,
            stream: options.stream,
            options: options.terms.request.clone(),
        };
        (request, left_out)
    }

    async fn ask(
        &mut self,
        this: Try,
        request: CompletionRequest,
    ) -> Result<Result<Option<Ending>, Judged>, DriverError> {
        let context = self.context(PluginName::new(self.seat.state.identity.provider.as_str())?)?;
        let call = context.call.to_string();
        let (turn, attempt) = (this.turn, this.attempt);
        self.work
            .observer
            .progress(&Progress::Turn { turn, attempt });
        let started = Event::ProviderStarted {
            run: self.run.to_string(),
            call: call.clone(),
            turn,
            attempt,
            reserved_tokens: this.reserved.tokens,
            reserved_cost: this.reserved.cost.clone(),
        };
        self.journal(started, None)?;
        stop_point("before_provider_call");
        let pieces = Pieces::of_new_call(Arc::clone(&self.work.observer));
        let driver = self.seat.driver;
        let asked = driver.caller.complete(context, request, pieces.clone());
        let answer = bounded(asked, &pieces, &driver.settings.timeouts);
        let reply = match self.guarded(answer).await {
            Ok(reply) => reply,
            Err(broken) => {
                pieces.discard();
                return self.broken(broken).map(|ending| Ok(Some(ending)));
            }
        };
        stop_point("after_provider_call");
        let (error, evidence, limit) = match reply {
            Ok(Ok(Reply {
                value: Ok(completion),
                evidence,
            })) => {
                this.pass.answered();
                let first = pieces.answered();
                let receipt = self.receipt(&completion, call, attempt, evidence, first);
                let ending = self.take_answer(turn, completion, receipt, this.reserved.bound_by)?;
                stop_point("after_provider_event");
                return Ok(Ok(ending));
            }
            Ok(Ok(Reply {
                value: Err(error),
                evidence,
            })) => (error, evidence, None),
            Ok(Err(fault)) => {
                let lost = self.lost(&this.reserved, pieces.discard(), None);
                let ending = self.fault(&fault);
                self.provider_failed(call, turn, "fault", Vec::new(), lost)?;
                return Ok(Err(Judged::Ends(ending)));
            }
            Err(limit) => {
                pieces.discard();
                // The gate's own tasks settle what the dropped call had begun.
                self.await_effects().await?;
                let error = ProviderError::Unavailable {
                    message: limit.to_string(),
                    retry_after_ms: None,
                };
                (error, CallEvidence::default(), Some(limit))
            }
        };
        let lost = self.lost(&this.reserved, pieces.discard(), limit);
        let judged = self.judge(this, &error, &evidence, limit);
        self.provider_failed(call, turn, label(&error), evidence.receipts, lost)?;
        if let Judged::Again(wait) = &judged {
            let error = label(&error);
            self.work
                .observer
                .progress(&Progress::Retry { error, wait: *wait });
        }
        Ok(Err(judged))
    }

    /// A call that has no answer of the adapter, in what it leads to.
    fn fault(&mut self, fault: &CallFault) -> Ending {
        self.finding.message = Some(fault.to_string());
        self.finding.detail = Some(fault_label(fault).into());
        match fault {
            CallFault::LedgerUnavailable { .. } => Ending::Blocked(BlockReason::LedgerUnavailable),
            _ => Ending::Fault(FaultReason::SandboxFailed),
        }
    }

    /// What a call without an answer counts for. One that the provider turned away costs nothing.
    fn lost(&self, reserved: &Reservation, seen: Seen, limit: Option<LimitReached>) -> Lost {
        let detail = limit.map(|limit| limit.to_string());
        if limit.is_none() && seen.pieces == 0 {
            return Lost::default();
        }
        let used = used(reserved.input, tokens_of(seen.bytes));
        Lost {
            detail,
            tokens: used.input.saturating_add(used.output),
            cost: self.price(None).map(|price| price.cost(used)),
        }
    }

    fn receipt(
        &self,
        completion: &Completion,
        call: String,
        attempt: u32,
        evidence: CallEvidence,
        first: Duration,
    ) -> ProviderReceipt {
        let price = self.price(Some(&completion.model));
        ProviderReceipt {
            id: fresh("receipt"),
            call,
            plugin: self.seat.state.identity.provider.clone(),
            digest: evidence.digest.map(String::from),
            model: crate::event::note(&completion.model),
            response_id: completion.response_id.as_deref().map(crate::event::note),
            usage: completion.usage,
            cost: price.map(|price| price.cost(completion.usage)),
            first_token_ms: Some(u64::try_from(first.as_millis()).unwrap_or(u64::MAX)),
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
        lost: Lost,
    ) -> Result<(), DriverError> {
        let run = self.run.to_string();
        let error = error.to_owned();
        self.journal(
            Event::ProviderFailed {
                run,
                call,
                turn,
                error,
                detail: lost.detail,
                lost_tokens: lost.tokens,
                lost_cost: lost.cost,
                environment_receipts,
            },
            None,
        )
    }

    /// What an error of the adapter means. A refusal of the gate is never the provider's fault, also
    /// where the adapter took it for one.
    fn judge(
        &mut self,
        this: Try,
        error: &ProviderError,
        evidence: &CallEvidence,
        limit: Option<LimitReached>,
    ) -> Judged {
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
        let driver = self.seat.driver;
        let settings = &driver.settings;
        this.pass
            .erred(error, driver.clock.now_us(), &settings.breaker);
        let elapsed = this.since.elapsed();
        let jitter = driver.providers.jitter.as_ref();
        let given_up = match settings.retry.judge(this.attempt, elapsed, error, jitter) {
            Verdict::Again(wait) => return Judged::Again(wait),
            Verdict::GiveUp(given_up) => given_up,
        };
        Judged::Ends(self.given_up(error, given_up, limit))
    }

    /// What a provider's error leads to when it is not asked again.
    fn given_up(
        &mut self,
        error: &ProviderError,
        given_up: GivenUp,
        limit: Option<LimitReached>,
    ) -> Ending {
        match error {
            ProviderError::AuthExpired { .. } => {
                self.finding.detail = Some("the provider refused the credential".into());
                Ending::Fault(FaultReason::AuthExpired)
            }
            ProviderError::RateLimited { .. }
            | ProviderError::Overloaded { .. }
            | ProviderError::Unavailable { .. } => {
                let detail = match limit {
                    Some(limit) => format!("{given_up}: {limit}"),
                    None => given_up.to_string(),
                };
                self.finding.detail = Some(detail.into());
                Ending::Fault(FaultReason::ProviderUnavailable)
            }
            ProviderError::QuotaExhausted { .. } => {
                self.finding.detail = Some("the provider's quota is exhausted".into());
                Ending::Fault(FaultReason::ProviderUnavailable)
            }
            ProviderError::ContextTooLong { .. } => Ending::Failed(FailReason::ContextTooLong),
            ProviderError::Refused { .. } => Ending::Failed(FailReason::Refused),
            // A refusal of the gate has ended the run before.
            ProviderError::InvalidRequest { .. } | ProviderError::Denied { .. } => {
                Ending::Failed(FailReason::InvalidRequest)
            }
        }
    }
}
