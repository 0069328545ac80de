//! What reading an open file needs: it counts what passes and stops when the grant is revoked.

use super::handles::OpenFile;
use super::os::OsError;
use super::quota::Quota;
use crate::gate::kinds;
use crate::gate::scope::CallScope;
use bytes::{Bytes, BytesMut};
use std::fs::File;
use std::io::IoSliceMut;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tollgate_grants::Effect;
use tollgate_receipts::OutcomeResult;
use wasmtime_wasi::runtime::AbortOnDropJoinHandle;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{InputStream, StreamError, StreamResult};

/// Whether an open file may still be used: its grant is looked at again when the grants have changed.
#[derive(Clone)]
pub(super) struct Lasting {
    scope: Arc<CallScope>,
    file: Arc<OpenFile>,
}

impl Lasting {
    pub(super) fn new(scope: Arc<CallScope>, file: Arc<OpenFile>) -> Self {
        Self { scope, file }
    }

    /// True while the grant holds. A refusal leaves its receipt.
    pub(super) fn holds(&self) -> bool {
        let file = &self.file;
        let looked_at = file.looked_at.load(Ordering::Relaxed);
        let generation = self.scope.host.authority.generation();
        if generation.is_ok_and(|now| now == looked_at) {
            return true;
        }
        let effect = Effect::Fs {
            op: file.op,
            guest_mount: &file.mount.guest,
            path: &file.rel,
        };
        let reason = match self.scope.still_allowed(&[effect], &file.basis) {
            Ok(now) => {
                file.looked_at.store(now, Ordering::Relaxed);
                return true;
            }
            Err(reason) => reason,
        };
        let attempt = crate::gate::decision::Attempt {
            import: "wasi:io/streams",
            kind: kinds::FS_USE,
            target: file.mount.show(&file.rel),
            whole: None,
            effects: &[effect],
        };
        self.scope.refuse_now(&attempt, reason);
        false
    }

    pub(super) fn check(&self) -> StreamResult<()> {
        if self.holds() {
            return Ok(());
        }
        let revoked = std::io::Error::new(std::io::ErrorKind::PermissionDenied, "revoked");
        Err(StreamError::LastOperationFailed(revoked.into()))
    }

    /// Refuses a write that could take the ledger's last free bytes.
    pub(super) fn keep_floor(&self) -> Result<(), OsError> {
        self.scope.host.files.keep_floor(&self.file.mount.root)
    }

    /// How much may be added to the mount of the file.
    pub(super) fn quota(&self) -> &Quota {
        self.file.mount.quota(&self.scope)
    }

    pub(super) fn count_in(&self, bytes: usize) {
        let counter = &self.file.trace.bytes_in;
        counter.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn count_out(&self, bytes: usize) {
        let counter = &self.file.trace.bytes_out;
        counter.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Something on the open file failed, although opening it did not.
    pub(super) fn failed(&self, what: &str, error: &std::io::Error) {
        let detail = if error.kind() == std::io::ErrorKind::QuotaExceeded {
            format!("{what}: {}", self.quota().bounds())
        } else {
            format!("{what}: {}", error.kind())
        };
        self.file.trace.end(OutcomeResult::Failed, Some(detail));
    }
}

/// Bytes that one read brings at most.
const READ_BYTES_MAX: usize = 64 * 1024;

/// A stream that reads an open file from a position on.
///
/// What the kernel has in its cache is read on the guest's own thread (`RWF_NOWAIT`), the rest on a
/// thread that may wait.
pub(super) struct Reading {
    file: Arc<File>,
    position: u64,
    waiting: Waiting,
    lasting: Lasting,
}

enum Waiting {
    No,
    For(AbortOnDropJoinHandle<std::io::Result<Bytes>>),
    Got(std::io::Result<Bytes>),
    Closed,
}

impl Reading {
    pub(super) fn new(file: Arc<File>, position: u64, lasting: Lasting) -> Self {
        Self {
            file,
            position,
            waiting: Waiting::No,
            lasting,
        }
    }

    /// Reads what is cached; none where the disk would have to be waited for.
    fn read_now(&self, size: usize) -> Option<std::io::Result<Bytes>> {
        let mut buffer = BytesMut::zeroed(size);
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let read = rustix::io::preadv2(
            &self.file,
            &mut slices,
            self.position,
            rustix::io::ReadWriteFlags::NOWAIT,
        );
        match read {
            Ok(bytes) => {
                buffer.truncate(bytes);
                Some(Ok(buffer.freeze()))
            }
            Err(
                rustix::io::Errno::AGAIN | rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::INTR,
            ) => None,
            Err(errno) => Some(Err(errno.into())),
        }
    }

    fn read_later(&self, size: usize) -> Waiting {
        let (file, position) = (Arc::clone(&self.file), self.position);
        Waiting::For(wasmtime_wasi::runtime::spawn_blocking(move || {
            let mut buffer = BytesMut::zeroed(size);
            let bytes = loop {
                match file.read_at(&mut buffer, position) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    result => break result?,
                }
            };
            buffer.truncate(bytes);
            Ok(buffer.freeze())
        }))
    }

    fn take(&mut self, result: std::io::Result<Bytes>) -> StreamResult<Bytes> {
        match result {
            Ok(bytes) if bytes.is_empty() => {
                self.waiting = Waiting::Closed;
                Err(StreamError::Closed)
            }
            Ok(bytes) => {
                self.position += bytes.len() as u64;
                self.lasting.count_in(bytes.len());
                Ok(bytes)
            }
            Err(error) => {
                self.lasting.failed("a read failed", &error);
                self.waiting = Waiting::Closed;
                Err(StreamError::LastOperationFailed(error.into()))
            }
        }
    }
}

#[async_trait::async_trait]
impl Pollable for Reading {
    async fn ready(&mut self) {
        if let Waiting::For(task) = &mut self.waiting {
            self.waiting = Waiting::Got(task.await);
        }
    }
}

#[async_trait::async_trait]
impl InputStream for Reading {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.lasting.check()?;
        if size == 0 {
            return Ok(Bytes::new());
        }
        let size = size.min(READ_BYTES_MAX);
        match std::mem::replace(&mut self.waiting, Waiting::No) {
            Waiting::Closed => {
                self.waiting = Waiting::Closed;
                Err(StreamError::Closed)
            }
            Waiting::For(task) => {
                self.waiting = Waiting::For(task);
                Ok(Bytes::new())
            }
            // A guest may ask for less than what was fetched for its last request.
            Waiting::Got(Ok(mut bytes)) if bytes.len() > size => {
                let first = bytes.split_to(size);
                self.waiting = Waiting::Got(Ok(bytes));
                self.take(Ok(first))
            }
            Waiting::Got(result) => self.take(result),
            Waiting::No => match self.read_now(size) {
                Some(result) => self.take(result),
                None => {
                    self.waiting = self.read_later(size);
                    Ok(Bytes::new())
                }
            },
        }
    }
}
