//! The exchange: builds the request, sends it, and reads whichever of three answers came back.

use crate::answer::Answer;
use crate::error::{WORDS, with_advice};
use crate::request;
use crate::settings::Own;
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
use tollgate_sdk::{Completion, CompletionRequest, ProviderError};

/// One request with all that it depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) own: &'a Own,
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
        let model = self.settings.model(self.request);
        if model.is_empty() {
            return Err(ProviderError::invalid(
                "no model is named, and there is none that every server has: name one in the request or in \
                 the configuration",
            ));
        }
        self.exchange(model, client, sink)
            .map_err(|error| with_advice(error, model))
    }

    fn exchange(
        &self,
        model: &str,
        client: &dyn HttpClient,
        sink: &mut dyn Emit,
    ) -> Result<Completion, ProviderError> {
        let body = request::body(model, self.request, self.options, self.own)?;
        let form = match self.request.stream {
            true => Form::Lines,
            false => Form::Whole,
        };
        let (url, headers) = (self.settings.url("/api/chat"), &self.settings.headers);
        let reply = post(client, &url, headers, &body, form, WORDS)?;
        let answer = Answer::after(&self.request.messages);
        match reply {
            Reply::Whole(body) => whole(&body, answer),
            Reply::Stream(body) => streamed(body, answer, sink),
        }
    }
}

fn whole(body: &[u8], mut answer: Answer) -> Result<Completion, ProviderError> {
    take(
        &read_json("the answer", body)?,
        &mut answer,
        &mut Vec::new(),
    )?;
    answer.finish()
}

/// Reads a stream until the server says that it is done. What ends before that was cut off.
fn streamed(
    body: impl Read,
    mut answer: Answer,
    sink: &mut dyn Emit,
) -> Result<Completion, ProviderError> {
    stream::lines(body, |chunk: &Chunk| {
        take(chunk, &mut answer, sink)?;
        Ok(match answer.is_done() {
            true => Step::End,
            false => Step::Open,
        })
    })?;
    answer.finish()
}

/// Takes a piece, or the error that stands in its place.
fn take(chunk: &Chunk, answer: &mut Answer, sink: &mut dyn Emit) -> Result<(), ProviderError> {
    match &chunk.error {
        Some(error) => Err(of_event(
            json!({"error": error}).to_string().as_bytes(),
            WORDS,
        )),
        None => answer.take(chunk, sink),
    }
}

#[cfg(test)]
mod tests;
