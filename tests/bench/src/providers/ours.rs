//! Our side: the bundled adapter in the sandbox, with its receipts.

use super::{Asked, Sample, Side, server};
use crate::host::Host;
use crate::stats::Times;
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tollgate_contract::{
    CompletionRequest, Delta, DeltaSink, Message, PluginCaller as _, Role, StopReason,
};

/// Room for a million tokens: what the adapter reads, what it gives out twice, and the time for it.
const LIMITS: &str = "http_body = \"1GiB\", output = \"64MiB\", wall = \"10m\", cpu = \"10m\"";

pub(super) struct Ours {
    runtime: tokio::runtime::Runtime,
    pub(super) host: Arc<Host>,
    _home: tempfile::TempDir,
}

impl Ours {
    pub(super) fn start(port: u16) -> Result<Self> {
        let home = tempfile::tempdir_in(crate::calls::base()?)?;
        let base_url = format!("http://127.0.0.1:{port}/v1");
        let policy = format!(
            "config = {{ base-url = \"{base_url}\" }}\n\
             grants = [\"http POST {base_url}/**\"]\n\
             limits = {{ {LIMITS} }}\n"
        );
        let host = Host::with_policy(home.path(), &component()?, &policy)?;
        Ok(Self {
            runtime: tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?,
            host: Arc::new(host),
            _home: home,
        })
    }
}

/// The adapter, where `cargo xtask guests` puts it: beside the binary.
fn component() -> Result<PathBuf> {
    let binary = std::env::var_os("TOLLGATE_BIN")
        .map_or_else(|| PathBuf::from("target/debug/tollgate"), PathBuf::from);
    binary
        .with_file_name("plugins")
        .join("openai.wasm")
        .canonicalize()
        .context("openai.wasm is missing; run `cargo xtask guests`")
}

impl Side for Ours {
    fn name(&self) -> &'static str {
        "ours"
    }

    fn read(&mut self, sessions: usize, asked: Asked) -> Result<Sample> {
        let started = Instant::now();
        let streams: Vec<_> = (0..sessions)
            .map(|_| self.runtime.spawn(stream(Arc::clone(&self.host), asked)))
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

async fn stream(host: Arc<Host>, asked: Asked) -> Result<(Duration, u64)> {
    let request = CompletionRequest {
        model: Some(server::model(asked)),
        messages: vec![Message::text(Role::User, "Hello.")],
        stream: true,
        ..CompletionRequest::default()
    };
    let pieces = Arc::new(Pieces {
        started: Instant::now(),
        first: Mutex::default(),
        count: AtomicU64::new(0),
    });
    let called = host
        .sandbox
        .complete(host.context()?, request, pieces.clone());
    let completion = called.await?.value?;
    anyhow::ensure!(
        completion.stop == StopReason::EndTurn,
        "{:?}",
        completion.stop
    );
    let first = *pieces.first.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((
        first.unwrap_or_default(),
        pieces.count.load(Ordering::Relaxed),
    ))
}

/// Counts pieces, and says when the first came.
struct Pieces {
    started: Instant,
    first: Mutex<Option<Duration>>,
    count: AtomicU64,
}

impl DeltaSink for Pieces {
    fn emit(&self, delta: Delta) {
        if !matches!(delta, Delta::Text { .. }) {
            return;
        }
        if self.count.fetch_add(1, Ordering::Relaxed) == 0 {
            let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
            *first = Some(self.started.elapsed());
        }
    }
}
