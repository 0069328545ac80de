//! Short forms of the raw HTTP imports: what is asked for is handed over as it is.

use crate::Report;
use crate::wasi::http::outgoing_handler::handle;
use crate::wasi::http::types::{ErrorCode, Fields, IncomingBody, Method, OutgoingRequest, Scheme};

/// The most bytes of a body that are read.
const BODY_BYTES_MAX: u64 = 64 * 1024;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code (RFC 9110, section 15).
    pub status: u16,
    /// Where to go instead.
    pub location: Option<String>,
    /// The beginning of the body.
    pub body: String,
}

/// Sends a GET request over plain HTTP.
///
/// # Errors
/// The error of the interface, or which part of the request could not be set.
pub fn get(authority: &str, path: &str) -> Result<Answer, String> {
    let request = OutgoingRequest::new(Fields::new());
    let unset = |part: &'static str| move |()| format!("cannot set {part}");
    request.set_method(&Method::Get).map_err(unset("method"))?;
    request
        .set_scheme(Some(&Scheme::Http))
        .map_err(unset("scheme"))?;
    request
        .set_authority(Some(authority))
        .map_err(unset("authority"))?;
    request
        .set_path_with_query(Some(path))
        .map_err(unset("path"))?;
    answer(request).map_err(|code| name(&code))
}

fn answer(request: OutgoingRequest) -> Result<Answer, ErrorCode> {
    let pending = handle(request, None)?;
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
    let status = response.status();
    let mut bytes = Vec::new();
    if let Ok(body) = response.consume() {
        if let Ok(stream) = body.stream() {
            while let Ok(piece) = stream.blocking_read(BODY_BYTES_MAX) {
                bytes.extend(piece);
            }
        }
        drop(IncomingBody::finish(body));
    }
    Ok(Answer {
        status,
        location,
        body: String::from_utf8_lossy(&bytes).into_owned(),
    })
}

/// The case of an error without its payload.
fn name(code: &ErrorCode) -> String {
    let shown = format!("{code:?}");
    let plain = |c: &char| c.is_alphanumeric() || matches!(c, ':' | '-');
    let case: String = shown.chars().take_while(plain).collect();
    case.trim_start_matches("ErrorCode::").to_owned()
}

/// Sends a GET request and says what came of it.
pub fn attempt(report: &mut Report, authority: &str, path: &str) -> Option<Answer> {
    let answer = get(authority, path);
    let line = match &answer {
        Ok(answer) => format!("GET {authority}{path}: {} {:?}", answer.status, answer.body),
        Err(error) => format!("GET {authority}{path}: {error}"),
    };
    report.say(line);
    answer.ok()
}
