//! Chat Completions.

mod answer;
mod calls;
mod request;
mod wire;

use crate::common::WORDS;
use answer::Answer;
use tollgate_adapter::error;
use tollgate_adapter::exchange::{Form, Reply, post, read_json};
use tollgate_adapter::settings::Settings;
use tollgate_adapter::stream::{self, Step};
use tollgate_sdk::http::HttpClient;
use tollgate_sdk::options::Options;
use tollgate_sdk::sink::Emit;
use tollgate_sdk::sse::Event;
use tollgate_sdk::{Completion, CompletionRequest, ProviderError};
use wire::Chunk;

/// Sends `request` and returns the whole answer.
pub(crate) fn complete(
    settings: &Settings,
    options: &Options,
    request: &CompletionRequest,
    client: &dyn HttpClient,
    sink: &mut dyn Emit,
) -> Result<Completion, ProviderError> {
    let body = request::Body::of(settings, options, request)?;
    let url = settings.url("/chat/completions");
    let form = if request.stream {
        Form::Events
    } else {
        Form::Whole
    };
    let mut answer = Answer::after(&request.messages);
    match post(client, &url, &settings.headers, &body, form, WORDS)? {
        Reply::Whole(body) => {
            answer.take(chunk("the answer", &body)?, &mut Vec::new())?;
        }
        Reply::Stream(body) => stream::events(body, |event| take(&mut answer, event, sink))?,
    }
    answer.finish()
}

/// Takes one event. The answer is whole when the server has said `[DONE]`, or why it stopped.
fn take(answer: &mut Answer, event: &Event, sink: &mut dyn Emit) -> Result<Step, ProviderError> {
    let data = event.data.trim();
    if data == "[DONE]" {
        return Ok(Step::End);
    }
    if event.event == "error" {
        return Err(error::of_event(data.as_bytes(), WORDS));
    }
    answer.take(chunk("a chunk of the stream", data.as_bytes())?, sink)?;
    Ok(match answer.is_finished() {
        true => Step::Whole,
        false => Step::Open,
    })
}

fn chunk(what: &str, json: &[u8]) -> Result<Chunk, ProviderError> {
    let chunk: Chunk = read_json(what, json)?;
    match chunk.is_error() {
        true => Err(error::of_event(json, WORDS)),
        false => Ok(chunk),
    }
}

#[cfg(test)]
mod tests;
