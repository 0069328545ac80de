//! Writing to an open file: in tasks that the guest cannot take back.
//!
//! Invariants: bytes are counted when they have been written; what was accepted is written, or its
//! failure stands in the record, even where the guest is ended meanwhile; the call waits for it, because
//! each task holds the open file.

use super::stream::Lasting;
use bytes::Bytes;
use std::fs::File;
use std::io::{Error, ErrorKind, IoSlice};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use tokio::task::{JoinError, JoinHandle};
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{OutputStream, StreamError, StreamResult};

/// Bytes that one write takes at most.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// Runs `work` on an open file on a thread that may wait, under the same conditions.
pub(super) async fn on_file<T: Send + 'static>(
    file: Arc<File>,
    lasting: Lasting,
    what: &'static str,
    work: impl FnOnce(&File, &Lasting) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    joined(tokio::task::spawn_blocking(move || {
        let result = work(&file, &lasting);
        if let Err(error) = &result {
            lasting.failed(what, error);
        }
        result
    }))
    .await
}

async fn joined<T>(
    task: impl Future<Output = Result<Result<T, Error>, JoinError>>,
) -> Result<T, Error> {
    task.await
        .unwrap_or_else(|_| Err(Error::other("the host is shutting down")))
}

/// A stream that writes an open file from a position on, or always at its end.
pub(super) struct Writing {
    file: Arc<File>,
    /// None for the end.
    position: Option<u64>,
    state: State,
    lasting: Lasting,
}

enum State {
    Ready,
    Busy(JoinHandle<Result<(), Error>>),
    Failed(Error),
    Closed,
}

impl Writing {
    pub(super) fn new(file: Arc<File>, position: Option<u64>, lasting: Lasting) -> Self {
        Self {
            file,
            position,
            state: State::Ready,
            lasting,
        }
    }

    /// An error that is told once; after it the stream is closed.
    fn trouble(&mut self) -> StreamResult<()> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
            State::Closed => Err(StreamError::Closed),
            state => {
                self.state = state;
                Ok(())
            }
        }
    }
}

/// Writes all if the quota has room for it, and counts what was written also where the rest fails.
fn write_all(
    file: &File,
    position: Option<u64>,
    bytes: &[u8],
    lasting: &Lasting,
) -> Result<(), Error> {
    let end = |length: u64| {
        position
            .unwrap_or(length)
            .saturating_add(bytes.len() as u64)
    };
    let quota = lasting.quota();
    quota.growing(file, end, || write_pieces(file, position, bytes, lasting))
}

fn write_pieces(
    file: &File,
    mut position: Option<u64>,
    mut bytes: &[u8],
    lasting: &Lasting,
) -> Result<(), Error> {
    while !bytes.is_empty() {
        let written = match position {
            Some(at) => file.write_at(bytes, at),
            None => append(file, bytes),
        };
        let written = match written {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        lasting.count_out(written);
        position = position.map(|at| at.saturating_add(written as u64));
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

fn append(file: &File, bytes: &[u8]) -> Result<usize, Error> {
    let flags = rustix::io::ReadWriteFlags::APPEND;
    Ok(rustix::io::pwritev2(
        file,
        &[IoSlice::new(bytes)],
        0,
        flags,
    )?)
}

#[async_trait::async_trait]
impl Pollable for Writing {
    async fn ready(&mut self) {
        if let State::Busy(task) = &mut self.state {
            self.state = match joined(task).await {
                Ok(()) => State::Ready,
                Err(error) => State::Failed(error),
            };
        }
    }
}

#[async_trait::async_trait]
impl OutputStream for Writing {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.lasting.check()?;
        self.trouble()?;
        if matches!(self.state, State::Busy(_)) || bytes.len() > WRITE_BYTES_MAX {
            return Err(StreamError::trap("a write that check-write did not permit"));
        }
        let position = self.position;
        self.position = position.map(|at| at.saturating_add(bytes.len() as u64));
        let (file, lasting) = (Arc::clone(&self.file), self.lasting.clone());
        self.state = State::Busy(tokio::task::spawn_blocking(move || {
            let result = lasting
                .keep_floor()
                .map_err(|_| Error::from(ErrorKind::StorageFull))
                .and_then(|()| write_all(&file, position, &bytes, &lasting));
            if let Err(error) = &result {
                lasting.failed("a write failed", error);
            }
            result
        }));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.trouble()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.trouble()?;
        Ok(match self.state {
            State::Busy(_) => 0,
            _ => WRITE_BYTES_MAX,
        })
    }

    async fn cancel(&mut self) {
        // What was accepted is written; the guest waits for it, so that it cannot pile up such work.
        self.ready().await;
        self.state = State::Closed;
    }
}

#[cfg(test)]
mod tests {
    use super::super::handles::{Mount, OpenFile};
    use super::super::os;
    use super::*;
    use crate::gate::decision::Attempt;
    use crate::gate::kinds;
    use crate::gate::record;
    use crate::gate::testing::World;
    use std::sync::atomic::AtomicU64;
    use tollgate_grants::{Effect, FsOp};
    use tollgate_receipts::{Outcome, Record};

    async fn open(world: &World, file: &File) -> Lasting {
        let dir = world.home.path().join("mount");
        std::fs::create_dir(&dir).unwrap();
        let grant = format!("fs.write {} at /data", dir.display());
        world.grants.set(1, &[&grant], &[]);
        let effects = [Effect::Fs {
            op: FsOp::Write,
            guest_mount: "/data",
            path: "x",
        }];
        let attempt = Attempt {
            import: "wasi:filesystem/types.descriptor.open-at",
            kind: kinds::FS_OPEN_WRITE,
            target: "/data/x".into(),
            whole: None,
            effects: &effects,
        };
        let permit = world.scope.permit(&attempt).await.ok().unwrap();
        let protected = Arc::clone(&world.scope.host.files.protected);
        assert!(file.metadata().is_ok());
        let file = OpenFile {
            mount: Arc::new(Mount::new(
                "/data".into(),
                os::MountRoot::open(&dir, protected).unwrap(),
            )),
            holding: None,
            rel: "x".into(),
            op: FsOp::Write,
            looked_at: AtomicU64::new(permit.basis().generation),
            basis: permit.basis().clone(),
            trace: permit.open(record::ok()),
        };
        Lasting::new(Arc::clone(&world.scope), Arc::new(file))
    }

    fn closed(world: &World) -> Outcome {
        let drafts = world.ledger.drafts.lock().unwrap();
        match &drafts.last().unwrap().record {
            Record::Outcome(last) => last.outcome.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_was_accepted_is_written_and_counted_although_the_guest_is_gone() {
        let world = World::new(&[]);
        let file = Arc::new(tempfile::tempfile().unwrap());
        let lasting = open(&world, &file).await;
        let mut stream = Writing::new(Arc::clone(&file), Some(2), lasting.clone());
        stream.write(Bytes::from_static(b"hello")).unwrap();
        assert!(stream.write(Bytes::from_static(b"too soon")).is_err());
        drop((stream, lasting));
        world.scope.settle_tasks().await;
        assert_eq!(file.metadata().unwrap().len(), 7);
        let outcome = closed(&world);
        assert_eq!((outcome.bytes_out, outcome.detail), (Some(5), None));
    }

    #[tokio::test]
    async fn a_write_that_fails_is_not_counted_and_stands_in_the_record() {
        let world = World::new(&[]);
        let path = world.home.path().join("read-only");
        std::fs::write(&path, "x").unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        let lasting = open(&world, &file).await;
        let mut stream = Writing::new(Arc::clone(&file), None, lasting.clone());
        stream.write(Bytes::from_static(b"hello")).unwrap();
        stream.ready().await;
        assert!(matches!(
            stream.check_write(),
            Err(StreamError::LastOperationFailed(_))
        ));
        assert!(matches!(stream.check_write(), Err(StreamError::Closed)));
        drop((stream, lasting));
        world.scope.settle_tasks().await;
        let outcome = closed(&world);
        assert_eq!(outcome.bytes_out, Some(0));
        assert!(outcome.detail.unwrap().starts_with("a write failed"));
    }

    #[tokio::test]
    async fn a_revoked_grant_ends_the_stream_with_a_receipt() {
        let world = World::new(&[]);
        let file = Arc::new(tempfile::tempfile().unwrap());
        let lasting = open(&world, &file).await;
        *world.grants.readable.lock().unwrap() = false;
        assert!(!lasting.holds());
        *world.grants.readable.lock().unwrap() = true;
        assert!(lasting.holds());
        world.grants.set(2, &[], &[]);
        let mut stream = Writing::new(Arc::clone(&file), Some(0), lasting);
        assert!(stream.write(Bytes::from_static(b"hello")).is_err());
        drop(stream);
        world.scope.settle_tasks().await;
        world.scope.watermark().await.unwrap();
        let refused: Vec<_> = world
            .ledger
            .said()
            .into_iter()
            .filter(|line| line.starts_with("fs.use"))
            .collect();
        assert_eq!(refused, ["fs.use Denied", "fs.use Denied"]);
        assert_eq!(file.metadata().unwrap().len(), 0);
    }
}
