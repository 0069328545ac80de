//! Tokens and effects are reserved before they are spent.
//!
//! A tool call reserves as many effects as it may attempt, and gives back what it did not attempt. What a call
//! attempted whose end nobody saw is not known: its whole reservation counts.
//!
//! Nobody but the provider can count tokens, so the request is estimated from its size; what the
//! provider then reports is what counts. A call may therefore overshoot a budget by the error of one
//! estimate, and never by a second call.

use tollgate_contract::{CompletionRequest, ContentBlock};

/// Bytes of text that are taken as one token.
const BYTES_PER_TOKEN: u64 = 4;
/// Tokens taken for an image.
const IMAGE_TOKENS: u64 = 1_600;
/// The fewest tokens of answer for which a call is worth making.
pub(crate) const ANSWER_TOKENS_MIN: u64 = 16;

/// What a call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reservation {
    /// Tokens set aside, request and answer.
    pub(crate) tokens: u64,
    /// The most tokens of answer to ask for, if a bound applies.
    pub(crate) answer_max: Option<u32>,
    /// Whether the budget, rather than the caller, set `answer_max`.
    pub(crate) bound_by_budget: bool,
}

/// Reserves for one call out of what is left; none if it does not fit.
pub(crate) fn reserve(
    request: &CompletionRequest,
    budget: Option<u64>,
    spent: u64,
) -> Option<Reservation> {
    let wanted = request.output_tokens_max;
    let Some(budget) = budget else {
        return Some(Reservation {
            tokens: 0,
            answer_max: wanted,
            bound_by_budget: false,
        });
    };
    let left = budget.saturating_sub(spent);
    let input = estimate(request);
    let room = left
        .checked_sub(input)
        .filter(|room| *room >= ANSWER_TOKENS_MIN)?;
    let room_u32 = u32::try_from(room).unwrap_or(u32::MAX);
    let bound_by_budget = wanted.is_none_or(|wanted| wanted > room_u32);
    let answer = wanted.unwrap_or(u32::MAX).min(room_u32);
    Some(Reservation {
        tokens: input.saturating_add(u64::from(answer)),
        answer_max: Some(answer),
        bound_by_budget,
    })
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
    let text_tokens = u64::try_from(bytes)
        .unwrap_or(u64::MAX)
        .div_ceil(BYTES_PER_TOKEN);
    tokens.saturating_add(text_tokens)
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

    #[test]
    fn what_does_not_fit_is_not_begun() {
        assert_eq!(reserve(&request(400, None), Some(110), 0), None);
        let fits = reserve(&request(400, None), Some(150), 0).unwrap();
        assert_eq!(
            (fits.tokens, fits.answer_max, fits.bound_by_budget),
            (150, Some(50), true)
        );
        assert_eq!(reserve(&request(400, None), Some(150), 100), None);
        let small = reserve(&request(400, Some(20)), Some(150), 0).unwrap();
        assert_eq!((small.tokens, small.bound_by_budget), (120, false));
        assert_eq!(
            reserve(&request(400, None), None, 0).unwrap().answer_max,
            None
        );
    }
}
