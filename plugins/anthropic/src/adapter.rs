//! The exchange: builds the request, sends it, and reads whichever of the answers came back.

use crate::draft::Draft;
use crate::request::Body;
use crate::settings::Settings;
use crate::{error, stream, wire};
use tollgate_adapter::answer::Answer;
use tollgate_adapter::exchange::{self, Form, Reply, read_json};
use tollgate_sdk::http::HttpClient;
use tollgate_sdk::options::Options;
use tollgate_sdk::sink::Emit;
use tollgate_sdk::{Completion, CompletionRequest, ProviderError};

/// Sends `request` to the server of `settings` and returns the whole answer.
pub(crate) fn complete(
    settings: &Settings,
    request: &CompletionRequest,
    options: &Options,
    client: &dyn HttpClient,
    sink: &mut dyn Emit,
) -> Result<Completion, ProviderError> {
    let body = Body::new(request, options, settings)?;
    let form = match request.stream {
        true => Form::Events,
        false => Form::Whole,
    };
    let server = &settings.server;
    let url = server.url("/v1/messages");
    let answer = Answer::after(&request.messages);
    match exchange::post(client, &url, &server.headers, &body, form, error::WORDS)? {
        Reply::Whole(body) => whole(&body, answer),
        Reply::Stream(body) => stream::read(body, answer, sink),
    }
}

fn whole(body: &[u8], answer: Answer) -> Result<Completion, ProviderError> {
    let message: wire::Message = read_json("the answer", body)?;
    if message.kind.as_deref() == Some("error") {
        return Err(error::of_event(body));
    }
    if message.content.is_none() {
        return Err(ProviderError::unavailable("the answer has no content"));
    }
    let mut draft = Draft::of(answer);
    let unseen = &mut Vec::new();
    draft.begin(message, unseen)?;
    draft.finish(unseen)
}
