//! Tokens, money and effects are reserved before they are spent.
//!
//! A tool call reserves as many effects as it may attempt, and gives back what it did not attempt. What a call
//! attempted whose end nobody saw is not known: its whole reservation counts.
//!
//! Nobody but the provider can count tokens, so the request is estimated from its size; what the
//! provider then reports is what counts. A call may therefore overshoot a budget by the error of one
//! estimate, and never by a second call. A call that failed after its answer had begun, or that was given up,
//! counts by the estimate of its request and of what had come.

use crate::models::{Cost, Price};
use crate::status::InterruptReason;
use tollgate_contract::{CompletionRequest, ContentBlock, Usage};

/// Bytes of text that are taken as one token.
const BYTES_PER_TOKEN: u64 = 4;
/// Tokens taken for an image.
const IMAGE_TOKENS: u64 = 1_600;
/// The fewest tokens of answer for which a call is worth making.
pub(crate) const ANSWER_TOKENS_MIN: u64 = 16;

/// What is left of a run's budgets; none where a budget was not set.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Left<'p> {
    /// Tokens.
    pub(crate) tokens: Option<u64>,
    /// Millionths of the price's currency, and the price.
    pub(crate) money: Option<(u64, &'p Price)>,
}

/// What a call may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reservation {
    /// Tokens set aside, request and answer; 0 without a budget.
    pub(crate) tokens: u64,
    /// Money set aside; none without a budget.
    pub(crate) cost: Option<Cost>,
    /// Tokens of the request, estimated.
    pub(crate) input: u64,
    /// The most tokens of answer to ask for, if a bound applies.
    pub(crate) answer_max: Option<u32>,
    /// The budget that set `answer_max`, if it was a budget rather than the caller.
    pub(crate) bound_by: Option<InterruptReason>,
}

/// Reserves for one call out of what is left; else the budget into which it does not fit.
pub(crate) fn reserve(
    request: &CompletionRequest,
    left: Left<'_>,
) -> Result<Reservation, InterruptReason> {
    let input = estimate(request);
    let mut answer_max = request.output_tokens_max;
    let mut bound_by = None;
    let mut bound = |room: Option<u64>, by: InterruptReason| {
        let room = room.filter(|room| *room >= ANSWER_TOKENS_MIN).ok_or(by)?;
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        if answer_max.is_none_or(|wanted| wanted > room) {
            answer_max = Some(room);
            bound_by = Some(by);
        }
        Ok(())
    };
    if let Some(tokens) = left.tokens {
        bound(tokens.checked_sub(input), InterruptReason::TokenBudget)?;
    }
    if let Some((micros, price)) = left.money {
        let room = micros.checked_sub(price.cost(used(input, 0)).micros);
        let room = room.map(|room| price.output_tokens_for(room));
        bound(room, InterruptReason::MoneyBudget)?;
    }
    let answer = u64::from(answer_max.unwrap_or_default());
    Ok(Reservation {
        tokens: left.tokens.map_or(0, |_| input.saturating_add(answer)),
        cost: left.money.map(|(_, price)| price.cost(used(input, answer))),
        input,
        answer_max,
        bound_by,
    })
}

/// So many tokens, none of them cached.
pub(crate) fn used(input: u64, output: u64) -> Usage {
    Usage {
        input,
        output,
        ..Usage::default()
    }
}

/// Tokens of so many bytes of text, estimated.
pub(crate) fn tokens_of(bytes: usize) -> u64 {
    u64::try_from(bytes)
        .unwrap_or(u64::MAX)
        .div_ceil(BYTES_PER_TOKEN)
}

/// No effect is left to reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoneLeft;

/// Reserves effects for one tool call out of what is left: as many as it may attempt, or the rest. None without
/// a budget.
pub(crate) fn reserve_effects(
    call_max: Option<u64>,
    budget: Option<u64>,
    spent: u64,
) -> Result<Option<u64>, NoneLeft> {
    let Some(budget) = budget else {
        return Ok(None);
    };
    match budget.saturating_sub(spent) {
        0 => Err(NoneLeft),
        left => Ok(Some(call_max.map_or(left, |most| most.min(left)))),
    }
}

/// Tokens of a request, estimated.
fn estimate(request: &CompletionRequest) -> u64 {
    let mut bytes = 0usize;
    let mut tokens = 0u64;
    for block in request.messages.iter().flat_map(|message| &message.content) {
        match block {
            ContentBlock::Text { text }
            | ContentBlock::Thinking { text }
            | ContentBlock::ToolResult { text, .. } => bytes += text.len(),
            ContentBlock::ToolUse {
                name,
                arguments_json,
                ..
            } => {
                bytes += name.len() + arguments_json.len();
            }
            ContentBlock::Image { .. } => tokens = tokens.saturating_add(IMAGE_TOKENS),
            ContentBlock::Opaque { data, .. } => bytes += data.len(),
        }
    }
    for tool in &request.tools {
        bytes += tool.name.len() + tool.description.len() + tool.input_schema_json.len();
    }
    tokens.saturating_add(tokens_of(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_contract::{Message, Role};

    fn request(bytes: usize, answer: Option<u32>) -> CompletionRequest {
        CompletionRequest {
            messages: vec![Message::text(Role::User, "x".repeat(bytes))],
            output_tokens_max: answer,
            ..CompletionRequest::default()
        }
    }

    #[test]
    fn a_call_reserves_no_more_effects_than_it_may_attempt_nor_than_are_left() {
        assert_eq!(reserve_effects(Some(10), None, 99), Ok(None));
        assert_eq!(reserve_effects(Some(10), Some(25), 0), Ok(Some(10)));
        assert_eq!(reserve_effects(Some(10), Some(25), 20), Ok(Some(5)));
        assert_eq!(reserve_effects(None, Some(25), 20), Ok(Some(5)));
        assert_eq!(reserve_effects(Some(10), Some(25), 25), Err(NoneLeft));
        assert_eq!(reserve_effects(Some(10), Some(25), 30), Err(NoneLeft));
    }

    fn tokens(request: &CompletionRequest, left: u64) -> Result<Reservation, InterruptReason> {
        let left = Left {
            tokens: Some(left),
            ..Left::default()
        };
        reserve(request, left)
    }

    #[test]
    fn what_does_not_fit_is_not_begun() {
        let budget = InterruptReason::TokenBudget;
        assert_eq!(tokens(&request(400, None), 110), Err(budget));
        let fits = tokens(&request(400, None), 150).unwrap();
        assert_eq!(
            (fits.tokens, fits.answer_max, fits.bound_by),
            (150, Some(50), Some(budget))
        );
        assert_eq!(tokens(&request(400, None), 50), Err(budget));
        let small = tokens(&request(400, Some(20)), 150).unwrap();
        assert_eq!((small.tokens, small.bound_by), (120, None));
        let free = reserve(&request(400, None), Left::default()).unwrap();
        assert_eq!((free.tokens, free.cost, free.answer_max), (0, None, None));
    }

    #[test]
    fn money_bounds_the_answer_by_what_it_costs() {
        let price = Price {
            currency: "USD".into(),
            input_micros: 1_000_000,
            cached_input_micros: 100_000,
            output_micros: 2_000_000,
        };
        let reserve = |answer, tokens, micros| {
            let left = Left {
                tokens,
                money: Some((micros, &price)),
            };
            reserve(&request(400, answer), left)
        };
        let budget = InterruptReason::MoneyBudget;
        // 100 tokens of request cost 100, the other 100 pay for 50 tokens of answer.
        let fits = reserve(None, None, 200).unwrap();
        assert_eq!((fits.answer_max, fits.bound_by), (Some(50), Some(budget)));
        assert_eq!(fits.cost.unwrap().micros, 200);
        assert_eq!(reserve(None, None, 130), Err(budget));
        assert_eq!(reserve(None, None, 99), Err(budget));
        let small = reserve(Some(20), None, 200).unwrap();
        assert_eq!((small.cost.unwrap().micros, small.bound_by), (140, None));
        // The tighter of both bounds.
        let both = reserve(None, Some(130), 200).unwrap();
        assert_eq!(
            (both.answer_max, both.bound_by),
            (Some(30), Some(InterruptReason::TokenBudget))
        );
    }
}
