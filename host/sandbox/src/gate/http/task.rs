//! The task that performs one request and writes what came of it.

use super::ahead::Ahead;
use super::errors;
use super::granted::{Granted, GrantedBody};
use super::net::{CountingBody, Ended, Inbound, NetError, NetErrorKind, OutboundRequest, Tally};
use crate::gate::decision::Attempt;
use crate::gate::kinds;
use crate::gate::permit::{Permit, Trace};
use crate::gate::record;
use crate::gate::scope::CallScope;
use crate::gate::table::HTTP_HANDLE;
use bytes::Bytes;
use http_body_util::BodyExt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tollgate_grants::{Effect, RequestUrl};
use tollgate_receipts::{Outcome, OutcomeResult};
use wasmtime_wasi_http::p2::types::HostFutureIncomingResponse;
use wasmtime_wasi_http::{Error, WasiBody};

/// Starts the task; the guest gets a future that it may drop.
pub(super) fn start(
    scope: Arc<CallScope>,
    permit: Permit,
    url: RequestUrl,
    granted: Arc<Granted>,
    request: OutboundRequest,
) -> HostFutureIncomingResponse {
    let (sender, receiver) = oneshot::channel();
    let guard = scope.own_task();
    let io = scope.host.io.clone();
    io.spawn(async move {
        let result = perform(&scope, permit, &url, granted, request).await;
        // The guest may be gone; then the response is dropped here and its trace closes.
        let _ = sender.send(result);
        drop(guard);
    });
    HostFutureIncomingResponse::Pending(wasmtime_wasi::runtime::spawn(async move {
        let response = receiver.await.unwrap_or(Err(Error::ConnectionTerminated))?;
        Ok((response, wasmtime_wasi::runtime::spawn(async {})))
    }))
}

async fn perform(
    scope: &Arc<CallScope>,
    permit: Permit,
    url: &RequestUrl,
    granted: Arc<Granted>,
    request: OutboundRequest,
) -> Result<http::Response<WasiBody>, Error> {
    let tally = Arc::clone(&request.tally);
    tollgate_contract::stop_point("gate.before_effect");
    let sent = tokio::select! {
        sent = scope.host.transport.send(request) => sent,
        () = scope.cancelled() => {
            permit.cancel(&format!(
                "the call ended before an answer came; the request may have been sent, with {} bytes of its body",
                tally.bytes_out(),
            ));
            return Err(Error::ConnectionTerminated);
        }
    };
    tollgate_contract::stop_point("gate.after_effect");
    match sent {
        Ok(inbound) => {
            let response = received(&scope.host.io, permit, granted, inbound, tally);
            // An adapter gives the first token on as soon as it has it.
            if scope.caller.provider {
                scope.hurry();
            }
            Ok(response)
        }
        Err(error) => {
            if let NetErrorKind::DestinationIpProhibited { addresses, .. } = error.kind() {
                refuse_addresses(scope, url, addresses).await;
            }
            permit.settle(failed(&error, &tally));
            Err(errors::to_guest(&error))
        }
    }
}

/// One receipt for each address to which the name led and to which no connection was made.
async fn refuse_addresses(
    scope: &Arc<CallScope>,
    url: &RequestUrl,
    addresses: &[std::net::IpAddr],
) {
    for address in addresses {
        let effects = [Effect::HttpAddress {
            url,
            address: *address,
        }];
        let attempt = Attempt {
            import: HTTP_HANDLE,
            kind: kinds::HTTP_CONNECT,
            target: format!("{}:{} at {address}", url.host(), url.port()),
            whole: None,
            effects: &effects,
        };
        if let Ok(permit) = scope.permit(&attempt).await {
            // The grants changed in between; nothing was connected all the same.
            permit.cancel("not connected");
        }
    }
}

fn failed(error: &NetError, tally: &Tally) -> Outcome {
    Outcome {
        bytes_out: Some(tally.bytes_out()),
        bytes_in: Some(tally.bytes_in()),
        address: error.peer().map(|peer| peer.to_string()),
        detail: Some(if error.sent() { "sent" } else { "not sent" }.to_owned()),
        ..record::failed(error.kind().code())
    }
}

fn received(
    io: &Handle,
    permit: Permit,
    granted: Arc<Granted>,
    inbound: Inbound,
    tally: Arc<Tally>,
) -> http::Response<WasiBody> {
    let outcome = Outcome {
        result: OutcomeResult::Ok,
        status: Some(inbound.status.as_u16()),
        bytes_out: Some(tally.bytes_out()),
        address: inbound.peer.map(|peer| peer.to_string()),
        detail: detail(&inbound),
        ..record::ok()
    };
    let why = Arc::new(OnceLock::new());
    let open = Open {
        trace: permit.open(outcome),
        tally,
        why: Arc::clone(&why),
    };
    let body = inbound.body.map_err(move |error: NetError| {
        let _ = why.set(error.kind().code());
        errors::to_guest(&error)
    });
    let body = GrantedBody {
        inner: Ahead::new(body, io),
        granted,
        revoked: || Error::HttpRequestDenied,
    };
    let body = CountingBody::<GrantedBody<_>>::new(body, move |report| {
        open.close(report.ended);
    });
    let mut response = http::Response::new(erase(body));
    *response.status_mut() = inbound.status;
    *response.headers_mut() = inbound.headers;
    response
}

fn erase<B>(body: B) -> WasiBody
where
    B: http_body::Body<Data = Bytes, Error = Error> + Send + 'static,
{
    body.boxed_unsync()
}

fn detail(inbound: &Inbound) -> Option<String> {
    let mut facts = vec![format!("{:?}", inbound.http_version)];
    if inbound.reused {
        facts.push("connection reused".into());
    }
    if !inbound.stripped.is_empty() {
        let names: Vec<_> = inbound.stripped.iter().map(|name| name.as_str()).collect();
        facts.push(format!("stripped {}", names.join(",")));
    }
    Some(facts.join("; "))
}

/// An open response body: its byte counts go into the trace when it ends.
struct Open {
    trace: Arc<Trace>,
    tally: Arc<Tally>,
    /// What broke the body off, in the words of the interface.
    why: Arc<OnceLock<&'static str>>,
}

impl Open {
    fn close(self, ended: Ended) {
        let (trace, tally) = (&self.trace, &self.tally);
        trace.bytes_in.store(tally.bytes_in(), Ordering::Relaxed);
        trace.bytes_out.store(tally.bytes_out(), Ordering::Relaxed);
        let redactions = tally.redactions();
        let redacted = (redactions > 0).then(|| format!("credential redacted {redactions} times"));
        match ended {
            Ended::Complete => trace.end(OutcomeResult::Ok, redacted),
            Ended::Failed => {
                let why = self
                    .why
                    .get()
                    .map_or_else(String::new, |why| format!(": {why}"));
                let detail = format!("the body broke off{why}");
                trace.end(OutcomeResult::Failed, Some(detail));
            }
            Ended::Dropped => trace.end(
                OutcomeResult::Cancelled,
                Some("the body was not read to its end".to_owned()),
            ),
        }
    }
}
