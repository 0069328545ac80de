//! Streams on open files: they count what passes and stop when the grant is revoked.

use super::handles::OpenFile;
use crate::gate::scope::CallScope;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tollgate_grants::{Effect, Reason};
use tollgate_receipts::Class;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{InputStream, OutputStream, StreamError, StreamResult};

/// Whether an open file may still be used: its grant is looked at again when the grants have changed.
pub(super) struct Lasting {
    scope: Arc<CallScope>,
    file: Arc<OpenFile>,
    generation: AtomicU64,
}

impl Lasting {
    pub(super) fn new(scope: Arc<CallScope>, file: Arc<OpenFile>) -> Self {
        Self {
            generation: AtomicU64::new(file.generation),
            scope,
            file,
        }
    }

    /// True while the grant holds. A refusal leaves its receipt.
    pub(super) fn holds(&self) -> bool {
        let now = self.scope.host.authority.generation().unwrap_or(u64::MAX);
        if now == self.generation.load(Ordering::Relaxed) {
            return true;
        }
        let file = &self.file;
        let effect = Effect::Fs {
            op: file.op,
            guest_mount: &file.mount.guest,
            path: &file.rel,
        };
        let allowed = self.scope.authority().is_some_and(|authority| {
            matches!(
                authority.decide(&effect, crate::gate::record::now_us()),
                tollgate_grants::Decision::Allowed(_)
            )
        });
        if allowed {
            self.generation.store(now, Ordering::Relaxed);
            return true;
        }
        let attempt = crate::gate::scope::Attempt {
            import: "wasi:io/streams",
            kind: "fs.use",
            class: Class::Buffered,
            target: file.mount.show(&file.rel),
            whole: None,
            effects: &[effect],
        };
        self.scope.refuse_now(&attempt, Reason::Revoked);
        false
    }

    fn check(&self) -> StreamResult<()> {
        if self.holds() {
            return Ok(());
        }
        let revoked = std::io::Error::new(std::io::ErrorKind::PermissionDenied, "revoked");
        Err(StreamError::LastOperationFailed(revoked.into()))
    }

    pub(super) fn count_in(&self, bytes: usize) {
        let counter = &self.file.trace.bytes_in;
        counter.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn count_out(&self, bytes: usize) {
        let counter = &self.file.trace.bytes_out;
        counter.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

pub(super) struct Reading {
    pub(super) inner: Box<dyn InputStream>,
    pub(super) lasting: Lasting,
}

#[async_trait::async_trait]
impl Pollable for Reading {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait::async_trait]
impl InputStream for Reading {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.lasting.check()?;
        let bytes = self.inner.read(size)?;
        self.lasting.count_in(bytes.len());
        Ok(bytes)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.lasting.check()?;
        let bytes = self.inner.blocking_read(size).await?;
        self.lasting.count_in(bytes.len());
        Ok(bytes)
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

pub(super) struct Writing {
    pub(super) inner: Box<dyn OutputStream>,
    pub(super) lasting: Lasting,
}

#[async_trait::async_trait]
impl Pollable for Writing {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait::async_trait]
impl OutputStream for Writing {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.lasting.check()?;
        let count = bytes.len();
        self.inner.write(bytes)?;
        self.lasting.count_out(count);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}
