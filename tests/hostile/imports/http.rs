//! Values of HTTP, and exchanges that are under way.

use super::{streams, told, tried};
use tollgate_test_guests::http::{Ask, Method, Scheme, name};
use tollgate_test_guests::wasi::http::outgoing_handler::handle;
use tollgate_test_guests::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, FutureTrailers, HeaderError, IncomingBody,
    IncomingResponse, OutgoingBody, OutgoingRequest, OutgoingResponse, RequestOptions,
};
use tollgate_test_guests::{Report, Scene};

/// What is under way.
pub(super) struct Opened {
    /// A body that is being sent.
    sending: Option<(OutgoingBody, FutureIncomingResponse)>,
    /// An answer that has come.
    answer: Option<IncomingResponse>,
    /// A request to a name that leads where it may not go.
    astray: Option<FutureIncomingResponse>,
}

impl Opened {
    pub(super) fn open(scene: &Scene) -> Self {
        let authority = format!("127.0.0.1:{}", scene.port);
        let elsewhere = format!("{}:{}", scene.private_name, scene.canary_port);
        let send = |ask: Ask<'_>| handle(ask.build().ok()?, None).ok();
        let sending = || {
            let mut ask = Ask::get(&authority, "/sent");
            ask.method = Method::Post;
            let request = ask.build().ok()?;
            let body = request.body().ok()?;
            Some((body, handle(request, None).ok()?))
        };
        let answer = send(Ask::get(&authority, "/page"));
        let astray = send(Ask::get(&elsewhere, "/page"));
        if let Some(pending) = &astray {
            pending.subscribe().block();
        }
        Self {
            sending: sending(),
            answer: answer.and_then(|pending| wait(&pending).ok()),
            astray,
        }
    }

    pub(super) fn attempt(self, report: &mut Report) {
        attempt_fields(report);
        attempt_request(report);
        attempt_options(report);
        attempt_response(report);
        attempt_bodies(report, self.answer.as_ref(), self.sending);
        tried(
            report,
            "future-incoming-response.get http.connect",
            self.astray.as_ref(),
            |pending| wait(pending).map_err(|code| name(&code)),
        );
    }
}

/// The answer, waited for.
fn wait(pending: &FutureIncomingResponse) -> Result<IncomingResponse, ErrorCode> {
    loop {
        match pending.get() {
            Some(Ok(answer)) => return answer,
            Some(Err(())) => return Err(ErrorCode::InternalError(None)),
            None => pending.subscribe().block(),
        }
    }
}

fn attempt_fields(report: &mut Report) {
    let said = |error: HeaderError| format!("{error:?}");
    let entries = [("name".to_owned(), b"value".to_vec())];
    told(report, "fields.constructor", Some(()), |()| Fields::new());
    let fields = tried(report, "fields.from-list", Some(()), |()| {
        Fields::from_list(&entries).map_err(said)
    });
    let fields = fields.as_ref();
    told(report, "fields.get", fields, |fields| fields.get("name"));
    told(report, "fields.has", fields, |fields| fields.has("name"));
    tried(report, "fields.set", fields, |fields| {
        fields.set("other", &[b"value".to_vec()]).map_err(said)
    });
    tried(report, "fields.append", fields, |fields| {
        fields.append("other", b"more").map_err(said)
    });
    tried(report, "fields.delete", fields, |fields| {
        fields.delete("other").map_err(said)
    });
    told(report, "fields.entries", fields, Fields::entries);
    told(report, "fields.clone", fields, Fields::clone);
}

fn attempt_request(report: &mut Report) {
    let request = told(report, "outgoing-request.constructor", Some(()), |()| {
        OutgoingRequest::new(Fields::new())
    });
    let request = request.as_ref();
    let refused = |()| "refused".to_owned();
    told(report, "outgoing-request.method", request, |request| {
        request.method()
    });
    tried(report, "outgoing-request.set-method", request, |request| {
        request.set_method(&Method::Post).map_err(refused)
    });
    told(
        report,
        "outgoing-request.path-with-query",
        request,
        OutgoingRequest::path_with_query,
    );
    tried(
        report,
        "outgoing-request.set-path-with-query",
        request,
        |request| request.set_path_with_query(Some("/")).map_err(refused),
    );
    told(report, "outgoing-request.scheme", request, |request| {
        request.scheme()
    });
    tried(report, "outgoing-request.set-scheme", request, |request| {
        request.set_scheme(Some(&Scheme::Http)).map_err(refused)
    });
    told(
        report,
        "outgoing-request.authority",
        request,
        OutgoingRequest::authority,
    );
    tried(
        report,
        "outgoing-request.set-authority",
        request,
        |request| request.set_authority(Some("localhost")).map_err(refused),
    );
    told(report, "outgoing-request.headers", request, |request| {
        drop(request.headers());
    });
    tried(report, "outgoing-request.body", request, |request| {
        request.body().map_err(refused)
    });
}

fn attempt_options(report: &mut Report) {
    let options = told(report, "request-options.constructor", Some(()), |()| {
        RequestOptions::new()
    });
    let options = options.as_ref();
    let refused = |()| "refused".to_owned();
    let second = Some(1_000_000_000);
    told(
        report,
        "request-options.connect-timeout",
        options,
        RequestOptions::connect_timeout,
    );
    tried(
        report,
        "request-options.set-connect-timeout",
        options,
        |options| options.set_connect_timeout(second).map_err(refused),
    );
    told(
        report,
        "request-options.first-byte-timeout",
        options,
        RequestOptions::first_byte_timeout,
    );
    tried(
        report,
        "request-options.set-first-byte-timeout",
        options,
        |options| options.set_first_byte_timeout(second).map_err(refused),
    );
    told(
        report,
        "request-options.between-bytes-timeout",
        options,
        RequestOptions::between_bytes_timeout,
    );
    tried(
        report,
        "request-options.set-between-bytes-timeout",
        options,
        |options| options.set_between_bytes_timeout(second).map_err(refused),
    );
}

/// An answer that a guest makes itself and can give nobody.
fn attempt_response(report: &mut Report) {
    let response = told(report, "outgoing-response.constructor", Some(()), |()| {
        OutgoingResponse::new(Fields::new())
    });
    let response = response.as_ref();
    let refused = |()| "refused".to_owned();
    told(
        report,
        "outgoing-response.status-code",
        response,
        OutgoingResponse::status_code,
    );
    tried(
        report,
        "outgoing-response.set-status-code",
        response,
        |response| response.set_status_code(204).map_err(refused),
    );
    told(report, "outgoing-response.headers", response, |response| {
        drop(response.headers());
    });
    tried(report, "outgoing-response.body", response, |response| {
        response.body().map_err(refused)
    });
}

/// Bodies both ways: one from an answer, one to a server.
fn attempt_bodies(
    report: &mut Report,
    answer: Option<&IncomingResponse>,
    sending: Option<(OutgoingBody, FutureIncomingResponse)>,
) {
    let refused = |()| "refused".to_owned();
    let (sent, pending) = sending.unzip();
    told(
        report,
        "incoming-response.status",
        answer,
        IncomingResponse::status,
    );
    told(report, "incoming-response.headers", answer, |answer| {
        drop(answer.headers());
    });
    let body = tried(report, "incoming-response.consume", answer, |answer| {
        answer.consume().map_err(refused)
    });
    let input = tried(report, "incoming-body.stream", body.as_ref(), |body| {
        body.stream().map_err(refused)
    });
    let output = tried(report, "outgoing-body.write", sent.as_ref(), |body| {
        body.write().map_err(refused)
    });
    streams::attempt(report, "http.use", input.as_ref(), output.as_ref());
    drop((input, output));
    attempt_trailers(report, body);
    tried(report, "outgoing-body.finish", sent, |body| {
        OutgoingBody::finish(body, None).map_err(|code| name(&code))
    });
    let pending = pending.as_ref();
    told(
        report,
        "future-incoming-response.subscribe",
        pending,
        |pending| drop(pending.subscribe()),
    );
    tried(
        report,
        "future-incoming-response.get http.use",
        pending,
        |pending| wait(pending).map_err(|code| name(&code)),
    );
}

fn attempt_trailers(report: &mut Report, body: Option<IncomingBody>) {
    let trailers = told(report, "incoming-body.finish", body, IncomingBody::finish);
    told(
        report,
        "future-trailers.subscribe",
        trailers.as_ref(),
        |trailers| drop(trailers.subscribe()),
    );
    tried(
        report,
        "future-trailers.get http.use",
        trailers.as_ref(),
        trailers_of,
    );
}

/// What came after the body.
fn trailers_of(trailers: &FutureTrailers) -> Result<(), String> {
    loop {
        match trailers.get() {
            Some(Ok(Ok(_))) => return Ok(()),
            Some(Ok(Err(code))) => return Err(name(&code)),
            Some(Err(())) => return Err("taken".to_owned()),
            None => trailers.subscribe().block(),
        }
    }
}
