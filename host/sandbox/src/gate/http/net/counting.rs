//! A body that counts and says once how it ended.

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Its last byte was taken.
    Complete,
    /// It failed.
    Failed,
    /// Nobody wanted the rest.
    Dropped,
}

/// What is said once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyReport {
    /// Data bytes that passed; trailers are not counted.
    pub bytes: u64,
    /// How.
    pub ended: Ended,
}

type Callback = Box<dyn FnOnce(BodyReport) + Send>;

/// Wraps a body; calls back exactly once, at the end, at the first error, or when it is dropped.
/// The callback must not block: it runs inside a poll or a drop.
pub struct CountingBody<B>
where
    B: Body,
{
    inner: B,
    bytes: u64,
    callback: Option<Callback>,
}

impl<B: Body> CountingBody<B> {
    /// Counts `inner`.
    pub fn new(inner: B, callback: impl FnOnce(BodyReport) + Send + 'static) -> Self {
        Self {
            inner,
            bytes: 0,
            callback: Some(Box::new(callback)),
        }
    }

    fn report(&mut self, ended: Ended) {
        if let Some(callback) = self.callback.take() {
            callback(BodyReport {
                bytes: self.bytes,
                ended,
            });
        }
    }
}

impl<B> Body for CountingBody<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Buf::remaining);
                self.bytes = self.bytes.saturating_add(bytes as u64);
            }
            Poll::Ready(Some(Err(_))) => self.report(Ended::Failed),
            Poll::Ready(None) => self.report(Ended::Complete),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B: Body> Drop for CountingBody<B> {
    fn drop(&mut self) {
        // A reader that knows the length stops without asking for the end.
        let ended = if self.inner.is_end_stream() {
            Ended::Complete
        } else {
            Ended::Dropped
        };
        self.report(ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt as _, Full};
    use std::sync::mpsc;

    fn counted<B: Body>(body: B) -> (CountingBody<B>, mpsc::Receiver<BodyReport>) {
        let (sender, receiver) = mpsc::channel();
        (
            CountingBody::new(body, move |report| sender.send(report).unwrap()),
            receiver,
        )
    }

    #[tokio::test]
    async fn says_once_how_it_ended() {
        let (body, reports) = counted(Full::new(Bytes::from_static(b"hello")));
        body.collect().await.unwrap();
        let complete = BodyReport {
            bytes: 5,
            ended: Ended::Complete,
        };
        assert_eq!(reports.iter().collect::<Vec<_>>(), [complete]);

        let (mut body, reports) = counted(Full::new(Bytes::from_static(b"hello")));
        body.frame().await.unwrap().unwrap();
        drop(body);
        assert_eq!(reports.iter().collect::<Vec<_>>(), [complete]);

        let (body, reports) = counted(Full::new(Bytes::from_static(b"hello")));
        drop(body);
        let dropped = BodyReport {
            bytes: 0,
            ended: Ended::Dropped,
        };
        assert_eq!(reports.iter().collect::<Vec<_>>(), [dropped]);
    }

    #[tokio::test]
    async fn a_failure_is_not_a_drop() {
        let (body, reports) = counted(Breaks {
            first: Some(Bytes::from_static(b"abc")),
        });
        assert_eq!(body.collect().await.unwrap_err(), "broken");
        let failed = BodyReport {
            bytes: 3,
            ended: Ended::Failed,
        };
        assert_eq!(reports.iter().collect::<Vec<_>>(), [failed]);
    }

    struct Breaks {
        first: Option<Bytes>,
    }

    impl Body for Breaks {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            let frame = self.first.take().map(Frame::data).ok_or("broken");
            Poll::Ready(Some(frame))
        }
    }
}
