//! The exchange: builds the request, sends it, and reads whichever of three answers came back.

use crate::answer::Answer;
use crate::error::WORDS;
use crate::model::Model;
use crate::request;
use crate::tail::Tail;
use crate::wire::Chunk;
use serde_json::json;
use std::io::Read;
use tollgate_adapter::error::of_event;
use tollgate_adapter::exchange::{Form, Reply, post, read_json};
use tollgate_adapter::settings::Settings;
use tollgate_adapter::stream::{self, Step};
use tollgate_sdk::http::HttpClient;
use tollgate_sdk::options::Options;
use tollgate_sdk::sink::Emit;
use tollgate_sdk::sse::Event;
use tollgate_sdk::{Completion, CompletionRequest, ProviderError};

/// One request with all that it depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) version: &'a str,
    pub(crate) options: &'a Options,
    pub(crate) request: &'a CompletionRequest,
}

impl Call<'_> {
    /// Sends the request and returns the whole answer.
    pub(crate) fn complete(
        &self,
        client: &dyn HttpClient,
        sink: &mut dyn Emit,
    ) -> Result<Completion, ProviderError> {
        let model = Model::new(self.settings.model(self.request))?;
        let body = request::body(&model, self.request, self.options)?;
        let form = match self.request.stream {
            true => Form::Events,
            false => Form::Whole,
        };
        let headers = &self.settings.headers;
        let reply = post(client, &self.url(&model), headers, &body, form, WORDS)?;
        let answer = Answer::after(&self.request.messages);
        match reply {
            Reply::Whole(body) => whole(&body, answer),
            Reply::Stream(body) => streamed(body, answer, sink),
        }
    }

    fn url(&self, model: &Model) -> String {
        let method = match self.request.stream {
            true => "streamGenerateContent?alt=sse",
            false => "generateContent",
        };
        let version = self.version.trim_matches('/');
        let path = format!("/{version}/{}:{method}", model.path());
        self.settings.url(&path)
    }
}

fn whole(body: &[u8], mut answer: Answer) -> Result<Completion, ProviderError> {
    for chunk in chunks("the answer", body)? {
        answer.take(chunk, &mut Vec::new())?;
    }
    answer.finish()
}

/// Reads server-sent events, each a whole response with what is new in it. The format has no mark of its
/// end: the answer is whole once the server has said why the model stopped.
fn streamed(
    body: impl Read,
    mut answer: Answer,
    sink: &mut dyn Emit,
) -> Result<Completion, ProviderError> {
    let mut tail = Tail::new(body);
    let read = stream::events(&mut tail, |event| {
        take(event, &mut answer, sink)?;
        Ok(match answer.is_finished() {
            true => Step::Whole,
            false => Step::Open,
        })
    });
    match (read, tail.error()) {
        (Ok(()), _) => answer.finish(),
        (Err(_), Some(said)) => Err(of_event(said.as_bytes(), WORDS)),
        (Err(error), None) => Err(error),
    }
}

fn take(event: &Event, answer: &mut Answer, sink: &mut dyn Emit) -> Result<(), ProviderError> {
    let data = event.data.trim();
    // Gateways that speak several formats end all of them in the same way.
    if data == "[DONE]" {
        return Ok(());
    }
    if event.event == "error" {
        return Err(of_event(data.as_bytes(), WORDS));
    }
    for chunk in chunks("a frame of the stream", data.as_bytes())? {
        answer.take(chunk, sink)?;
    }
    Ok(())
}

/// The responses in `json`: one, or a list of them, which is how the server streams where nobody asked for
/// events.
fn chunks(what: &str, json: &[u8]) -> Result<Vec<Chunk>, ProviderError> {
    let chunks: Vec<Chunk> = match json.trim_ascii_start().starts_with(b"[") {
        true => read_json(what, json)?,
        false => vec![read_json(what, json)?],
    };
    match chunks.iter().find_map(|chunk| chunk.error.as_ref()) {
        Some(error) => Err(of_event(
            json!({"error": error}).to_string().as_bytes(),
            WORDS,
        )),
        None => Ok(chunks),
    }
}

#[cfg(test)]
mod tests;
