//! The limit: an HTTP client that counts events and understands nothing.

use super::{Asked, Sample, Side, server};
use crate::report::RAW;
use crate::stats::Times;
use anyhow::{Result, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::{Duration, Instant};

/// Of each event; there are none within.
const NEWLINES: usize = 2;

pub(super) struct Bare {
    runtime: tokio::runtime::Runtime,
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Bare {
    pub(super) fn new(port: u16) -> Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(Self {
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
        RAW
    }

    fn read(&mut self, sessions: usize, asked: Asked) -> Result<Sample> {
        let started = Instant::now();
        let streams: Vec<_> = (0..sessions)
            .map(|_| {
                let stream = stream(self.client.clone(), self.url.clone(), asked);
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
    let mut body = answer.into_body();
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
