//! The edge: `wasi:http/outgoing-handler`.
//!
//! Invariant: resources are dropped children first, as the interface demands.

use super::request::{Payload, Timeouts};
use super::{Body, Headers, HttpClient, HttpError, Request, Response, Scheme, Url};
use crate::bindings::standard::http::outgoing_handler;
use crate::bindings::standard::http::types as wasi;
use crate::bindings::standard::io::streams::{InputStream, OutputStream, StreamError};
use std::io::{self, Read};
use std::time::Duration;

/// Bytes handed to the host at once: the most that `blocking-write-and-flush` takes.
const WRITE_BYTES_MAX: usize = 4096;

/// Bytes asked of the host at once.
const READ_BYTES_MAX: u64 = 64 * 1024;

/// The host's client. Every request passes the gate. Outside a component nothing can be sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Host;

impl HttpClient for Host {
    fn send(&self, request: Request) -> Result<Response, HttpError> {
        if cfg!(target_family = "wasm") {
            send(request)
        } else {
            Err(HttpError::Connection {
                message: "there is no host outside a component; use testing::FakeHttp".into(),
            })
        }
    }
}

fn send(request: Request) -> Result<Response, HttpError> {
    let url = request.url().to_owned();
    let outgoing = head(&request)?;
    let body = outgoing.body().map_err(|()| invalid("a body"))?;
    let options = options(request.timeouts())?;
    let future = outgoing_handler::handle(outgoing, Some(options)).map_err(|e| error(e, &url))?;
    // The request is under way: a body that the server did not wait for is not an error by itself,
    // because the answer says more.
    let written = write_body(body, request.into_payload(), &url);
    let answered = receive(&future, &url);
    match (answered, written) {
        (Ok(response), _) => Ok(response),
        (Err(_), Err(error)) => Err(error),
        (Err(error), Ok(())) => Err(error),
    }
}

fn head(request: &Request) -> Result<wasi::OutgoingRequest, HttpError> {
    let url = Url::parse(request.url())?;
    let fields = wasi::Fields::new();
    for (name, value) in request.headers().iter() {
        fields.append(name, value).map_err(|e| HttpError::Invalid {
            message: format!("header {name:?}: {e}"),
        })?;
    }
    if let Some(bytes) = request_bytes(request) {
        fields
            .set("content-length", &[bytes.to_string().into_bytes()])
            .map_err(|_| invalid("its length"))?;
    }
    let outgoing = wasi::OutgoingRequest::new(fields);
    let scheme = match url.scheme {
        Scheme::Http => wasi::Scheme::Http,
        Scheme::Https => wasi::Scheme::Https,
    };
    outgoing
        .set_method(&method(request.method()))
        .map_err(|()| invalid("its method"))?;
    outgoing
        .set_scheme(Some(&scheme))
        .map_err(|()| invalid("its scheme"))?;
    outgoing
        .set_authority(Some(&url.authority))
        .map_err(|()| invalid("its host"))?;
    outgoing
        .set_path_with_query(Some(&url.path_and_query))
        .map_err(|()| invalid("its path"))?;
    Ok(outgoing)
}

/// The length to announce, if it is known.
fn request_bytes(request: &Request) -> Option<u64> {
    match request.payload() {
        Payload::Empty => None,
        Payload::Bytes(bytes) => u64::try_from(bytes.len()).ok(),
        Payload::Stream { bytes, .. } => *bytes,
    }
}

fn method(name: &str) -> wasi::Method {
    match name {
        "GET" => wasi::Method::Get,
        "HEAD" => wasi::Method::Head,
        "POST" => wasi::Method::Post,
        "PUT" => wasi::Method::Put,
        "DELETE" => wasi::Method::Delete,
        "CONNECT" => wasi::Method::Connect,
        "OPTIONS" => wasi::Method::Options,
        "TRACE" => wasi::Method::Trace,
        "PATCH" => wasi::Method::Patch,
        other => wasi::Method::Other(other.into()),
    }
}

fn options(timeouts: Timeouts) -> Result<wasi::RequestOptions, HttpError> {
    let options = wasi::RequestOptions::new();
    let nanos = |timeout: Option<Duration>| {
        timeout.map(|t| u64::try_from(t.as_nanos()).unwrap_or(u64::MAX))
    };
    // A host that knows no timeouts of its own may refuse them only if one was asked for.
    let set = [
        nanos(timeouts.connect).map(|t| options.set_connect_timeout(Some(t))),
        nanos(timeouts.first_byte).map(|t| options.set_first_byte_timeout(Some(t))),
        nanos(timeouts.between_bytes).map(|t| options.set_between_bytes_timeout(Some(t))),
    ];
    match set.into_iter().flatten().find(Result::is_err) {
        Some(_) => Err(invalid("its timeouts")),
        None => Ok(options),
    }
}

fn write_body(body: wasi::OutgoingBody, payload: Payload, url: &str) -> Result<(), HttpError> {
    let stream = body.write().map_err(|()| invalid("its body"))?;
    match payload {
        Payload::Empty => {}
        Payload::Bytes(bytes) => write_all(&stream, &bytes, url)?,
        Payload::Stream { mut reader, .. } => {
            let mut buffer = vec![0; WRITE_BYTES_MAX];
            loop {
                let count = reader.read(&mut buffer)?;
                if count == 0 {
                    break;
                }
                write_all(&stream, buffer.get(..count).unwrap_or_default(), url)?;
            }
        }
    }
    drop(stream);
    wasi::OutgoingBody::finish(body, None).map_err(|e| error(e, url))
}

fn write_all(stream: &OutputStream, bytes: &[u8], url: &str) -> Result<(), HttpError> {
    for piece in bytes.chunks(WRITE_BYTES_MAX) {
        stream
            .blocking_write_and_flush(piece)
            .map_err(|e| stream_error(&e, url))?;
    }
    Ok(())
}

fn receive(future: &wasi::FutureIncomingResponse, url: &str) -> Result<Response, HttpError> {
    let incoming = loop {
        match future.get() {
            Some(Ok(answer)) => break answer.map_err(|e| error(e, url))?,
            Some(Err(())) => return Err(invalid("its response, which was taken already")),
            None => future.subscribe().block(),
        }
    };
    let body = incoming
        .consume()
        .map_err(|()| invalid("its response body, which was taken already"))?;
    let stream = body
        .stream()
        .map_err(|()| invalid("its response stream, which was taken already"))?;
    Ok(Response {
        status: incoming.status(),
        headers: Headers::from_iter(incoming.headers().entries()),
        body: Body::new(HostBody {
            pending: Vec::new(),
            taken: 0,
            stream,
            _body: body,
            _response: incoming,
            url: url.to_owned(),
        }),
    })
}

/// The response's body. The order of the fields is the order in which the host wants them dropped.
struct HostBody {
    pending: Vec<u8>,
    taken: usize,
    stream: InputStream,
    _body: wasi::IncomingBody,
    _response: wasi::IncomingResponse,
    url: String,
}

impl Read for HostBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.taken >= self.pending.len() {
            match self.stream.blocking_read(READ_BYTES_MAX) {
                // The host may wake without bytes.
                Ok(bytes) => {
                    self.pending = bytes;
                    self.taken = 0;
                }
                Err(StreamError::Closed) => return Ok(0),
                Err(error) => return Err(stream_error(&error, &self.url).into()),
            }
        }
        let mut rest = self.pending.get(self.taken..).unwrap_or_default();
        let count = rest.read(buffer)?;
        self.taken = self.taken.saturating_add(count);
        Ok(count)
    }
}

fn stream_error(error_: &StreamError, url: &str) -> HttpError {
    match error_ {
        StreamError::Closed => HttpError::Connection {
            message: "the stream was closed".into(),
        },
        StreamError::LastOperationFailed(failed) => match wasi::http_error_code(failed) {
            Some(code) => error(code, url),
            None => HttpError::Connection {
                message: failed.to_debug_string(),
            },
        },
    }
}

fn invalid(what: &str) -> HttpError {
    HttpError::Invalid {
        message: format!("the host does not take {what}"),
    }
}

/// Sorts the host's error codes by what can be done about them.
fn error(code: wasi::ErrorCode, url: &str) -> HttpError {
    use wasi::ErrorCode as E;
    let message = describe(&code);
    match code {
        E::HttpRequestDenied | E::DestinationIpProhibited => HttpError::denied(url),
        E::DnsTimeout
        | E::ConnectionTimeout
        | E::ConnectionReadTimeout
        | E::ConnectionWriteTimeout
        | E::HttpResponseTimeout => HttpError::Timeout { message },
        E::HttpRequestLengthRequired
        | E::HttpRequestBodySize(_)
        | E::HttpRequestMethodInvalid
        | E::HttpRequestUriInvalid
        | E::HttpRequestUriTooLong
        | E::HttpRequestHeaderSectionSize(_)
        | E::HttpRequestHeaderSize(_)
        | E::HttpRequestTrailerSectionSize(_)
        | E::HttpRequestTrailerSize(_)
        | E::ConfigurationError => HttpError::Invalid { message },
        E::HttpResponseIncomplete
        | E::HttpResponseHeaderSectionSize(_)
        | E::HttpResponseHeaderSize(_)
        | E::HttpResponseBodySize(_)
        | E::HttpResponseTrailerSectionSize(_)
        | E::HttpResponseTrailerSize(_)
        | E::HttpResponseTransferCoding(_)
        | E::HttpResponseContentCoding(_)
        | E::HttpUpgradeFailed
        | E::HttpProtocolError
        | E::LoopDetected => HttpError::Protocol { message },
        _ => HttpError::Connection { message },
    }
}

/// The code in words; the generated form is that of a debugger.
fn describe(code: &wasi::ErrorCode) -> String {
    use wasi::ErrorCode as E;
    match code {
        E::InternalError(Some(message)) => message.clone(),
        E::DnsError(payload) => match &payload.rcode {
            Some(rcode) => format!("the host name was not resolved ({rcode})"),
            None => "the host name was not resolved".into(),
        },
        E::ConnectionRefused => "connection refused".into(),
        E::ConnectionTerminated => "connection terminated".into(),
        E::DestinationNotFound => "destination not found".into(),
        E::DestinationUnavailable => "destination unavailable".into(),
        E::TlsCertificateError => "the server's certificate was not accepted".into(),
        other => format!("{other:?}").replace("ErrorCode::", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_refusal_of_the_gate_is_told_from_a_failure() {
        let denial = testing::sample_denial("http.request", "https://a.test/v1", "no_grant");
        testing::set_denial(Some(denial.clone()));
        for code in [
            wasi::ErrorCode::HttpRequestDenied,
            wasi::ErrorCode::DestinationIpProhibited,
        ] {
            assert_eq!(
                error(code, "https://a.test/v1?key=1"),
                HttpError::Denied {
                    denial: denial.clone()
                }
            );
        }
        testing::set_denial(None);
        let HttpError::Denied { denial } = error(
            wasi::ErrorCode::HttpRequestDenied,
            "https://a.test/v1?key=1",
        ) else {
            panic!("not a denial")
        };
        assert_eq!(denial.target, "https://a.test/v1");
        assert_eq!(
            error(wasi::ErrorCode::ConnectionRefused, "https://a.test"),
            HttpError::Connection {
                message: "connection refused".into()
            }
        );
        assert!(matches!(
            error(wasi::ErrorCode::ConnectionReadTimeout, "https://a.test"),
            HttpError::Timeout { .. }
        ));
    }

    #[test]
    fn outside_a_component_nothing_is_sent() {
        assert!(matches!(
            Request::get("https://a.test").send(&Host),
            Err(HttpError::Connection { .. })
        ));
    }
}
