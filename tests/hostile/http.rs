//! Short forms of the raw HTTP imports: what is asked for is handed over as it is.

use crate::Report;
use crate::wasi::http::outgoing_handler::handle;
use crate::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, OutgoingBody, OutgoingRequest,
    http_error_code,
};
pub use crate::wasi::http::types::{Method, Scheme};
use crate::wasi::io::streams::StreamError;

/// The most bytes of a body that are read at once.
const BODY_BYTES_MAX: u64 = 64 * 1024;
/// The most bytes of a body that are kept.
const KEPT_BYTES_MAX: usize = 64 * 1024;
/// The most bytes that one write takes (`blocking-write-and-flush` of `wasi:io`).
const WRITE_BYTES_MAX: usize = 4096;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code (RFC 9110, section 15).
    pub status: u16,
    /// Where to go instead.
    pub location: Option<String>,
    /// The header fields.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The beginning of the body.
    pub body: String,
    /// Bytes of the body.
    pub count: usize,
    /// What ended the body before its end.
    pub broken: Option<String>,
}

impl Answer {
    /// How the body ended, if not as it should.
    fn end(&self) -> String {
        match &self.broken {
            Some(error) => format!(", broken off: {error}"),
            None => String::new(),
        }
    }
}

/// A request, part by part, as a guest wants it.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The method.
    pub method: Method,
    /// The scheme; none is https.
    pub scheme: Option<Scheme>,
    /// Host and port.
    pub authority: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Header fields.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body's pieces; none if there is no body.
    pub body: Option<&'a [u8]>,
}

impl<'a> Ask<'a> {
    /// A GET request over plain HTTP.
    pub fn get(authority: &'a str, path: &'a str) -> Self {
        Self {
            method: Method::Get,
            scheme: Some(Scheme::Http),
            authority,
            path,
            headers: &[],
            body: None,
        }
    }

    /// The request as a resource.
    ///
    /// # Errors
    /// Which part of it could not be set.
    pub fn build(&self) -> Result<OutgoingRequest, String> {
        let fields = Fields::new();
        for (name, value) in self.headers {
            fields
                .append(name, value.as_bytes())
                .map_err(|error| format!("cannot set {name:?}: {error:?}"))?;
        }
        let request = OutgoingRequest::new(fields);
        let unset = |part: &'static str| move |()| format!("cannot set {part}");
        request.set_method(&self.method).map_err(unset("method"))?;
        request
            .set_scheme(self.scheme.as_ref())
            .map_err(unset("scheme"))?;
        request
            .set_authority(Some(self.authority))
            .map_err(unset("authority"))?;
        request
            .set_path_with_query(Some(self.path))
            .map_err(unset("path"))?;
        Ok(request)
    }

    /// Sends it and waits for the answer.
    ///
    /// # Errors
    /// The error of the interface, or which part of the request could not be set.
    pub fn send(&self) -> Result<Answer, String> {
        let request = self.build()?;
        let body = match self.body {
            Some(bytes) => Some((request.body().map_err(|()| "no body".to_owned())?, bytes)),
            None => None,
        };
        let pending = handle(request, None).map_err(|code| name(&code))?;
        if let Some((body, bytes)) = body {
            send_body(body, bytes);
        }
        answer(&pending).map_err(|code| name(&code))
    }
}

/// Hands over a body; what goes wrong with it is seen in the answer.
fn send_body(body: OutgoingBody, bytes: &[u8]) {
    if let Ok(stream) = body.write() {
        for piece in bytes.chunks(WRITE_BYTES_MAX) {
            if stream.blocking_write_and_flush(piece).is_err() {
                break;
            }
        }
    }
    drop(OutgoingBody::finish(body, None));
}

/// Sends a GET request over plain HTTP.
///
/// # Errors
/// As [`Ask::send`].
pub fn get(authority: &str, path: &str) -> Result<Answer, String> {
    Ask::get(authority, path).send()
}

/// Sends each request and says what came of it.
pub fn all<'a>(report: &mut Report, asks: impl IntoIterator<Item = (&'a str, Ask<'a>)>) {
    for (what, ask) in asks {
        say(report, what, &ask.send());
    }
}

/// Says what came of a request.
pub fn say(report: &mut Report, what: &str, answer: &Result<Answer, String>) {
    report.say(match answer {
        Ok(answer) => format!(
            "{what}: {} {:?}{}",
            answer.status,
            answer.body,
            answer.end()
        ),
        Err(error) => format!("{what}: {error}"),
    });
}

/// Waits for the answer.
///
/// # Errors
/// The error of the interface.
pub fn answer(pending: &FutureIncomingResponse) -> Result<Answer, ErrorCode> {
    let response = loop {
        match pending.get() {
            Some(Ok(response)) => break response?,
            Some(Err(())) => return Err(ErrorCode::InternalError(None)),
            None => pending.subscribe().block(),
        }
    };
    let location = response.headers().get("location");
    let location = location
        .first()
        .map(|value| String::from_utf8_lossy(value).into_owned());
    let headers = response.headers().entries();
    let status = response.status();
    let (mut bytes, mut count, mut broken) = (Vec::new(), 0_usize, None);
    if let Ok(body) = response.consume() {
        if let Ok(stream) = body.stream() {
            loop {
                match stream.blocking_read(BODY_BYTES_MAX) {
                    Ok(piece) => {
                        count += piece.len();
                        let room = KEPT_BYTES_MAX.saturating_sub(bytes.len());
                        bytes.extend(piece.into_iter().take(room));
                    }
                    Err(StreamError::Closed) => break,
                    Err(StreamError::LastOperationFailed(error)) => {
                        let code = http_error_code(&error);
                        broken =
                            Some(code.map_or_else(|| "unknown".to_owned(), |code| name(&code)));
                        break;
                    }
                }
            }
        }
        drop(IncomingBody::finish(body));
    }
    Ok(Answer {
        status,
        location,
        headers,
        body: String::from_utf8_lossy(&bytes).into_owned(),
        count,
        broken,
    })
}

/// The case of an error without its payload.
pub fn name(code: &ErrorCode) -> String {
    let shown = format!("{code:?}");
    let plain = |c: &char| c.is_alphanumeric() || matches!(c, ':' | '-');
    let case: String = shown.chars().take_while(plain).collect();
    case.trim_start_matches("ErrorCode::").to_owned()
}

/// Sends a GET request and says what came of it.
pub fn attempt(report: &mut Report, authority: &str, path: &str) -> Option<Answer> {
    let answer = get(authority, path);
    say(report, &format!("GET {authority}{path}"), &answer);
    answer.ok()
}
