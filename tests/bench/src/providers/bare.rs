//! The limit: an HTTP client that counts events and understands nothing; and the same client that reads the tokens
//! out of them, which is the least that anybody does who wants tokens.

use super::{Asked, Sample, Side, server};
use crate::report::RAW;
use crate::stats::Times;
use anyhow::{Context as _, Result, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use std::borrow::Cow;
use std::time::{Duration, Instant};

/// Of each event; there are none within.
const NEWLINES: usize = 2;

#[derive(Clone, Copy)]
enum What {
    Events,
    Tokens,
}

pub(super) struct Bare {
    what: What,
    runtime: tokio::runtime::Runtime,
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Bare {
    /// One that counts events.
    pub(super) fn counting(port: u16) -> Result<Self> {
        Self::new(port, What::Events)
    }

    /// One that reads tokens.
    pub(super) fn reading(port: u16) -> Result<Self> {
        Self::new(port, What::Tokens)
    }

    fn new(port: u16, what: What) -> Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(Self {
            what,
            runtime: tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?,
            client: Client::builder(TokioExecutor::new()).build(connector),
            url: format!("http://127.0.0.1:{port}/v1/chat/completions"),
        })
    }
}

impl Side for Bare {
    fn name(&self) -> &'static str {
        match self.what {
            What::Events => RAW,
            What::Tokens => "reading",
        }
    }

    fn read(&mut self, sessions: usize, asked: Asked) -> Result<Sample> {
        let started = Instant::now();
        let streams: Vec<_> = (0..sessions)
            .map(|_| {
                let stream = stream(self.client.clone(), self.url.clone(), self.what, asked);
                self.runtime.spawn(stream)
            })
            .collect();
        let mut sample = Sample {
            first: Times::default(),
            seconds: 0.0,
            tokens: 0,
        };
        for stream in streams {
            let (first, tokens) = self.runtime.block_on(stream)??;
            sample.first.push(first);
            sample.tokens += tokens;
        }
        sample.seconds = started.elapsed().as_secs_f64();
        Ok(sample)
    }
}

async fn stream(
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    what: What,
    asked: Asked,
) -> Result<(Duration, u64)> {
    let started = Instant::now();
    let body = serde_json::json!({
        "model": server::model(asked), "stream": true,
        "messages": [{ "role": "user", "content": "Hello." }],
    });
    let request = hyper::Request::post(url)
        .header("content-type", "application/json")
        .body(Full::from(body.to_string()))?;
    let answer = client.request(request).await?;
    ensure!(answer.status().is_success(), "{}", answer.status());
    let body = answer.into_body();
    match what {
        What::Events => count(body, started).await,
        What::Tokens => read(body, started).await,
    }
}

async fn count(mut body: Incoming, started: Instant) -> Result<(Duration, u64)> {
    let (mut first, mut newlines) = (None, 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        newlines += data.iter().filter(|byte| **byte == b'\n').count();
        if newlines / NEWLINES > server::EVENTS_BEFORE {
            first.get_or_insert_with(|| started.elapsed());
        }
    }
    let tokens = (newlines / NEWLINES).saturating_sub(server::EVENTS_BESIDES);
    Ok((first.unwrap_or_default(), tokens as u64))
}

async fn read(mut body: Incoming, started: Instant) -> Result<(Duration, u64)> {
    let (mut first, mut tokens) = (None, 0);
    let (mut text, mut rest) = (String::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        rest.extend_from_slice(&data);
        let whole = memchr::memrchr(b'\n', &rest).map_or(0, |at| at + 1);
        for line in rest
            .get(..whole)
            .unwrap_or_default()
            .split(|byte| *byte == b'\n')
        {
            let event = match line.strip_prefix(b"data: ") {
                None | Some(b"[DONE]") => continue,
                Some(event) => event,
            };
            let chunk: Chunk<'_> = serde_json::from_slice(event).context("an event")?;
            for content in chunk
                .choices
                .iter()
                .filter_map(|choice| choice.delta.content.as_deref())
            {
                if content.is_empty() {
                    continue;
                }
                first.get_or_insert_with(|| started.elapsed());
                tokens += 1;
                text.push_str(content);
            }
        }
        rest.drain(..whole);
    }
    let bytes = tokens * server::TOKEN.len();
    ensure!(text.len() == bytes, "{} bytes of {bytes}", text.len());
    Ok((first.unwrap_or_default(), tokens as u64))
}

/// What is needed of an event.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Delta<'a>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<Cow<'a, str>>,
}
