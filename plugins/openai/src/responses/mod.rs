//! Responses.

mod answer;
mod phase;
mod request;
mod stream;
mod wire;

use crate::common::WORDS;
use answer::Answer;
use tollgate_adapter::exchange::{Form, Reply, post, read_json};
use tollgate_adapter::{error, settings};
use tollgate_sdk::http::HttpClient;
use tollgate_sdk::options::Options;
use tollgate_sdk::sink::Emit;
use tollgate_sdk::{Completion, CompletionRequest, ProviderError};

/// What the operator configured.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) common: settings::Settings,
    /// How reasoning is told, if at all: OpenAI does it only for organisations that it has verified.
    pub(crate) summary: Option<&'static str>,
}

/// Sends `request` and returns the whole answer.
pub(crate) fn complete(
    settings: &Settings,
    options: &Options,
    request: &CompletionRequest,
    client: &dyn HttpClient,
    sink: &mut dyn Emit,
) -> Result<Completion, ProviderError> {
    let body = request::Body::of(settings, options, request)?;
    let url = settings.common.url("/responses");
    let form = if request.stream {
        Form::Events
    } else {
        Form::Whole
    };
    let mut answer = Answer::after(&request.messages);
    match post(client, &url, &settings.common.headers, &body, form, WORDS)? {
        Reply::Whole(body) => whole(&mut answer, &body)?,
        Reply::Stream(body) => {
            tollgate_adapter::stream::events(body, |event| stream::take(&mut answer, event, sink))?;
        }
    }
    answer.finish()
}

fn whole(answer: &mut Answer, body: &[u8]) -> Result<(), ProviderError> {
    let response: wire::Response = read_json("the answer", body)?;
    if response.error.is_some() {
        return Err(error::of_event(body, WORDS));
    }
    answer.end(response, &mut Vec::new())
}

#[cfg(test)]
mod tests;
