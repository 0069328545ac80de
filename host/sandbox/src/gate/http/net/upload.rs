//! The request's body on its way out: counted, bounded, and exactly as long as was declared.

use super::error::{NetError, NetErrorKind};
use super::headers;
use super::request::{RequestBody, Tally, Target};
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

/// Why a body was refused while it was being sent. The connection only knows that it broke.
pub(crate) type Fault = Arc<OnceLock<NetError>>;

/// A guest's body under the gate's rules.
pub(crate) struct UploadBody {
    inner: RequestBody,
    target: Target,
    declared: Option<u64>,
    bytes_max: u64,
    trailer_bytes_max: u32,
    passed: u64,
    ended: bool,
    tally: Arc<Tally>,
    fault: Fault,
}

impl UploadBody {
    /// Takes a body whose headers declared `declared` bytes.
    ///
    /// # Errors
    ///
    /// When it is known beforehand that the body breaks a bound or is of another length.
    pub(crate) fn new(
        inner: RequestBody,
        target: Target,
        declared: Option<u64>,
        (bytes_max, trailer_bytes_max): (u64, u32),
        tally: Arc<Tally>,
    ) -> Result<Self, NetError> {
        let body = Self {
            declared: declared.or_else(|| inner.size_hint().exact()),
            inner,
            target,
            bytes_max,
            trailer_bytes_max,
            passed: 0,
            ended: false,
            tally,
            fault: Fault::default(),
        };
        if body
            .declared
            .unwrap_or(0)
            .max(body.inner.size_hint().lower())
            > bytes_max
        {
            return Err(body.too_long());
        }
        if body
            .inner
            .size_hint()
            .exact()
            .is_some_and(|exact| Some(exact) != body.declared)
        {
            return Err(body.not_as_declared());
        }
        Ok(body)
    }

    pub(crate) fn fault(&self) -> Fault {
        Arc::clone(&self.fault)
    }

    /// Bytes that will follow, if that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        self.declared
    }

    fn too_long(&self) -> NetError {
        let (target, limit) = (&self.target, self.bytes_max);
        NetError::new(
            NetErrorKind::HttpRequestBodySize(Some(limit)),
            format!("the request's body to {target} is longer than {limit} bytes"),
        )
    }

    fn not_as_declared(&self) -> NetError {
        let target = &self.target;
        NetError::new(
            NetErrorKind::HttpRequestBodySize(self.declared),
            format!("the request's body to {target} is not as long as its content-length says"),
        )
    }

    fn check(&mut self, frame: &mut Frame<Bytes>) -> Result<(), NetError> {
        if let Some(data) = frame.data_ref() {
            self.passed = self.passed.saturating_add(data.remaining() as u64);
            if self.declared.is_some_and(|declared| self.passed > declared) {
                return Err(self.not_as_declared());
            }
            if self.passed > self.bytes_max {
                return Err(self.too_long());
            }
            self.tally.add_out(data.remaining());
        } else if let Some(trailers) = frame.trailers_mut() {
            let limit = self.trailer_bytes_max;
            if !headers::fits(trailers, limit) {
                let target = &self.target;
                return Err(NetError::new(
                    NetErrorKind::HttpRequestTrailerSectionSize(Some(limit)),
                    format!("the request's trailers to {target} are longer than {limit} bytes"),
                ));
            }
            headers::clean_trailers(trailers);
        }
        Ok(())
    }

    fn fail(&mut self, error: NetError) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        self.ended = true;
        // The first reason is the reason.
        let _ = self.fault.set(error.clone().after_sending(None));
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = NetError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, NetError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(mut frame))) => match self.check(&mut frame) {
                Ok(()) => Poll::Ready(Some(Ok(frame))),
                Err(error) => self.fail(error),
            },
            Poll::Ready(Some(Err(given_up))) => {
                let text = format!("the request to {}: {given_up}", self.target);
                self.fail(NetError::new(NetErrorKind::HttpProtocolError, text))
            }
            Poll::Ready(None) => {
                if self.declared.is_some_and(|declared| self.passed < declared) {
                    let error = self.not_as_declared();
                    return self.fail(error);
                }
                self.ended = true;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        // A declared length that has not passed yet must be asked for, so that its lack is noticed.
        let owed = self.declared.is_some_and(|declared| self.passed < declared);
        self.ended || (self.inner.is_end_stream() && !owed)
    }

    fn size_hint(&self) -> SizeHint {
        match self.declared {
            Some(declared) => SizeHint::with_exact(declared.saturating_sub(self.passed)),
            None => self.inner.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::{BodyError, Host, Scheme};
    use super::*;
    use http_body_util::{BodyExt as _, Full};

    fn upload(text: &'static str, declared: Option<u64>, max: u64) -> Result<UploadBody, NetError> {
        struct Unsized(Full<Bytes>);
        impl Body for Unsized {
            type Data = Bytes;
            type Error = BodyError;
            fn poll_frame(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
                Pin::new(&mut self.0)
                    .poll_frame(cx)
                    .map_err(|never| match never {})
            }
        }
        let target = Target {
            scheme: Scheme::Http,
            host: Host::Name("a".into()),
            port: 80,
        };
        let body = Unsized(Full::new(Bytes::from_static(text.as_bytes()))).boxed_unsync();
        UploadBody::new(body, target, declared, (max, 100), Arc::default())
    }

    async fn outcome(body: UploadBody) -> Result<u64, NetErrorKind> {
        let tally = Arc::clone(&body.tally);
        let fault = body.fault();
        let collected = body.collect().await;
        assert_eq!(fault.get().is_some(), collected.is_err());
        collected
            .map(|_| tally.bytes_out())
            .map_err(|error| error.kind().clone())
    }

    #[tokio::test]
    async fn is_as_long_as_declared() {
        assert_eq!(outcome(upload("hello", Some(5), 9).unwrap()).await, Ok(5));
        assert_eq!(outcome(upload("hello", None, 9).unwrap()).await, Ok(5));
        let size = |bytes| Err(NetErrorKind::HttpRequestBodySize(Some(bytes)));
        assert_eq!(outcome(upload("hello", Some(6), 9).unwrap()).await, size(6));
        assert_eq!(outcome(upload("hello", Some(4), 9).unwrap()).await, size(4));
        assert_eq!(outcome(upload("hello", None, 4).unwrap()).await, size(4));
        assert!(upload("hello", Some(10), 9).is_err());
    }

    #[test]
    fn a_known_length_must_agree() {
        let target = Target {
            scheme: Scheme::Http,
            host: Host::Name("a".into()),
            port: 80,
        };
        let body = Full::new(Bytes::from_static(b"hello"))
            .map_err(|never| match never {})
            .boxed_unsync();
        let error = UploadBody::new(body, target, Some(4), (9, 9), Arc::default())
            .err()
            .unwrap();
        assert_eq!(error.kind(), &NetErrorKind::HttpRequestBodySize(Some(4)));
    }
}
