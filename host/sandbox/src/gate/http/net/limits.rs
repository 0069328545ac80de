//! The bounds of a response's body: size, silence, total time, trailers; and its redaction.
//!
//! Once a bound is passed the connection is let go and the body ends with an error, so that a guest can
//! never take a cut answer for a whole one.

use super::error::{NetError, NetErrorKind};
use super::headers;
use super::redact::Redactor;
use super::request::{InboundBody, Limits, Tally, Target, Timeouts};
use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// What bounds one response.
pub(crate) struct Bounds {
    pub(crate) target: Target,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) deadline: Instant,
    pub(crate) tally: Arc<Tally>,
}

impl Bounds {
    fn error(&self, kind: NetErrorKind, what: &str) -> NetError {
        let target = &self.target;
        NetError::new(kind, format!("{target}: {what}")).after_sending(self.peer)
    }
}

/// A body within its bounds.
pub(crate) struct LimitedBody {
    /// None once it has ended.
    inner: Option<InboundBody>,
    bounds: Bounds,
    taken: u64,
    /// Runs only while somebody waits.
    silence: Option<Pin<Box<Sleep>>>,
    end: Pin<Box<Sleep>>,
}

impl LimitedBody {
    pub(crate) fn new(inner: InboundBody, bounds: Bounds) -> Self {
        Self {
            inner: Some(inner),
            taken: 0,
            silence: None,
            end: Box::pin(tokio::time::sleep_until(bounds.deadline)),
            bounds,
        }
    }

    fn check(&mut self, mut frame: Frame<Bytes>) -> Result<Frame<Bytes>, NetError> {
        if Instant::now() >= self.bounds.deadline {
            return Err(self.too_late());
        }
        if let Some(data) = frame.data_ref() {
            self.bounds.tally.add_in(data.remaining());
            self.taken = self.taken.saturating_add(data.remaining() as u64);
            let limit = self.bounds.limits.response_body_bytes_max;
            if self.taken > limit {
                let kind = NetErrorKind::HttpResponseBodySize(Some(limit));
                let what = format!("the response's body is longer than {limit} bytes");
                return Err(self.bounds.error(kind, &what));
            }
        } else if let Some(trailers) = frame.trailers_mut() {
            let limit = self.bounds.limits.response_header_bytes_max;
            if !headers::fits(trailers, limit) {
                let kind = NetErrorKind::HttpResponseTrailerSectionSize(Some(limit));
                let what = format!("the response's trailers are longer than {limit} bytes");
                return Err(self.bounds.error(kind, &what));
            }
            headers::clean_trailers(trailers);
        }
        Ok(frame)
    }

    fn too_late(&self) -> NetError {
        let seconds = self.bounds.timeouts.total.as_secs_f64();
        let what = format!("the response did not end within {seconds} s");
        self.bounds.error(NetErrorKind::HttpResponseTimeout, &what)
    }

    /// Nothing has come. Has that been so for too long?
    fn overdue(&mut self, cx: &mut Context<'_>) -> Option<NetError> {
        let allowed: Duration = self.bounds.timeouts.between_bytes;
        let silence = self
            .silence
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(allowed)));
        if silence.as_mut().poll(cx).is_ready() {
            let seconds = allowed.as_secs_f64();
            let what = format!("the response's body was silent for {seconds} s");
            return Some(
                self.bounds
                    .error(NetErrorKind::ConnectionReadTimeout, &what),
            );
        }
        if self.end.as_mut().poll(cx).is_ready() {
            return Some(self.too_late());
        }
        None
    }
}

impl Body for LimitedBody {
    type Data = Bytes;
    type Error = NetError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        let Some(inner) = self.inner.as_mut() else {
            return Poll::Ready(None);
        };
        let checked = match Pin::new(inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.silence = None;
                Some(self.check(frame))
            }
            Poll::Ready(Some(Err(error))) => Some(Err(error)),
            Poll::Ready(None) => None,
            Poll::Pending => match self.overdue(cx) {
                Some(error) => Some(Err(error)),
                None => return Poll::Pending,
            },
        };
        if !matches!(checked, Some(Ok(_))) {
            self.inner = None;
        }
        Poll::Ready(checked)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// A body in which a credential's echoes are replaced.
pub(crate) struct RedactedBody {
    inner: LimitedBody,
    redactor: Redactor,
    tally: Arc<Tally>,
    counted: u64,
    trailers: Option<HeaderMap>,
    ended: bool,
}

impl RedactedBody {
    pub(crate) fn new(inner: LimitedBody, redactor: Redactor) -> Self {
        Self {
            tally: Arc::clone(&inner.bounds.tally),
            inner,
            redactor,
            counted: 0,
            trailers: None,
            ended: false,
        }
    }

    fn count(&mut self) {
        let replaced = self.redactor.replaced();
        self.tally
            .add_redactions(replaced.saturating_sub(self.counted));
        self.counted = replaced;
    }

    /// What was held back, at the end of the data.
    fn rest(&mut self) -> Option<Frame<Bytes>> {
        let mut out = Vec::new();
        self.redactor.finish(&mut out);
        self.count();
        (!out.is_empty()).then(|| Frame::data(out.into()))
    }
}

impl Body for RedactedBody {
    type Data = Bytes;
    type Error = NetError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        loop {
            if self.ended {
                return Poll::Ready(
                    self.trailers
                        .take()
                        .map(|trailers| Ok(Frame::trailers(trailers))),
                );
            }
            let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => {
                    // What was held back may be the beginning of the secret: it goes nowhere.
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.ended = true;
                    match self.rest() {
                        Some(frame) => return Poll::Ready(Some(Ok(frame))),
                        None => continue,
                    }
                }
            };
            match frame.into_data() {
                Ok(data) => {
                    let mut out = Vec::with_capacity(data.len());
                    self.redactor.push(&data, &mut out);
                    self.count();
                    if !out.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(out.into()))));
                    }
                }
                Err(frame) => {
                    let Ok(mut trailers) = frame.into_trailers() else {
                        continue;
                    };
                    let replaced = headers::redact(&mut trailers, &self.redactor);
                    self.tally.add_redactions(replaced);
                    self.trailers = Some(trailers);
                    self.ended = true;
                    if let Some(frame) = self.rest() {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let nothing_left = self.ended || (self.inner.is_end_stream() && self.redactor.is_empty());
        nothing_left && self.trailers.is_none()
    }
}
