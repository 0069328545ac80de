//! What the tests of both formats need.

use std::collections::VecDeque;
use std::io::{self, Read};
use tollgate_adapter::settings::Settings;
use tollgate_sdk::http::{Body, Headers, Response};
use tollgate_sdk::options::{Effort, Options, OutputFormat};
use tollgate_sdk::{
    CompletionRequest, ContentBlock, Image, Message, Role, ToolResult, ToolSpec, ToolUse,
};

pub(crate) fn settings(base_url: &str) -> Settings {
    Settings {
        base_url: base_url.into(),
        model: "m".into(),
        headers: vec![],
    }
}

pub(crate) const NO_OPTIONS: Options = Options {
    effort: None,
    output: None,
};

pub(crate) fn options(effort: Effort, schema: &str) -> Options {
    Options {
        effort: Some(effort),
        output: Some(OutputFormat {
            name: "answer".into(),
            schema_json: schema.into(),
        }),
    }
}

pub(crate) fn request(messages: Vec<Message>) -> CompletionRequest {
    tollgate_sdk::testing::sample_request(messages)
}

pub(crate) fn said(role: Role, content: Vec<ContentBlock>) -> Message {
    Message { role, content }
}

pub(crate) fn text(text: &str) -> ContentBlock {
    ContentBlock::Text(text.into())
}

pub(crate) fn image() -> ContentBlock {
    ContentBlock::Image(Image {
        media_type: "image/png".into(),
        data: vec![1, 2, 3],
    })
}

pub(crate) fn call(id: &str, name: &str, arguments: &str) -> ContentBlock {
    ContentBlock::ToolUse(ToolUse {
        id: id.into(),
        name: name.into(),
        arguments_json: arguments.into(),
    })
}

pub(crate) fn result(id: &str, text: &str, is_error: bool) -> ContentBlock {
    ContentBlock::ToolResult(ToolResult {
        id: id.into(),
        name: "read".into(),
        text: text.into(),
        is_error,
    })
}

pub(crate) fn spec(schema: &str) -> ToolSpec {
    tollgate_sdk::testing::sample_tool(schema)
}

pub(crate) fn answer(content_type: &str, body: impl Into<Vec<u8>>) -> Response {
    let headers = [("content-type", content_type)].into_iter().collect();
    Response::new(200, headers, body)
}

/// A stream that arrives in two pieces, cut at this byte.
pub(crate) fn cut_at(stream: &str, at: usize) -> Response {
    let (first, second) = stream.as_bytes().split_at(at);
    let headers: Headers = [("content-type", "text/event-stream")]
        .into_iter()
        .collect();
    Response {
        status: 200,
        headers,
        body: Body::new(Pieces([first.to_vec(), second.to_vec()].into())),
    }
}

struct Pieces(VecDeque<Vec<u8>>);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.0.front().is_some_and(Vec::is_empty) {
            self.0.pop_front();
        }
        let Some(piece) = self.0.front_mut() else {
            return Ok(0);
        };
        let count = piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&piece[..count]);
        piece.drain(..count);
        Ok(count)
    }
}
