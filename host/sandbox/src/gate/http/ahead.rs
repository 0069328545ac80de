//! Reading ahead: a task takes what the network brings, so that a guest which is slower finds many small pieces as
//! one. A piece that comes alone is handed on alone, at once.
//!
//! Invariant: at most [`AHEAD_BYTES_MAX`] and one piece wait; then the network waits too. Nothing of it is handed on
//! unless its grant holds then: [`super::granted::GrantedBody`] stands in front.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// How much waits for the guest, bytes.
const AHEAD_BYTES_MAX: usize = 64 * 1024;

/// A body that is read ahead. Dropping it ends the reading, and with it the exchange.
pub(super) struct Ahead<E> {
    shared: Arc<Shared<E>>,
    reader: AbortHandle,
}

struct Shared<E> {
    waits: Mutex<Waits<E>>,
    room: Notify,
}

/// What waits for the guest.
struct Waits<E> {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    end: Option<End<E>>,
    guest: Option<Waker>,
}

/// How the body ended, behind the pieces.
enum End<E> {
    Trailers(HeaderMap),
    Failed(E),
    Complete,
}

impl<E: Send + 'static> Ahead<E> {
    /// Reads `body` ahead on `io`.
    pub(super) fn new<B>(body: B, io: &Handle) -> Self
    where
        B: Body<Data = Bytes, Error = E> + Send + Unpin + 'static,
    {
        let shared = Arc::new(Shared {
            waits: Mutex::new(Waits {
                pieces: VecDeque::new(),
                bytes: 0,
                end: body.is_end_stream().then_some(End::Complete),
                guest: None,
            }),
            room: Notify::new(),
        });
        let reader = io.spawn(read(body, Arc::clone(&shared))).abort_handle();
        Self { shared, reader }
    }
}

impl<E> Shared<E> {
    fn lock(&self) -> MutexGuard<'_, Waits<E>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> Drop for Ahead<E> {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read<B>(mut body: B, shared: Arc<Shared<B::Error>>)
where
    B: Body<Data = Bytes> + Unpin,
{
    loop {
        if shared.lock().end.is_some() {
            return;
        }
        let frame = body.frame().await;
        let over = body.is_end_stream();
        let (guest, full) = {
            let mut waits = shared.lock();
            match frame {
                None => waits.end = Some(End::Complete),
                Some(Err(error)) => waits.end = Some(End::Failed(error)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => {
                        waits.bytes = waits.bytes.saturating_add(piece.len());
                        waits.pieces.push_back(piece);
                        if over {
                            waits.end = Some(End::Complete);
                        }
                    }
                    Err(frame) => {
                        let trailers = frame.into_trailers().unwrap_or_default();
                        waits.end = Some(End::Trailers(trailers));
                    }
                },
            }
            (waits.guest.take(), waits.bytes >= AHEAD_BYTES_MAX)
        };
        if let Some(guest) = guest {
            guest.wake();
        }
        if full {
            shared.room.notified().await;
        }
    }
}

impl<E> Body for Ahead<E> {
    type Data = Bytes;
    type Error = E;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        let mut waits = self.shared.lock();
        if waits.pieces.is_empty() {
            return match waits.end.take() {
                None => {
                    waits.guest = Some(context.waker().clone());
                    Poll::Pending
                }
                Some(end) => {
                    // It stays over.
                    waits.end = Some(End::Complete);
                    Poll::Ready(match end {
                        End::Trailers(trailers) => Some(Ok(Frame::trailers(trailers))),
                        End::Failed(error) => Some(Err(error)),
                        End::Complete => None,
                    })
                }
            };
        }
        let pieces = std::mem::take(&mut waits.pieces);
        let bytes = std::mem::take(&mut waits.bytes);
        drop(waits);
        if bytes >= AHEAD_BYTES_MAX {
            self.shared.room.notify_one();
        }
        Poll::Ready(Some(Ok(Frame::data(joined(pieces, bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        let waits = self.shared.lock();
        waits.pieces.is_empty() && matches!(waits.end, Some(End::Complete))
    }
}

/// The pieces as one.
fn joined(mut pieces: VecDeque<Bytes>, bytes: usize) -> Bytes {
    if pieces.len() == 1 {
        return pieces.pop_front().unwrap_or_default();
    }
    let mut whole = BytesMut::with_capacity(bytes);
    for piece in pieces {
        whole.extend_from_slice(&piece);
    }
    whole.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::StreamBody;
    use std::time::Duration;
    use tokio::sync::mpsc::{Sender, channel};

    type Sent = Result<Frame<Bytes>, &'static str>;

    fn data(bytes: impl Into<Bytes>) -> Sent {
        Ok(Frame::data(bytes.into()))
    }

    /// A body of which one frame is under way at a time.
    fn piped() -> (Sender<Sent>, Ahead<&'static str>) {
        let (sender, receiver) = channel(1);
        let frames = futures::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|frame| (frame, receiver))
        });
        let body = StreamBody::new(Box::pin(frames));
        (sender, Ahead::new(body, &Handle::current()))
    }

    #[tokio::test]
    async fn what_waits_is_one_piece_and_the_end_stays_behind_it() {
        let (sender, mut body) = piped();
        for frame in [data("a"), data("b"), data("c"), Err("broken")] {
            sender.send(frame).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        let first = body.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), "abc");
        assert!(!body.is_end_stream());
        assert_eq!(body.frame().await.unwrap().unwrap_err(), "broken");
        assert!(body.frame().await.is_none() && body.is_end_stream());
    }

    #[tokio::test]
    async fn a_piece_is_not_kept_back_and_trailers_come_last() {
        let (sender, mut body) = piped();
        for word in ["one", "two"] {
            sender.send(data(word)).await.unwrap();
            let piece = body.frame().await.unwrap().unwrap();
            assert_eq!(piece.into_data().unwrap(), word);
        }
        let trailers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-end"),
            http::HeaderValue::from_static("1"),
        )]);
        let last = Frame::trailers(trailers.clone());
        sender.send(Ok(last)).await.unwrap();
        let last = body.frame().await.unwrap().unwrap();
        assert_eq!(last.into_trailers().unwrap(), trailers);
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn whoever_reads_slowly_holds_the_network_back() {
        let (sender, mut body) = piped();
        let piece = Bytes::from(vec![7; 16 * 1024]);
        let most = AHEAD_BYTES_MAX + 3 * piece.len();
        let mut sent = 0;
        let waits = Duration::from_millis(50);
        while tokio::time::timeout(waits, sender.send(data(piece.clone())))
            .await
            .is_ok()
        {
            // What waits, and what the pipe and the reader hold beside it.
            sent += piece.len();
            assert!(sent <= most, "{sent}");
        }
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(first.len() >= AHEAD_BYTES_MAX, "{}", first.len());
        sender.send(data(piece)).await.unwrap();
    }

    #[tokio::test]
    async fn dropping_it_ends_the_exchange() {
        let (sender, body) = piped();
        drop(body);
        let gone = tokio::time::timeout(Duration::from_secs(5), sender.closed());
        gone.await.unwrap();
    }
}
