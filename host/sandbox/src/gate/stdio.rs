//! Standard streams: output is counted and capped, nothing is live. Input is empty, except for a command,
//! whose caller gives it.
//!
//! What a plugin writes to standard error is kept, up to a bound, as its own words for the operator. What
//! a command writes is its result and is kept whole; the limit of output bounds it.

use super::scope::CallScope;
use super::view::Gate;
use crate::meter::{Hit, LimitTrap};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_contract::CallEvidence;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::cli::{exit, stderr, stdin, stdout};
use wasmtime_wasi::p2::pipe::ClosedInputStream;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{
    DynInputStream, DynOutputStream, OutputStream, StreamError, StreamResult,
};

/// The most bytes that one write may carry.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// The output of one call.
#[derive(Clone)]
pub(crate) struct Output(Arc<Shared>);

struct Shared {
    scope: Arc<CallScope>,
    bytes_max: u64,
    talk: Mutex<VecDeque<u8>>,
    /// None unless the call is a command.
    captured: Mutex<Option<Captured>>,
}

/// What a command wrote.
#[derive(Debug, Clone, Default)]
pub(crate) struct Captured {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// The component ended itself; found again in the error chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the plugin called exit({0})")]
pub(crate) struct Exit(pub(crate) u8);

impl Output {
    pub(crate) fn new(scope: Arc<CallScope>, bytes_max: u64) -> Self {
        Self(Arc::new(Shared {
            scope,
            bytes_max,
            talk: Mutex::new(VecDeque::new()),
            captured: Mutex::new(None),
        }))
    }

    /// The most bytes of output.
    pub(crate) fn bytes_max(&self) -> usize {
        usize::try_from(self.0.bytes_max).unwrap_or(usize::MAX)
    }

    /// Keeps from now on whatever is written.
    pub(crate) fn capture(&self) {
        *self.lock_captured() = Some(Captured::default());
    }

    /// What was captured.
    pub(crate) fn captured(&self) -> Captured {
        self.lock_captured().clone().unwrap_or_default()
    }

    fn lock_captured(&self) -> std::sync::MutexGuard<'_, Option<Captured>> {
        self.0
            .captured
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts `bytes` of output; an error when the call has written too much.
    pub(crate) fn count(&self, bytes: usize) -> wasmtime::Result<()> {
        let counter = &self.0.scope.counters.stdio_bytes;
        let before = counter.fetch_add(bytes as u64, Ordering::Relaxed);
        if before.saturating_add(bytes as u64) > self.0.bytes_max {
            return Err(wasmtime::Error::new(LimitTrap(Hit::Output)));
        }
        Ok(())
    }

    /// Whether a result of `bytes` may leave beside what was written.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        let written = self.0.scope.counters.stdio_bytes.load(Ordering::Relaxed);
        written.saturating_add(bytes as u64) <= self.0.bytes_max
    }

    /// Keeps the plugin's own words, the last of them when there are many.
    pub(crate) fn keep(&self, words: &[u8]) {
        let mut talk = self.0.talk.lock().unwrap_or_else(PoisonError::into_inner);
        talk.extend(words);
        let over = talk.len().saturating_sub(CallEvidence::TALK_BYTES_MAX);
        talk.drain(..over);
    }

    /// The plugin's own words.
    pub(crate) fn talk(&self) -> String {
        let talk = self.0.talk.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = talk.iter().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

struct Stream {
    output: Output,
    /// Standard error; otherwise standard output.
    error: bool,
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.output.count(bytes.len()).map_err(StreamError::Trap)?;
        match (self.output.lock_captured().as_mut(), self.error) {
            (Some(captured), true) => captured.stderr.extend_from_slice(&bytes),
            (Some(captured), false) => captured.stdout.extend_from_slice(&bytes),
            (None, true) => self.output.keep(&bytes),
            (None, false) => {}
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[async_trait::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

impl Gate<'_> {
    fn stream(&mut self, error: bool) -> wasmtime::Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(Stream {
            output: self.state.output.clone(),
            error,
        });
        Ok(self.state.table.push(stream)?)
    }
}

impl stdin::Host for Gate<'_> {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        let stream: DynInputStream = match &self.state.stdin {
            Some(given) => Box::new(given.clone()),
            None => Box::new(ClosedInputStream),
        };
        Ok(self.state.table.push(stream)?)
    }
}

impl stdout::Host for Gate<'_> {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.stream(false)
    }
}

impl stderr::Host for Gate<'_> {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.stream(true)
    }
}

impl exit::Host for Gate<'_> {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        Err(wasmtime::Error::new(Exit(u8::from(status.is_err()))))
    }

    fn exit_with_code(&mut self, status_code: u8) -> wasmtime::Result<()> {
        Err(wasmtime::Error::new(Exit(status_code)))
    }
}
