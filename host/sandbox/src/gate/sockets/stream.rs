//! The two streams of a connection: they count what passes and stop when the grant is revoked.

use super::lasting::Lasting;
use crate::gate::permit::Trace;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tollgate_receipts::OutcomeResult;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, StreamError, StreamResult,
};

/// A connection under its grant.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) trace: Arc<Trace>,
    pub(super) lasting: Arc<Lasting>,
}

impl Connection {
    fn check(&self) -> StreamResult<()> {
        if self.lasting.holds() {
            return Ok(());
        }
        let why = Some("the grant was revoked meanwhile".to_owned());
        self.trace.end(OutcomeResult::Failed, why);
        let revoked = std::io::Error::new(std::io::ErrorKind::PermissionDenied, "revoked");
        Err(StreamError::LastOperationFailed(revoked.into()))
    }

    /// Remembers for the closing entry that the connection broke.
    fn noting<T>(&self, result: StreamResult<T>) -> StreamResult<T> {
        if let Err(StreamError::LastOperationFailed(error)) = &result {
            let why = error.root_cause().to_string();
            self.trace.end(OutcomeResult::Failed, Some(why));
        }
        result
    }
}

/// What comes in.
pub(super) struct Incoming {
    pub(super) inner: DynInputStream,
    pub(super) connection: Connection,
}

#[async_trait::async_trait]
impl Pollable for Incoming {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait::async_trait]
impl InputStream for Incoming {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.connection.check()?;
        let bytes = self.connection.noting(self.inner.read(size))?;
        let counter = &self.connection.trace.bytes_in;
        counter.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes)
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

/// What goes out.
pub(super) struct Outgoing {
    pub(super) inner: DynOutputStream,
    pub(super) connection: Connection,
}

#[async_trait::async_trait]
impl Pollable for Outgoing {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait::async_trait]
impl OutputStream for Outgoing {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.connection.check()?;
        let length = bytes.len() as u64;
        self.connection.noting(self.inner.write(bytes))?;
        let counter = &self.connection.trace.bytes_out;
        counter.fetch_add(length, Ordering::Relaxed);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.connection.check()?;
        self.connection.noting(self.inner.check_write())
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}
