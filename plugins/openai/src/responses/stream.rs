//! A streamed answer: typed events, of which the last holds the answer's state.
//!
//! The order of events is that in which they come; `sequence_number` is not read.

use super::answer::Answer;
use super::wire;
use crate::common::WORDS;
use tollgate_adapter::error;
use tollgate_adapter::exchange::read_json;
use tollgate_adapter::stream::Step;
use tollgate_sdk::ProviderError;
use tollgate_sdk::sink::Emit;
use tollgate_sdk::sse::Event;

/// Takes one event. Those of which nothing is known are passed over.
pub(super) fn take(
    answer: &mut Answer,
    event: &Event,
    sink: &mut dyn Emit,
) -> Result<Step, ProviderError> {
    let data = event.data.trim();
    // Some servers end their streams as Chat does, whatever was said before.
    if data == "[DONE]" {
        return Ok(Step::Open);
    }
    if event.event == "error" {
        return Err(error::of_event(data.as_bytes(), WORDS));
    }
    let told: wire::Event = read_json("an event of the stream", data.as_bytes())?;
    let delta = told.delta.as_deref().unwrap_or_default();
    let index = told.output_index;
    match told.kind.as_deref().unwrap_or(&event.event) {
        "response.created" | "response.in_progress" => {
            answer.name(told.response.unwrap_or_default());
        }
        "response.output_item.added" => answer.begin(index, told.item.as_deref(), sink)?,
        "response.content_part.added" | "response.reasoning_summary_part.added" => {
            answer.begin_part(index);
        }
        "response.output_text.delta" => answer.text(index, delta, sink)?,
        "response.refusal.delta" => answer.refusal(index, delta, sink)?,
        "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
            answer.thinking(index, delta, sink)?;
        }
        "response.function_call_arguments.delta" => answer.arguments(index, delta, sink)?,
        "response.function_call_arguments.done" => {
            answer.all_arguments(index, told.arguments.as_deref())?;
        }
        "response.output_item.done" => {
            if let Some(item) = told.item {
                answer.item(index, &item, sink)?;
            }
        }
        kind @ ("response.completed" | "response.incomplete" | "response.failed") => {
            let mut response = told.response.unwrap_or_default();
            let status = kind.trim_start_matches("response.");
            response.status.get_or_insert_with(|| status.into());
            return answer.end(response, sink).map(|()| Step::End);
        }
        "error" => return Err(error::of_event(data.as_bytes(), WORDS)),
        _ => {}
    }
    Ok(Step::Open)
}
